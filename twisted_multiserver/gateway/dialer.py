"""
What is asked of whoever reaches a backend; the ways to do so are in
L{twisted_multiserver.gateway.dial}.
"""

from __future__ import annotations

from typing import Protocol

from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.pending import Pending
from twisted_multiserver.streams.streams import Stream


class DialFailed(Exception):
    """
    There is no connection.

    @ivar outcome: why.
    """

    def __init__(self, outcome: Outcome, detail: str = "") -> None:
        """
        @param outcome: why.
        @param detail: for the log.
        """
        super().__init__(detail or outcome.value)
        self.outcome = outcome


class Dialer(Protocol):
    """
    Reaches one backend.
    """

    def dial(self) -> Stream | Pending[Stream]:
        """
        Connect.

        @return: the stream, at once where that is possible.
        @raise DialFailed: if it is known at once that there is none; what comes later
            fails so.
        """

"""
What an incarnation tells the slot that it lives in.
"""

from __future__ import annotations

from typing import Protocol

from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import Crash
from twisted_multiserver.supervision.events import ChildEvent


class IncarnationObserver(Protocol):
    """
    The slot.
    """

    @property
    def isSpare(self) -> bool:
        """
        Whether it gets no requests when it is ready.
        """

    def happened(self, event: ChildEvent) -> None:
        """
        @param event: that changes nothing for the slot.
        """

    def becameReady(self, child: Child, bootTime: float) -> None:
        """
        @param child: serves.
        @param bootTime: seconds from its spawn.
        """

    def leaves(self, child: Child) -> None:
        """
        @param child: its process is no more, or hangs and will be killed, and it is
            out of the traffic; L{ended} follows.
        """

    def ended(self, child: Child, crash: Crash | None, readyFor: float | None) -> None:
        """
        @param child: is gone, with all that it had.
        @param crash: L{None} if its exit was asked for.
        @param readyFor: for how long it was ready, in seconds; L{None} if it never
            was.
        """

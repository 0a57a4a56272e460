"""
Who listens to a backend: the exchange, as a connection to the backend sees it.

Strategy: a response that is there as a whole is told in one call, since most are; of any other
the head, the pieces of the body and the end are told as they come.
"""

from __future__ import annotations

from typing import Protocol

from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.responses import CheckedResponse
from twisted_multiserver.http1.wholeresponses import WholeResponse


class ResponseListener(Protocol):
    """
    Whoever sent the request.
    """

    __slots__ = ()

    def informationalReceived(self, head: CheckedResponse) -> None:
        """
        @param head: one that comes before the final one.
        """

    def wholeReceived(self, whole: WholeResponse) -> None:
        """
        A whole response; nothing else is told of it.

        @param whole: the response.
        """

    def errorReceived(self, whole: WholeResponse) -> None:
        """
        As L{wholeReceived}, but its status is 500 or more.

        @param whole: the response.
        """

    def switched(self, head: CheckedResponse, rest: bytes) -> None:
        """
        The backend speaks another protocol from now on; nothing else is told of it.

        @param head: the response that says so.
        @param rest: what came behind it.
        """

    def headReceived(self, head: CheckedResponse) -> None:
        """
        @param head: the response's final head.
        """

    def bodyReceived(self, data: bytes) -> None:
        """
        @param data: a piece of the response's body.
        """

    def responseEnded(self, trailers: Fields) -> None:
        """
        The response is whole.

        @param trailers: behind it.
        """

    def upstreamFailed(self, outcome: Outcome) -> None:
        """
        @param outcome: why there is no whole response.
        """

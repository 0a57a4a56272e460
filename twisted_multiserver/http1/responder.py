"""
Who answers requests, as the server core sees it.
"""

from __future__ import annotations

from typing import Protocol

from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.requests import CheckedRequest


class Responder(Protocol):
    """
    Answers the requests of one connection.
    """

    def requestReceived(self, request: CheckedRequest) -> None:
        """
        @param request: if it has a body, that follows; otherwise it is whole.
        """

    def requestBody(self, data: bytes) -> None:
        """
        @param data: a piece of the body.
        """

    def requestEnded(self, trailers: Fields) -> None:
        """
        The body is whole.

        @param trailers: behind it.
        """

    def responseDrained(self) -> None:
        """
        The client takes more.
        """

    def connectionGone(self) -> None:
        """
        The client has left, or its request turned out bad, while a request was open:
        nothing of it can be answered any more.
        """

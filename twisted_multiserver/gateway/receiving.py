"""
Who receives a response: the client's side of an exchange, as the exchange sees it.

Strategy: what is told has an order, which the exchange keeps: informational heads, then one
of C{responseWhole}, C{responseSwitched}, C{answer}, or a head, pieces of a body, and an end
or a cut.
"""

from __future__ import annotations

from typing import Protocol

from twisted_multiserver.gateway.plan import Answer
from twisted_multiserver.gateway.upstream import UpstreamConnection
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.responses import CheckedResponse


class Downstream(Protocol):
    """
    The client's side of an exchange.
    """

    def responseInformational(self, head: CheckedResponse) -> None:
        """
        @param head: one that comes before the final one.
        """

    def responseWhole(self, head: CheckedResponse, lines: bytes, body: bytes) -> None:
        """
        All of the response; nothing else is told of it.

        @param head: from the backend.
        @param lines: of the fields that the client gets, without framing.
        @param body: all of it.
        """

    def responseSwitched(
        self, head: CheckedResponse, lines: bytes, upstream: UpstreamConnection, rest: bytes
    ) -> None:
        """
        The backend speaks another protocol from now on; nothing else is told of it.

        @param head: from the backend.
        @param lines: of the fields that the client gets.
        @param upstream: whose stream is to be taken.
        @param rest: what the backend has sent on it already.
        """

    def responseHead(self, head: CheckedResponse, lines: bytes) -> None:
        """
        @param head: from the backend.
        @param lines: of the fields that the client gets, without framing.
        """

    def responseBody(self, data: bytes) -> None:
        """
        @param data: a piece of the body.
        """

    def responseEnd(self, trailers: Fields) -> None:
        """
        The response is whole.

        @param trailers: behind it.
        """

    def cut(self, reason: str) -> None:
        """
        The response will never be whole: the client must see that it isn't.

        @param reason: for people.
        """

    def answer(self, answer: Answer) -> None:
        """
        @param answer: what we say ourselves instead of a response.
        """

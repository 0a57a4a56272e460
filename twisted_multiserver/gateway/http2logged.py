"""
A request over HTTP/2 that becomes a line in the access log.

As L{LoggedClientSide<twisted_multiserver.gateway.logged.LoggedClientSide>} is for HTTP/1.1:
taken in place of the plain one only if there is a log.
"""

from __future__ import annotations

import time
from typing import Final

from twisted_multiserver.gateway.accessline import Ending
from twisted_multiserver.gateway.accesslog import AccessLog
from twisted_multiserver.gateway.http2 import HTTP2Connection
from twisted_multiserver.gateway.http2stream import HTTP2Stream
from twisted_multiserver.gateway.logged import recordOf
from twisted_multiserver.gateway.plan import Answer
from twisted_multiserver.http1.answers import page
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.requests import CheckedRequest
from twisted_multiserver.http1.responses import CheckedResponse

# As nginx and Apache write it, though the protocol's own name has no ".0".
_VERSION: Final = b"HTTP/2.0"


class LoggedHTTP2Stream(HTTP2Stream):
    """
    See L{HTTP2Stream}.
    """

    __slots__ = ("_accessLog", "_bytes", "_isOurs", "_open", "_started", "_status")

    def __init__(self, connection: HTTP2Connection, number: int, accessLog: AccessLog) -> None:
        """
        @param connection: of the client.
        @param number: the stream's identifier.
        @param accessLog: gets the line.
        """
        super().__init__(connection, number)
        self._accessLog = accessLog
        self._open: CheckedRequest | None = None
        self._started = (0.0, 0.0)
        self._isOurs = False
        self._status = 0
        self._bytes = 0

    def requestReceived(self, request: CheckedRequest) -> None:
        """
        @param request: if it has a body, that follows.
        """
        self._open = request
        self._started = (time.time(), time.monotonic())
        super().requestReceived(request)

    def clientGone(self) -> None:
        """
        The client has left, or must: nothing of the request can be answered any more.
        """
        self._tell("clientGone")
        super().clientGone()

    def responseWhole(self, head: CheckedResponse, lines: bytes, body: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._status = head.status
        self._bytes = len(body)
        self._tell("whole")
        super().responseWhole(head, lines, body)

    def responseHead(self, head: CheckedResponse, lines: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._status = head.status
        super().responseHead(head, lines)

    def responseBody(self, data: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._bytes += len(data)
        super().responseBody(data)

    def responseEnd(self, trailers: Fields) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._tell("whole")
        super().responseEnd(trailers)

    def cut(self, reason: str) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._tell("cut")
        super().cut(reason)

    def answer(self, answer: Answer) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._status = answer.status
        self._isOurs = True
        self._bytes = 0 if self.isHead else len(page(answer.status))
        self._tell("whole")
        super().answer(answer)

    def _tell(self, ending: Ending) -> None:
        request, self._open = self._open, None
        if request is None:
            return
        client = self._client
        self._accessLog.add(
            recordOf(
                request,
                _VERSION,
                None if client is None else client.address,
                self._exchange,
                self._isOurs,
                self._status,
                self._bytes,
                self._started,
                ending,
            )
        )

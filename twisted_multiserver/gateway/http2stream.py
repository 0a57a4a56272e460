"""
One request over HTTP/2: a stream of its connection, and downstream of its exchange.

Strategy: the same as L{ClientSide<twisted_multiserver.gateway.downstream.ClientSide>} is for
HTTP/1.1.  The backend is paused as long as something waits to be sent, which
L{twisted_multiserver.gateway.http2response} does.

Invariants: a response that can't be completed resets the stream with INTERNAL_ERROR, and is
never ended cleanly; at most one read of the backend's and one window of the client's wait.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from h2.errors import ErrorCodes
from twisted.logger import Logger

from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.gateway.exchange import Exchange
from twisted_multiserver.gateway.http2body import WindowedBody
from twisted_multiserver.gateway.http2head import responseFields
from twisted_multiserver.gateway.http2response import HTTP2Response
from twisted_multiserver.gateway.plan import Answer
from twisted_multiserver.gateway.upstream import UpstreamConnection
from twisted_multiserver.http1.forwarding import (
    ClientView,
    finalAnswer,
    passingTrailers,
    upstreamHead,
)
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.requests import NO_BODY, CheckedRequest
from twisted_multiserver.http1.responses import CheckedResponse

if TYPE_CHECKING:
    from twisted_multiserver.gateway.http2streams import HTTP2Streams

_log = Logger(namespace="twisted_multiserver.gateway")


class HTTP2Stream(HTTP2Response):
    """
    One request and its response.
    """

    __slots__ = (
        "_awaitsContinue",
        "_body",
        "_client",
        "_exchange",
        "_isPaused",
        "_received",
    )

    def __init__(self, connection: HTTP2Streams, number: int) -> None:
        """
        @param connection: of the client.
        @param number: the stream's identifier.
        """
        super().__init__(connection, number)
        self._client: ClientView | None = None
        self._exchange: Exchange | None = None
        self._body: WindowedBody | None = None
        self._received = 0
        self._awaitsContinue = False
        self._isPaused = False

    def requestReceived(self, request: CheckedRequest) -> None:
        """
        @param request: if it has a body, that follows.
        """
        connection = self._connection
        distribution, limit = connection.distribution, connection.limits.body
        view = self._client = connection.whoIs(request)
        if (answer := finalAnswer(request)) is not None:
            self._sendWhole(answer[0], answer[2], answer[3])
            return
        if limit is not None and request.length > limit:
            self.refuse(413)
            return
        if request.length != NO_BODY:
            self._body = WindowedBody(request.length, self)
            self._awaitsContinue = request.wishes.expectsContinue
        head = request.head if distribution.needsHead else None
        self._exchange = exchange = Exchange(
            distribution,
            request,
            upstreamHead(request, view, hiddenCookie=distribution.hiddenCookie),
            self._body,
            RequestInfo(view.address or "", view.secure, head),
            self,
        )
        self._expect()
        exchange.start()

    def requestBody(self, data: bytes) -> None:
        """
        @param data: a piece of the body.
        """
        body, limit = self._body, self._connection.limits.body
        if body is None:
            # Nobody wants it any more.
            if self._isLingering:
                self._dropped += len(data)
            else:
                self._connection.taken(self.number, len(data))
            return
        self._awaitsContinue = False
        self._received += len(data)
        if limit is not None and self._received > limit:
            self._connection.taken(self.number, len(data))
            self._refuseNow(413)
        else:
            body.add(data)
            self._expect()

    def requestEnded(self, trailers: Fields = ()) -> None:
        """
        The request is whole.

        @param trailers: behind its body.
        """
        self.isRequestWhole = True
        if self._isLingering:
            self._finish(None)
            return
        if self._body is not None:
            self._body.end(passingTrailers(trailers))
            self._expect()

    def bodyTaken(self, size: int) -> None:
        """
        See L{Window<twisted_multiserver.gateway.http2body.Window>}.
        """
        self._connection.taken(self.number, size)
        self._expect()

    def clientGone(self) -> None:
        """
        The client has left, or must: nothing of the request can be answered any more.
        """
        exchange = self._over()
        if exchange is not None:
            exchange.clientGone()
        self._giveBack()

    def overdue(self) -> None:
        """
        The deadline has passed.
        """
        if self._isLingering:
            self._finish(ErrorCodes.NO_ERROR)
        elif self.hasOutput or self._isHeadSent:
            self._reset(ErrorCodes.CANCEL)
        else:
            self._refuseNow(408)

    def responseInformational(self, head: CheckedResponse) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        if head.status == 100:
            # Whoever sends a body already need not be asked for it.
            if not self._awaitsContinue:
                return
            self._awaitsContinue = False
        self._connection.sendHead(self.number, responseFields(head.status, head.passing, None))

    def responseWhole(self, head: CheckedResponse, lines: bytes, body: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._over()
        length = head.length if head.length >= 0 else None
        self._sendWhole(head.status, lines, body, length)

    def responseHead(self, head: CheckedResponse, lines: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._isHeadSent = True
        length = head.length if head.length >= 0 else None
        self._connection.sendHead(self.number, responseFields(head.status, lines, length))

    def responseBody(self, data: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._output += data
        self._send()
        if self._output and not self._isPaused and self._exchange is not None:
            self._isPaused = True
            self._exchange.pause()

    def responseEnd(self, trailers: Fields) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._over()
        self._trailers = passingTrailers(trailers)
        self._isEnding = True
        self._send()

    def responseSwitched(
        self, head: CheckedResponse, lines: bytes, upstream: UpstreamConnection, rest: bytes
    ) -> None:
        """
        Never happens, since no upgrade is asked for.  See
        L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """

    def cut(self, reason: str) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        exchange = self._over()
        assert exchange is not None
        request = exchange.description
        _log.warn("{request}: the response was cut short: {reason}", request=request, reason=reason)
        self._reset(ErrorCodes.INTERNAL_ERROR)

    def answer(self, answer: Answer) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        exchange = self._over()
        assert exchange is not None
        status, request = answer.status, exchange.description
        _log.warn(
            "{status} for {request}: {reason}",
            status=status,
            request=request,
            reason=answer.reason,
        )
        self.refuse(status)

    def _refuseNow(self, status: int) -> None:
        """
        Something is wrong with a request that is under way.
        """
        if self._isHeadSent:
            self._reset(ErrorCodes.INTERNAL_ERROR)
        else:
            self.clientGone()
            self.refuse(status)

    def _sentSoFar(self) -> None:
        if self._isPaused and self._exchange is not None:
            self._isPaused = False
            self._exchange.resume()

    def _over(self) -> Exchange | None:
        """
        @return: the exchange, to which nothing is told any more by the client.
        """
        exchange, self._exchange = self._exchange, None
        body, self._body = self._body, None
        if body is not None:
            body.taker = None
            # So that what nobody takes doesn't keep the connection's window closed.
            body.read()
        return exchange

    def _expect(self) -> None:
        """
        Whose turn is it?
        """
        body = self._body
        isUpload = body is not None and not self.isRequestWhole and not body.isWaiting
        if isUpload or self.hasOutput:
            self.deadline = self._connection.seconds() + self._connection.limits.stall
        else:
            self.deadline = inf

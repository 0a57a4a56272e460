"""
One request over HTTP/2: a stream of its connection, and downstream of its exchange.

Strategy: the same as L{ClientSide<twisted_multiserver.gateway.downstream.ClientSide>} is for
HTTP/1.1.  What is to be sent waits here until the connection has room for it, and the
backend is paused as long as something waits.

Invariants: a response that can't be completed resets the stream with INTERNAL_ERROR, and is
never ended cleanly; behind a response that is whole the rest of an upload is stopped: by its
window at once, and with NO_ERROR (RFC 9113 section 8.1) as soon as any client must have seen
the response, since some forget it when both come together; no other stream of the connection
suffers from either; at most one read of the backend's and one window of the client's wait.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from h2.errors import ErrorCodes
from twisted.logger import Logger

from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.gateway.exchange import Exchange
from twisted_multiserver.gateway.http2body import WindowedBody
from twisted_multiserver.gateway.http2head import responseFields
from twisted_multiserver.gateway.plan import Answer
from twisted_multiserver.gateway.upstream import UpstreamConnection
from twisted_multiserver.http1.answers import answerLines, page
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
    from twisted_multiserver.gateway.http2 import HTTP2Connection

_log = Logger(namespace="twisted_multiserver.gateway")
# How long a client may take to see that it needs not go on with an upload, in seconds.
_LINGER: Final = 1.0
_WITHOUT_BODY: Final = frozenset({204, 304})


class HTTP2Stream:
    """
    One request and its response.

    @ivar number: the stream's identifier.
    @ivar isHead: whether the request's method is HEAD.
    @ivar isRequestWhole: whether nothing of it can come any more.
    @ivar deadline: when the client must have gone on, in seconds of the clock.
    """

    __slots__ = (
        "_awaitsContinue",
        "_body",
        "_client",
        "_connection",
        "_dropped",
        "_exchange",
        "_isEnding",
        "_isHeadSent",
        "_isLingering",
        "_isPaused",
        "_output",
        "_received",
        "_trailers",
        "deadline",
        "isHead",
        "isRequestWhole",
        "number",
    )

    def __init__(self, connection: HTTP2Connection, number: int) -> None:
        """
        @param connection: of the client.
        @param number: the stream's identifier.
        """
        self.number = number
        self.isHead = False
        self.deadline = inf
        self._connection = connection
        self._client: ClientView | None = None
        self._exchange: Exchange | None = None
        self._body: WindowedBody | None = None
        self._output = bytearray()
        self._received = 0
        self._dropped = 0
        self._trailers: Fields = ()
        self._awaitsContinue = False
        self._isEnding = False
        self._isHeadSent = False
        self._isLingering = False
        self._isPaused = False
        self.isRequestWhole = False

    @property
    def hasOutput(self) -> bool:
        """
        Whether L{sendSome} has something to do.
        """
        return self._isEnding or bool(self._output)

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

    def refuse(self, status: int) -> None:
        """
        Answer ourselves, without an exchange.

        @param status: such as 400.
        """
        self._sendWhole(status, answerLines(status), page(status))

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

    def sendSome(self) -> bool:
        """
        Send a frame, if the client lets us.

        @return: whether that was so.
        """
        output, state = self._output, self._connection.state
        if output:
            room = min(state.local_flow_control_window(self.number), state.max_outbound_frame_size)
            if room <= 0:
                return False
            data = bytes(output[:room])
            del output[:room]
            isLast = self._isEnding and not output and not self._trailers
            state.send_data(self.number, data, end_stream=isLast)
        else:
            isLast = True
            if self._trailers:
                fields = [(name.lower(), value) for name, value in self._trailers]
                state.send_headers(self.number, fields, end_stream=True)
            else:
                state.end_stream(self.number)
        if isLast:
            self._sentAll()
        else:
            self._expect()
            if not output and self._isPaused and self._exchange is not None:
                self._isPaused = False
                self._exchange.resume()
        return True

    def responseInformational(self, head: CheckedResponse) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.exchange.Downstream>}.
        """
        if head.status == 100:
            # Whoever sends a body already need not be asked for it.
            if not self._awaitsContinue:
                return
            self._awaitsContinue = False
        self._connection.sendHead(self.number, responseFields(head.status, head.passing, None))

    def responseWhole(self, head: CheckedResponse, lines: bytes, body: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.exchange.Downstream>}.
        """
        self._over()
        length = head.length if head.length >= 0 else None
        self._sendWhole(head.status, lines, body, length)

    def responseHead(self, head: CheckedResponse, lines: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.exchange.Downstream>}.
        """
        self._isHeadSent = True
        length = head.length if head.length >= 0 else None
        self._connection.sendHead(self.number, responseFields(head.status, lines, length))

    def responseBody(self, data: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.exchange.Downstream>}.
        """
        self._output += data
        self._send()
        if self._output and not self._isPaused and self._exchange is not None:
            self._isPaused = True
            self._exchange.pause()

    def responseEnd(self, trailers: Fields) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.exchange.Downstream>}.
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
        L{Downstream<twisted_multiserver.gateway.exchange.Downstream>}.
        """

    def cut(self, reason: str) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.exchange.Downstream>}.
        """
        exchange = self._over()
        assert exchange is not None
        request = exchange.description
        _log.warn("{request}: the response was cut short: {reason}", request=request, reason=reason)
        self._reset(ErrorCodes.INTERNAL_ERROR)

    def answer(self, answer: Answer) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.exchange.Downstream>}.
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

    def _sendWhole(self, status: int, lines: bytes, body: bytes, length: int | None = None) -> None:
        """
        @param length: bytes of the body that a HEAD or a 304 tells of.
        """
        self._isHeadSent = True
        if self.isHead or status in _WITHOUT_BODY:
            length = length if length is not None else len(body) or None
            body = b""
        else:
            length = len(body)
        fields = responseFields(status, lines, length)
        if body:
            self._output += body
            self._isEnding = True
            self._connection.sendHead(self.number, fields, self)
        else:
            self._connection.state.send_headers(self.number, fields, end_stream=True)
            self._sentAll()

    def _send(self) -> None:
        self._expect()
        self._connection.send(self)

    def _sentAll(self) -> None:
        """
        The response is whole for the client.
        """
        self._isEnding = False
        if self.isRequestWhole:
            self._finish(None)
        else:
            self._isLingering = True
            self.deadline = self._connection.seconds() + _LINGER

    def _reset(self, code: ErrorCodes) -> None:
        self._isEnding = False
        self._output.clear()
        self.clientGone()
        self._finish(code)

    def _finish(self, code: ErrorCodes | None) -> None:
        self._connection.finished(self, code)
        self._giveBack()

    def _giveBack(self) -> None:
        """
        Give back what was dropped: to the connection, since the stream is closed.
        """
        dropped, self._dropped = self._dropped, 0
        if dropped:
            self._connection.taken(self.number, dropped)

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

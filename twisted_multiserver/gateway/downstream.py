"""
The client's side of the gateway: requests become exchanges, responses go back.

One object for each client connection; the rules of HTTP/1.1 are in
L{twisted_multiserver.http1.server}, what happens to an exchange in
L{twisted_multiserver.gateway.exchange}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.gateway.body import StreamedBody
from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.exchange import Exchange
from twisted_multiserver.gateway.plan import Answer
from twisted_multiserver.gateway.relayed import RelayedExchange
from twisted_multiserver.gateway.tunnel import Tunnel
from twisted_multiserver.gateway.upstream import UpstreamConnection
from twisted_multiserver.gateway.websockettunnel import WebSocketTunnel
from twisted_multiserver.http1.answers import answerLines, page, phrase
from twisted_multiserver.http1.connections import ServerConnections
from twisted_multiserver.http1.forwarding import (
    VIA,
    ClientView,
    finalAnswer,
    linesForClient,
    passingTrailers,
    upgradeLines,
    upstreamHead,
)
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.plainrequests import BareRequest
from twisted_multiserver.http1.requests import NO_BODY, NO_WISHES, CheckedRequest
from twisted_multiserver.http1.responses import CheckedResponse
from twisted_multiserver.http1.server import ServerConnection
from twisted_multiserver.http1.wholeresponses import WholeResponse
from twisted_multiserver.streams.streams import Stream

WhoIs: TypeAlias = Callable[[ClientView, CheckedRequest], ClientView]

_NOT_MODIFIED: Final = 304


class ClientSide:
    """
    A client connection: responder of its requests, downstream of their exchanges.
    """

    __slots__ = (
        "_body",
        "_client",
        "_connection",
        "_distribution",
        "_exchange",
        "_info",
        "_isPlain",
        "_view",
        "_whoIs",
    )

    def __init__(
        self,
        stream: Stream,
        connections: ServerConnections,
        distribution: Distribution,
        view: ClientView,
        whoIs: WhoIs | None = None,
    ) -> None:
        """
        @param stream: connected.
        @param connections: all of the server.
        @param distribution: takes the requests.
        @param view: who the client is.
        @param whoIs: finds that out for each request; L{None} if it is known.
        """
        self._distribution = distribution
        self._view = self._client = view
        self._whoIs = whoIs
        self._info = RequestInfo(view.address or "", view.secure, None)
        # Nothing has to be found out for each request.
        self._isPlain = (
            whoIs is None and distribution.hiddenCookie is None and not distribution.needsHead
        )
        self._exchange: Exchange | None = None
        self._body: StreamedBody | None = None
        self._connection = ServerConnection(stream, connections, self)
        stream.belongTo(self._connection)

    def requestReceived(self, request: CheckedRequest) -> None:
        """
        See L{Responder<twisted_multiserver.http1.responder.Responder>}.
        """
        distribution, info = self._distribution, self._info
        if type(request) is BareRequest and self._isPlain:
            head = request.lines + self._view.tail(request.host)
            exchange = RelayedExchange(distribution, request, head, None, info, self)
            self._exchange = exchange
            exchange.start()
            return
        if self._whoIs is not None:
            view = self._client = self._whoIs(self._view, request)
            info = RequestInfo(view.address or "", view.secure, None)
        if request.wishes is not NO_WISHES:
            if request.wishes.needsTLS and not self._client.secure:
                self._connection.refuse(421)
                return
            answer = finalAnswer(request)
            if answer is not None:
                self._connection.sendWhole(*answer)
                return
        if distribution.needsHead:
            info = RequestInfo(info.clientAddress, info.secure, request.head)
        body = None
        if request.length != NO_BODY:
            body = self._body = StreamedBody(request.length, self._connection)
        exchange = RelayedExchange(
            distribution,
            request,
            upstreamHead(request, self._client, hiddenCookie=distribution.hiddenCookie),
            body,
            info,
            self,
        )
        self._exchange = exchange
        exchange.start()

    def requestBody(self, data: bytes) -> None:
        """
        See L{Responder<twisted_multiserver.http1.responder.Responder>}.
        """
        if self._body is not None:
            self._body.add(data)

    def requestEnded(self, trailers: Fields) -> None:
        """
        See L{Responder<twisted_multiserver.http1.responder.Responder>}.
        """
        if self._body is not None:
            self._body.end(passingTrailers(trailers))

    def responseDrained(self) -> None:
        """
        See L{Responder<twisted_multiserver.http1.responder.Responder>}.
        """
        if self._exchange is not None:
            self._exchange.resume()

    def connectionGone(self) -> None:
        """
        See L{Responder<twisted_multiserver.http1.responder.Responder>}.
        """
        exchange, self._exchange, self._body = self._exchange, None, None
        if exchange is not None:
            exchange.clientGone()

    def responseInformational(self, head: CheckedResponse) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._connection.sendInformational(head.status, head.reason, head.passing)

    def responseWhole(self, head: CheckedResponse, lines: bytes, body: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._exchange = self._body = None
        request = self._connection.request
        assert request is not None
        if request.method == b"HEAD" or head.status == _NOT_MODIFIED:
            self._sendHead(head, lines)
            self._connection.endResponse()
        else:
            self._connection.sendWhole(head.status, head.reason, lines, body)

    def responseRelayed(self, whole: WholeResponse) -> None:
        """
        See L{Relaying<twisted_multiserver.gateway.relayed.Relaying>}.
        """
        self._exchange = self._body = None
        data = whole.passedOn(VIA)
        if not data or not self._connection.sendRelayed(data):
            head = whole.head
            self.responseWhole(head, linesForClient(head), whole.body)

    def responseHead(self, head: CheckedResponse, lines: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._sendHead(head, lines)

    def responseBody(self, data: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        connection = self._connection
        connection.sendBody(data)
        if connection.buffered and self._exchange is not None:
            self._exchange.pause()

    def responseEnd(self, trailers: Fields) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._exchange = self._body = None
        self._connection.endResponse(passingTrailers(trailers))

    def responseSwitched(
        self, head: CheckedResponse, lines: bytes, upstream: UpstreamConnection, rest: bytes
    ) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        exchange, connection = self._exchange, self._connection
        assert exchange is not None
        stream, ahead = connection.switch()
        stream.write(upgradeLines(head, lines))

        def ended() -> None:
            exchange.tunnelEnded()
            connection.connectionLost(True)

        if (head.upgrade or b"").lower() == b"websocket":
            webSocket = WebSocketTunnel(ended)
            exchange.webSocketBegan(webSocket)
            webSocket.join(stream, ahead, upstream.takeStream(), rest)
        else:
            Tunnel(ended).join(stream, ahead, upstream.takeStream(), rest)

    def cut(self, reason: str) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        exchange, self._exchange, self._body = self._exchange, None, None
        assert exchange is not None
        self._distribution.log.warn(
            "{request}: the response was cut short: {reason}",
            request=exchange.description,
            reason=reason,
        )
        self._connection.cut()

    def answer(self, answer: Answer) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        exchange, self._exchange, self._body = self._exchange, None, None
        assert exchange is not None
        status = answer.status
        self._distribution.log.warn(
            "{status} for {request}: {reason}",
            status=status,
            request=exchange.description,
            reason=answer.reason,
        )
        self._connection.sendWhole(status, phrase(status), answerLines(status), page(status))

    def _sendHead(self, head: CheckedResponse, lines: bytes) -> None:
        length = head.length if head.length >= 0 else None
        self._connection.sendHead(head.status, head.reason, lines, length)

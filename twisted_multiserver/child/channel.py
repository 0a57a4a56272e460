"""
Requests of twisted.web on the strict core: what stands where HTTPChannel would.

Strategy: like twisted.web's own H2Stream, one object offers a C{Request} all that it asks of
its channel, and of its transport, while L{twisted_multiserver.http1.server} reads and frames.
A Request that would write chunks itself is told not to.

Invariants: a Request never sees bytes that the core has refused; a response is framed by
the core alone, whatever the application says of its length, so that it can't be taken for
two; its head leaves with the first piece of its body, or at once if none follows; one that no
client may be sent becomes a 500; what the core can't frame (an interim status as the final
one, bytes without a head) ends the connection: the application has it to itself from there
(L{Takeover}).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.server import Site

from twisted_multiserver.child.requestfields import addFields
from twisted_multiserver.child.responsehead import (
    GivenHead,
    UnsendableHead,
    bareHead,
    isInterim,
    readGivenHead,
)
from twisted_multiserver.child.takeover import Soon
from twisted_multiserver.child.webtransport import WebTransport
from twisted_multiserver.http1.answers import answerLines, page, phrase
from twisted_multiserver.http1.connections import ServerConnections
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.requests import CHUNKED, NO_BODY, CheckedRequest
from twisted_multiserver.http1.server import ServerConnection
from twisted_multiserver.http1.targets import originForm
from twisted_multiserver.streams.streams import Stream


@dataclass(frozen=True, slots=True)
class Served:
    """
    What all connections of an entrance have in common.

    @ivar site: what is served.
    @ivar makeRequest: makes a request for a channel.
    @ivar arguments: that it wants behind the channel.
    @ivar soon: makes a call in a later turn of the reactor.
    """

    site: Site
    makeRequest: Callable[..., Any]
    arguments: tuple[int, ...]
    soon: Soon


class WebChannel(WebTransport):
    """
    One connection, as the channel of its requests, and as their transport.

    @ivar site: what is served.
    @ivar factory: the same, by the name that requests know it by.
    @ivar transport: this channel.
    """

    _log = Logger()

    def __init__(
        self,
        stream: Stream,
        connections: ServerConnections,
        served: Served,
        peer: IAddress,
        host: IAddress,
    ) -> None:
        """
        @param stream: connected.
        @param connections: all of the server.
        @param served: what is served.
        @param peer: the client's address.
        @param host: the address that it came to.
        """
        super().__init__(stream, peer, host)
        self.site = self.factory = served.site
        self.transport: WebChannel | None = self
        self._make = served.makeRequest
        self._arguments = served.arguments
        self._soon = served.soon
        self._request: Any = None
        self._checked: CheckedRequest | None = None
        self._head: GivenHead | None = None
        self._isHeadGiven = False
        self._connection = ServerConnection(stream, connections, self)
        stream.belongTo(self._connection)

    # A responder of the core.

    def requestReceived(self, request: CheckedRequest) -> None:
        """
        See L{Responder<twisted_multiserver.http1.responder.Responder>}.
        """
        if request.wishes.needsTLS and not isinstance(self.getHost(), UNIXAddress):
            # No child speaks TLS; only a master may say that its client does.
            self._connection.refuse(421)
            return
        self._checked = request
        self._isHeadGiven = False
        self._request = made = self._make(self, *self._arguments)
        addFields(made.requestHeaders, request.fields)
        if not request.target.startswith(b"/") and request.host:
            # That of a target in absolute form wins (RFC 9112 section 3.2.2).
            made.requestHeaders.setRawHeaders(b"host", [request.host])
        made.parseCookies()
        made.gotLength(None if request.length == CHUNKED else request.length)
        if request.length == NO_BODY:
            self._process()
        else:
            self._connection.sendContinue()

    def requestBody(self, data: bytes) -> None:
        """
        See L{Responder<twisted_multiserver.http1.responder.Responder>}.
        """
        self._request.handleContentChunk(data)

    def requestEnded(self, trailers: Fields) -> None:
        """
        See L{Responder<twisted_multiserver.http1.responder.Responder>}.
        """
        self._process()

    def connectionGone(self) -> None:
        """
        See L{Responder<twisted_multiserver.http1.responder.Responder>}.
        """
        self.connected = False
        request, self._request = self._request, None
        producer, self._producer = self._producer, None
        self._head = None
        if producer is not None:
            producer.stop()
        if request is not None:
            request.connectionLost(Failure(ConnectionLost("Connection lost.")))

    def _process(self) -> None:
        checked, request = self._checked, self._request
        # None if it was ended while it came.
        if checked is not None and request is not None:
            target = checked.target
            if not target.startswith(b"/"):
                target = originForm(checked.method, target)
            request.requestReceived(checked.method, target, checked.version)

    # What a Request asks of its channel.

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """
        Begin the response.

        @param version: of the request.
        @param code: the status, in digits.
        @param reason: its phrase.
        @param headers: its fields, framing among them.
        """
        # The core cuts chunks.
        self._request.chunked = 0
        try:
            if self._taken is not None or isInterim(code):
                bare = bareHead(version, code, reason, headers)
                self._takeOver().write(bare)
                return
            self._head, closes = readGivenHead(code, reason, headers)
        except UnsendableHead as error:
            self._refuseHead(error)
        else:
            if closes:
                self.persistent = False
        self._isHeadGiven = True

    def flushHead(self) -> None:
        """
        Let the head leave without a piece of the body.
        """
        if self._head is not None:
            self._sendHead(b"")

    def write(self, data: bytes) -> None:
        """
        Write a piece of the response's body, or whatever an application wants to say that has
        taken the connection.

        @param data: the piece.
        """
        if self._head is not None:
            self._sendHead(data)
        elif self._taken is not None or (self._request is not None and not self._isHeadGiven):
            self._takeOver().write(data)
        elif self._request is not None:
            self._connection.sendBody(data)
        if self._producer is not None and self._connection.buffered:
            self._producer.pause()

    @property
    def persistent(self) -> bool:
        """
        Whether the connection goes on behind the open request.
        """
        return self._checked is not None and self._checked.keepAlive

    @persistent.setter
    def persistent(self, wanted: bool) -> None:
        if self._checked is not None:
            self._checked.keepAlive = self._checked.keepAlive and bool(wanted)

    def requestDone(self, request: object) -> None:
        """
        The response is whole.

        @param request: whose.
        """
        head, self._head = self._head, None
        checked, self._checked = self._checked, None
        if self._request is None or checked is None:
            return
        self._request = None
        if self._taken is not None:
            self.loseConnection()
        elif head is None:
            self._connection.endResponse()
        elif head[3] or checked.method == b"HEAD":
            # It has no body, or lacks some.
            self._connection.sendHead(*head)
            self._connection.endResponse()
        else:
            self._connection.sendWhole(*head[:3], b"")

    def _respondToBadRequestAndDisconnect(self) -> None:
        request, self._request = self._request, None
        self._connection.refuse(400)
        if request is not None:
            request.connectionLost(Failure(ConnectionLost("the form was malformed")))

    def _refuseHead(self, error: UnsendableHead) -> None:
        """
        Answer in the application's place.  What it writes of a body is more than was announced,
        and is dropped.
        """
        request, body = self._request, page(500)
        self._log.error(
            "the client of {method} {uri} gets 500, since the response can't be sent: {error}",
            method=request.method.decode("ascii"),
            uri=request.uri.decode("latin-1"),
            error=error,
        )
        if self._taken is not None:
            self.abortConnection()
            return
        request.code = 500
        self._connection.sendHead(500, phrase(500), answerLines(500), len(body), body)

    def _sendHead(self, data: bytes) -> None:
        head, self._head = self._head, None
        assert head is not None
        self._connection.sendHead(*head, data)

"""
Requests of twisted.web on the strict core: what stands where HTTPChannel would.

Strategy: like twisted.web's own H2Stream, one object offers a C{Request} all that it asks of
its channel, while L{twisted_multiserver.http1.server} reads and frames.  A Request that
would write chunks itself is told not to.

Invariants: a Request never sees bytes that the core has refused; a response is framed by
the core alone, whatever the application says of its length, so that it can't be taken for
two; its head leaves with the first piece of its body, or at once if none follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from twisted.internet._producer_helpers import _PullToPush
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IProducer,
    IPushProducer,
    ITransport,
)
from twisted.python.failure import Failure
from twisted.web.http import Request as HTTPRequest
from twisted.web.http_headers import Headers
from twisted.web.iweb import INonQueuedRequestFactory
from twisted.web.server import Request, Site
from zope.interface import implementer

from twisted_multiserver.http1.connections import ServerConnections
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.requests import CHUNKED, NO_BODY, CheckedRequest
from twisted_multiserver.http1.server import ServerConnection
from twisted_multiserver.http1.targets import originForm
from twisted_multiserver.streams.streams import Stream

# The core's affair.
_FRAMING = frozenset(
    {b"Connection", b"Content-Length", b"Keep-Alive", b"Transfer-Encoding", b"Upgrade"}
)


if TYPE_CHECKING:
    _Base = Request
else:
    # Mixed into request classes that derive from Request, perhaps by way of others.
    _Base = object


class ChannelRequestMixin(_Base):
    """
    Mixed in before a request class: tells the channel what a head is written for.
    """

    def write(self, data: bytes) -> None:
        """
        Write a piece of the body.

        @param data: the head goes with the first one.
        """
        channel: Any = self.channel
        if self.startedWriting or not isinstance(channel, WebChannel):
            super().write(data)  # type: ignore[no-untyped-call]
            return
        channel.holdHead()
        super().write(data)  # type: ignore[no-untyped-call]
        channel.releaseHead()

    def finish(self) -> None:
        """
        End the response.
        """
        channel: Any = self.channel
        if not self.startedWriting and isinstance(channel, WebChannel):
            # Until requestDone, so that an empty response is one write too.
            channel.holdHead()
        super().finish()  # type: ignore[no-untyped-call]


@implementer(ITransport, IConsumer, IPushProducer)
class WebChannel:
    """
    One connection, as the channel of its requests.

    @ivar site: what is served.
    @ivar factory: the same, by the name that requests know it by.
    @ivar transport: this channel: writes to it are part of the response.
    @ivar timeOut: there is none; the core has its deadlines.
    """

    timeOut = None

    def __init__(
        self,
        stream: Stream,
        connections: ServerConnections,
        site: Site,
        makeRequest: Any,
        peer: IAddress,
        host: IAddress,
    ) -> None:
        """
        @param stream: connected.
        @param connections: all of the server.
        @param site: what is served.
        @param makeRequest: a class of requests, or a function that makes them.
        @param peer: the client's address.
        @param host: the address that it came to.
        """
        self.site = self.factory = site
        self.transport = self
        self._makeRequest = makeRequest
        self._isNonQueued = INonQueuedRequestFactory.providedBy(makeRequest) or (
            isinstance(makeRequest, type) and issubclass(makeRequest, HTTPRequest)
        )
        self._peer = peer
        self._host = host
        self._request: Any = None
        self._checked: CheckedRequest | None = None
        self._head: tuple[int, bytes, bytes, int | None] | None = None
        self._holds = 0
        self._producer: IPushProducer | _PullToPush | None = None
        self._isProducerPaused = False
        self._connection = ServerConnection(stream, connections, self)
        stream.belongTo(self._connection)

    # A responder of the core.

    def requestReceived(self, request: CheckedRequest) -> None:
        """
        See L{Responder<twisted_multiserver.http1.server.Responder>}.
        """
        make = self._makeRequest
        made = make(self) if self._isNonQueued else make(self, 0)
        self._request, self._checked = made, request
        add = made.requestHeaders.addRawHeader
        for name, value in request.fields:
            add(name, value)
        if not request.target.startswith(b"/") and request.host:
            # That of a target in absolute form wins (RFC 9112 section 3.2.2).
            made.requestHeaders.setRawHeaders(b"host", [request.host])
        made.gotLength(None if request.length == CHUNKED else request.length)
        made.parseCookies()
        if request.length == NO_BODY:
            self._process()
        else:
            self._connection.sendContinue()

    def requestBody(self, data: bytes) -> None:
        """
        See L{Responder<twisted_multiserver.http1.server.Responder>}.
        """
        self._request.handleContentChunk(data)

    def requestEnded(self, trailers: Fields) -> None:
        """
        See L{Responder<twisted_multiserver.http1.server.Responder>}.
        """
        self._process()

    def responseDrained(self) -> None:
        """
        See L{Responder<twisted_multiserver.http1.server.Responder>}.
        """
        if self._producer is not None and self._isProducerPaused:
            self._isProducerPaused = False
            self._producer.resumeProducing()

    def connectionGone(self) -> None:
        """
        See L{Responder<twisted_multiserver.http1.server.Responder>}.
        """
        request, self._request = self._request, None
        self._head = None
        self._stopProducer()
        if request is not None:
            request.connectionLost(Failure(ConnectionLost("Connection lost.")))

    def _process(self) -> None:
        checked = self._checked
        assert checked is not None
        target = originForm(checked.method, checked.target)
        self._request.requestReceived(checked.method, target, checked.version)

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
        lines, length = [], None
        for name, values in headers.getAllRawHeaders():
            if name in _FRAMING:
                if name == b"Content-Length" and values[-1].isdigit():
                    length = int(values[-1])
            else:
                for value in values:
                    lines.append(b"%b: %b\r\n" % (name, value))
        self._head = (int(code), reason, b"".join(lines), length)
        if not self._holds:
            self._sendHead(b"")

    def write(self, data: bytes) -> None:
        """
        Write a piece of the response's body.

        @param data: the piece.
        """
        if self._request is None:
            return
        if self._head is not None:
            self._sendHead(data)
        else:
            self._connection.sendBody(data)
        if self._connection.buffered and self._producer is not None:
            self._pauseProducer()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """
        Write pieces of the response's body.

        @param iovec: the pieces.
        """
        self.write(b"".join(iovec))

    def holdHead(self) -> None:
        """
        Keep the head, since more of the response comes at once.
        """
        self._holds += 1

    def releaseHead(self) -> None:
        """
        What was to come has come.
        """
        self._holds -= 1
        if not self._holds and self._head is not None:
            self._sendHead(b"")

    def requestDone(self, request: object) -> None:
        """
        The response is whole.

        @param request: whose.
        """
        head, self._head = self._head, None
        self._holds = 0
        if self._request is None:
            return
        self._request = None
        if head is None:
            self._connection.endResponse()
        elif head[3]:
            # A HEAD's, a 304's, or one that promises more than it has.
            self._connection.sendHead(*head)
            self._connection.endResponse()
        else:
            self._connection.sendWhole(*head[:3], b"")

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """
        Let a producer write the response.

        @param producer: is paused while the client is slow.
        @param streaming: whether it writes by itself.
        """
        if self._producer is not None:
            raise RuntimeError("a producer is registered already")
        self._isProducerPaused = False
        if streaming:
            self._producer = cast(IPushProducer, producer)
            if self._connection.buffered:
                self._pauseProducer()
        else:
            self._producer = _PullToPush(producer, self)
            self._producer.startStreaming()

    def unregisterProducer(self) -> None:
        """
        The producer has written all.
        """
        producer, self._producer = self._producer, None
        if isinstance(producer, _PullToPush):
            producer.stopStreaming()

    def loseConnection(self) -> None:
        """
        Close the connection behind what was written.
        """
        self._connection.hangUp()

    def abortConnection(self) -> None:
        """
        Cut the connection.
        """
        self._connection.abort()

    forceAbortClient = abortConnection

    def getPeer(self) -> IAddress:
        """
        @return: the client's address.
        """
        return self._peer

    def getHost(self) -> IAddress:
        """
        @return: the address that it came to.
        """
        return self._host

    def isSecure(self) -> bool:
        """
        @return: whether this very connection is encrypted; it never is.
        """
        return False

    def pauseProducing(self) -> None:
        """
        Take no more of the request's body for now.
        """
        self._connection.pauseBody()

    def resumeProducing(self) -> None:
        """
        Take more of the request's body.
        """
        self._connection.resumeBody()

    def stopProducing(self) -> None:
        """
        Take nothing any more.
        """
        self.loseConnection()

    def setTimeout(self, period: float | None) -> None:
        """
        @param period: without effect, see L{timeOut}.
        """

    def _respondToBadRequestAndDisconnect(self) -> None:
        request, self._request = self._request, None
        self._connection.refuse(400)
        if request is not None:
            request.connectionLost(Failure(ConnectionLost("the form was malformed")))

    def _sendHead(self, data: bytes) -> None:
        head, self._head = self._head, None
        assert head is not None
        self._connection.sendHead(*head, data)

    def _pauseProducer(self) -> None:
        if not self._isProducerPaused and self._producer is not None:
            self._isProducerPaused = True
            self._producer.pauseProducing()

    def _stopProducer(self) -> None:
        producer, self._producer = self._producer, None
        if isinstance(producer, _PullToPush):
            producer.stopStreaming()
        if producer is not None:
            producer.stopProducing()

"""
A client's connection as the transport that applications of twisted.web know.

They find it at C{request.transport} and C{request.channel}, mostly to ask for addresses, to
end it, to slow it down; and WebSocket libraries, to take it (L{Takeover}).
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IProducer,
    IProtocol,
    IPushProducer,
    ITransport,
)
from zope.interface import implementer

from twisted_multiserver.child.producer import ResponseProducer
from twisted_multiserver.child.takeover import Soon, Takeover
from twisted_multiserver.http1.server import ServerConnection
from twisted_multiserver.streams.streams import Stream


@implementer(ITransport, IConsumer, IPushProducer)
class WebTransport:
    """
    What a channel is besides a channel.

    @ivar connected: whether an open request still has its client.
    @ivar disconnecting: whether the connection was told to end.
    @ivar timeOut: there is none; the core has its deadlines.
    """

    connected = True
    disconnecting = False
    timeOut: float | None = None

    # Given by whoever derives from it.
    _connection: ServerConnection
    _soon: Soon

    def __init__(self, stream: Stream, peer: IAddress, host: IAddress) -> None:
        """
        @param stream: connected.
        @param peer: the client's address.
        @param host: the address that it came to.
        """
        self._stream = stream
        self._peer = peer
        self._host = host
        self._producer: ResponseProducer | None = None
        self._taken: Takeover | None = None

    def write(self, data: bytes) -> None:
        """
        @param data: for the client.
        """
        raise NotImplementedError

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """
        @param iovec: pieces for the client.
        """
        self.write(b"".join(iovec))

    @property
    def _networkProducer(self) -> IPushProducer:
        # Where applications pause an upload, as they did with HTTPChannel.
        return self

    @property
    def protocol(self) -> IProtocol | None:
        """
        What speaks with the client: set by an application that takes the connection.
        """
        return None if self._taken is None else self._taken.protocol

    @protocol.setter
    def protocol(self, protocol: IProtocol | None) -> None:
        self._takeOver().protocol = protocol

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """
        Let a producer write the response.

        @param producer: is paused while the client is slow.
        @param streaming: whether it writes by itself.
        """
        if self._producer is not None:
            raise RuntimeError("a producer is registered already")
        self._producer = ResponseProducer(producer, streaming, self)
        self._producer.start()
        if self._connection.buffered:
            self._producer.pause()

    def responseDrained(self) -> None:
        """
        See L{Responder<twisted_multiserver.http1.responder.Responder>}.
        """
        if self._producer is not None:
            self._producer.resume()

    def unregisterProducer(self) -> None:
        """
        The producer has written all.
        """
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.leave()

    def loseConnection(self) -> None:
        """
        Close the connection behind what was written.
        """
        self.disconnecting = True
        (self._connection.hangUp if self._taken is None else self._taken.close)()

    def abortConnection(self) -> None:
        """
        Cut the connection.
        """
        self.disconnecting = True
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
        Take no more of what the client sends for now.
        """
        (self._connection.pauseBody if self._taken is None else self._taken.pause)()

    def resumeProducing(self) -> None:
        """
        Take more of it.
        """
        (self._connection.resumeBody if self._taken is None else self._taken.resume)()

    def stopProducing(self) -> None:
        """
        Take nothing any more.
        """
        self.loseConnection()

    def setTimeout(self, period: float | None) -> None:
        """
        @param period: without effect, see L{timeOut}.
        """

    def resetTimeout(self) -> None:
        """
        Without effect, too.
        """

    def _protocolUpgradeForWebsockets(self, protocol: IProtocol) -> None:
        # How twisted.web.websocket takes a connection.
        self.protocol = protocol
        protocol.makeConnection(self)

    def _takeOver(self) -> Takeover:
        if self._taken is None:
            self._taken = Takeover(self._stream, self._connection, self, self._soon)
        return self._taken

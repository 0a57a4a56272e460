"""
A connection that an application has taken from twisted.web, to speak its own protocol.

WebSocket libraries do so: they find the transport by way of the request, make their
protocol the transport's, and write the 101 themselves.  The core can't frame what they
write; so the connection is theirs until it ends, and carries no other request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure

from twisted_multiserver.http1.server import ServerConnection
from twisted_multiserver.streams.streams import Stream

Soon = Callable[[Callable[[], None]], object]


class Drained(Protocol):
    """
    Whoever writes.
    """

    def responseDrained(self) -> None:
        """
        The client takes more.
        """


class Takeover:
    """
    Where the bytes of such a connection go.

    @ivar protocol: gets them; L{None} if they interest nobody.
    """

    def __init__(
        self,
        stream: Stream,
        connection: ServerConnection,
        writer: Drained,
        soon: Soon,
    ) -> None:
        """
        @param stream: the connection's.
        @param connection: reads it no more, but must learn of its end.
        @param writer: is told when the client takes more.
        @param soon: makes a call in a later turn of the reactor.
        """
        self.protocol: IProtocol | None = None
        self._stream = stream
        self._connection = connection
        self._writer = writer
        self._isSwitched = False
        stream.belongTo(self)
        # What the core has read already is known when it has returned.
        soon(self._switch)

    def write(self, data: bytes) -> None:
        """
        @param data: for the client, as it is.
        """
        if data:
            self._stream.write(data)

    def pause(self) -> None:
        """
        Take nothing for now.
        """
        self._stream.pause()

    def resume(self) -> None:
        """
        Take more.
        """
        self._stream.resume()

    def close(self) -> None:
        """
        Take nothing any more, and close behind what was written.
        """
        self._isSwitched = True
        self._connection.hangUp()

    def dataReceived(self, data: bytes) -> None:
        """
        See L{StreamUser<twisted_multiserver.streams.streams.StreamUser>}.
        """
        self._switch()
        self._deliver(data)

    def streamDrained(self) -> None:
        """
        See L{StreamUser<twisted_multiserver.streams.streams.StreamUser>}.
        """
        self._writer.responseDrained()

    def connectionLost(self, clean: bool) -> None:
        """
        See L{StreamUser<twisted_multiserver.streams.streams.StreamUser>}.
        """
        self._isSwitched = True
        protocol, self.protocol = self.protocol, None
        try:
            self._connection.connectionLost(clean)
        finally:
            if protocol is not None:
                protocol.connectionLost(Failure(ConnectionDone() if clean else ConnectionLost()))

    def _switch(self) -> None:
        if not self._isSwitched:
            self._isSwitched = True
            _, ahead = self._connection.switch()
            if ahead:
                self._deliver(ahead)

    def _deliver(self, data: bytes) -> None:
        if self.protocol is not None:
            self.protocol.dataReceived(data)

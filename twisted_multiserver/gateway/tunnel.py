"""
A tunnel: after an upgrade, bytes go to and fro as they come (RFC 9110 section 7.8).

Strategy: two streams, each the other's sink; a slow one pauses the other.  No deadline
holds here: an idle WebSocket is nobody's fault.

Invariant: when one side has ended, the other is closed behind what it was sent; when both
have, that is told once.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted_multiserver.streams.streams import Stream


class TunnelSide:
    """
    One stream, as the user of which bytes go to the other.

    @ivar stream: this side's.
    @ivar isOpen: whether it has not ended.
    @ivar other: the other side.
    """

    __slots__ = ("_tunnel", "isOpen", "other", "stream")

    def __init__(self, stream: Stream, tunnel: Tunnel) -> None:
        """
        @param stream: this side's.
        @param tunnel: whose side it is.
        """
        self.stream = stream
        self._tunnel = tunnel
        self.isOpen = True
        self.other: TunnelSide = self

    def send(self, data: bytes) -> None:
        """
        @param data: from the other side.
        """
        self.stream.write(data)
        if self.stream.buffered:
            self.other.stream.pause()

    def dataReceived(self, data: bytes) -> None:
        """
        See L{StreamUser<twisted_multiserver.streams.streams.StreamUser>}.
        """
        if self.other.isOpen:
            self.other.send(data)

    def streamDrained(self) -> None:
        """
        See L{StreamUser<twisted_multiserver.streams.streams.StreamUser>}.
        """
        if self.other.isOpen:
            self.other.stream.resume()

    def connectionLost(self, clean: bool) -> None:
        """
        See L{StreamUser<twisted_multiserver.streams.streams.StreamUser>}.
        """
        self.isOpen = False
        if self.other.isOpen:
            self.other.stream.close()
        else:
            self._tunnel.bothEnded()


class Tunnel:
    """
    Joins a client and a backend.
    """

    __slots__ = ("_ended",)

    def __init__(self, ended: Callable[[], None]) -> None:
        """
        @param ended: called once, when both sides have ended.
        """
        self._ended = ended

    def bothEnded(self) -> None:
        """
        Neither side is open any more.
        """
        self._ended()

    def sideOf(self, backend: Stream) -> TunnelSide:
        """
        @param backend: the backend's stream.
        @return: what is its user.
        """
        return TunnelSide(backend, self)

    def join(self, client: Stream, fromClient: bytes, backend: Stream, fromBackend: bytes) -> None:
        """
        Begin.

        @param client: the client's stream.
        @param fromClient: what has come from it already.
        @param backend: the backend's stream.
        @param fromBackend: what has come from it already.
        """
        clientSide, backendSide = TunnelSide(client, self), self.sideOf(backend)
        clientSide.other, backendSide.other = backendSide, clientSide
        client.belongTo(clientSide)
        backend.belongTo(backendSide)
        for side, data in ((clientSide, fromClient), (backendSide, fromBackend)):
            if data:
                side.dataReceived(data)

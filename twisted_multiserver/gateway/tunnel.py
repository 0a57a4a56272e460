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
    """

    __slots__ = ("_stream", "_tunnel", "isOpen", "other")

    def __init__(self, stream: Stream, tunnel: Tunnel) -> None:
        """
        @param stream: this side's.
        @param tunnel: whose side it is.
        """
        self._stream = stream
        self._tunnel = tunnel
        self.isOpen = True
        self.other: TunnelSide = self

    def send(self, data: bytes) -> None:
        """
        @param data: from the other side.
        """
        self._stream.write(data)
        if self._stream.buffered:
            self.other._stream.pause()

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
            self.other._stream.resume()

    def connectionLost(self, clean: bool) -> None:
        """
        See L{StreamUser<twisted_multiserver.streams.streams.StreamUser>}.
        """
        self.isOpen = False
        if self.other.isOpen:
            self.other._stream.close()
        else:
            self._tunnel.ended()


class Tunnel:
    """
    Joins a client and a backend.
    """

    __slots__ = ("ended",)

    def __init__(self, ended: Callable[[], None]) -> None:
        """
        @param ended: called once, when both sides have ended.
        """
        self.ended = ended

    def join(self, client: Stream, fromClient: bytes, backend: Stream, fromBackend: bytes) -> None:
        """
        Begin.

        @param client: the client's stream.
        @param fromClient: what has come from it already.
        @param backend: the backend's stream.
        @param fromBackend: what has come from it already.
        """
        clientSide, backendSide = TunnelSide(client, self), TunnelSide(backend, self)
        clientSide.other, backendSide.other = backendSide, clientSide
        client.belongTo(clientSide)
        backend.belongTo(backendSide)
        for side, data in ((backendSide, fromClient), (clientSide, fromBackend)):
            if data:
                side.send(data)

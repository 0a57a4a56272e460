"""
Adopting: from a Twisted transport to the lighter stream, where that is possible.

A plain TCP or UNIX transport gives its socket to the poller: it is told to read nothing
any more, and closes the socket in the end, as it would have.  Everything else (TLS,
wrappers such as C{haproxy:}, a reactor without epoll) stays what it is.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from twisted_multiserver.streams.poller import Poller
from twisted_multiserver.streams.socketstream import SocketStream
from twisted_multiserver.streams.streams import Stream
from twisted_multiserver.streams.sweep import Sweep
from twisted_multiserver.streams.transportstream import TransportStream

_PLAIN = (tcp.Server, tcp.Client, unix.Server, unix.Client)
_NO_LINGER = struct.pack("ii", 1, 0)
_DONE = Failure(ConnectionDone())
_ABORTED = Failure(ConnectionAborted())


class TransportOwner:
    """
    A Twisted transport that has given away its socket.
    """

    __slots__ = ("_transport",)

    def __init__(self, transport: Any) -> None:
        """
        @param transport: plain.
        """
        self._transport = transport

    def release(self, aborted: bool) -> None:
        """
        See L{SocketOwner<twisted_multiserver.streams.socketstream.SocketOwner>}.
        """
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.connectionLost(_ABORTED if aborted else _DONE)


class PlainOwner:
    """
    A socket that no transport ever had.
    """

    __slots__ = ("_socket",)

    def __init__(self, connection: socket.socket) -> None:
        """
        @param connection: connected.
        """
        self._socket = connection

    def release(self, aborted: bool) -> None:
        """
        See L{SocketOwner<twisted_multiserver.streams.socketstream.SocketOwner>}.
        """
        connection = self._socket
        if aborted and connection.family != socket.AF_UNIX:
            # Not an end, which a client would take for that of the response: a reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        connection.close()


class Adopter:
    """
    Makes streams.

    @ivar sweep: watches deadlines.
    """

    def __init__(self, poller: Poller | None, sweep: Sweep) -> None:
        """
        @param poller: takes plain sockets; L{None} if there is none.
        @param sweep: watches deadlines.
        """
        self._poller = poller
        self.sweep = sweep

    def ofSocket(self, connection: socket.socket) -> Stream | None:
        """
        @param connection: connected and non-blocking; the stream closes it.
        @return: its stream; L{None} if only the reactor can have it.
        """
        if self._poller is None:
            return None
        return SocketStream(connection, PlainOwner(connection), self._poller, self.sweep)

    def ofTransport(self, transport: Any) -> Stream | None:
        """
        @param transport: a Twisted transport, connected.
        @return: a stream on its socket; L{None} if it must keep that.
        """
        if self._poller is None or type(transport) not in _PLAIN or transport.TLS:
            return None
        transport.stopReading()
        connection: socket.socket = transport.getHandle()
        if connection.family != socket.AF_UNIX:
            # A response in two pieces must not wait for an acknowledgement.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return SocketStream(connection, TransportOwner(transport), self._poller, self.sweep)


class StreamProtocol(Protocol):
    """
    Begins as a Twisted protocol and becomes a stream.

    @ivar kept: the protocol of a transport that keeps its socket; L{None} if it doesn't.
    """

    def __init__(self, adopter: Adopter, made: Callable[[Stream, Any], None]) -> None:
        """
        @param adopter: makes the stream.
        @param made: called with the stream and the transport.
        """
        self._adopter = adopter
        self._made = made
        self.kept: Any = None

    def connectionMade(self) -> None:
        """
        The transport is there.
        """
        made = self._made
        del self._made
        stream = self._adopter.ofTransport(self.transport)
        if stream is None:
            stream = self.kept = TransportStream(self._adopter.sweep)
            self.kept.makeConnection(self.transport)
        made(stream, self.transport)

    def dataReceived(self, data: bytes) -> None:
        """
        @param data: what the peer sent on a transport that was kept.
        """
        if self.kept is not None:
            self.kept.dataReceived(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        @param reason: L{ConnectionDone} for an orderly end.
        """
        if self.kept is not None:
            self.kept.connectionLost(reason)

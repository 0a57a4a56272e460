"""
Reading a socket that keeps messages apart (SOCK_DGRAM, SOCK_SEQPACKET).

All that is there is read at once, up to a bound: the kernel's queue is short (ten
datagrams), and a child that floods it must not hold the reactor.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

# How many messages are read before others have their turn.
_AT_ONCE = 100


@implementer(IReadDescriptor)
class Datagrams:
    """
    A socket being read.
    """

    def __init__(
        self,
        reactor: IReactorFDSet,
        source: socket.socket,
        limit: int,
        received: Callable[[bytes], None],
    ) -> None:
        """
        @param reactor: watches the socket.
        @param source: doesn't block; closed with this.
        @param limit: of a message, in bytes; a longer one comes cut to one byte more.
        @param received: called with each message.
        """
        self._reactor = reactor
        self._socket = source
        self._limit = limit
        self._received = received
        reactor.addReader(self)

    def fileno(self) -> int:
        """
        Tell the socket's descriptor; -1 when it is closed.
        """
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """
        Name this descriptor in logs.
        """
        return "supervision"

    def doRead(self) -> None:
        """
        Read what is there.
        """
        for _ in range(_AT_ONCE):
            if self._socket.fileno() == -1:
                return
            try:
                data = self._socket.recv(self._limit + 1)
            except BlockingIOError:
                return
            except ConnectionResetError:
                data = b""
            if data:
                self._received(data)
            elif self._socket.type == socket.SOCK_SEQPACKET:
                # The other end is closed.
                self.close()

    def close(self) -> None:
        """
        Read no more.
        """
        if self._socket.fileno() != -1:
            self._reactor.removeReader(self)
            self._socket.close()

    def connectionLost(self, reason: Failure) -> None:
        """
        The reactor ends, or has found the socket unusable.

        @param reason: why.
        """
        self.close()

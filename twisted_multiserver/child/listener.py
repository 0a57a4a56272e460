"""
Accepting connections on the socket that the master passed.

Not C{reactor.adoptStreamPort}: Twisted's UNIX port sets its own backlog of 50 over the
master's, changes the mode of the socket's file and unlinks it at the end, which a child
under another user may not even do.  The file is the master's.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_multiserver.child.reactors import IChildReactor

# Enough to empty a burst, not so many that running exchanges starve.
_ACCEPTS_PER_TURN = 64
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# How long to let descriptors become free, in seconds; the kernel's queue holds the rest.
_PAUSE = 0.1


@implementer(IReadDescriptor)
class Listener:
    """
    Accepts connections.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IChildReactor,
        entrance: socket.socket,
        accepted: Callable[[socket.socket, Any], None],
    ) -> None:
        """
        @param reactor: what to read with.
        @param entrance: a listening socket; closed at the end.
        @param accepted: takes each connection, which is non-blocking, and the address of
            its client as accept(2) tells it: a client that has gone already has no other.
        """
        self._reactor = reactor
        self._socket = entrance
        self._accepted = accepted
        entrance.setblocking(False)

    def startListening(self) -> None:
        """
        Begin to accept.
        """
        self._reactor.addReader(self)

    def stopListening(self) -> None:
        """
        Accept no more; connections that are still queued are reset by the kernel.
        """
        if self._socket.fileno() != -1:
            self._reactor.removeReader(self)
            self._socket.close()

    def fileno(self) -> int:
        """
        Tell the socket's descriptor.
        """
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """
        Name this descriptor in logs.
        """
        return "listener"

    def doRead(self) -> None:
        """
        Accept what is queued.
        """
        for _ in range(_ACCEPTS_PER_TURN):
            try:
                connection, address = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    # The peer has gone already, accept(2): try the next.
                    continue
                self._log.warn("cannot accept a connection: {error}", error=error)
                self._reactor.removeReader(self)
                self._reactor.callLater(_PAUSE, self._resume)
                return
            connection.setblocking(False)
            if connection.family != socket.AF_UNIX:
                # A response in two pieces must not wait for an acknowledgement.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._accepted(connection, address)
            except Exception:  # one connection must not end the entrance
                self._log.failure("a connection could not be served")
                connection.close()

    def _resume(self) -> None:
        if self._socket.fileno() != -1:
            self._reactor.addReader(self)

    def connectionLost(self, reason: Failure) -> None:
        """
        The reactor ends, or has found the socket unusable.

        @param reason: why.
        """
        self.stopListening()

"""
The master's end of a notify socket (sd_notify(3)).

Each incarnation has one of its own, so that what arrives there needs no further
proof of who sent it.

Invariants: a datagram is read whole or ignored; what isn't understood is ignored; a
child that floods the socket gets its turn, and the reactor the next.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

_DATAGRAM_LIMIT = 4096
_DATAGRAMS_PER_TURN = 32


def parseNotification(data: bytes) -> dict[str, str]:
    """
    Read one datagram.

    @param data: lines of C{NAME=value}.
    @return: what could be read of them.
    """
    found = {}
    for line in data[:_DATAGRAM_LIMIT].decode("utf-8", "replace").split("\n"):
        name, equals, value = line.partition("=")
        if equals and name.replace("_", "").isalnum() and name.isascii() and name.isupper():
            found[name] = value
    return found


@implementer(IReadDescriptor)
class NotifySocket:
    """
    Hears what one incarnation has to tell.
    """

    def __init__(
        self,
        reactor: IReactorFDSet,
        path: str,
        uid: int | None,
        heard: Callable[[dict[str, str]], None],
    ) -> None:
        """
        @param reactor: reads it.
        @param path: where it is bound.
        @param uid: the user that may write to it; L{None} for the master's.
        @param heard: called with each notification.
        @raise OSError: if there can be no such socket.
        """
        self._reactor = reactor
        self._path = path
        self._heard = heard
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_UNIX, kind)
        try:
            self._socket.bind(path)
            os.chmod(path, 0o600)
            if uid is not None:
                os.chown(path, uid, -1)
        except OSError:
            self._remove()
            raise
        reactor.addReader(self)

    def fileno(self) -> int:
        """
        @return: its descriptor.
        """
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """
        @return: a name for logs.
        """
        return "notify"

    def doRead(self) -> None:
        """
        Read what is there.
        """
        for _ in range(_DATAGRAMS_PER_TURN):
            if self._socket.fileno() < 0:
                # What was heard has closed it.
                return
            try:
                data = self._socket.recv(_DATAGRAM_LIMIT)
            except OSError:
                return
            self._heard(parseNotification(data))

    def connectionLost(self, reason: Failure) -> None:
        """
        @param reason: the reactor's, at its end.
        """
        self.close()

    def close(self) -> None:
        """
        Hear no more and remove the socket.
        """
        if self._socket.fileno() >= 0:
            self._reactor.removeReader(self)
            self._remove()

    def _remove(self) -> None:
        self._socket.close()
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass

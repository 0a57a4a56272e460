"""
The master's end of C{NOTIFY_SOCKET}: what one child says of itself.

Each incarnation has a socket of its own, with a name that nobody can guess, so that
what comes there comes from it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IReactorFDSet

from twisted_multiserver.supervision.datagrams import Datagrams
from twisted_multiserver.supervision.folders import RuntimeFolder
from twisted_multiserver.supervision.sdnotify import DATAGRAM_LIMIT, parseNotification


class NotifySocket:
    """
    Hears one child.

    @ivar path: where it is heard.
    """

    def __init__(
        self,
        reactor: IReactorFDSet,
        folder: RuntimeFolder,
        uid: int | None,
        gid: int | None,
        notified: Callable[[Mapping[str, str]], None],
    ) -> None:
        """
        @param reactor: watches the socket.
        @param folder: where it is made.
        @param uid: the child's user, if it is another one.
        @param gid: that user's group.
        @param notified: called with the values of each notification, by name.
        @raise OSError: if there can be no socket.
        """
        self._folder = folder
        self._notified = notified
        bound, self.path = folder.bind(socket.SOCK_DGRAM, uid, gid)
        self._datagrams = Datagrams(reactor, bound, DATAGRAM_LIMIT, self._received)

    def hear(self) -> None:
        """
        Read what is there already.
        """
        self._datagrams.doRead()

    def close(self) -> None:
        """
        Hear no more.
        """
        self._datagrams.close()
        self._folder.discard(self.path)

    def _received(self, data: bytes) -> None:
        values = parseNotification(data)
        if values:
            self._notified(values)

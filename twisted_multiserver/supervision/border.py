"""
The sockets between the master and one incarnation.

    entrance    the listener that the child inherits; requests come through it
    notify      what the child says of itself
    control     orders, if our own code runs in the child

Invariants: the master has no copy of the entrance while the child runs, so that
connecting to a dead child is refused instead of hanging; whatever fails, nothing is
left open and no name is left in the folder.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IReactorFDSet

from twisted_multiserver.contract import CONTROL_FD, HTTP_FD
from twisted_multiserver.supervision.control import ControlChannel, Message
from twisted_multiserver.supervision.folders import RuntimeFolder
from twisted_multiserver.supervision.notify import NotifySocket
from twisted_multiserver.supervision.program import Program

# The kernel takes as much of it as the system permits (listen(2), somaxconn).
_BACKLOG = 65535


class Border:
    """
    The sockets of one incarnation.

    @ivar entrancePath: where the child takes requests.
    """

    def __init__(
        self,
        reactor: IReactorFDSet,
        folder: RuntimeFolder,
        program: Program,
        notified: Callable[[Mapping[str, str]], None],
        messaged: Callable[[Message], None],
    ) -> None:
        """
        @param reactor: watches the sockets.
        @param folder: where they are made.
        @param program: what will be at their other side.
        @param notified: called with the values of each notification, by name.
        @param messaged: called with each message of the control channel.
        @raise OSError: if a socket can't be made.
        """
        self._folder = folder
        self._notify: NotifySocket | None = None
        self._control: ControlChannel | None = None
        self._entrance, self.entrancePath = folder.bind(socket.SOCK_STREAM)
        try:
            self._entrance.listen(_BACKLOG)
            self._notify = NotifySocket(reactor, folder, program.uid, program.gid, notified)
            if program.isOurs:
                self._control = ControlChannel(reactor, messaged)
        except OSError:
            self.close()
            raise

    @property
    def notifyPath(self) -> str:
        """
        Where the child is heard; empty when it is closed.
        """
        return "" if self._notify is None else self._notify.path

    def childFDs(self) -> dict[int, int]:
        """
        Tell which of the master's descriptors become which of the child's.

        @return: the master's by the child's.
        """
        descriptors = {HTTP_FD: self._entrance.fileno()}
        if self._control is not None:
            descriptors[CONTROL_FD] = self._control.childsFd
        return descriptors

    def handOver(self) -> None:
        """
        The child has its descriptors.
        """
        self._entrance.close()
        if self._control is not None:
            self._control.handOver()

    def order(self, type: str, **fields: object) -> None:
        """
        Give the child an order, if it takes any.

        @param type: which one.
        @param fields: its details.
        """
        if self._control is not None:
            self._control.send(type, **fields)

    def hear(self) -> None:
        """
        Read what the child has said already.
        """
        if self._notify is not None:
            self._notify.hear()
        if self._control is not None:
            self._control.hear()

    def close(self) -> None:
        """
        Close everything, and remove the names.
        """
        self._entrance.close()
        self._folder.discard(self.entrancePath)
        if self._notify is not None:
            self._notify.close()
            self._notify = None
        if self._control is not None:
            self._control.close()
            self._control = None

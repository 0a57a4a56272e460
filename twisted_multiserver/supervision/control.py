"""
The master's end of a control channel: messages to and from one C{--app} child.

Invariants: nothing is ever waited for: a message that a child doesn't take is
dropped, since a signal follows it in any case; the child sees the master's death as
the channel's end.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_multiserver.contract import MESSAGE_LIMIT, decodeMessage, encodeMessage

_MESSAGES_PER_TURN = 32


@implementer(IReadDescriptor)
class ControlChannel:
    """
    Talks with one incarnation.
    """

    def __init__(
        self,
        reactor: IReactorFDSet,
        channel: socket.socket,
        heard: Callable[[dict[str, object]], None],
    ) -> None:
        """
        @param reactor: reads it.
        @param channel: a SOCK_SEQPACKET socket, closed at the end.
        @param heard: called with each message.
        """
        self._reactor = reactor
        self._socket = channel
        self._heard = heard
        channel.setblocking(False)
        reactor.addReader(self)

    def tell(self, type: str, **fields: object) -> None:
        """
        Send a message.

        @param type: what it asks.
        @param fields: its details.
        """
        try:
            self._socket.send(encodeMessage(type, **fields), socket.MSG_NOSIGNAL)
        except OSError:
            # It is gone, or takes nothing now.
            pass

    def fileno(self) -> int:
        """
        @return: its descriptor.
        """
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """
        @return: a name for logs.
        """
        return "control"

    def doRead(self) -> None:
        """
        Read what is there.
        """
        for _ in range(_MESSAGES_PER_TURN):
            if self._socket.fileno() < 0:
                # What was heard has closed it.
                return
            try:
                data = self._socket.recv(MESSAGE_LIMIT + 1)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                # The child has closed its end; its exit is told by the kernel.
                self.close()
                return
            message = decodeMessage(data)
            if message is not None:
                self._heard(message)

    def readRest(self) -> None:
        """
        Read what a child wrote before it ended.
        """
        self.doRead()

    def connectionLost(self, reason: Failure) -> None:
        """
        @param reason: the reactor's, at its end.
        """
        self.close()

    def close(self) -> None:
        """
        End it.
        """
        if self._socket.fileno() >= 0:
            self._reactor.removeReader(self)
            self._socket.close()

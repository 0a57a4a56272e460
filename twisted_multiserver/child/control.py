"""
The control channel: the master's orders, over a SOCK_SEQPACKET pair::

    drain   no new exchanges will come; those in flight finish
    dump    write the stack of every thread to stderr
    (end)   the master is gone

and what the child reports::

    places  how many requests it works for at once, where that is bounded; before it is ready
    load    how late its event loop is, and how many of its threads are busy

Unknown orders are ignored: master and child may differ in age.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_multiserver.contract import MESSAGE_LIMIT, decodeMessage, encodeMessage

Message = dict[str, object]


@implementer(IReadDescriptor)
class ControlChannel:
    """
    The child's end of the control channel.
    """

    def __init__(
        self,
        reactor: IReactorFDSet,
        channel: socket.socket,
        orders: Mapping[str, Callable[[Message], object]],
        masterGone: Callable[[], object],
    ) -> None:
        """
        @param reactor: what to read with.
        @param channel: the socket; closed at the end.
        @param orders: what to do for each type of message.
        @param masterGone: called once, when the other end is closed.
        """
        self._reactor = reactor
        self._socket = channel
        self._orders = orders
        self._masterGone = masterGone
        channel.setblocking(False)
        reactor.addReader(self)

    def tell(self, type: str, **fields: object) -> None:
        """
        Send a message to the master; what it doesn't take now is dropped.

        @param type: what it tells.
        @param fields: its details.
        """
        try:
            self._socket.send(encodeMessage(type, **fields), socket.MSG_NOSIGNAL)
        except OSError:
            # The master is busy, or gone, which the other direction tells.
            pass

    def fileno(self) -> int:
        """
        Tell the socket's descriptor.
        """
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """
        Name this descriptor in logs.
        """
        return "control"

    def doRead(self) -> None:
        """
        Read and obey one message.
        """
        try:
            # One byte more, so that what is too long isn't taken for a cut one.
            data = self._socket.recv(MESSAGE_LIMIT + 1)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self._close()
            self._masterGone()
            return
        message = decodeMessage(data)
        if message is not None:
            order = self._orders.get(str(message["type"]))
            if order is not None:
                order(message)

    def _close(self) -> None:
        if self._socket.fileno() != -1:
            self._reactor.removeReader(self)
            self._socket.close()

    def connectionLost(self, reason: Failure) -> None:
        """
        The reactor ends, or has found the socket unusable.

        @param reason: why.
        """
        self._close()

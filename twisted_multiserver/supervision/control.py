"""
The master's end of the control channel, to a child that runs our own launcher.

    to the child      drain, dump
    from the child    bootFailed

The child takes the channel's end for the master's, so it must stay open for as long as
the child lives.  Orders are never waited for: a child that doesn't read its orders
will meet SIGTERM.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFDSet

from twisted_multiserver.contract import MESSAGE_LIMIT, decodeMessage, encodeMessage
from twisted_multiserver.supervision.datagrams import Datagrams

Message = dict[str, object]


class ControlChannel:
    """
    Both ends of the channel to one child, until the child has its own.
    """

    def __init__(self, reactor: IReactorFDSet, received: Callable[[Message], None]) -> None:
        """
        @param reactor: watches the master's end.
        @param received: called with each message.
        @raise OSError: if there can be no channel.
        """
        self._received = received
        self._mine, self._childs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK
        )
        self._datagrams = Datagrams(reactor, self._mine, MESSAGE_LIMIT, self._message)

    @property
    def childsFd(self) -> int:
        """
        The descriptor of the child's end.
        """
        return self._childs.fileno()

    def handOver(self) -> None:
        """
        The child has its end.
        """
        self._childs.close()

    def send(self, type: str, **fields: object) -> None:
        """
        Give an order.

        @param type: which one.
        @param fields: its details.
        """
        try:
            self._mine.send(encodeMessage(type, **fields))
        except OSError:
            # The child is gone, or doesn't read; neither can be ordered about.
            pass

    def hear(self) -> None:
        """
        Read what is there already.
        """
        self._datagrams.doRead()

    def close(self) -> None:
        """
        Close the master's end, and the child's if it was never handed over.
        """
        self._datagrams.close()
        self._childs.close()

    def _message(self, data: bytes) -> None:
        message = decodeMessage(data)
        if message is not None:
            self._received(message)

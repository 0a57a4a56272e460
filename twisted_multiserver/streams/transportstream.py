"""
A stream on a Twisted transport.

It registers as the transport's producer, which is how Twisted tells that the write
buffer is full, and empty again.  Twisted waits without end for a peer that neither takes what
is left nor answers the end of TLS; a stream that closes does so for L{STALL} seconds.
"""

from __future__ import annotations

import socket
from math import inf
from typing import Protocol, cast

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer, ISystemHandle
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_multiserver.streams.streams import STALL, StreamUser
from twisted_multiserver.streams.sweep import Sweep


class _Transport(Protocol):
    """
    The part of a Twisted stream transport that is used here.
    """

    def write(self, data: bytes) -> None: ...
    def loseConnection(self) -> None: ...
    def abortConnection(self) -> None: ...
    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...
    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None: ...
    def unregisterProducer(self) -> None: ...


@implementer(IPushProducer)
class TransportStream(TwistedProtocol):
    """
    See L{Stream<twisted_multiserver.streams.streams.Stream>}.

    @ivar deadline: when a peer that doesn't go away is dropped, in seconds of the clock.
    """

    def __init__(self, sweep: Sweep) -> None:
        """
        @param sweep: watches the time when it is to close.
        """
        self._sweep = sweep
        self.deadline = inf
        self.buffered = False
        # Only the transport knows how much.
        self.pending = 0
        self.refused = False
        self._isClosing = False
        self._user: StreamUser | None = None

    def belongTo(self, user: StreamUser) -> None:
        """
        @param user: is told of all that happens from now on.
        """
        self._user = user

    def connectionMade(self) -> None:
        """
        The transport is there.
        """
        self._twisted.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        """
        @param data: what the peer sent.
        """
        if self._user is not None and not self._isClosing:
            self._user.dataReceived(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        @param reason: L{ConnectionDone} for an orderly end.
        """
        self._sweep.forget(self)
        if self._user is not None:
            user, self._user = self._user, None
            clean = reason is not None and isinstance(reason.value, ConnectionDone)
            user.connectionLost(clean)

    def pauseProducing(self) -> None:
        """
        The transport's buffer is full.
        """
        self.buffered = True

    def resumeProducing(self) -> None:
        """
        The transport's buffer is empty.
        """
        self.buffered = False
        if self._user is not None and not self._isClosing:
            self._user.streamDrained()

    def stopProducing(self) -> None:
        """
        The transport has gone, as L{connectionLost} tells.
        """

    def write(self, data: bytes) -> None:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        self._twisted.write(data)

    def pause(self) -> None:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        self._twisted.pauseProducing()

    def resume(self) -> None:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        self._twisted.resumeProducing()

    def close(self) -> None:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        if self._isClosing:
            return
        self._isClosing = True
        # A producer would keep the transport open, and a paused one would not see the end.
        self._twisted.unregisterProducer()
        self._twisted.resumeProducing()
        self._twisted.loseConnection()
        self.deadline = self._sweep.seconds() + STALL
        self._sweep.watch(self)

    def overdue(self) -> None:
        """
        The peer had time enough to go.
        """
        self.abort()

    def leave(self) -> None:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        self.close()

    def abort(self) -> None:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        self._sweep.forget(self)
        self._twisted.abortConnection()

    def isQuiet(self) -> bool:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        handle = cast(socket.socket, cast(ISystemHandle, self.transport).getHandle())
        try:
            handle.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    @property
    def _twisted(self) -> _Transport:
        return cast(_Transport, self.transport)

"""
Streams: what an upstream connection needs of the network, and no more.

A L{Stream} on a Twisted transport is the only one so far; the upstream connection
doesn't know, so that it can run on a lighter one.

Invariant: a stream tells C{connectionLost} exactly once, and nothing after it.
"""

from __future__ import annotations

import socket
from typing import Protocol, cast

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IPushProducer, ISystemHandle
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import ServerFactory
from twisted.python.failure import Failure
from zope.interface import implementer


class Stream(Protocol):
    """
    A connection as a pair of byte streams.

    @ivar buffered: whether so much is still to be written that the writer should
        wait for C{streamDrained}.
    """

    buffered: bool

    def write(self, data: bytes) -> None:
        """
        @param data: is sent after all that was written before.
        """

    def pause(self) -> None:
        """
        Read nothing until L{resume}.
        """

    def resume(self) -> None:
        """
        Read again.
        """

    def close(self) -> None:
        """
        Close when all is written.
        """

    def abort(self) -> None:
        """
        Close at once.
        """

    def isQuiet(self) -> bool:
        """
        Whether the peer has neither closed the connection nor sent anything, at
        this very moment.
        """


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


class StreamUser(Protocol):
    """
    Whoever a stream belongs to.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        @param data: bytes, at least one.
        """

    def streamDrained(self) -> None:
        """
        What was buffered has been written.
        """

    def connectionLost(self, clean: bool) -> None:
        """
        @param clean: whether the peer ended it in an orderly way (else: a reset).
        """


@implementer(IPushProducer)
class TransportStream(TwistedProtocol):
    """
    A stream on a Twisted transport.

    It registers as the transport's producer, which is how Twisted tells that the
    write buffer is full, and empty again.
    """

    def __init__(self) -> None:
        self.buffered = False
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
        if self._user is not None:
            self._user.dataReceived(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """
        @param reason: L{ConnectionDone} for an orderly end.
        """
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
        if self._user is not None:
            self._user.streamDrained()

    def stopProducing(self) -> None:
        """
        The transport has gone, as L{connectionLost} tells.
        """

    def write(self, data: bytes) -> None:
        """
        See L{Stream.write}.
        """
        self._twisted.write(data)

    def pause(self) -> None:
        """
        See L{Stream.pause}.
        """
        self._twisted.pauseProducing()

    def resume(self) -> None:
        """
        See L{Stream.resume}.
        """
        self._twisted.resumeProducing()

    def close(self) -> None:
        """
        See L{Stream.close}.
        """
        self._twisted.loseConnection()

    def abort(self) -> None:
        """
        See L{Stream.abort}.
        """
        self._twisted.abortConnection()

    def isQuiet(self) -> bool:
        """
        See L{Stream.isQuiet}.
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


class StreamFactory(ServerFactory):
    """
    Gives a connection its L{TransportStream}.

    @ivar stream: the one stream; a factory serves one connection.
    """

    noisy = False

    def __init__(self) -> None:
        self.stream = TransportStream()

    def buildProtocol(self, addr: IAddress | None) -> TransportStream:
        """
        @param addr: the peer's.
        @return: the stream.
        """
        return self.stream

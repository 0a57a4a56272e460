"""
Accepting clients only as long as there are descriptors.

Twisted's port closes the connections that it has no descriptor for.  Here they wait in the
kernel's queue until others have left: a pause instead of a failed request.

More than Twisted's 50 may wait there: a client whose turn is not to be had tries again after a
second, and each burst would have some.

Strategy: before each accept(2) it is seen whether a descriptor is free, with some to spare for
connections to backends and for children, without which a client is of no use.

Invariants: a shortage is logged once, however long it lasts; a port that isn't Twisted's own is
left as it is.
"""

from __future__ import annotations

import os
import resource
import socket
from typing import Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IListeningPort,
    IReactorFDSet,
    IReactorTime,
    IReadDescriptor,
)
from twisted.internet.tcp import Port
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

_ACCEPTS_PER_TURN: Final = 64
# How long to let descriptors become free, in seconds.
_PAUSE: Final = 0.1
# When it has gone well for so long (in seconds), the next shortage is another one.
_OVER: Final = 60.0
_SPARE: Final = 64
# Of Twisted's endpoints; whoever has written another one in a description gets that.
_DEFAULT_BACKLOG: Final = 50


class Reactor(IReactorFDSet, IReactorTime):
    """
    What accepting asks of the reactor.
    """


def patient(port: IListeningPort, reactor: Reactor) -> IListeningPort:
    """
    @param port: which listens.
    @param reactor: by which it does.
    @return: the same, which waits where it can't accept.
    """
    return PatientPort(port, reactor) if isinstance(port, Port) else port


@implementer(IListeningPort, IReadDescriptor)
class PatientPort:
    """
    A port that pauses.
    """

    _log = Logger()

    def __init__(self, port: Port, reactor: Reactor) -> None:
        """
        @param port: which listens.
        @param reactor: by which it does.
        """
        self._port = port
        self._reactor = reactor
        self._pause: IDelayedCall | None = None
        self._shortAt: float | None = None
        if port.backlog == _DEFAULT_BACKLOG:
            # The system's own limit (net.core.somaxconn) counts, if it is less.
            port.socket.listen(socket.SOMAXCONN)
        port.stopReading()
        reactor.addReader(self)

    def startListening(self) -> None:
        """
        It does already.
        """

    def stopListening(self) -> Deferred[None]:
        """
        @return: fires when the port is closed.
        """
        self._leave()
        return maybeDeferred(self._port.stopListening)

    def getHost(self) -> IAddress:
        """
        @return: where it listens.
        """
        host: IAddress = self._port.getHost()
        return host

    def fileno(self) -> int:
        """
        The port's own; -1 when it is closed.
        """
        return int(self._port.fileno())

    def logPrefix(self) -> str:
        """
        Name this descriptor in logs.
        """
        return str(self._port.logPrefix())

    def doRead(self) -> None:
        """
        Accept what is queued, as far as there is room.
        """
        port = self._port
        for _ in range(_ACCEPTS_PER_TURN):
            if not _hasRoom():
                self._wait()
                return
            # It asks for one more the next time if it got all that it asked for.
            port.numberAccepts = 1
            port.doRead()
            if port.numberAccepts == 1 or self.fileno() == -1:
                return

    def connectionLost(self, reason: Failure) -> None:
        """
        The reactor ends, or has found the socket unusable.

        @param reason: why.
        """
        self._leave()
        self._port.connectionLost(reason)

    def _wait(self) -> None:
        self._reactor.removeReader(self)
        self._pause = self._reactor.callLater(_PAUSE, self._goOn)
        now = self._reactor.seconds()
        if self._shortAt is None or now - self._shortAt > _OVER:
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            self._log.warn(
                "of {limit} file descriptors (ulimit -n) almost all are open:"
                " further clients wait until others leave",
                limit=limit,
            )
        self._shortAt = now

    def _goOn(self) -> None:
        self._pause = None
        self._reactor.addReader(self)

    def _leave(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self._reactor.removeReader(self)


def _hasRoom() -> bool:
    """
    @return: whether a descriptor is free, and probably more than that.
    """
    try:
        # The lowest one that is free.
        lowest = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    os.close(lowest)
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return lowest < limit - min(_SPARE, limit // 8)

"""
The poller as one reader of the reactor.

The only piece of it that knows the reactor.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Protocol as Structure

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_multiserver.streams.poller import Poller


class Reactor(Structure):
    """
    What a poller asks of the reactor: a part of C{IReactorFDSet} and C{IReactorTime}.
    """

    def addReader(self, reader: IReadDescriptor) -> None:
        """
        @param reader: is watched.
        """

    def removeReader(self, reader: IReadDescriptor) -> None:
        """
        @param reader: isn't watched any more.
        """

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: object, **kwargs: object
    ) -> object:
        """
        @param delay: in seconds.
        @param callable: is called then.
        """


@implementer(IReadDescriptor)
class PollerReader:
    """
    A poller among the reactor's readers.

    @ivar poller: the poller.
    """

    _log = Logger()

    def __init__(self, reactor: Reactor) -> None:
        """
        @param reactor: watches it.
        """
        self._reactor = reactor
        self.poller = Poller(self)
        self.doRead = self.poller.poll
        self.fileno = self.poller.fileno

    def begin(self) -> None:
        """
        See L{Surroundings<twisted_multiserver.streams.poller.Surroundings>}.
        """
        self._reactor.addReader(self)

    def end(self) -> None:
        """
        See L{Surroundings<twisted_multiserver.streams.poller.Surroundings>}.
        """
        self._reactor.removeReader(self)

    def soon(self, call: Callable[[], None]) -> None:
        """
        See L{Surroundings<twisted_multiserver.streams.poller.Surroundings>}.
        """
        self._reactor.callLater(0, call)

    def failed(self) -> None:
        """
        See L{Surroundings<twisted_multiserver.streams.poller.Surroundings>}.
        """
        self._log.failure("a connection failed")

    def logPrefix(self) -> str:
        """
        Name this descriptor in logs.
        """
        return "poller"

    def connectionLost(self, reason: Failure) -> None:
        """
        The reactor ends.

        @param reason: why.
        """


def makePoller(reactor: Reactor) -> Poller | None:
    """
    @param reactor: the reactor.
    @return: a poller in it; L{None} if it, or the system, can't have one.
    """
    if not hasattr(select, "epoll") or not IReactorFDSet.providedBy(reactor):
        return None
    return PollerReader(reactor).poller

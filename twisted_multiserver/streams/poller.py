"""
The poller: one epoll for all plain sockets.

Strategy: what makes a Twisted transport dear is not the bytes but the calls around them
(registering for writes, dispatching, logging context).  Here sockets are registered once
and read and written directly; the reactor sees one descriptor, that of the epoll.

Invariants: a stream whose user fails is cut and harms no other; what streams ask to be
done "soon" is done in a later turn, never from within their call; while nothing is
registered, the reactor isn't asked to watch anything.
"""

from __future__ import annotations

from collections.abc import Callable
from select import EPOLLIN, EPOLLOUT, epoll
from typing import Final, Protocol

# So many descriptors in one look, and so many looks before the reactor has its turn.
_BATCH: Final = 128
_LOOKS: Final = 16


class Polled(Protocol):
    """
    Has a descriptor.
    """

    def readable(self) -> None:
        """
        There are bytes, an end, or an error.
        """

    def writable(self) -> None:
        """
        There is room for bytes.
        """

    def abort(self) -> None:
        """
        It can't be trusted any more.
        """


class Surroundings(Protocol):
    """
    The reactor, as far as a poller needs it.
    """

    def begin(self) -> None:
        """
        Look at the poller's descriptor from now on.
        """

    def end(self) -> None:
        """
        Don't look at it any more.
        """

    def soon(self, call: Callable[[], None]) -> None:
        """
        @param call: is made in a later turn.
        """

    def failed(self) -> None:
        """
        An exception has just been caught.
        """


class Poller:
    """
    Watches sockets.
    """

    __slots__ = ("_epoll", "_isSoon", "_polled", "_soon", "_surroundings")

    def __init__(self, surroundings: Surroundings) -> None:
        """
        @param surroundings: the reactor.
        """
        self._surroundings = surroundings
        self._epoll = epoll()
        self._polled: dict[int, Polled] = {}
        self._soon: list[Callable[[], None]] = []
        self._isSoon = False

    def fileno(self) -> int:
        """
        @return: the descriptor to be watched for reading.
        """
        return self._epoll.fileno()

    def register(self, descriptor: int, events: int, polled: Polled) -> None:
        """
        @param descriptor: of a non-blocking socket.
        @param events: what it is watched for.
        @param polled: is told.
        """
        if not self._polled:
            self._surroundings.begin()
        self._polled[descriptor] = polled
        self._epoll.register(descriptor, events)

    def modify(self, descriptor: int, events: int) -> None:
        """
        @param descriptor: registered.
        @param events: what it is watched for.
        """
        self._epoll.modify(descriptor, events)

    def unregister(self, descriptor: int) -> None:
        """
        @param descriptor: registered, and open still.
        """
        del self._polled[descriptor]
        self._epoll.unregister(descriptor)
        if not self._polled:
            self._surroundings.end()

    def soon(self, call: Callable[[], None]) -> None:
        """
        @param call: is made in a later turn.
        """
        self._soon.append(call)
        if not self._isSoon:
            self._isSoon = True
            self._surroundings.soon(self._callSoon)

    def poll(self) -> None:
        """
        Tell all whose time has come.
        """
        get = self._polled.get
        for _ in range(_LOOKS):
            events = self._epoll.poll(0, _BATCH)
            if not events:
                return
            for descriptor, event in events:
                polled = get(descriptor)
                if polled is None:
                    # Closed by what came before it in this batch.
                    continue
                try:
                    if event == EPOLLIN:
                        polled.readable()
                        continue
                    if event & EPOLLOUT:
                        polled.writable()
                    if event != EPOLLOUT:
                        polled.readable()
                except Exception:  # a fault of ours, or of an application
                    self._surroundings.failed()
                    polled.abort()

    def _callSoon(self) -> None:
        self._isSoon = False
        calls, self._soon = self._soon, []
        for call in calls:
            try:
                call()
            except Exception:  # see above
                self._surroundings.failed()

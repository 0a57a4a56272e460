"""
The queue: exchanges that wait until a backend can take them.

Strategy: those that wait for a change of the pool are asked again at every change; those that
stand in line, since all backends have as much as they take, one for each place that is free.

Invariants: they are asked in the order in which they came, in a reactor turn of their own, so
that a change in several steps (a child is removed, then expected) is seen as one; one that can't
use a place (what is free has failed it already) holds up nobody behind it; each waits in one
way at a time, and is asked again at its deadline at the latest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from twisted_multiserver.balancing.openexchange import OpenExchange
from twisted_multiserver.streams.sweep import Sweep

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Waiting(OpenExchange, Protocol):
    """
    An exchange that may have to wait.

    @ivar deadline: how long, in seconds of the clock.
    @ivar tries: how many times it was sent.
    """

    deadline: float
    tries: int

    def goOn(self) -> None:
        """
        What was waited for may be there.
        """

    def overdue(self) -> None:
        """
        The deadline has passed.
        """


class ExchangeQueue:
    """
    Who waits.
    """

    def __init__(self, clock: IReactorTime, sweep: Sweep, limit: int) -> None:
        """
        @param clock: the reactor.
        @param sweep: watches deadlines.
        @param limit: how many may wait.
        """
        self._clock = clock
        self._sweep = sweep
        self._limit = limit
        self._forChange: dict[Waiting, None] = {}
        self._inLine: dict[Waiting, None] = {}
        self._wake: IDelayedCall | None = None

    @property
    def isFull(self) -> bool:
        """
        Whether no more may wait.
        """
        return len(self._forChange) + len(self._inLine) >= self._limit

    @property
    def hasLine(self) -> bool:
        """
        Whether one waits until a backend takes it.
        """
        return bool(self._inLine)

    @property
    def isEmpty(self) -> bool:
        """
        Whether none waits.
        """
        return not self._forChange and not self._inLine

    def tried(self) -> Iterable[Waiting]:
        """
        @return: those that a backend had already.
        """
        return (each for each in chain(self._forChange, self._inLine) if each.tries)

    def add(self, exchange: Waiting, inLine: bool) -> None:
        """
        @param exchange: goes on later, or at its deadline.
        @param inLine: whether it waits for a place.
        """
        waiting, others = self._forChange, self._inLine
        if inLine:
            waiting, others = others, waiting
        others.pop(exchange, None)
        waiting[exchange] = None
        self._sweep.watch(exchange)

    def remove(self, exchange: Waiting) -> None:
        """
        @param exchange: doesn't wait any more, if it did.
        """
        if self._forChange or self._inLine:
            self._forChange.pop(exchange, None)
            self._inLine.pop(exchange, None)
        self._sweep.forget(exchange)

    def wakeSoon(self, hasPlace: Callable[[], bool]) -> None:
        """
        Let those go on who can, in another turn.

        @param hasPlace: tells whether a backend takes one more.
        """
        if self._wake is None and not self.isEmpty:
            self._wake = self._clock.callLater(0, self._wakeAll, hasPlace)

    def _wakeAll(self, hasPlace: Callable[[], bool]) -> None:
        self._wake = None
        for exchange in tuple(self._forChange):
            if exchange in self._forChange:
                exchange.goOn()
        while self._inLine and hasPlace():
            first = next(iter(self._inLine))
            first.goOn()
            if first in self._inLine:
                # It can't use that place, and keeps its own; somebody behind it may.
                self._wakeBehind(first, hasPlace)
                return

    def _wakeBehind(self, first: Waiting, hasPlace: Callable[[], bool]) -> None:
        for exchange in tuple(self._inLine):
            if not hasPlace():
                return
            if exchange is not first and exchange in self._inLine:
                exchange.goOn()

"""
When a child is to be replaced: before it grows too old, too large or too worn.

Rule: a child that has served so many requests, is so old, or whose processes take so much
memory, is replaced.  The limits of requests and age are up to a tenth lower
for each child, at random, so that children that started together don't end together.

A child that takes twice its memory before its successor is ready is killed: it would take
the others' memory too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted_multiserver.supervision.child import Child

_SPREAD = 0.1
_DEADLY = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What a child may reach.  L{None} for no limit.

    @ivar requests: how many it may serve.
    @ivar age: how old it may be, in seconds.
    @ivar memory: how much resident memory its processes may take, in bytes.
    """

    requests: int | None = None
    age: float | None = None
    memory: int | None = None

    @property
    def areNone(self) -> bool:
        """
        Whether there is no limit at all.
        """
        return self.requests is self.age is self.memory is None


@dataclass(frozen=True, slots=True)
class Wear:
    """
    What a child has reached.

    @ivar requests: how many it has served.
    @ivar age: since it became ready, in seconds.
    @ivar memory: resident, in bytes.
    """

    requests: int
    age: float
    memory: int


class WearJudge:
    """
    Decides which children are to go.
    """

    def __init__(self, limits: Limits, random: Callable[[], float]) -> None:
        """
        @param limits: for each child.
        @param random: gives numbers from 0 up to 1.
        """
        self._limits = limits
        self._random = random
        self._shares: dict[int, tuple[int, float]] = {}

    @property
    def needsMemory(self) -> bool:
        """
        Whether it matters how much memory a child takes.
        """
        return self._limits.memory is not None

    def reason(self, child: Child, wear: Wear) -> str | None:
        """
        @param child: one that is ready.
        @param wear: what it has reached.
        @return: why it is to be replaced, for people; L{None} if it may stay.
        """
        limits = self._limits
        incarnation, share = self._shares.get(child.slot, (0, 1.0))
        if incarnation != child.incarnation:
            share = 1 - _SPREAD * self._random()
            self._shares[child.slot] = child.incarnation, share
        if limits.memory is not None and wear.memory > limits.memory:
            return f"it takes {wear.memory >> 20} MiB of memory"
        if limits.requests is not None and wear.requests >= limits.requests * share:
            return f"it has served {wear.requests} requests"
        if limits.age is not None and wear.age >= limits.age * share:
            return f"it is {wear.age:.0f} s old"
        return None

    def isDeadly(self, wear: Wear) -> bool:
        """
        @param wear: what a child has reached.
        @return: whether it can't wait for its successor.
        """
        memory = self._limits.memory
        return memory is not None and wear.memory > _DEADLY * memory

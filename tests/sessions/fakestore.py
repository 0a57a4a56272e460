"""
A store in memory that notes what it is asked, and fails when told to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail

from twisted_multiserver.sessions.record import CommitResult, SessionDelta
from twisted_multiserver.testing import MemorySynchronizer


class FakeStore(MemorySynchronizer):
    """
    Sessions in memory.

    @ivar deltas: what was to be committed.
    @ivar touched: for how long sessions were touched, in seconds.
    @ivar failures: what the next writes fail with.
    @ivar isDone: whether writes that fail are done all the same.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        super().__init__(seconds)
        self.deltas: list[SessionDelta] = []
        self.touched: list[float] = []
        self.failures: list[Exception] = []
        self.isDone = False

    def commit(self, key: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        self.deltas.append(delta)
        return super().commit(key, delta)

    def rotate(self, old: bytes, new: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        self.deltas.append(delta)
        return super().rotate(old, new, delta)

    def touch(self, key: bytes, ttl: float) -> Deferred[bool]:
        self.touched.append(ttl)
        return super().touch(key, ttl)

    def _do(self, name: str, call: Callable[[], Any]) -> Deferred[Any]:
        if name == "load" or not self.failures:
            return super()._do(name, call)
        self.calls.append(name)
        if self.isDone:
            call()
        return fail(self.failures.pop(0))

"""
A store of sessions in memory, for tests: a verified fake, since it keeps the contract that
the real ones keep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from twisted_multiserver.sessions._isynchronizer import ENUMERATE, ISessionSynchronizer
from twisted_multiserver.sessions.record import (
    OPERATIONS_KEPT,
    CommitResult,
    SessionDelta,
    StoredSession,
)


@dataclass
class _Record:
    meta: bytes
    principal: str
    fields: dict[str, bytes]
    expiry: float
    operations: tuple[bytes, ...] = ()


class SharedMemory:
    """
    What several synchronizers have in common, as several processes a server.

    @ivar records: by their keys.
    """

    def __init__(self) -> None:
        self.records: dict[bytes, _Record] = {}


@implementer(ISessionSynchronizer)
class MemorySynchronizer:
    """
    Keeps sessions in memory.

    @ivar calls: the names of the operations that were asked for, in order.
    @ivar error: every operation fails with it, unless it is L{None}.
    """

    name = "memory"
    capabilities = frozenset({ENUMERATE})

    def __init__(self, seconds: Callable[[], float], memory: SharedMemory | None = None) -> None:
        """
        @param seconds: the clock.
        @param memory: shared with others.
        """
        self._seconds = seconds
        self.memory = memory or SharedMemory()
        self.calls: list[str] = []
        self.error: Exception | None = None
        self._held: list[tuple[Deferred[Any], Callable[[], Any]]] | None = None

    def hold(self) -> None:
        """
        Do and answer nothing until L{release}.
        """
        self._held = []

    def release(self) -> None:
        """
        Do what was asked for, and answer.
        """
        held, self._held = self._held or [], None
        for waiting, call in held:
            if self.error is not None:
                waiting.errback(self.error)
            else:
                waiting.callback(call())

    def start(self) -> Deferred[None]:
        """
        See L{ISessionSynchronizer}.
        """
        return succeed(None) if self.error is None else fail(self.error)

    def stop(self, grace: float = 5.0) -> Deferred[None]:
        """
        See L{ISessionSynchronizer}.
        """
        return succeed(None)

    def load(self, key: bytes) -> Deferred[StoredSession | None]:
        """
        See L{ISessionSynchronizer}.
        """
        return self._do("load", lambda: self._load(key))

    def commit(self, key: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        """
        See L{ISessionSynchronizer}.
        """
        return self._do("commit", lambda: self._commit(key, delta))

    def rotate(self, old: bytes, new: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        """
        See L{ISessionSynchronizer}.
        """
        return self._do("rotate", lambda: self._rotate(old, new, delta))

    def touch(self, key: bytes, ttl: float) -> Deferred[bool]:
        """
        See L{ISessionSynchronizer}.
        """

        def touch() -> bool:
            record = self._find(key)
            if record is not None:
                record.expiry = self._seconds() + ttl
            return record is not None

        return self._do("touch", touch)

    def delete(self, key: bytes) -> Deferred[bool]:
        """
        See L{ISessionSynchronizer}.
        """

        def delete() -> bool:
            isThere = self._find(key) is not None
            self.memory.records.pop(key, None)
            return isThere

        return self._do("delete", delete)

    def purge(self, limit: int) -> Deferred[int]:
        """
        See L{ISessionSynchronizer}.
        """

        def purge() -> int:
            records = self.memory.records
            over = [key for key in records if self._find(key) is None][:limit]
            for key in over:
                del records[key]
            return len(over)

        return self._do("purge", purge)

    def find(self, principal: str) -> Deferred[list[bytes]]:
        """
        See L{ISessionSynchronizer}.
        """
        return self._do("find", lambda: self._of(principal))

    def deletePrincipal(self, principal: str, exceptKey: bytes | None = None) -> Deferred[int]:
        """
        See L{ISessionSynchronizer}.
        """

        def deletePrincipal() -> int:
            keys = [key for key in self._of(principal) if key != exceptKey]
            for key in keys:
                del self.memory.records[key]
            return len(keys)

        return self._do("deletePrincipal", deletePrincipal)

    def health(self) -> Deferred[None]:
        """
        See L{ISessionSynchronizer}.
        """
        return self._do("health", lambda: None)

    def _do(self, name: str, call: Callable[[], Any]) -> Deferred[Any]:
        self.calls.append(name)
        if self._held is not None:
            # Given up by its caller it is done all the same.
            waiting: Deferred[Any] = Deferred()
            self._held.append((waiting, call))
            return waiting
        return succeed(call()) if self.error is None else fail(self.error)

    def _find(self, key: bytes) -> _Record | None:
        record = self.memory.records.get(key)
        return record if record is not None and record.expiry > self._seconds() else None

    def _of(self, principal: str) -> list[bytes]:
        return [
            key
            for key in self.memory.records
            if (record := self._find(key)) is not None and record.principal == principal
        ]

    def _load(self, key: bytes) -> StoredSession | None:
        record = self._find(key)
        if record is None:
            return None
        left = record.expiry - self._seconds()
        return StoredSession(record.meta, dict(record.fields), left, record.principal)

    def _commit(self, key: bytes, delta: SessionDelta) -> CommitResult:
        record = self._find(key)
        if record is not None and delta.operation in record.operations:
            return CommitResult.ok
        if delta.create:
            if record is not None:
                return CommitResult.conflict
            record = _Record(delta.meta or b"", "", {}, 0.0)
        elif record is None:
            return CommitResult.gone
        if any(record.fields.get(name) != value for name, value in delta.expect.items()):
            return CommitResult.conflict
        if delta.clear:
            record.fields.clear()
        for name in delta.unset:
            record.fields.pop(name, None)
        record.fields.update(delta.set)
        record.expiry = self._seconds() + delta.ttl
        if delta.meta is not None:
            record.meta = delta.meta
        if delta.principal is not None:
            record.principal = delta.principal
        record.operations = (*record.operations, delta.operation)[-OPERATIONS_KEPT:]
        self.memory.records[key] = record
        return CommitResult.ok

    def _rotate(self, old: bytes, new: bytes, delta: SessionDelta) -> CommitResult:
        done = self._find(new)
        if done is not None and delta.operation in done.operations:
            return CommitResult.ok
        result = self._commit(old, delta)
        if result is CommitResult.ok:
            self.memory.records[new] = self.memory.records.pop(old)
        return result

"""
How a session in memcached is changed: operations that block, for the threads of a server.

Strategy: a session is one blob; a change reads it, applies the delta and stores it if
nobody else has changed it meanwhile (C{gets}, C{cas}), again and again.

Rotation takes two steps, since the keys may be on two servers: the new one is made, then
a tombstone takes the place of the old one if it is still what was read.  The second step
decides: until then the old key is good and nobody knows the new one, so that a crash in
between loses nothing; a change or the end of the session meanwhile makes it fail, and the
new one is made again or removed.  The tombstone has the operation's identity, so that a
second try knows whether it was this one that took the old key away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import uniform
from typing import Protocol

from twisted_multiserver.sessions.errors import SessionCorrupt, StoreUnavailable
from twisted_multiserver.sessions.memcachedrecord import Record, changed
from twisted_multiserver.sessions.record import CommitResult, SessionDelta, StoredSession

TRIES = 32
# Seconds; from one try to the next at most, at the end.
_LONGEST_PAUSE = 0.02
# Seconds; as long as a second try may come.
_TOMBSTONE_AGE = 60.0

Now = Callable[[], float]


class Node(Protocol):
    """
    What a server does, see L{twisted_multiserver.sessions.memcachednode.MemcachedNode}.
    """

    def get(self, key: bytes) -> Record | None:
        """
        What is there.
        """

    def read(self, key: bytes) -> tuple[Record | None, object]:
        """
        What is there, and what C{replace} wants.
        """

    def add(self, key: bytes, record: Record) -> bool:
        """
        Store it if nothing is there.
        """

    def replace(self, key: bytes, record: Record, token: object) -> bool:
        """
        Store it if what was read is still there.
        """

    def remove(self, key: bytes) -> bool:
        """
        Remove it, and tell whether something was there.
        """


def load(node: Node, key: bytes, now: Now) -> StoredSession | None:
    """
    @param node: the server of the session.
    @param key: of the session.
    @param now: tells the time, in epoch seconds; so for all of these.
    @return: as L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}
        has it; so for all of these.
    """
    record = node.get(key)
    at = now()
    if record is None or not record.isAlive(at):
        return None
    return StoredSession(record.meta, dict(record.fields), record.expiry - at, record.principal)


def commit(node: Node, key: bytes, delta: SessionDelta, now: Now) -> CommitResult:
    """
    See L{load}.
    """
    for _ in _tries():
        record, token = node.read(key)
        result = changed(record, delta, now())
        if isinstance(result, CommitResult):
            return result
        if _store(node, key, result, record, token):
            return CommitResult.ok
    raise _busy()


def rotate(
    source: Node, old: bytes, target: Node, new: bytes, delta: SessionDelta, now: Now
) -> CommitResult:
    """
    See L{load}.
    """
    for _ in _tries():
        record, token = source.read(old)
        made, madeToken = target.read(new)
        isOurs = made is not None and delta.operation in made.operations
        if record is not None and record.isTombstone and delta.operation in record.operations:
            # The second step was done, and its answer lost.
            return CommitResult.ok if isOurs else CommitResult.gone
        result = changed(record, delta, now())
        if isinstance(result, CommitResult):
            if isOurs:
                # The session has changed or ended since the first step.
                target.remove(new)
            return result
        if made is not None and not isOurs and made.isAlive(now()):
            return CommitResult.conflict
        if not _store(target, new, result, made, madeToken):
            continue
        tombstone = Record(now() + _TOMBSTONE_AGE, operations=(delta.operation,), isTombstone=True)
        if source.replace(old, tombstone, token):
            return CommitResult.ok
    target.remove(new)
    raise _busy()


def touch(node: Node, key: bytes, ttl: float, now: Now) -> bool:
    """
    See L{load}.
    """
    for _ in _tries():
        record, token = node.read(key)
        at = now()
        if record is None or not record.isAlive(at):
            return False
        if node.replace(key, replace(record, expiry=at + ttl), token):
            return True
    raise _busy()


def delete(node: Node, key: bytes, now: Now) -> bool:
    """
    See L{load}.
    """
    try:
        record = node.get(key)
    except SessionCorrupt:
        return node.remove(key)
    if record is None or record.isTombstone:
        return False
    isAlive = record.isAlive(now())
    return node.remove(key) and isAlive


def _store(node: Node, key: bytes, record: Record, previous: Record | None, token: object) -> bool:
    if previous is None:
        return node.add(key, record)
    return node.replace(key, record, token)


def _tries() -> Iterator[int]:
    """
    @return: as often as something may be tried, with pauses in between.
    """
    for number in range(TRIES):
        if number:
            time.sleep(uniform(0.0, min(_LONGEST_PAUSE, 0.0005 * 2**number)))
        yield number


def _busy() -> StoreUnavailable:
    return StoreUnavailable("memcached: too many changes of one session at the same time")

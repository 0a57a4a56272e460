"""
What is done in a database of sessions: what changes it is called within L{writing}.

Everything here runs in a thread of the store's, on a connection of that thread.

Invariants: a write takes the writer's lock before it reads (BEGIN IMMEDIATE), so that nothing
it has read can change before it writes; a record whose time is over is none, whether or not
it was purged.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from random import random
from time import monotonic, sleep

from twisted_multiserver.sessions.errors import SessionCorrupt, StoreUnavailable
from twisted_multiserver.sessions.record import (
    OPERATION_SIZE,
    OPERATIONS_KEPT,
    CommitResult,
    SessionDelta,
    StoredSession,
)
from twisted_multiserver.sessions.sqliteschema import isBusy

# How long to wait for the one other writer, and how often to look, in seconds.
BUSY_TIMEOUT = 1.5
_PAUSE = 0.0004
_CORRUPT = "sqlite: what is stored under the key of a session is none"


def encodeName(name: str) -> bytes:
    """
    @param name: of a field.
    @return: as it is stored.
    """
    return name.encode("utf-8", "surrogatepass")


def decodeName(data: bytes) -> str:
    """
    @param data: as it is stored.
    @return: the name of a field.
    """
    return data.decode("utf-8", "surrogatepass")


def _begin(connection: sqlite3.Connection, until: float) -> None:
    """
    Take the writer's lock.

    SQLite's own waiting sleeps for up to 100 ms; a commit takes a fraction of one.
    """
    deadline = min(monotonic() + BUSY_TIMEOUT, until)
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if not isBusy(error) or monotonic() > deadline:
                raise
        sleep(_PAUSE * (0.5 + random()))


@contextmanager
def writing(connection: sqlite3.Connection, until: float) -> Iterator[None]:
    """
    One transaction that writes.

    @param connection: to the database.
    @param until: when it is too late, in seconds of C{time.monotonic}: then nobody waits any
        more, and what is done could undo what came after.
    @raise StoreUnavailable: if it is too late.
    """
    if monotonic() < until:
        _begin(connection, until)
    try:
        if monotonic() >= until:
            raise StoreUnavailable("sqlite: it was not done in time")
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some errors, such as a full disk, SQLite has rolled back by itself; what can't
        # be committed would be in the way of all that follows.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def load(connection: sqlite3.Connection, key: bytes, now: float) -> StoredSession | None:
    """
    See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.

    One statement, so that record and fields are of the same moment.
    """
    rows = connection.execute(
        "SELECT s.meta, s.principal, s.exp, f.k, f.v FROM s LEFT JOIN f ON f.id = s.id"
        " WHERE s.id = ? AND s.exp > ?",
        (key, now),
    ).fetchall()
    if not rows:
        return None
    meta, principal, expiry, first, _ = rows[0]
    try:
        fields = {} if first is None else {decodeName(row[3]): row[4] for row in rows}
    except (AttributeError, UnicodeDecodeError) as error:
        raise SessionCorrupt(_CORRUPT) from error
    # Columns of SQLite take values of any type.
    isWell = type(meta) is bytes and type(principal) is str
    if not isWell or not all(type(value) is bytes for value in fields.values()):
        raise SessionCorrupt(_CORRUPT)
    return StoredSession(meta, fields, expiry - now, principal)


def commit(
    connection: sqlite3.Connection, key: bytes, delta: SessionDelta, now: float
) -> CommitResult:
    """
    See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
    """
    operations = _operations(connection, key, now)
    if operations is not None and _isAmong(delta.operation, operations):
        return CommitResult.ok
    if delta.create:
        isExpected = all(value is None for value in delta.expect.values())
        if operations is not None or not isExpected:
            return CommitResult.conflict
        _remove(connection, key)
        connection.execute(
            "INSERT INTO s VALUES (?, ?, ?, '', x'')", (key, now + delta.ttl, delta.meta or b"")
        )
        operations = b""
    elif operations is None:
        return CommitResult.gone
    return _apply(connection, key, delta, operations, now)


def rotate(
    connection: sqlite3.Connection, old: bytes, new: bytes, delta: SessionDelta, now: float
) -> CommitResult:
    """
    See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
    """
    done = _operations(connection, new, now)
    if done is not None and _isAmong(delta.operation, done):
        return CommitResult.ok
    operations = _operations(connection, old, now)
    if operations is None:
        return CommitResult.gone
    result = _apply(connection, old, delta, operations, now)
    if result is CommitResult.ok:
        _remove(connection, new)
        connection.execute("UPDATE s SET id = ? WHERE id = ?", (new, old))
        connection.execute("UPDATE f SET id = ? WHERE id = ?", (new, old))
    return result


def touch(connection: sqlite3.Connection, key: bytes, ttl: float, now: float) -> bool:
    """
    See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
    """
    done = connection.execute(
        "UPDATE s SET exp = ? WHERE id = ? AND exp > ?", (now + ttl, key, now)
    )
    return done.rowcount > 0


def delete(connection: sqlite3.Connection, key: bytes, now: float) -> bool:
    """
    See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
    """
    wasThere = _operations(connection, key, now) is not None
    _remove(connection, key)
    return wasThere


def purge(connection: sqlite3.Connection, limit: int, now: float) -> int:
    """
    See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
    """
    over = connection.execute(
        "SELECT id FROM s WHERE exp <= ? ORDER BY exp LIMIT ?", (now, limit)
    ).fetchall()
    for (key,) in over:
        _remove(connection, key)
    return len(over)


def find(connection: sqlite3.Connection, principal: str, now: float) -> list[bytes]:
    """
    See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
    """
    rows = connection.execute(
        "SELECT id FROM s WHERE principal = ? AND principal <> '' AND exp > ?", (principal, now)
    )
    return [key for (key,) in rows]


def deletePrincipal(
    connection: sqlite3.Connection, principal: str, exceptKey: bytes | None, now: float
) -> int:
    """
    See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
    """
    keys = [key for key in find(connection, principal, now) if key != exceptKey]
    for key in keys:
        _remove(connection, key)
    return len(keys)


def _operations(connection: sqlite3.Connection, key: bytes, now: float) -> bytes | None:
    row = connection.execute("SELECT ops FROM s WHERE id = ? AND exp > ?", (key, now)).fetchone()
    return None if row is None else row[0]


def _isAmong(operation: bytes, operations: bytes) -> bool:
    return any(
        operations[place : place + OPERATION_SIZE] == operation
        for place in range(0, len(operations), OPERATION_SIZE)
    )


def _apply(
    connection: sqlite3.Connection,
    key: bytes,
    delta: SessionDelta,
    operations: bytes,
    now: float,
) -> CommitResult:
    for name, expected in delta.expect.items():
        row = connection.execute(
            "SELECT v FROM f WHERE id = ? AND k = ?", (key, encodeName(name))
        ).fetchone()
        if (None if row is None else row[0]) != expected:
            return CommitResult.conflict
    if delta.clear:
        connection.execute("DELETE FROM f WHERE id = ?", (key,))
    if delta.unset:
        connection.executemany(
            "DELETE FROM f WHERE id = ? AND k = ?",
            [(key, encodeName(name)) for name in delta.unset],
        )
    if delta.set:
        connection.executemany(
            "INSERT INTO f VALUES (?, ?, ?) ON CONFLICT(id, k) DO UPDATE SET v = excluded.v",
            [(key, encodeName(name), value) for name, value in delta.set.items()],
        )
    kept = (operations + delta.operation)[-OPERATIONS_KEPT * OPERATION_SIZE :]
    connection.execute(
        "UPDATE s SET exp = ?, meta = coalesce(?, meta), principal = coalesce(?, principal),"
        " ops = ? WHERE id = ?",
        (now + delta.ttl, delta.meta, delta.principal, kept, key),
    )
    return CommitResult.ok


def _remove(connection: sqlite3.Connection, key: bytes) -> None:
    connection.execute("DELETE FROM f WHERE id = ?", (key,))
    connection.execute("DELETE FROM s WHERE id = ?", (key,))

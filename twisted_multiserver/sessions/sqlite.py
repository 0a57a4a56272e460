"""
Sessions in an SQLite database, on a local disk: the store that needs no server.

Strategy: one thread writes and one reads, each with a connection of its own, so that a
reader never waits for a writer, neither of this process nor of another.

Invariants: a connection is used by its thread alone; what was acknowledged is in the
database's log, which every process that opens it replays.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, gatherResults
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_multiserver.sessions import sqlitechanges as changes
from twisted_multiserver.sessions._isynchronizer import ENUMERATE, ISessionSynchronizer
from twisted_multiserver.sessions.errors import (
    SessionError,
    SessionTooLarge,
    StoreConfigError,
    StoreUnavailable,
)
from twisted_multiserver.sessions.operations import COMMIT_DEADLINE, LOAD_DEADLINE, Operations
from twisted_multiserver.sessions.record import CommitResult, SessionDelta, StoredSession
from twisted_multiserver.sessions.sqliteschema import (
    isBusy,
    openDatabase,
    prepareDatabase,
    primaryCode,
)
from twisted_multiserver.sessions.storeuri import StoreURI

Result = TypeVar("Result")

# How long a reader waits in the rare cases in which it has to: while another process recovers
# the log behind a crash, or is the last to close it.  In seconds.
_READERS_PATIENCE = 0.5

_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY})


class _Worker:
    """
    A thread with a connection.
    """

    def __init__(self, reactor: Any, path: str, name: str, patience: float) -> None:
        """
        @param reactor: is told of results.
        @param path: of the database.
        @param name: of the thread.
        @param patience: how long a statement waits for other processes, in seconds.
        """
        self._reactor = reactor
        self._path = path
        self._patience = patience
        self._tasks: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...], Deferred[Any]] | None]
        self._tasks = SimpleQueue()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._connection: sqlite3.Connection | None = None
        self._ended: Deferred[None] = Deferred()

    def start(self) -> None:
        """
        Begin to work.
        """
        self._thread.start()

    def do(self, task: Callable[..., Result], *arguments: Any) -> Deferred[Result]:
        """
        @param task: called in the thread with the connection.
        @param arguments: and with these.
        @return: fires with what it returns.
        """
        done: Deferred[Result] = Deferred()
        self._tasks.put((task, arguments, done))
        return done

    def stop(self) -> Deferred[None]:
        """
        @return: fires when all tasks are done and the connection is closed.
        """
        self._tasks.put(None)
        return self._ended

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            call, arguments, done = task
            try:
                if self._connection is None:
                    self._connection = openDatabase(self._path, self._patience)
                result = call(self._connection, *arguments)
            # Whatever it is, the caller has to know of it.
            except BaseException:
                result = Failure()
            self._reactor.callFromThread(done.callback, result)
        if self._connection is not None:
            self._connection.close()
        self._reactor.callFromThread(self._ended.callback, None)


@implementer(ISessionSynchronizer)
class SQLiteSynchronizer:
    """
    Keeps sessions in a database.  One that isn't there is made at the start; a master brings
    it up to date before its children open it.

    @cvar uriOptions: there are none.
    @ivar operations: counts them.
    """

    name = "sqlite"
    capabilities = frozenset({ENUMERATE})
    uriOptions: frozenset[str] = frozenset()

    def __init__(self, path: str, reactor: Any, now: Callable[[], float] = time.time) -> None:
        """
        @param path: of the database.
        @param reactor: the reactor.
        @param now: the time, in seconds since the epoch: that of all processes which share
            the database.
        """
        self._path = path
        self._reactor = reactor
        self._now = now
        self._reader: _Worker | None = None
        self._writer: _Worker | None = None
        self.operations = Operations(self.name, reactor, self._meaning)

    @classmethod
    def fromURI(cls, uri: StoreURI, reactor: Any) -> SQLiteSynchronizer:
        """
        @param uri: names the file.
        @param reactor: the reactor.
        @return: a synchronizer that has yet to be started.
        """
        return cls(uri.path, reactor)

    def start(self) -> Deferred[None]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        if self._reader is None:
            try:
                if not os.path.exists(self._path):
                    prepareDatabase(self._path)
            except StoreConfigError as error:
                return fail(error)
            self._reader = _Worker(self._reactor, self._path, "sessions reader", _READERS_PATIENCE)
            # What it does waits by itself, faster than SQLite does.
            self._writer = _Worker(self._reactor, self._path, "sessions writer", 0.0)
            self._reader.start()
            self._writer.start()
        return self.health().addCallback(lambda _: self._write("start", _nothing))

    def stop(self, grace: float = 5.0) -> Deferred[None]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        return self.operations.whenQuiet(grace).addCallback(lambda _: self._stopWorkers())

    def load(self, key: bytes) -> Deferred[StoredSession | None]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        return self._read("load", changes.load, key)

    def commit(self, key: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        return self._write("commit", changes.commit, key, delta)

    def rotate(self, old: bytes, new: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        return self._write("rotate", changes.rotate, old, new, delta)

    def touch(self, key: bytes, ttl: float) -> Deferred[bool]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        return self._write("touch", changes.touch, key, ttl)

    def delete(self, key: bytes) -> Deferred[bool]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        return self._write("delete", changes.delete, key)

    def purge(self, limit: int) -> Deferred[int]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        return self._write("purge", changes.purge, limit)

    def find(self, principal: str) -> Deferred[list[bytes]]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        return self._read("find", changes.find, principal)

    def deletePrincipal(self, principal: str, exceptKey: bytes | None = None) -> Deferred[int]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        return self._write("deletePrincipal", changes.deletePrincipal, principal, exceptKey)

    def health(self) -> Deferred[None]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        return self._read("health", _nothing)

    def _read(self, name: str, call: Callable[..., Result], *arguments: Any) -> Deferred[Result]:
        return self._do(self._reader, name, LOAD_DEADLINE, call, arguments)

    def _write(self, name: str, call: Callable[..., Result], *arguments: Any) -> Deferred[Result]:
        until = time.monotonic() + COMMIT_DEADLINE

        def write(connection: sqlite3.Connection, *arguments: Any) -> Result:
            with changes.writing(connection, until):
                return call(connection, *arguments)

        return self._do(self._writer, name, COMMIT_DEADLINE, write, arguments)

    def _do(
        self,
        worker: _Worker | None,
        name: str,
        deadline: float,
        call: Callable[..., Result],
        arguments: tuple[Any, ...],
    ) -> Deferred[Result]:
        def ask() -> Deferred[Result]:
            if worker is None:
                raise StoreUnavailable("sqlite: it was not started")
            return worker.do(call, *arguments, self._now())

        return self.operations.run(name, deadline, ask)

    def _stopWorkers(self) -> Deferred[None]:
        workers = [worker for worker in (self._reader, self._writer) if worker is not None]
        self._reader = self._writer = None
        return gatherResults([worker.stop() for worker in workers]).addCallback(lambda _: None)

    def _meaning(self, error: BaseException) -> SessionError | None:
        if not isinstance(error, sqlite3.Error):
            return None
        code = primaryCode(error)
        if code in _BROKEN:
            return StoreConfigError(f"sqlite: {self._path} can't be used: {error}")
        if code == sqlite3.SQLITE_TOOBIG:
            return SessionTooLarge(f"sqlite: {error}")
        return StoreUnavailable(
            f"sqlite: {self._path}: {error}",
            retryable=isBusy(error),
            # The disk may fail behind the point of no return.
            outcomeUnknown=code == sqlite3.SQLITE_IOERR,
        )


def _nothing(connection: sqlite3.Connection, now: float) -> None:
    """
    Just open the database.
    """

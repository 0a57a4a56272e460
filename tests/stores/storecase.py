"""
Tests that start servers of stores.
"""

from __future__ import annotations

import os
from threading import Event
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.stores.serverprocess import ServerProcess
from twisted_multiserver.sessions.errors import StoreUnavailable
from twisted_multiserver.sessions.record import CommitResult, SessionDelta
from twisted_multiserver.sessions.uri import synchronizerFromURI

Server = TypeVar("Server", bound=ServerProcess)

# What drivers like to take for numbers or text, or can't.
AWKWARD = {
    "number": b"007",
    "float": b"1.50",
    "sign": b"+",
    "empty": b"",
    "": b"empty name",
    "all": bytes(range(256)),
    "latin": b"\xe9",
    "a.b$c\0d é\U0001f600": b"\r\n$5\r\n*2\r\nEND\r\n",
    "m": b"m",
}


def newKey() -> bytes:
    """
    Of a session.
    """
    return os.urandom(32)


def created(ttl: float = 60.0, **options: Any) -> SessionDelta:
    """
    A new session.
    """
    return SessionDelta(ttl, **{"create": True, "meta": b"", **options})


class StoreTestCase(TestCase):
    """
    Starts servers and synchronizers, and ends them.
    """

    timeout = 60

    async def started(self, server: Server) -> Server:
        self.ended(server)
        await server.start()
        return server

    def ended(self, server: Server) -> Server:
        self.addCleanup(lambda: ensureDeferred(server.stop()))
        return server

    async def synchronizer(self, uri: str) -> Any:
        synchronizer = self.unstarted(uri)
        await synchronizer.start()
        return synchronizer

    def unstarted(self, uri: str) -> Any:
        synchronizer = synchronizerFromURI(uri, reactor)
        self.addCleanup(synchronizer.stop, 0.5)
        return synchronizer


class BusyThreads:
    """
    All threads of the reactor's own pool wait while this is entered, as those of an
    application do that asks a slow server.
    """

    def __init__(self) -> None:
        self._release = Event()
        self._waiting: list[Deferred[bool]] = []

    def __enter__(self) -> None:
        threads: Any = reactor
        count = threads.getThreadPool().max
        self._waiting = [deferToThread(self._release.wait) for _ in range(count)]

    def __exit__(self, *_: object) -> None:
        self._release.set()

    async def ended(self) -> None:
        """
        All are free again.
        """
        await gatherResults(self._waiting)


class Load:
    """
    Callers that commit to sessions of their own, one number after the other, as fast as they
    are answered, and remember what was acknowledged.

    @ivar acknowledged: the highest number of each session.
    @ivar longest: how long a caller has waited for an answer, in seconds.
    """

    def __init__(self, synchronizer: Any, callers: int) -> None:
        self._synchronizer = synchronizer
        self._isOver = False
        self.acknowledged: dict[bytes, int] = {}
        self.tried: dict[bytes, int] = {}
        self.longest = 0.0
        self.failures = 0
        self.gone = 0
        self._callers = [ensureDeferred(self._caller()) for _ in range(callers)]

    async def stop(self) -> None:
        self._isOver = True
        for caller in self._callers:
            await caller

    async def _caller(self) -> None:
        key, number, isNew = newKey(), 0, True
        while not self._isOver:
            number += 1
            self.tried[key] = number
            delta = SessionDelta(
                600.0, create=isNew, meta=b"" if isNew else None, set={"n": b"%d" % number}
            )
            since = reactor.seconds()
            try:
                result = await self._synchronizer.commit(key, delta)
            except StoreUnavailable:
                result = None
            self.longest = max(self.longest, reactor.seconds() - since)
            if result is CommitResult.ok:
                self.acknowledged[key], isNew = number, False
            elif result is not None:
                # It was lost with the server, or created without our being told.
                self.gone += 1
                key, number, isNew = newKey(), 0, True
            else:
                self.failures += 1
                # As many requests as fail at once would come.
                await deferLater(reactor, 0.01, lambda: None)


async def serviceAfter(synchronizer: Any) -> float:
    """
    @return: how long it takes from now until a session is loaded, in seconds.
    """
    since = reactor.seconds()
    key = newKey()
    while True:
        try:
            await synchronizer.load(key)
        except StoreUnavailable:
            await deferLater(reactor, 0.01, lambda: None)
        else:
            return float(reactor.seconds() - since)


async def givenUpStaysUndone(test: Any, server: Any, synchronizer: Any) -> None:
    """
    A change that a frozen server has got, and that was given up, is never done, not even when
    the server goes on: it would undo what was acknowledged behind it.

    @param test: fails if it is done.
    @param server: can be frozen.
    @param synchronizer: of it.
    """
    key = newKey()
    test.assertIs(await synchronizer.commit(key, created(set={"n": b"1"})), CommitResult.ok)
    for _ in range(3):
        server.freeze()
        waiting = synchronizer.commit(key, SessionDelta(600.0, set={"n": b"2"}))
        try:
            await waiting
        except StoreUnavailable:
            pass
        else:
            test.fail("a frozen server has answered")
        await deferLater(reactor, 0.2, lambda: None)
        server.thaw()
        await serviceAfter(synchronizer)
        # What it still has to do it does at once.
        await deferLater(reactor, 0.3, lambda: None)
        stored = await synchronizer.load(key)
        test.assertEqual(dict(stored.fields), {"n": b"1"})


async def clockMayBeSet(test: Any, synchronizer: Any) -> None:
    """
    @param test: fails if a change fails.
    @param synchronizer: of a server that tells its time.
    """
    key = newKey()
    await synchronizer.commit(key, created())
    clock = synchronizer._clock
    for hours in (1, -1):
        # As if it had told this before its clock was set by so much.
        now = clock.now()
        clock.told(clock.serverTime(now) - hours * 3600, now)
        for _ in range(2):
            delta = SessionDelta(600.0, set={"n": b"%d" % hours})
            test.assertIs(await synchronizer.commit(key, delta), CommitResult.ok)
        stored = await synchronizer.load(key)
        test.assertEqual(dict(stored.fields), {"n": b"%d" % hours})

"""
Tests that start servers of stores.
"""

from __future__ import annotations

import os
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import deferLater
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

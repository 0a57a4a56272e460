"""
What clients see while a store is away: answers, in time, and nothing acknowledged lost.

Through HTTP and the balancer, on real servers that are killed or frozen under load.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.integration.test_sessions_shared import Browser
from tests.integration.twistdharness import Twistd
from tests.stores.memcachedserver import MemcachedServer
from tests.stores.mongoserver import MongoServer
from tests.stores.redisserver import RedisServer
from tests.stores.storecase import StoreTestCase
from twisted_multiserver.sessions.operations import COMMIT_DEADLINE, LOAD_DEADLINE

# Seconds; processes and threads have to be scheduled in between.
_SLACK = 1.5


class Visitor(threading.Thread):
    """
    Sets one field after the other, each in a session that it keeps, until it is stopped.

    @ivar statuses: how many answers had which.
    @ivar longest: how long one took, in seconds.
    @ivar acknowledged: the last number that was answered with 200.
    @ivar lastRefusal: when the last answer of 503 came.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.browser = Browser(port)
        self.statuses: Counter[int] = Counter()
        self.longest = 0.0
        self.acknowledged = -1
        self.tried = -1
        self.lastRefusal = 0.0
        self._isOver = threading.Event()

    def run(self) -> None:
        """
        Ask.
        """
        while not self._isOver.is_set():
            self.tried += 1
            since = time.monotonic()
            status, _ = self.browser.ask(f"/set?n={self.tried}")
            now = time.monotonic()
            self.longest = max(self.longest, now - since)
            self.statuses[status] += 1
            if status == 200:
                self.acknowledged = self.tried
            else:
                self.lastRefusal = now
                time.sleep(0.02)

    def stop(self) -> None:
        """
        Ask no more.
        """
        self._isOver.set()
        self.join()


class OutageTests(StoreTestCase):
    """
    Children that share sessions.
    """

    timeout = 120

    async def begin(self, uri: str) -> tuple[Twistd, list[Visitor]]:
        """
        @param uri: of a store.
        @return: a master and visitors, all at work.
        """
        twistd = Twistd(
            self,
            "--listen=tcp:0:interface=127.0.0.1",
            "--app=tests.applications.sessionrace:site",
            f"--chdir={Path(__file__).parents[2]}",
            "--children=2",
            "--sessions=none",
            STORE=uri,
        )
        port = await deferToThread(twistd.waitUntilReady)
        visitors = [Visitor(port) for _ in range(6)]
        for visitor in visitors:
            visitor.start()
            self.addCleanup(visitor.stop)
        await deferLater(reactor, 1.0, lambda: None)
        return twistd, visitors

    async def end(self, back: float, twistd: Twistd, visitors: list[Visitor]) -> None:
        """
        @param back: when the server answered again, in seconds of C{time.monotonic}.
        """
        await deferLater(reactor, 3.5, lambda: None)
        for visitor in visitors:
            await deferToThread(visitor.stop)
            self.assertEqual(set(visitor.statuses), {200, 503})
            self.assertLess(visitor.longest, LOAD_DEADLINE + COMMIT_DEADLINE + _SLACK)
            self.assertLess(visitor.lastRefusal, back + 3.0)
            _, stored = await deferToThread(visitor.browser.ask, "/get?n")
            number = int(stored.split()[1])
            self.assertTrue(visitor.acknowledged <= number <= visitor.tried, stored)
        self.assertEqual(await deferToThread(twistd.stop), 0)

    async def kill(self, server: RedisServer | MongoServer) -> None:
        """
        Kill it with SIGKILL, and start it again.
        """
        twistd, visitors = await self.begin(server.uri())
        await server.kill()
        await deferLater(reactor, 1.5, lambda: None)
        await server.start()
        await self.end(time.monotonic(), twistd, visitors)

    async def freeze(self, server: RedisServer | MongoServer | MemcachedServer) -> None:
        """
        Stop it for five seconds, with all its connections open.
        """
        twistd, visitors = await self.begin(server.uri())
        server.freeze()
        await deferLater(reactor, 5.0, lambda: None)
        server.thaw()
        await self.end(time.monotonic(), twistd, visitors)

    async def test_redisKilled(self) -> None:
        """
        One that writes each change at once.
        """
        await self.kill(await self.started(RedisServer(isDurable=True)))

    async def test_redisFrozen(self) -> None:
        """
        The same.
        """
        await self.freeze(await self.started(RedisServer(isDurable=True)))

    async def test_mongodbKilled(self) -> None:
        """
        One with a journal.
        """
        await self.kill(await self.started(MongoServer()))

    async def test_mongodbFrozen(self) -> None:
        """
        The same.
        """
        await self.freeze(await self.started(MongoServer()))

    async def test_memcachedFrozen(self) -> None:
        """
        Killed it would lose all; frozen it must not.
        """
        await self.freeze(await self.started(MemcachedServer()))

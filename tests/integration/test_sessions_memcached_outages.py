"""
Sessions on a real memcached that is killed or frozen while it is being used.
"""

from __future__ import annotations

from typing import Any

from pymemcache import PooledClient
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater

from tests.stores.memcachedserver import MemcachedServer
from tests.stores.storecase import (
    Load,
    StoreTestCase,
    created,
    givenUpStaysUndone,
    newKey,
    serviceAfter,
)
from twisted_multiserver.sessions._isynchronizer import ISessionSynchronizer
from twisted_multiserver.sessions.errors import StoreUnavailable
from twisted_multiserver.sessions.operations import COMMIT_DEADLINE
from twisted_multiserver.sessions.record import CommitResult

# Seconds; a turn of a busy event loop may be in between.
_SLACK = 0.5


class MemcachedOutageTests(StoreTestCase):
    async def test_killed(self) -> None:
        """
        Under load: everybody is answered within the deadline, and the service is back soon
        after the server is.
        """
        server = await self.started(MemcachedServer())
        synchronizer = await self.synchronizer(server.uri())
        load = Load(synchronizer, 20)
        await deferLater(reactor, 0.5, lambda: None)
        for _ in range(2):
            await server.kill()
            await deferLater(reactor, 1.0, lambda: None)
            await server.start()
            self.assertTrue(await serviceAfter(synchronizer) < 3.0)
            await deferLater(reactor, 0.5, lambda: None)
        await load.stop()
        self.assertTrue(load.failures)
        # Sessions don't survive; that they are gone was told.
        self.assertTrue(load.gone)
        self.assertTrue(load.longest < COMMIT_DEADLINE + _SLACK)
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_frozen(self) -> None:
        """
        A server that is frozen for a while: the same, and nothing acknowledged is lost.
        """
        server = await self.started(MemcachedServer())
        synchronizer = await self.synchronizer(server.uri())
        load = Load(synchronizer, 20)
        await deferLater(reactor, 0.5, lambda: None)
        server.freeze()
        await deferLater(reactor, 5.0, lambda: None)
        server.thaw()
        self.assertTrue(await serviceAfter(synchronizer) < 3.0)
        await load.stop()
        self.assertTrue(load.failures)
        self.assertTrue(load.longest < COMMIT_DEADLINE + _SLACK)
        self.assertTrue(sum(load.acknowledged.values()) > 100)
        for key, number in load.acknowledged.items():
            stored = await synchronizer.load(key)
            self.assertTrue(number <= int(stored.fields["n"]) <= load.tried[key])
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_givenUp(self) -> None:
        """
        What was given up isn't done later on.
        """
        server = await self.started(MemcachedServer())
        await givenUpStaysUndone(self, server, await self.synchronizer(server.uri()))

    async def test_firstAfterRestart(self) -> None:
        """
        All connections of a pool are dead after a restart; nobody notices.
        """
        server = await self.started(MemcachedServer())
        client = PooledClient(server.path, timeout=1, connect_timeout=1)
        self.addCleanup(client.close)
        brought: Any = ISessionSynchronizer(client)
        self.addCleanup(brought.stop, 0.5)
        await brought.start()
        for synchronizer in (await self.synchronizer(server.uri()), brought):
            # So that there are several.
            await gatherResults([synchronizer.commit(newKey(), created()) for _ in range(50)])
            await server.kill()
            await server.start()
            self.assertIs(await synchronizer.commit(newKey(), created()), CommitResult.ok)
            self.assertIsNone(await synchronizer.load(newKey()))
            self.assertNotIn("commit unavailable", synchronizer.operations.counts)

    async def test_unreachable(self) -> None:
        """A server that isn't there is reported at the start, and used when it comes."""
        server = self.ended(MemcachedServer())
        synchronizer = self.unstarted(server.uri())
        error = await self.assertFailure(synchronizer.start(), StoreUnavailable)
        self.assertIn("can't be reached", str(error))
        await server.start()
        self.assertTrue(await serviceAfter(synchronizer) < 3.0)

    async def test_stoppedWhileFrozen(self) -> None:
        """Stopping waits for a server no longer than its timeout."""
        server = await self.started(MemcachedServer())
        synchronizer = await self.synchronizer(server.uri())
        server.freeze()
        waiting = synchronizer.load(newKey())
        since = reactor.seconds()
        await synchronizer.stop(0.2)
        self.assertTrue(reactor.seconds() - since < 1.0 + _SLACK)
        await self.assertFailure(waiting, StoreUnavailable)

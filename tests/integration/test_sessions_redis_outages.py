"""
Sessions on a real Redis that is killed or frozen while it is being used.
"""

from __future__ import annotations

import gc

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater

from tests.stores.rediscase import RedisTestCase
from tests.stores.storecase import (
    Load,
    clockMayBeSet,
    created,
    givenUpStaysUndone,
    newKey,
    serviceAfter,
)
from twisted_multiserver.sessions.errors import StoreUnavailable
from twisted_multiserver.sessions.operations import COMMIT_DEADLINE
from twisted_multiserver.sessions.record import CommitResult, SessionDelta

# Seconds; a turn of a busy event loop may be in between.
_SLACK = 0.5


class RedisOutageTests(RedisTestCase):
    async def test_killed(self) -> None:
        """
        Under load: everybody is answered within the deadline, the service is back soon after
        the server is, and nothing that was acknowledged is lost.
        """
        server = await self.server(isDurable=True)
        synchronizer = await self.synchronizer(server.uri())
        load = Load(synchronizer, 20)
        await deferLater(reactor, 0.5, lambda: None)
        # The longer one is one for which the driver by itself would be back too late.
        for outage in (1.0, 4.5):
            await server.kill()
            await deferLater(reactor, outage, lambda: None)
            await server.start()
            self.assertTrue(await serviceAfter(synchronizer) < 3.0)
            await deferLater(reactor, 0.5, lambda: None)
        await load.stop()
        self.assertTrue(load.failures)
        self.assertTrue(load.longest < COMMIT_DEADLINE + _SLACK)
        self.assertTrue(sum(load.acknowledged.values()) > 100)
        for key, number in load.acknowledged.items():
            stored = await synchronizer.load(key)
            self.assertIsNotNone(stored)
            self.assertTrue(number <= int(stored.fields["n"]) <= load.tried[key])
        # Errors that nobody has heard of are logged when they are collected.
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_frozen(self) -> None:
        """
        A server that is frozen for a while, so that connections stay: the same.
        """
        server = await self.server(isDurable=True)
        synchronizer = await self.synchronizer(server.uri())
        load = Load(synchronizer, 20)
        await deferLater(reactor, 0.5, lambda: None)
        before = list(synchronizer._connections._factory.pool)
        server.freeze()
        await deferLater(reactor, 5.0, lambda: None)
        # Connections that don't answer have been dropped.
        self.assertEqual([each for each in before if each.connected], [])
        server.thaw()
        self.assertTrue(await serviceAfter(synchronizer) < 3.0)
        await load.stop()
        self.assertTrue(load.failures)
        self.assertTrue(load.longest < COMMIT_DEADLINE + _SLACK)
        for key, number in load.acknowledged.items():
            stored = await synchronizer.load(key)
            self.assertTrue(number <= int(stored.fields["n"]) <= load.tried[key])
        # Errors that nobody has heard of are logged when they are collected.
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_givenUp(self) -> None:
        """
        What was given up isn't done later on.
        """
        server = await self.server()
        await givenUpStaysUndone(self, server, await self.synchronizer(server.uri()))

    async def test_clockWasSet(self) -> None:
        """
        Of the server, forwards and backwards: nobody sees anything of it.
        """
        synchronizer = await self.synchronizer((await self.server()).uri())
        await clockMayBeSet(self, synchronizer)

    async def test_frozenFromTheStart(self) -> None:
        """A server that accepts connections and says nothing is unavailable."""
        server = await self.server(password="right")
        server.freeze()
        synchronizer = self.unstarted(server.uri())
        await self.assertFailure(synchronizer.start(), StoreUnavailable)
        server.thaw()
        self.assertTrue(await serviceAfter(synchronizer) < 3.0)
        # Errors that nobody has heard of are logged when they are collected.
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_connectionLost(self) -> None:
        """Connections that were cut: the first operation is tried again on another."""
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        admin = await self.raw(server)
        key = newKey()
        await synchronizer.commit(key, created(set={"n": b"0"}))
        own = [
            line.split()[0].partition("=")[2]
            for line in (await admin.execute_command("CLIENT", "LIST")).splitlines()
        ]
        # All but one of the synchronizer's, the admin's being the last.
        for number in own[1:-1]:
            await admin.execute_command("CLIENT", "KILL", "ID", number)
        results = await gatherResults(
            [synchronizer.commit(key, SessionDelta(60.0, set={str(n): b""})) for n in range(8)]
        )
        self.assertEqual(results, [CommitResult.ok] * 8)

    async def test_stoppedWhileFrozen(self) -> None:
        """Stopping doesn't wait for a server longer than it is told."""
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        server.freeze()
        waiting = synchronizer.load(newKey())
        since = reactor.seconds()
        await synchronizer.stop(0.5)
        self.assertTrue(reactor.seconds() - since < 0.5 + _SLACK)
        await self.assertFailure(waiting, StoreUnavailable)

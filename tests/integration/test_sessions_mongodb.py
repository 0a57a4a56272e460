"""
Sessions on a real mongod: what txmongo would do wrong by itself, and outages.
"""

from __future__ import annotations

import gc
from typing import Any

from bson.binary import Binary
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase
from txmongo.connection import ConnectionPool

from tests.stores.mongoserver import MongoServer, freePort
from tests.stores.storecase import (
    AWKWARD,
    Load,
    StoreTestCase,
    clockMayBeSet,
    created,
    givenUpStaysUndone,
    newKey,
    serviceAfter,
)
from twisted_multiserver.sessions._isynchronizer import ISessionSynchronizer
from twisted_multiserver.sessions.errors import (
    SessionCorrupt,
    SessionTooLarge,
    StoreConfigError,
    StoreUnavailable,
)
from twisted_multiserver.sessions.operations import COMMIT_DEADLINE, LOAD_DEADLINE
from twisted_multiserver.sessions.record import CommitResult, SessionDelta
from twisted_multiserver.sessions.uri import synchronizerFromURI

# Seconds; a turn of a busy event loop may be in between.
_SLACK = 0.5


class URITests(SynchronousTestCase):
    """
    What can be told without a server.
    """

    def refused(self, uri: str) -> str:
        """
        @return: why.
        """
        return str(self.assertRaises(StoreConfigError, synchronizerFromURI, uri, reactor))

    def test_tls(self) -> None:
        """
        It is true or false, and an authority without it would say nothing.
        """
        self.assertIn("'tls' must be", self.refused("mongodb://h/d?tls=yes"))
        self.assertIn("'ca' needs tls=true", self.refused("mongodb://h/d?ca=/x"))
        self.assertIn("can't be read", self.refused("mongodb://h/d?tls=true&ca=/nowhere"))

    def test_options(self) -> None:
        """
        Those that txmongo would ignore are refused.
        """
        for name in (
            *("socketTimeoutMS", "connectTimeoutMS"),
            *("serverSelectionTimeoutMS", "maxPoolSize"),
        ):
            self.assertIn(f"no option '{name}'", self.refused(f"mongodb://h/d?{name}=3"))

    def test_collection(self) -> None:
        """
        What isn't a collection is told.
        """
        self.assertRaises(TypeError, ISessionSynchronizer, object())


class MongoDBTests(StoreTestCase):
    """
    A mongod.
    """

    async def server(self, **options: Any) -> MongoServer:
        return await self.started(MongoServer(**options))

    async def collection(self, server: MongoServer) -> Any:
        """
        @return: a collection of the driver's, as a user makes it.
        """
        pool = ConnectionPool(server.uri())
        self.addCleanup(pool.disconnect)
        return pool["sessions"]["theirs"]

    async def test_adapted(self) -> None:
        """
        A user's own collection is used, and left open.
        """
        collection = await self.collection(await self.server())
        synchronizer = ISessionSynchronizer(collection)
        await synchronizer.start()
        key = newKey()
        await synchronizer.commit(key, created(set=AWKWARD))
        stored = await synchronizer.load(key)
        assert stored is not None
        self.assertEqual(dict(stored.fields), AWKWARD)
        await synchronizer.stop()
        self.assertEqual(await collection.count({}), 1)

    async def test_names(self) -> None:
        """
        The driver by itself can't keep these; a value is never an expression.
        """
        server = await self.server()
        collection = await self.collection(server)
        synchronizer = await self.synchronizer(server.uri())
        key = newKey()
        names = {"$where": b"$$NOW", "a.b": b"$m", "": b"1", "nul\0": b"2"}
        await synchronizer.commit(key, created(set=names))
        await synchronizer.commit(key, SessionDelta(60.0, set={"$set": b"$d"}))
        self.assertEqual(dict((await synchronizer.load(key)).fields), {**names, "$set": b"$d"})
        with self.assertRaises(Exception):  # noqa: B017 # of several kinds
            await collection.insert_one({"nul\0": 1})

    async def test_expired(self) -> None:
        """
        A document that MongoDB hasn't removed yet is no session.
        """
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        key = newKey()
        await synchronizer.commit(key, created(0.05, principal="amy"))
        await deferLater(reactor, 0.1, lambda: None)
        self.assertIsNone(await synchronizer.load(key))
        self.assertEqual(await synchronizer.find("amy"), [])

    async def test_damaged(self) -> None:
        """
        A document that is no session is told, and left alone by all but its end.
        """
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        pool = ConnectionPool(server.uri())
        self.addCleanup(pool.disconnect)
        theirs = pool["sessions"]["sessions"]
        damage: dict[str, Any]
        for damage in ({"d": "nonsense"}, {"o": "x"}, {"m": 5}, {"p": 7}):
            key = newKey()
            await synchronizer.commit(key, created(set={"a": b"1"}))
            await theirs.update_one({"_id": Binary(key)}, {"$set": damage})
            before = await theirs.find_one({"_id": Binary(key)})
            for asked in (
                synchronizer.load(key),
                synchronizer.commit(key, SessionDelta(60.0, set={"b": b"2"})),
                synchronizer.commit(key, created()),
                synchronizer.rotate(key, newKey(), SessionDelta(60.0)),
            ):
                await self.assertFailure(asked, SessionCorrupt)
            self.assertEqual(await theirs.find_one({"_id": Binary(key)}), before)
            self.assertTrue(await synchronizer.delete(key))
            self.assertIsNone(await synchronizer.load(key))
        for damage in ({"x": "never"}, {"d": {"kzz": b"1"}}, {"d": {"k61": "text"}}):
            key = newKey()
            await synchronizer.commit(key, created(set={"a": b"1"}))
            await theirs.update_one({"_id": Binary(key)}, {"$set": damage})
            await self.assertFailure(synchronizer.load(key), SessionCorrupt)

    async def test_tooLarge(self) -> None:
        """
        What doesn't fit into a document leaves the old one as it was.
        """
        synchronizer = await self.synchronizer((await self.server()).uri())
        key = newKey()
        await synchronizer.commit(key, created(set={"a": b"1"}))
        delta = SessionDelta(60.0, set={"b": bytes(17 << 20)})
        await self.assertFailure(synchronizer.commit(key, delta), SessionTooLarge)
        self.assertEqual(dict((await synchronizer.load(key)).fields), {"a": b"1"})

    async def test_nobodyThere(self) -> None:
        """
        Unavailable, within the deadline.
        """
        synchronizer = self.unstarted(f"mongodb://127.0.0.1:{freePort()}/d")
        await self.assertFailure(synchronizer.start(), StoreUnavailable)
        since = reactor.seconds()
        await self.assertFailure(synchronizer.load(newKey()), StoreUnavailable)
        self.assertTrue(reactor.seconds() - since < LOAD_DEADLINE + _SLACK)

    async def test_killed(self) -> None:
        """
        Under load: everybody is answered within the deadline, the service is back soon after
        the server is, and nothing that was acknowledged is lost.
        """
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        load = Load(synchronizer, 20)
        await deferLater(reactor, 0.5, lambda: None)
        await server.kill()
        await deferLater(reactor, 1.0, lambda: None)
        await server.start()
        self.assertTrue(await serviceAfter(synchronizer) < 3.0)
        await deferLater(reactor, 0.5, lambda: None)
        await self._check(synchronizer, load)

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

    async def test_frozen(self) -> None:
        """
        A server that is frozen for a while, so that connections stay: the same.
        """
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        load = Load(synchronizer, 20)
        await deferLater(reactor, 0.5, lambda: None)
        server.freeze()
        await deferLater(reactor, 5.0, lambda: None)
        server.thaw()
        self.assertTrue(await serviceAfter(synchronizer) < 3.0)
        await self._check(synchronizer, load)

    async def _check(self, synchronizer: Any, load: Load) -> None:
        await load.stop()
        self.assertTrue(load.failures)
        self.assertTrue(load.longest < COMMIT_DEADLINE + _SLACK, load.longest)
        self.assertTrue(sum(load.acknowledged.values()) > 100)
        for key, number in load.acknowledged.items():
            stored = await synchronizer.load(key)
            self.assertIsNotNone(stored)
            self.assertTrue(number <= int(stored.fields["n"]) <= load.tried[key])
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_rotationTriedAgain(self) -> None:
        """
        Many at once, each done once.
        """
        synchronizer = await self.synchronizer((await self.server()).uri())
        old, new = newKey(), newKey()
        await synchronizer.commit(old, created(set={"a": b"1"}))
        delta = SessionDelta(60.0, set={"b": b"2"})
        results = await gatherResults([synchronizer.rotate(old, new, delta)])
        results += [await synchronizer.rotate(old, new, delta) for _ in range(3)]
        self.assertEqual(results, [CommitResult.ok] * 4)
        self.assertEqual(dict((await synchronizer.load(new)).fields), {"a": b"1", "b": b"2"})

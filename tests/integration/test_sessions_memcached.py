"""
Sessions on a real memcached: each pitfall of the server and of pymemcache.
"""

from __future__ import annotations

import os
import time
from typing import Any

from pymemcache import Client, PooledClient
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.task import deferLater

from tests.stores.memcachedserver import MemcachedServer
from tests.stores.storecase import (
    AWKWARD,
    BusyThreads,
    StoreTestCase,
    created,
    newKey,
    serviceAfter,
)
from twisted_multiserver.sessions._isynchronizer import ISessionSynchronizer
from twisted_multiserver.sessions.errors import (
    NotSupported,
    SessionCorrupt,
    SessionTooLarge,
    StoreUnavailable,
)
from twisted_multiserver.sessions.memcached import MemcachedSynchronizer
from twisted_multiserver.sessions.record import CommitResult, SessionDelta
from twisted_multiserver.sessions.storeuri import parseURI

_MONTH = 30 * 86400.0


class MemcachedTestCase(StoreTestCase):
    """
    Starts memcached.
    """

    async def server(self, *options: str) -> MemcachedServer:
        return await self.started(MemcachedServer(options))

    def raw(self, server: MemcachedServer) -> Any:
        """A client as the driver makes it, but one that waits for replies."""
        client = Client(server.path, default_noreply=False, timeout=5, connect_timeout=5)
        self.addCleanup(client.close)
        return client

    async def brought(self, client: PooledClient) -> Any:
        self.addCleanup(client.close)
        synchronizer: Any = ISessionSynchronizer(client)
        self.addCleanup(synchronizer.stop, 0.5)
        await synchronizer.start()
        return synchronizer


class MemcachedDataTests(MemcachedTestCase):
    async def test_awkwardValues(self) -> None:
        """Names and values come back as they were, whatever they look like."""
        server = await self.server()
        for synchronizer in (
            await self.synchronizer(server.uri()),
            await self.brought(PooledClient(server.path, timeout=1, connect_timeout=1)),
        ):
            key = newKey()
            await synchronizer.commit(key, created(set=AWKWARD, principal="é"))
            stored = await synchronizer.load(key)
            self.assertEqual((stored.fields, stored.principal), (AWKWARD, "é"))

    async def test_repliesAwaited(self) -> None:
        """
        Each read sees the write before it, on whatever connections they come: a client that
        doesn't wait for replies loses some, which is the driver's default.
        """
        server = await self.server()
        synchronizer = await self.brought(PooledClient(server.path, timeout=1, connect_timeout=1))
        # So that there are several connections, which are used in turn.
        await gatherResults([synchronizer.load(newKey()) for _ in range(50)])
        for number in range(500):
            key, value = newKey(), b"%d" % number
            await synchronizer.commit(key, created())
            self.assertIsNotNone(await synchronizer.load(key))
            await synchronizer.commit(key, SessionDelta(60.0, set={"n": value}))
            self.assertEqual((await synchronizer.load(key)).fields["n"], value)
            self.assertTrue(await synchronizer.delete(key))
            self.assertIsNone(await synchronizer.load(key))

    async def test_tooLarge(self) -> None:
        """What the server would refuse is refused before, and what was stored stays."""
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        key = newKey()
        await synchronizer.commit(key, created(set={"a": b"1"}))
        large = SessionDelta(60.0, set={"b": os.urandom(1 << 20)})
        await self.assertFailure(synchronizer.commit(key, large), SessionTooLarge)
        await self.assertFailure(synchronizer.rotate(key, newKey(), large), SessionTooLarge)
        self.assertEqual((await synchronizer.load(key)).fields, {"a": b"1"})
        # As large as it may be, it is taken.
        rest = b"x" * ((1 << 20) - 2048 - 200)
        delta = SessionDelta(60.0, set={"b": rest})
        self.assertIs(await synchronizer.commit(key, delta), CommitResult.ok)
        self.assertEqual((await synchronizer.load(key)).fields["b"], rest)

    async def test_otherLimit(self) -> None:
        """The server's own limit counts, smaller or larger than what is usual."""
        for options, size, isTaken in (
            (("-I", "512k"), 512 * 1024 - 2048 - 200, True),
            (("-I", "512k"), 512 * 1024, False),
            (("-I", "4m"), 4 * (1 << 20) - 2048 - 200, True),
            (("-I", "4m"), 4 * (1 << 20), False),
        ):
            server = await self.server(*options)
            synchronizer = await self.synchronizer(server.uri())
            key = newKey()
            await synchronizer.commit(key, created(set={"a": b"1"}))
            asked = synchronizer.commit(key, SessionDelta(60.0, set={"b": os.urandom(size)}))
            if isTaken:
                self.assertIs(await asked, CommitResult.ok)
            else:
                error = await self.assertFailure(asked, SessionTooLarge)
                # It wasn't even asked.
                self.assertIn("bytes; the server takes", str(error))
                self.assertEqual((await synchronizer.load(key)).fields, {"a": b"1"})

    async def test_longLived(self) -> None:
        """More than 30 days are no date in 1970."""
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        for ttl in (_MONTH - 1, _MONTH + 1, 13 * _MONTH, 2000 * _MONTH):
            key = newKey()
            await synchronizer.commit(key, created(ttl))
            self.assertTrue(ttl - 5 < (await synchronizer.load(key)).ttl <= ttl)
            self.assertTrue(await synchronizer.touch(key, ttl))
            self.assertIsNotNone(await synchronizer.load(key))

    async def test_expiry(self) -> None:
        """A session ends exactly when it should, and the server forgets it soon after."""
        server = await self.server()
        synchronizer = MemcachedSynchronizer.fromURI(
            parseURI(server.uri()), reactor, lambda: time.time() + ahead
        )
        self.addCleanup(synchronizer.stop)
        ahead = 0.0
        await synchronizer.start()
        key = newKey()
        await synchronizer.commit(key, created(1000.0))
        ahead = 995.0
        stored = await synchronizer.load(key)
        assert stored is not None
        self.assertTrue(0.0 < stored.ttl <= 5.0)
        ahead = 1000.0
        self.assertIsNone(await synchronizer.load(key))
        ahead = 0.0
        await synchronizer.touch(key, 0.2)
        raw = self.raw(server)
        while raw.get(b"s:" + key.hex().encode()) is not None:
            await deferLater(reactor, 0.05, lambda: None)

    async def test_corrupt(self) -> None:
        """What is no session is reported, and left alone by all but its end."""
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        key = newKey()
        other = b"s:" + key.hex().encode()
        raw = self.raw(server)
        raw.set(other, b"nonsense")
        for asked in (
            synchronizer.load(key),
            synchronizer.commit(key, SessionDelta(60.0)),
            synchronizer.commit(key, created()),
            synchronizer.rotate(key, newKey(), SessionDelta(60.0)),
            synchronizer.touch(key, 60.0),
        ):
            await self.assertFailure(asked, SessionCorrupt)
        self.assertEqual(raw.get(other), b"nonsense")
        self.assertTrue(await synchronizer.delete(key))
        self.assertIsNone(await synchronizer.load(key))

    async def test_enumeration(self) -> None:
        """Whose sessions there are can't be told, and isn't pretended to be."""
        synchronizer = await self.synchronizer((await self.server()).uri())
        await self.assertFailure(synchronizer.find("p"), NotSupported)
        await self.assertFailure(synchronizer.deletePrincipal("p"), NotSupported)
        self.assertEqual(synchronizer.capabilities, frozenset())

    async def test_contention(self) -> None:
        """Many changes of one session at the same time: none is lost."""
        server = await self.server()
        stores = [await self.synchronizer(server.uri()) for _ in range(4)]
        key = newKey()
        await stores[0].commit(key, created())

        async def change(turn: int) -> None:
            for number in range(50):
                delta = SessionDelta(60.0, set={f"{turn}.{number}": b""})
                result = await stores[turn].commit(key, delta)
                self.assertIs(result, CommitResult.ok)

        await gatherResults([ensureDeferred(change(turn)) for turn in range(4)])
        self.assertEqual(len((await stores[0].load(key)).fields), 200)


class MemcachedPoolTests(MemcachedTestCase):
    async def test_shortage(self) -> None:
        """
        More at the same time than a pool has connections: the driver raises, we wait.
        """
        server = await self.server()
        client = PooledClient(server.path, timeout=1, connect_timeout=1, max_pool_size=2)
        for synchronizer in (
            await self.brought(client),
            await self.synchronizer(f"{server.uri()}&pool=2"),
        ):
            keys = [newKey() for _ in range(200)]
            results = await gatherResults([synchronizer.commit(key, created()) for key in keys])
            self.assertEqual(results, [CommitResult.ok] * len(keys))

    async def test_ownThreads(self) -> None:
        """An application that keeps all threads of the reactor busy is in nobody's way."""
        synchronizer = await self.synchronizer((await self.server()).uri())
        busy = BusyThreads()
        with busy:
            key = newKey()
            self.assertIs(await synchronizer.commit(key, created()), CommitResult.ok)
            self.assertIsNotNone(await synchronizer.load(key))
        await busy.ended()

    async def test_clientStays(self) -> None:
        """A user's client isn't closed."""
        server = await self.server()
        client = PooledClient(server.path, timeout=1, connect_timeout=1)
        synchronizer = await self.brought(client)
        await synchronizer.commit(newKey(), created())
        free = client.client_pool.free
        await synchronizer.stop()
        self.assertEqual(client.client_pool.free, free)
        self.assertTrue(all(each.sock is not None for each in free))


class MemcachedNodesTests(MemcachedTestCase):
    async def test_share(self) -> None:
        """
        Two servers share the sessions, whatever order they are named in.
        """
        first, second = await self.server(), await self.server()
        synchronizer = await self.synchronizer(first.uri(second))
        sibling = await self.synchronizer(second.uri(first))
        keys = [newKey() for _ in range(50)]
        for key in keys:
            await synchronizer.commit(key, created(meta=key))
        for server in (first, second):
            self.assertTrue(self.raw(server).stats()[b"curr_items"] != b"0")
        for key in keys:
            self.assertEqual((await sibling.load(key)).meta, key)
        for key in keys:
            new = newKey()
            self.assertIs(await synchronizer.rotate(key, new, SessionDelta(60.0)), CommitResult.ok)
            self.assertIsNone(await sibling.load(key))
            self.assertEqual((await sibling.load(new)).meta, key)

    async def test_deadNode(self) -> None:
        """
        A dead server makes its share unavailable, and no other: nothing is taken for absent,
        nothing goes elsewhere, and what is rotated towards it stays where it was.
        """
        first, second = await self.server(), await self.server()
        synchronizer = await self.synchronizer(first.uri(second))
        keys = [newKey() for _ in range(40)]
        for key in keys:
            await synchronizer.commit(key, created())
        await second.kill()
        available = []
        # Its breaker opens on the way, and that of the other doesn't.
        for key in keys:
            try:
                self.assertIsNotNone(await synchronizer.load(key))
            except StoreUnavailable:
                await self.assertFailure(synchronizer.commit(key, created()), StoreUnavailable)
            else:
                available.append(key)
        self.assertTrue(0 < len(available) < len(keys))
        moved, failed = 0, 0
        for key in available:
            new = newKey()
            try:
                await synchronizer.rotate(key, new, SessionDelta(60.0))
            except StoreUnavailable:
                failed += 1
                await deferLater(reactor, 0.0, lambda: None)
                while True:
                    try:
                        self.assertIsNotNone(await synchronizer.load(key))
                        break
                    except StoreUnavailable:
                        # Rotations that fail in a row close this server for a while too.
                        await deferLater(reactor, 0.1, lambda: None)
            else:
                moved += 1
                self.assertIsNotNone(await synchronizer.load(new))
        self.assertTrue(moved)
        self.assertTrue(failed)
        await self.assertFailure(synchronizer.health(), StoreUnavailable)
        unstarted = self.unstarted(first.uri(second))
        await self.assertFailure(unstarted.start(), StoreUnavailable)

    async def _frozen(self) -> tuple[Any, MemcachedServer, list[bytes], list[bytes]]:
        """
        @return: a store; one of its two servers, frozen; the keys of sessions on the other
            one and on this.
        """
        first, second = await self.server(), await self.server()
        synchronizer = await self.synchronizer(first.uri(second))
        keys = [newKey() for _ in range(40)]
        for key in keys:
            await synchronizer.commit(key, created(set={"a": b"1"}))
        ours = [key for key in keys if self.raw(first).get(b"s:" + key.hex().encode()) is not None]
        second.freeze()
        return synchronizer, second, ours, [key for key in keys if key not in ours]

    async def test_frozenNode(self) -> None:
        """
        A frozen server holds up nobody whose session is on another.
        """
        synchronizer, frozen, ours, theirs = await self._frozen()
        since = reactor.seconds()
        stuck = [synchronizer.load(key) for key in theirs * 4]
        for key in ours:
            self.assertIsNotNone(await synchronizer.load(key))
        self.assertTrue(reactor.seconds() - since < 0.9)
        for each in stuck:
            await self.assertFailure(each, StoreUnavailable)
        frozen.thaw()

    async def test_neverElsewhere(self) -> None:
        """
        What is to end or to begin while its server is frozen does so nowhere else: the
        driver's fail-over would end a session at another server, and it would be there again
        when its own one is back.
        """
        synchronizer, frozen, _, theirs = await self._frozen()
        ending, changing = theirs[0], theirs[1]
        for asked in (
            synchronizer.delete(ending),
            synchronizer.commit(changing, SessionDelta(60.0, set={"a": b"2"})),
            synchronizer.commit(changing, created(set={"a": b"3"})),
        ):
            await self.assertFailure(asked, StoreUnavailable)
        frozen.thaw()
        await serviceAfter(synchronizer)
        self.assertIs(await self._asked(synchronizer.delete, ending), True)
        self.assertIsNone(await synchronizer.load(ending))
        stored = await self._asked(synchronizer.load, changing)
        # The frozen server may have done what it had read before.
        self.assertIn(stored.fields["a"], (b"1", b"2"))

    async def _asked(self, ask: Any, key: bytes) -> Any:
        """Until the breaker lets it."""
        while True:
            try:
                return await ask(key)
            except StoreUnavailable:
                await deferLater(reactor, 0.05, lambda: None)

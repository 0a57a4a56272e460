"""
Sessions on a real Redis: nothing is damaged, and an index is right.
"""

from __future__ import annotations

import os

from twisted.internet.defer import gatherResults

from tests.stores.rediscase import RedisTestCase, adapted
from tests.stores.storecase import AWKWARD, created, newKey
from twisted_multiserver.sessions.errors import SessionCorrupt
from twisted_multiserver.sessions.record import CommitResult, SessionDelta
from twisted_multiserver.sessions.redisrecord import indexKey, sessionKey


class RedisDataTests(RedisTestCase):
    async def test_awkwardValues(self) -> None:
        """Names and values come back as they were, whatever they look like."""
        server = await self.server()
        brought = await self.raw(server)
        plain = await self.raw(server, charset=None, convertNumbers=False)
        for synchronizer in (
            await self.synchronizer(server.uri()),
            adapted(brought),
            adapted(plain),
        ):
            for principal in ("007", "é", ""):
                key = newKey()
                delta = SessionDelta(
                    60.0, create=True, meta=b"1.0", set=AWKWARD, principal=principal
                )
                self.assertIs(await synchronizer.commit(key, delta), CommitResult.ok)
                stored = await synchronizer.load(key)
                self.assertEqual(stored.fields, AWKWARD)
                self.assertEqual((stored.meta, stored.principal), (b"1.0", principal))
                if principal:
                    self.assertIn(key, await synchronizer.find(principal))

    async def test_deleteFields(self) -> None:
        """Names that go are gone: the driver's hdel takes one name for a list of letters."""
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        key = newKey()
        fields = {"ab": b"1", "a": b"2", "b": b"3"}
        await synchronizer.commit(key, created(set=fields))
        await synchronizer.commit(key, SessionDelta(60.0, unset=frozenset(["ab"])))
        self.assertEqual((await synchronizer.load(key)).fields, {"a": b"2", "b": b"3"})

    async def test_manyFields(self) -> None:
        """More fields than Lua can unpack are set, expected, removed and cleared."""
        synchronizer = await self.synchronizer((await self.server()).uri())
        key = newKey()
        many = {f"name{number}": b"%d" % number for number in range(8000)}
        await synchronizer.commit(key, created(set=many))
        self.assertEqual((await synchronizer.load(key)).fields, many)
        delta = SessionDelta(60.0, unset=frozenset(many), set={"x": b""}, expect=many)
        self.assertIs(await synchronizer.commit(key, delta), CommitResult.ok)
        self.assertEqual((await synchronizer.load(key)).fields, {"x": b""})

    async def test_large(self) -> None:
        """A megabyte is no problem."""
        synchronizer = await self.synchronizer((await self.server()).uri())
        key, large = newKey(), {"large": os.urandom(1 << 20)}
        await synchronizer.commit(key, created(set=large))
        self.assertEqual((await synchronizer.load(key)).fields, large)

    async def test_alwaysExpires(self) -> None:
        """No key is ever without an expiry, nor the index of a principal."""
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        raw = await self.raw(server)
        key, new = newKey(), newKey()
        delta = created(principal="p")
        await synchronizer.commit(key, delta)
        await synchronizer.commit(key, SessionDelta(50.0, clear=True, set={"a": b""}))
        await synchronizer.rotate(key, new, SessionDelta(40.0, clear=True))
        await synchronizer.touch(new, 30.0)
        self.assertEqual(set(await raw.keys()), {indexKey(b"p").decode(), sessionKey(new).decode()})
        self.assertTrue(0 < await raw.execute_command("PTTL", sessionKey(new)) <= 30000)
        self.assertTrue(60000 < await raw.execute_command("PTTL", indexKey(b"p")) <= 60000 * 2.1)

    async def test_corrupt(self) -> None:
        """What is no session is reported, and left alone by all but its end."""
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        raw = await self.raw(server)
        key = newKey()
        other = sessionKey(key)
        for make in (
            lambda: raw.set(other, "x"),
            lambda: raw.hset(other, "x", "y"),
            lambda: raw.hmset(other, {"m": "", b"d\xff": ""}),
        ):
            await make()
            await raw.expire(other, 60)
            before = await raw.execute_command("DUMP", other)
            await self.assertFailure(synchronizer.load(key), SessionCorrupt)
            if await raw.type(other) != "hash" or not await raw.hexists(other, "m"):
                for asked in (
                    synchronizer.commit(key, SessionDelta(60.0, set={"a": b""})),
                    synchronizer.commit(key, created()),
                    synchronizer.rotate(key, newKey(), SessionDelta(60.0)),
                    synchronizer.touch(key, 60.0),
                ):
                    await self.assertFailure(asked, SessionCorrupt)
            self.assertEqual(await raw.execute_command("DUMP", other), before)
            self.assertTrue(await synchronizer.delete(key))
            self.assertIsNone(await synchronizer.load(key))
        await raw.hmset(other, {"m": "", "da": "b"})
        await self.assertFailure(synchronizer.load(key), SessionCorrupt)

    async def test_repeated(self) -> None:
        """An operation that was done already is done, and not done again."""
        synchronizer = await self.synchronizer((await self.server()).uri())
        key, new = newKey(), newKey()
        first = created(set={"n": b"1"})
        second = SessionDelta(60.0, set={"n": b"2"}, expect={"n": b"1"})
        third = SessionDelta(60.0, set={"n": b"3"}, expect={"n": b"2"})
        for delta in (first, first, second, first, second):
            self.assertIs(await synchronizer.commit(key, delta), CommitResult.ok)
        for _ in range(2):
            self.assertIs(await synchronizer.rotate(key, new, third), CommitResult.ok)
        self.assertEqual((await synchronizer.load(new)).fields, {"n": b"3"})

    async def test_scriptsForgotten(self) -> None:
        """A server that has forgotten our scripts is told them again."""
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        raw = await self.raw(server)
        key = newKey()
        await raw.script_flush()
        await synchronizer.commit(key, SessionDelta(60.0, create=True, meta=b"m"))
        await raw.script_flush()
        self.assertEqual((await synchronizer.load(key)).meta, b"m")
        self.assertEqual(synchronizer.operations.counts, {"commit ok": 1, "load ok": 1})


class RedisIndexTests(RedisTestCase):
    async def test_refreshed(self) -> None:
        """The index has a session as long as that lives, and is seldom written."""
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        raw = await self.raw(server)
        key = newKey()
        await synchronizer.commit(key, created(principal="p"))
        score = await raw.zscore(indexKey(b"p"), key)
        await synchronizer.commit(key, SessionDelta(60.0, set={"a": b""}))
        await synchronizer.touch(key, 60.0)
        self.assertEqual(await raw.zscore(indexKey(b"p"), key), score)
        await synchronizer.touch(key, 1000.0)
        self.assertTrue(await raw.zscore(indexKey(b"p"), key) >= score + 900000)
        self.assertTrue(await raw.execute_command("PTTL", indexKey(b"p")) > 1000000)

    async def test_lost(self) -> None:
        """An index that was lost, or never written, is made again by the next change."""
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        raw = await self.raw(server)
        key = newKey()
        await synchronizer.commit(key, created(principal="p"))
        # As a crash between the commit and the index leaves it.
        await raw.delete([indexKey(b"p")])
        await raw.hdel(sessionKey(key), ["i"])
        self.assertEqual(await synchronizer.find("p"), [])
        await synchronizer.touch(key, 60.0)
        self.assertEqual(await synchronizer.find("p"), [key])

    async def test_stale(self) -> None:
        """What the index says is believed only if the session says so too."""
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        raw = await self.raw(server)
        theirs, others, moved = newKey(), newKey(), newKey()
        for key, principal in ((theirs, "p"), (others, "q"), (moved, "p")):
            await synchronizer.commit(key, created(principal=principal))
        await synchronizer.commit(moved, SessionDelta(60.0, principal="q"))
        gone = newKey()
        for key in (others, gone):
            await raw.zadd(indexKey(b"p"), 9e12, key)
        self.assertEqual(await synchronizer.find("p"), [theirs])
        self.assertEqual(await raw.zcard(indexKey(b"p")), 1)
        for key in (others, gone):
            await raw.zadd(indexKey(b"p"), 9e12, key)
        self.assertEqual(await synchronizer.deletePrincipal("p"), 1)
        self.assertEqual(set(await synchronizer.find("q")), {others, moved})
        self.assertFalse(await raw.exists(indexKey(b"p")))

    async def test_many(self) -> None:
        """Somebody with very many sessions is logged out of all but one."""
        synchronizer = await self.synchronizer((await self.server()).uri())
        keys = [newKey() for _ in range(2500)]
        for at in range(0, len(keys), 50):
            await gatherResults(
                [synchronizer.commit(key, created(principal="p")) for key in keys[at : at + 50]]
            )
        self.assertEqual(set(await synchronizer.find("p")), set(keys))
        self.assertEqual(await synchronizer.deletePrincipal("p", keys[7]), 2499)
        self.assertEqual(await synchronizer.find("p"), [keys[7]])

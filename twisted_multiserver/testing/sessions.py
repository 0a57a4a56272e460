"""
The contract that every store of sessions keeps.

A suite for a store is a class of a few lines::

    from twisted.trial.unittest import TestCase
    from twisted_multiserver.testing import SessionSynchronizerContract

    class MyStoreTests(SessionSynchronizerContract, TestCase):
        async def makeSynchronizer(self):
            synchronizer = MyStore(...)
            await synchronizer.start()
            self.addCleanup(synchronizer.stop)
            return synchronizer

The contract is the one of
L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.  Several
synchronizers that C{makeSynchronizer} makes within one test share the sessions, as several
processes do.  Keys are random, so that a server may serve several suites at once.
"""

from __future__ import annotations

import os

from zope.interface.verify import verifyObject

from twisted_multiserver.sessions._isynchronizer import ENUMERATE, ISessionSynchronizer
from twisted_multiserver.sessions.errors import NotSupported
from twisted_multiserver.sessions.record import OPERATIONS_KEPT, CommitResult, SessionDelta
from twisted_multiserver.testing.sessioncase import beginning, newKey
from twisted_multiserver.testing.sessionraces import SessionRaces

_OK, _GONE, _CONFLICT = CommitResult.ok, CommitResult.gone, CommitResult.conflict

_AWKWARD = {
    "": b"an empty name",
    "a.b$c": b"007",
    "$set": b"1.50",
    "nul\0": bytes(range(256)),
    "line\r\nend": b"\r\n",
    "\xfcml\xe4ut \U0001f600": b"",
}


class SessionSynchronizerContract(SessionRaces):
    """
    What every store does.
    """

    async def test_interface(self) -> None:
        """
        It provides the interface, and says what it can do.
        """
        synchronizer = await self.makeSynchronizer()
        verifyObject(ISessionSynchronizer, synchronizer)
        self.assertIsInstance(synchronizer.name, str)
        self.assertIsInstance(synchronizer.capabilities, frozenset)
        await synchronizer.start()
        await synchronizer.health()

    async def test_nothing(self) -> None:
        """
        A session that never was is definitely absent, and nothing creates it by chance.
        """
        store, key = await self.makeSynchronizer(), newKey()
        self.assertIsNone(await store.load(key))
        self.assertIs(await store.commit(key, SessionDelta(60, set={"a": b"1"})), _GONE)
        self.assertIs(await store.rotate(key, newKey(), SessionDelta(60)), _GONE)
        self.assertIs(await store.touch(key, 60), False)
        self.assertIs(await store.delete(key), False)
        self.assertIsNone(await store.load(key))

    async def test_life(self) -> None:
        """
        Created, changed, ended.
        """
        store, key = await self.makeSynchronizer(), newKey()
        self.assertIs(await store.commit(key, beginning(set={"a": b"1", "b": b"2"})), _OK)
        stored = await store.load(key)
        self.assertEqual((stored.meta, dict(stored.fields)), (b"meta", {"a": b"1", "b": b"2"}))
        self.assertEqual(stored.principal, "")
        self.assertTrue(50 < stored.ttl <= 60.001, stored.ttl)
        delta = SessionDelta(30, set={"c": b"3"}, unset=frozenset({"a"}), meta=b"other")
        self.assertIs(await store.commit(key, delta), _OK)
        stored = await store.load(key)
        self.assertEqual((stored.meta, dict(stored.fields)), (b"other", {"b": b"2", "c": b"3"}))
        self.assertTrue(20 < stored.ttl <= 30.001, stored.ttl)
        self.assertIs(await store.delete(key), True)
        self.assertIsNone(await store.load(key))
        self.assertIs(await store.delete(key), False)

    async def test_neverResurrected(self) -> None:
        """
        A change that comes after the end changes nothing.
        """
        store, key = await self.makeSynchronizer(), newKey()
        await store.commit(key, beginning(set={"a": b"1"}))
        await store.delete(key)
        self.assertIs(await store.commit(key, SessionDelta(60, set={"a": b"2"})), _GONE)
        self.assertIs(await store.touch(key, 60), False)
        self.assertIsNone(await store.load(key))

    async def test_createdOnce(self) -> None:
        """
        What is there isn't created anew, and stays as it is.
        """
        store, key = await self.makeSynchronizer(), newKey()
        await store.commit(key, beginning(set={"a": b"1"}))
        self.assertIs(await store.commit(key, beginning(set={"a": b"2"})), _CONFLICT)
        self.assertEqual(await self.loaded(store, key), {"a": b"1"})

    async def test_orderOfChange(self) -> None:
        """
        Expected, cleared, unset, set.
        """
        store, key = await self.makeSynchronizer(), newKey()
        await store.commit(key, beginning(set={"a": b"1", "b": b"2"}))
        delta = SessionDelta(60, clear=True, set={"c": b"3"}, expect={"a": b"1", "c": None})
        self.assertIs(await store.commit(key, delta), _OK)
        self.assertEqual(await self.loaded(store, key), {"c": b"3"})

    async def test_expected(self) -> None:
        """
        Something else there: nothing is changed, nothing lives longer.
        """
        store, key = await self.makeSynchronizer(), newKey()
        await store.commit(key, beginning(30, set={"a": b"1"}))
        for expect in ({"a": b"2"}, {"a": None}, {"b": b""}, {"a": b"1", "b": b"1"}):
            delta = SessionDelta(600, set={"a": b"9"}, expect=expect, principal="eve")
            self.assertIs(await store.commit(key, delta), _CONFLICT, expect)
        stored = await store.load(key)
        self.assertEqual((dict(stored.fields), stored.principal), ({"a": b"1"}, ""))
        self.assertLess(stored.ttl, 30.001)

    async def test_repeated(self) -> None:
        """
        An operation that is asked for again is recognised, whatever came between.
        """
        store, key = await self.makeSynchronizer(), newKey()
        creating = beginning(set={"a": b"1"})
        self.assertIs(await store.commit(key, creating), _OK)
        self.assertIs(await store.commit(key, creating), _OK)
        guarded = SessionDelta(60, set={"a": b"2"}, expect={"a": b"1"})
        self.assertIs(await store.commit(key, guarded), _OK)
        for number in range(OPERATIONS_KEPT - 1):
            delta = SessionDelta(60, set={"a": b"%d" % (number + 3)})
            self.assertIs(await store.commit(key, delta), _OK)
        self.assertIs(await store.commit(key, guarded), _OK)
        last = b"%d" % (OPERATIONS_KEPT + 1)
        self.assertEqual(await self.loaded(store, key), {"a": last})

    async def test_rotated(self) -> None:
        """
        All is under the new key, nothing under the old one.
        """
        store, old, new = await self.makeSynchronizer(), newKey(), newKey()
        await store.commit(old, beginning(set={"a": b"1", "b": b"2"}, principal="bob"))
        delta = SessionDelta(30, set={"c": b"3"}, unset=frozenset({"a"}))
        self.assertIs(await store.rotate(old, new, delta), _OK)
        self.assertIsNone(await store.load(old))
        stored = await store.load(new)
        self.assertEqual(dict(stored.fields), {"b": b"2", "c": b"3"})
        self.assertEqual((stored.meta, stored.principal), (b"meta", "bob"))
        self.assertIs(await store.rotate(old, new, delta), _OK)
        self.assertIs(await store.commit(old, SessionDelta(60, set={"a": b"9"})), _GONE)
        self.assertEqual(await self.loaded(store, new), {"b": b"2", "c": b"3"})
        self.assertIs(await store.rotate(old, newKey(), SessionDelta(60)), _GONE)
        conflict = SessionDelta(60, expect={"b": b"9"})
        self.assertIs(await store.rotate(new, newKey(), conflict), _CONFLICT)
        self.assertEqual(await self.loaded(store, new), {"b": b"2", "c": b"3"})

    async def test_rotationRepeated(self) -> None:
        """
        A rotation that is asked for again is recognised, whatever came between; but it
        doesn't bring back what has ended.
        """
        store, old, new = await self.makeSynchronizer(), newKey(), newKey()
        await store.commit(old, beginning(set={"a": b"1"}))
        delta = SessionDelta(60, set={"b": b"2"}, expect={"a": b"1"})
        self.assertIs(await store.rotate(old, new, delta), _OK)
        await store.commit(new, SessionDelta(60, set={"a": b"3", "b": b"4"}))
        self.assertIs(await store.rotate(old, new, delta), _OK)
        self.assertEqual(await self.loaded(store, new), {"a": b"3", "b": b"4"})
        await store.delete(new)
        self.assertIs(await store.rotate(old, new, delta), _GONE)
        self.assertIsNone(await store.load(new))
        self.assertIsNone(await store.load(old))
        self.assertIs(await store.touch(old, 60), False)
        self.assertIs(await store.delete(old), False)

    async def test_rotatedWithAll(self) -> None:
        """
        What a login does: all is replaced, and it belongs to somebody.
        """
        store, old, new = await self.makeSynchronizer(), newKey(), newKey()
        await store.commit(old, beginning(set={"a": b"1", "b": b"2"}))
        delta = SessionDelta(30, clear=True, set={"c": b""}, principal="bob", meta=b"other")
        self.assertIs(await store.rotate(old, new, delta), _OK)
        stored = await store.load(new)
        self.assertEqual((dict(stored.fields), stored.principal), ({"c": b""}, "bob"))
        self.assertEqual(stored.meta, b"other")
        self.assertTrue(20 < stored.ttl <= 30.001, stored.ttl)

    async def test_createdAsExpected(self) -> None:
        """
        A session that is yet to be created has no values.
        """
        store, key = await self.makeSynchronizer(), newKey()
        delta = beginning(set={"a": b"2"}, expect={"a": b"1"})
        self.assertIs(await store.commit(key, delta), _CONFLICT)
        self.assertIsNone(await store.load(key))
        delta = beginning(set={"a": b"2"}, expect={"a": None})
        self.assertIs(await store.commit(key, delta), _OK)
        self.assertEqual(await self.loaded(store, key), {"a": b"2"})

    async def test_touched(self) -> None:
        """
        It lives on, and is the same.
        """
        store, key = await self.makeSynchronizer(), newKey()
        await store.commit(key, beginning(30, set={"a": b"1"}))
        self.assertIs(await store.touch(key, 600), True)
        stored = await store.load(key)
        self.assertEqual(dict(stored.fields), {"a": b"1"})
        self.assertTrue(590 < stored.ttl <= 600.001, stored.ttl)

    async def test_ends(self) -> None:
        """
        When its time is over it is as if it had never been, and can be purged.
        """
        store, key, other = await self.makeSynchronizer(), newKey(), newKey()
        anew = newKey()
        for each in (key, anew):
            delta = beginning(self.shortTTL, set={"a": b"1"}, principal="amy")
            await store.commit(each, delta)
        await store.commit(other, beginning(600, set={"a": b"1"}))
        await self.passTime(self.shortTTL + 0.1)
        self.assertIsNone(await store.load(key))
        self.assertIs(await store.commit(key, SessionDelta(60, set={"a": b"2"})), _GONE)
        self.assertIs(await store.touch(key, 60), False)
        self.assertIs(await store.rotate(key, newKey(), SessionDelta(60)), _GONE)
        if ENUMERATE in store.capabilities:
            self.assertEqual(await store.find("amy"), [])
            self.assertEqual(await store.deletePrincipal("amy"), 0)
        self.assertIs(await store.delete(key), False)
        # The key may be used anew: nothing of the old one is left.
        self.assertIs(await store.commit(anew, beginning(set={"b": b"2"})), _OK)
        stored = await store.load(anew)
        self.assertEqual((dict(stored.fields), stored.principal), ({"b": b"2"}, ""))
        self.assertIsInstance(await store.purge(1000), int)
        for each, fields in ((other, {"a": b"1"}), (anew, {"b": b"2"}), (key, None)):
            self.assertEqual(await self.loaded(store, each), fields)

    async def test_awkward(self) -> None:
        """
        Any name and any bytes come back as they were.
        """
        store, key = await self.makeSynchronizer(), newKey()
        await store.commit(key, beginning(set=_AWKWARD))
        self.assertEqual(await self.loaded(store, key), _AWKWARD)
        for name, value in _AWKWARD.items():
            delta = SessionDelta(60, expect={name: value}, unset=frozenset({name}))
            self.assertIs(await store.commit(key, delta), _OK, name)
        self.assertEqual(await self.loaded(store, key), {})

    async def test_large(self) -> None:
        """
        As much as a session may hold.
        """
        store, key = await self.makeSynchronizer(), newKey()
        fields = {f"name {number}": os.urandom(500) for number in range(500)}
        self.assertIs(await store.commit(key, beginning(set=fields)), _OK)
        self.assertEqual(await self.loaded(store, key), fields)
        delta = SessionDelta(60, unset=frozenset(fields), set={"a": b"x" * 262144})
        self.assertIs(await store.commit(key, delta), _OK)
        self.assertEqual(await self.loaded(store, key), {"a": b"x" * 262144})

    async def test_principals(self) -> None:
        """
        Sessions are found by whom they belong to, and ended; or that is refused.
        """
        store = await self.makeSynchronizer()
        bob = f"bob {os.urandom(4).hex()} \xe4"
        keys = [newKey() for _ in range(3)]
        for key in keys:
            await store.commit(key, beginning(principal=bob))
        if ENUMERATE not in store.capabilities:
            await self.assertFailure(store.find(bob), NotSupported)
            await self.assertFailure(store.deletePrincipal(bob), NotSupported)
            self.assertEqual((await store.load(keys[0])).principal, bob)
            return
        other = newKey()
        await store.commit(other, beginning(principal="somebody else"))
        self.assertEqual(sorted(await store.find(bob)), sorted(keys))
        await store.commit(keys[2], SessionDelta(60, principal=""))
        self.assertEqual(sorted(await store.find(bob)), sorted(keys[:2]))
        new = newKey()
        await store.rotate(keys[1], new, SessionDelta(60))
        self.assertEqual(sorted(await store.find(bob)), sorted([keys[0], new]))
        self.assertEqual(await store.deletePrincipal(bob, new), 1)
        self.assertEqual(await store.find(bob), [new])
        self.assertEqual(await store.deletePrincipal(bob), 1)
        self.assertEqual(await store.find(bob), [])
        self.assertIsNone(await store.load(new))
        self.assertIsNotNone(await store.load(keys[2]))
        self.assertIsNotNone(await store.load(other))

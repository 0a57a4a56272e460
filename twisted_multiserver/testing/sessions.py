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
synchronizers that L{makeSynchronizer} makes within one test share the sessions, as several
processes do.  Keys are random, so that a server may serve several suites at once.
"""

from __future__ import annotations

import os
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from zope.interface.verify import verifyObject

from twisted_multiserver.sessions._isynchronizer import ENUMERATE, ISessionSynchronizer
from twisted_multiserver.sessions.errors import NotSupported
from twisted_multiserver.sessions.record import (
    KEY_SIZE,
    OPERATIONS_KEPT,
    CommitResult,
    SessionDelta,
    StoredSession,
)

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase as _TestCase
else:
    _TestCase = object

_OK, _GONE, _CONFLICT = CommitResult.ok, CommitResult.gone, CommitResult.conflict

_AWKWARD = {
    "": b"an empty name",
    "a.b$c": b"007",
    "$set": b"1.50",
    "nul\0": bytes(range(256)),
    "line\r\nend": b"\r\n",
    "\xfcml\xe4ut \U0001f600": b"",
}


def newKey() -> bytes:
    """
    @return: the key of a session that never was.
    """
    return os.urandom(KEY_SIZE)


def beginning(ttl: float = 60.0, **options: Any) -> SessionDelta:
    """
    @param ttl: in seconds.
    @param options: of the delta.
    @return: of a new session.
    """
    return SessionDelta(ttl, **{"create": True, "meta": b"meta", **options})


class SessionSynchronizerContract(_TestCase):
    """
    What every store does.

    @cvar shortTTL: a time after which a session that was given it has ended, in seconds; no
        shorter than what the store can tell.
    """

    shortTTL = 1.0

    async def makeSynchronizer(self) -> Any:
        """
        Override this.

        @return: one that was started.
        """
        raise NotImplementedError

    async def passTime(self, seconds: float) -> None:
        """
        Override this for a store with a clock of its own.

        @param seconds: how many.
        """
        await deferLater(reactor, seconds, lambda: None)

    async def loaded(self, synchronizer: Any, key: bytes) -> dict[str, bytes] | None:
        """
        @param synchronizer: the store.
        @param key: of a session.
        @return: its fields; L{None} if it isn't there.
        """
        stored: StoredSession | None = await synchronizer.load(key)
        return None if stored is None else dict(stored.fields)

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
        await store.commit(key, beginning(self.shortTTL, set={"a": b"1"}, principal="amy"))
        await store.commit(other, beginning(600, set={"a": b"1"}))
        await self.passTime(self.shortTTL + 0.1)
        self.assertIsNone(await store.load(key))
        self.assertIs(await store.commit(key, SessionDelta(60, set={"a": b"2"})), _GONE)
        self.assertIs(await store.touch(key, 60), False)
        self.assertIs(await store.delete(key), False)
        if ENUMERATE in store.capabilities:
            self.assertEqual(await store.find("amy"), [])
        self.assertIsInstance(await store.purge(1000), int)
        self.assertEqual(await self.loaded(store, other), {"a": b"1"})
        # The key may be used anew: nothing of the old one is left.
        self.assertIs(await store.commit(key, beginning(set={"b": b"2"})), _OK)
        self.assertEqual(await self.loaded(store, key), {"b": b"2"})

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

    async def test_manyWriters(self) -> None:
        """
        Of changes of different fields none is lost.
        """
        stores = [await self.makeSynchronizer() for _ in range(2)]
        key = newKey()
        await stores[0].commit(key, beginning())
        writing = [
            self._write(store, key, f"{place}-{writer}", 20)
            for place, store in enumerate(stores)
            for writer in range(4)
        ]
        await gatherResults([Deferred.fromCoroutine(each) for each in writing])
        fields = await self.loaded(stores[0], key)
        self.assertEqual(fields, await self.loaded(stores[1], key))
        assert fields is not None
        self.assertEqual(len(fields), 2 * 4 * 20)

    async def _write(self, store: Any, key: bytes, name: str, count: int) -> None:
        for number in range(count):
            delta = SessionDelta(60, set={f"{name}-{number}": b"1"})
            self.assertIs(await store.commit(key, delta), _OK)

    async def test_oneWinner(self) -> None:
        """
        Of changes that expect the same one is done.
        """
        stores = [await self.makeSynchronizer() for _ in range(2)]
        key = newKey()
        await stores[0].commit(key, beginning(set={"turn": b"0"}))
        trying: list[Coroutine[Any, Any, Any]] = [
            store.commit(key, SessionDelta(60, set={"turn": b"%d" % n}, expect={"turn": b"0"}))
            for n in range(1, 11)
            for store in stores
        ]
        results: list[Any] = await gatherResults(list(trying))  # type: ignore[arg-type]
        self.assertEqual(results.count(_OK), 1, results)
        self.assertEqual(results.count(_CONFLICT), len(results) - 1)

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

    async def test_givenUp(self) -> None:
        """
        Who gives up waiting does no harm to what follows.
        """
        store, key = await self.makeSynchronizer(), newKey()
        await store.commit(key, beginning())
        for _ in range(10):
            waiting = store.load(key)
            waiting.addErrback(lambda _: None)
            waiting.cancel()
            waiting = store.commit(key, SessionDelta(60, set={"a": b"1"}))
            waiting.addErrback(lambda _: None)
            waiting.cancel()
        self.assertIs(await store.commit(key, SessionDelta(60, set={"b": b"2"})), _OK)
        fields = await self.loaded(store, key)
        assert fields is not None
        self.assertEqual(fields["b"], b"2")

"""
The part of the contract of a store of sessions that is about several who use it at once.

It holds whoever comes first; so the tests ask for what must be true in any order.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from twisted_multiserver.sessions.errors import StoreUnavailable
from twisted_multiserver.sessions.record import CommitResult, SessionDelta
from twisted_multiserver.testing.sessioncase import SessionStoreCase, beginning, newKey

_OK, _GONE, _CONFLICT = CommitResult.ok, CommitResult.gone, CommitResult.conflict
_ROUNDS = 20


class SessionRaces(SessionStoreCase):
    """
    Several at once.
    """

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

    async def test_endedMeanwhile(self) -> None:
        """
        Changes that come along with a logout never bring the session back.
        """
        stores = [await self.makeSynchronizer() for _ in range(2)]
        for _ in range(_ROUNDS):
            key = newKey()
            await stores[0].commit(key, beginning())
            asked = [
                stores[place % 2].commit(key, SessionDelta(60, set={f"{place}": b"1"}))
                for place in range(6)
            ]
            ended = stores[1].delete(key)
            asked += [store.commit(key, SessionDelta(60, set={"z": b"1"})) for store in stores]
            asked.append(stores[0].touch(key, 60))
            results: list[Any] = await gatherResults(asked)
            self.assertTrue(set(results) <= {_OK, _GONE, True, False}, results)
            self.assertIs(await ended, True)
            for store in stores:
                self.assertIsNone(await store.load(key))

    async def test_oneRotation(self) -> None:
        """
        Of several rotations of one session one is done, and there is still one session.
        """
        stores = [await self.makeSynchronizer() for _ in range(2)]
        for _ in range(_ROUNDS):
            old, keys = newKey(), [newKey() for _ in range(4)]
            await stores[0].commit(old, beginning(set={"a": b"1"}))
            results: list[Any] = await gatherResults(
                [
                    stores[place % 2].rotate(old, key, SessionDelta(60, set={"b": b"%d" % place}))
                    for place, key in enumerate(keys)
                ]
            )
            self.assertEqual(results.count(_OK), 1, results)
            self.assertEqual(results.count(_GONE), len(keys) - 1, results)
            self.assertIsNone(await stores[1].load(old))
            left = [await self.loaded(stores[1], key) for key in keys]
            winner = results.index(_OK)
            self.assertEqual(left.pop(winner), {"a": b"1", "b": b"%d" % winner})
            self.assertEqual(left, [None] * (len(keys) - 1))

    async def test_rotatedMeanwhile(self) -> None:
        """
        A change that was acknowledged isn't lost by a rotation at the same time.
        """
        stores = [await self.makeSynchronizer() for _ in range(2)]
        for _ in range(_ROUNDS):
            old, new = newKey(), newKey()
            await stores[0].commit(old, beginning())
            changing = [
                stores[0].commit(old, SessionDelta(60, set={f"{place}": b"1"}))
                for place in range(4)
            ]
            rotating = stores[1].rotate(old, new, SessionDelta(60))
            changing.append(stores[0].commit(old, SessionDelta(60, set={"4": b"1"})))
            results: list[Any] = await gatherResults(changing)
            self.assertIs(await rotating, _OK)
            self.assertTrue(set(results) <= {_OK, _GONE}, results)
            self.assertIsNone(await stores[0].load(old))
            done = {f"{place}": b"1" for place, result in enumerate(results) if result is _OK}
            self.assertEqual(await self.loaded(stores[0], new), done)

    async def test_stoppedMeanwhile(self) -> None:
        """
        Operations in flight come to an end; what was acknowledged is there.
        """
        stopped, store = await self.makeSynchronizer(), await self.makeSynchronizer()
        keys = [newKey() for _ in range(20)]
        asked = [stopped.commit(key, beginning(set={"a": b"1"})) for key in keys]
        stopping = stopped.stop()
        for key, waiting in zip(keys, asked, strict=True):
            try:
                self.assertIs(await waiting, _OK)
            except StoreUnavailable:
                continue
            self.assertEqual(await self.loaded(store, key), {"a": b"1"})
        await stopping
        # Once more is nothing new.
        await stopped.stop()

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

"""
Consistent hash: who has which keys, and which keys move.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.consistenthash import ConsistentHash
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.balancing.requestkey import RequestKey
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.testing import makeBackend, makeRequest

NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=12, unique=True)
WEIGHTS = st.lists(st.integers(1, 5), min_size=12, max_size=12)
KEYS = st.lists(st.text(max_size=80), max_size=40)


def weighted(weights: list[int], names: list[str] | None = None) -> tuple[Backend, ...]:
    """
    @param names: of as many as there are names; numbers if L{None}.
    """
    names = [f"child {number}" for number in range(len(weights))] if names is None else names
    pairs = zip(names, weights, strict=False)
    return tuple(makeBackend(name, weight=weight) for name, weight in pairs)


def take(policy: ConsistentHash, shown: tuple[Backend, ...], key: str) -> Backend:
    """
    @return: the backend of a client's address, from a set that has been there before.
    """
    policy.choose(RequestInfo("", False, None), shown)
    policy.choose(RequestInfo("", False, None), shown)
    return policy.choose(RequestInfo(key, False, None), shown)


def spread(shown: tuple[Backend, ...], keys: int) -> list[Backend]:
    """
    @return: for each of so many keys, its backend.
    """
    policy = ConsistentHash()
    return [
        policy.choose(RequestInfo(f"192.0.{key >> 8}.{key & 255}", False, None), shown)
        for key in range(keys)
    ]


class PropertyTests(SynchronousTestCase):
    """
    What holds for any backends and any keys.
    """

    @settings(deadline=None)
    @given(NAMES, WEIGHTS, KEYS)
    def test_sameKey(self, names: list[str], weights: list[int], keys: list[str]) -> None:
        """
        The same key has the same backend each time, asked for in whatever order,
        remembered or not.
        """
        shown, policy = weighted(weights, names), ConsistentHash()
        first = [policy.choose(RequestInfo(key, False, None), shown) for key in keys]
        again = [policy.choose(RequestInfo(key, True, None), shown) for key in reversed(keys)]
        self.assertEqual(first, again[::-1])
        self.assertEqual(first, [take(ConsistentHash(), shown, key) for key in keys])
        self.assertLessEqual(set(first), set(shown))

    @settings(deadline=None)
    @given(NAMES, WEIGHTS, KEYS, st.randoms(use_true_random=False))
    def test_anyOrder(
        self, names: list[str], weights: list[int], keys: list[str], shuffled: Random
    ) -> None:
        """
        Two masters agree, in whatever order their backends came.
        """
        ours, theirs = weighted(weights, names), list(weighted(weights, names))
        shuffled.shuffle(theirs)
        here, there = ConsistentHash(), ConsistentHash()
        for key in keys:
            self.assertEqual(take(here, ours, key).address, take(there, tuple(theirs), key).address)

    @settings(deadline=None)
    @given(NAMES, WEIGHTS, KEYS, st.integers(0, 11))
    def test_onlyItsOwnMove(
        self, names: list[str], weights: list[int], keys: list[str], place: int
    ) -> None:
        """
        When a backend goes, no key moves but those that were its own; when it comes
        back, they return.
        """
        shown, policy = weighted([*weights, 1], [*names, "the last one"]), ConsistentHash()
        gone = shown[place % len(shown)]
        left = tuple(backend for backend in shown if backend is not gone)
        before = [take(policy, shown, key) for key in keys]
        policy.backendRemoved(gone)
        after = [take(policy, left, key) for key in keys]
        for was, isNow in zip(before, after, strict=True):
            self.assertIn(isNow, left if was is gone else (was,))
        policy.backendAdmitted(gone)
        self.assertEqual([take(policy, (*left, gone), key) for key in keys], before)

    @settings(deadline=None)
    @given(NAMES, WEIGHTS, KEYS, st.integers(0, 11))
    def test_shownOnce(
        self, names: list[str], weights: list[int], keys: list[str], place: int
    ) -> None:
        """
        What a retry is shown disturbs nothing, and it is answered from what it is shown.
        """
        shown, policy = weighted([*weights, 1], [*names, "the last one"]), ConsistentHash()
        left = tuple(backend for backend in shown if backend is not shown[place % len(shown)])
        for key in keys:
            before = take(policy, shown, key)
            retried = policy.choose(RequestInfo(key, False, None), (*left,))
            self.assertIs(retried, take(ConsistentHash(), left, key))
            self.assertIs(policy.choose(RequestInfo(key, False, None), shown), before)


class ShareTests(SynchronousTestCase):
    """
    How many keys each has.  The keys are fixed, and so is the result.
    """

    def assertShares(self, weights: list[int], keys: int = 20_000) -> None:
        """
        Each has its share within a tenth.
        """
        shown = weighted(weights)
        counts = Counter(spread(shown, keys))
        for backend in shown:
            share = keys * backend.weight / sum(weights)
            self.assertLess(abs(counts[backend] / share - 1), 0.1, backend)

    def test_even(self) -> None:
        for count in (1, 2, 3, 5, 10):
            self.assertShares([1] * count)

    def test_weights(self) -> None:
        self.assertShares([5, 1, 1])
        self.assertShares([1, 2, 3, 4])
        self.assertShares([10, 10, 1])

    def test_howManyMove(self) -> None:
        """
        When one of N goes, no more than 1/N of the keys, and a fifth of that, move; and
        all others take some of them.
        """
        for count in (2, 3, 5, 10):
            shown = weighted([1] * count)
            before, after = spread(shown, 20_000), spread(shown[1:], 20_000)
            moved = Counter(
                isNow for was, isNow in zip(before, after, strict=True) if was is not isNow
            )
            self.assertLess(moved.total(), 1.2 * 20_000 / count)
            for backend in shown[1:]:
                self.assertGreater(moved[backend], 0.7 * moved.total() / (count - 1))

    def test_weightOfOneGrows(self) -> None:
        """
        Keys move only to the one whose weight has grown.
        """
        before, after = weighted([1, 1, 1]), weighted([1, 1, 2])
        for was, isNow in zip(spread(before, 2000), spread(after, 2000), strict=True):
            self.assertIn(isNow.name, (was.name, "child 2"))


class MemoTests(SynchronousTestCase):
    """
    What it remembers.
    """

    def test_bounded(self) -> None:
        """
        However many keys there are, and however long, what it keeps of them is bounded;
        a key that was forgotten has its backend still.
        """
        shown, policy = weighted([1] * 4), ConsistentHash()
        first = [take(policy, shown, f"first {number}") for number in range(20)]
        for number in range(20_000):
            policy.choose(RequestInfo(f"{number}" * 20, False, None), shown)
        self.assertEqual(len(policy._memo), 16_384)
        self.assertLessEqual(max(map(len, policy._memo)), 32)
        self.assertNotIn(b"first 0", policy._memo)
        again = [take(policy, shown, f"first {number}") for number in range(20)]
        self.assertEqual(again, first)

    def test_keptOverARetry(self) -> None:
        """
        A set that is shown once is no reason to forget.
        """
        shown, policy = weighted([1] * 4), ConsistentHash()
        take(policy, shown, "a")
        remembered = dict(policy._memo)
        policy.choose(RequestInfo("a", False, None), shown[1:])
        policy.choose(RequestInfo("a", False, None), shown[:-1])
        self.assertEqual(policy._memo, remembered)
        self.assertIn(b"a", remembered)

    def test_longKeys(self) -> None:
        """
        Long keys that begin and end alike are different keys.
        """
        shown, policy = weighted([1] * 4), ConsistentHash()
        keys = [f"{'a' * 100}{number}{'b' * 100}" for number in range(200)]
        counts = Counter(take(policy, shown, key) for key in keys)
        self.assertGreater(min(counts[backend] for backend in shown), 25)


class KeyTests(SynchronousTestCase):
    """
    What of the request it looks at; the keys themselves are tested with L{RequestKey}.
    """

    def test_needs(self) -> None:
        self.assertEqual(ConsistentHash().needs, frozenset())
        self.assertEqual(ConsistentHash("header:X-Key").needs, frozenset({"head"}))
        self.assertEqual(ConsistentHash(RequestKey("cookie", b"a")).needs, frozenset({"head"}))

    def test_byHeader(self) -> None:
        """
        The client's address doesn't matter where the key is there.
        """
        shown, policy = weighted([1] * 8), ConsistentHash("header:X-Key")
        for number in range(20):
            fields = [(b"x-KEY", b"%d" % number)]
            chosen = {
                policy.choose(makeRequest(clientAddress=client, fields=fields), shown)
                for client in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "")
            }
            self.assertEqual(chosen, {take(ConsistentHash(), shown, str(number))})

    def test_badKey(self) -> None:
        self.assertRaises(ConfigError, ConsistentHash, "header")

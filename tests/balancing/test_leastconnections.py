"""
Least connections among many: the index agrees with looking at each, whatever happens.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.leastconnections import LeastConnections
from twisted_multiserver.balancing.loadindex import LoadIndex
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.testing import MadeExchange, makeBackend, makeRequest

REQUEST = makeRequest()
WEIGHTS = st.lists(st.integers(1, 4), min_size=2, max_size=40)
# Places in a set; each is taken modulo its size.
PLACES = st.lists(st.integers(0, 10_000), max_size=60)


def weighted(weights: list[int]) -> tuple[Backend, ...]:
    return tuple(
        makeBackend(f"child {number}", weight=weight) for number, weight in enumerate(weights)
    )


def least(backends: Sequence[Backend]) -> set[Backend]:
    """
    @return: all that have the least to do, found by the rule.
    """
    fewest = min(backend.inFlight / backend.weight for backend in backends)
    return {backend for backend in backends if backend.inFlight / backend.weight == fewest}


class Lives:
    """
    Backends with exchanges that begin and end.
    """

    def __init__(self, backends: Sequence[Backend]) -> None:
        self.backends = backends
        self._open: list[tuple[Backend, MadeExchange]] = []

    def begin(self, backend: Backend) -> None:
        exchange = MadeExchange()
        backend.begin(exchange)
        self._open.append((backend, exchange))

    def change(self, place: int) -> None:
        """
        Let one exchange begin, or end.
        """
        if place % 2 and self._open:
            backend, exchange = self._open.pop(place % len(self._open))
            backend.finish(exchange, Outcome.ok, 0.0)
        else:
            self.begin(self.backends[place // 2 % len(self.backends)])


class Ties:
    """
    Breaks ties by the first, and keeps what it was asked.
    """

    def __init__(self) -> None:
        self.asked: set[Backend] = set()

    def __call__(self, ties: Sequence[Backend]) -> Backend:
        self.asked = set(ties)
        return ties[0]


class ChoiceTests(SynchronousTestCase):
    """
    Who is chosen.
    """

    @settings(deadline=None)
    @given(WEIGHTS, PLACES)
    def test_leastOfAll(self, weights: list[int], places: list[int]) -> None:
        """
        After any change of any load, those with the least, all of them and nobody else,
        are drawn from.
        """
        shown, ties = weighted(weights), Ties()
        policy, lives = LeastConnections(ties), Lives(shown)
        for place in (0, 0, *places):
            lives.change(place)
            ties.asked.clear()
            chosen = policy.choose(REQUEST, shown)
            self.assertEqual(ties.asked or {chosen}, least(shown))

    @settings(deadline=None)
    @given(st.lists(st.integers(1, 3), min_size=1, max_size=4), PLACES)
    def test_indexOfFew(self, weights: list[int], places: list[int]) -> None:
        """
        The index by itself, where loads that nobody had any more come back often.
        """
        shown = weighted(weights)
        index, lives = LoadIndex(shown), Lives(shown)
        for place in places:
            lives.change(place)
            self.assertEqual(Counter(index.least()), Counter(least(shown)))

    @settings(deadline=None)
    @given(WEIGHTS, st.integers(0, 120))
    def test_evensOut(self, weights: list[int], requests: int) -> None:
        """
        If nothing ends, loads stay as even as whole exchanges can be.
        """
        shown, policy = weighted(weights), LeastConnections()
        for _ in range(requests):
            policy.choose(REQUEST, shown).begin(MadeExchange())
        self.assertEqual(sum(backend.inFlight for backend in shown), requests)
        lowest = min(backend.inFlight / backend.weight for backend in shown)
        for backend in shown:
            if backend.inFlight:
                self.assertLessEqual((backend.inFlight - 1) / backend.weight, lowest)

    def test_everyTieIsChosen(self) -> None:
        """
        By default ties are drawn at random, each about as often.
        """
        random.seed(11)
        self.addCleanup(random.seed)
        shown, policy = weighted([1] * 20), LeastConnections()
        for backend in shown[:4]:
            backend.begin(MadeExchange())
        counts = Counter(policy.choose(REQUEST, shown) for _ in range(8000))
        self.assertEqual(set(counts), set(shown[4:]))
        self.assertGreater(min(counts.values()), 350)

    def test_weights(self) -> None:
        """
        One of weight 4 with three exchanges has less to do than one of weight 1 with one.
        """
        shown, policy = weighted([4, *[1] * 11]), LeastConnections()
        for backend in shown[1:]:
            backend.begin(MadeExchange())
        for _ in range(4):
            chosen = policy.choose(REQUEST, shown)
            self.assertIs(chosen, shown[0])
            chosen.begin(MadeExchange())
        self.assertEqual({policy.choose(REQUEST, shown) for _ in range(500)}, set(shown))


class ChangesTests(SynchronousTestCase):
    """
    Sets that change, and the index that follows them.
    """

    @settings(deadline=None)
    @given(st.data())
    def test_anySets(self, data: st.DataObject) -> None:
        """
        Whichever sets are shown in whatever order, the least of the one that is shown
        are drawn from, and nobody else's load is followed.
        """
        everybody = weighted(data.draw(st.lists(st.integers(1, 4), min_size=10, max_size=20)))
        sizes = st.integers(6, len(everybody))
        tuples = [everybody[: data.draw(sizes)] for _ in range(2)] + [everybody[1:]]
        ties, lives = Ties(), Lives(everybody)
        policy = LeastConnections(ties)
        for number, place in data.draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99)))):
            lives.change(place)
            if number == 3:
                policy.backendRemoved(everybody[place % len(everybody)])
                continue
            shown = tuples[number]
            ties.asked.clear()
            chosen = policy.choose(REQUEST, shown)
            self.assertEqual(ties.asked or {chosen}, least(shown))
            for backend in everybody:
                self.assertLessEqual(len(backend.watchers), 1)

    def test_indexOfASetThatStays(self) -> None:
        """
        From the second time on that many are shown, their loads are followed.
        """
        shown, policy = weighted([1] * 12), LeastConnections()
        policy.choose(REQUEST, shown)
        self.assertEqual([backend.watchers for backend in shown], [[]] * 12)
        policy.choose(REQUEST, shown)
        policy.choose(REQUEST, shown)
        self.assertEqual([len(backend.watchers) for backend in shown], [1] * 12)

    def test_fewAreNotFollowed(self) -> None:
        shown, policy = weighted([1] * 4), LeastConnections()
        for _ in range(3):
            policy.choose(REQUEST, shown)
        self.assertEqual([backend.watchers for backend in shown], [[]] * 4)

    def test_shownOnce(self) -> None:
        """
        A retry's set neither costs an index nor the one that there is.
        """
        shown, policy = weighted([1] * 12), LeastConnections()
        for _ in range(2):
            policy.choose(REQUEST, shown)
        watching = [list(backend.watchers) for backend in shown]
        for _ in range(5):
            left = shown[1:]
            self.assertIn(policy.choose(REQUEST, left), left)
            self.assertEqual([backend.watchers for backend in shown], watching)

    def test_anotherSet(self) -> None:
        """
        When another set stays, who isn't in it any more is let alone.
        """
        shown, policy = weighted([1] * 12), LeastConnections()
        for backends in (shown, shown, shown[1:]):
            policy.choose(REQUEST, backends)
        left = shown[2:]
        for _ in range(2):
            policy.choose(REQUEST, left)
        self.assertEqual([len(backend.watchers) for backend in shown], [0, 0] + [1] * 10)

    def test_removed(self) -> None:
        """
        When a backend is removed nobody is watched; its exchanges may still end.
        """
        shown, policy = weighted([1] * 12), LeastConnections()
        exchange = MadeExchange()
        shown[0].begin(exchange)
        for _ in range(2):
            policy.choose(REQUEST, shown)
        policy.backendRemoved(shown[0])
        self.assertEqual([backend.watchers for backend in shown], [[]] * 12)
        shown[0].finish(exchange, Outcome.cut, 0.0)
        policy.backendRemoved(shown[1])

    def test_twoPolicies(self) -> None:
        """
        Each index hears of each change, and closes for itself.
        """
        shown = weighted([1] * 9)
        first, second = LoadIndex(shown), LoadIndex(shown)
        shown[0].begin(MadeExchange())
        first.close()
        for backend in shown[1:]:
            backend.begin(MadeExchange())
        shown[3].begin(MadeExchange())
        self.assertEqual(set(second.least()), {*shown[:3], *shown[4:]})
        self.assertEqual([backend.watchers for backend in shown], [[second]] * 9)

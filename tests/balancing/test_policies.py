"""
Round robin and least connections: who takes what.
"""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.leastconnections import LeastConnections
from twisted_multiserver.balancing.roundrobin import RoundRobin
from twisted_multiserver.testing import MadeExchange, makeBackend, makeRequest


def backends(count: int) -> tuple[Backend, ...]:
    return tuple(makeBackend(f"child {number}") for number in range(count))


class RoundRobinTests(SynchronousTestCase):
    def test_inTurn(self) -> None:
        policy, shown = RoundRobin(), backends(3)
        chosen = [policy.choose(makeRequest(), shown) for _ in range(7)]
        self.assertEqual(chosen, [*shown, *shown, shown[0]])

    @given(st.integers(1, 9), st.integers(0, 50), st.integers(0, 20))
    def test_even(self, count: int, choices: int, before: int) -> None:
        """
        Over any run of choices from one set no two differ by more than one, wherever
        it stood before.
        """
        policy, shown = RoundRobin(), backends(count)
        for _ in range(before):
            policy.choose(makeRequest(), backends(7))
        counts = Counter(dict.fromkeys(shown, 0))
        counts.update(policy.choose(makeRequest(), shown) for _ in range(choices))
        self.assertLessEqual(max(counts.values()) - min(counts.values()), 1)
        self.assertEqual(counts.total(), choices)


class LeastConnectionsTests(SynchronousTestCase):
    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=1, max_size=8))
    def test_neverAboveTheLeast(self, loads: list[tuple[int, int]]) -> None:
        """
        Nobody has less to do, relative to the weight, than who is chosen.
        """
        shown = tuple(
            makeBackend(f"child {number}", inFlight, weight)
            for number, (inFlight, weight) in enumerate(loads)
        )
        chosen = LeastConnections().choose(makeRequest(), shown)
        for other in shown:
            self.assertLessEqual(chosen.inFlight * other.weight, other.inFlight * chosen.weight)

    def test_ties(self) -> None:
        """
        All that have the least, and nobody else, are drawn from.
        """
        shown = (
            makeBackend("a", 1),
            makeBackend("b", 2, 2),
            makeBackend("c", 2),
            makeBackend("d", 1),
        )
        drawn: list[list[str]] = []

        def pick(ties: object) -> Backend:
            assert isinstance(ties, list)
            drawn.append([backend.name for backend in ties])
            last: Backend = ties[-1]
            return last

        self.assertIs(LeastConnections(pick).choose(makeRequest(), shown), shown[3])
        self.assertEqual(drawn, [["a", "b", "d"]])

    def test_random(self) -> None:
        """
        By default ties are drawn at random, each about as often.
        """
        random.seed(7)
        self.addCleanup(random.seed)
        policy, shown = LeastConnections(), backends(4)
        counts = Counter(policy.choose(makeRequest(), shown) for _ in range(4000))
        for backend in shown:
            self.assertGreater(counts[backend], 800)

    def test_loadEvensOut(self) -> None:
        """
        Whoever gets no end is left alone while others have less to do.
        """
        policy, shown = LeastConnections(), backends(3)
        for _ in range(9):
            policy.choose(makeRequest(), shown).begin(MadeExchange())
        self.assertEqual([backend.inFlight for backend in shown], [3, 3, 3])

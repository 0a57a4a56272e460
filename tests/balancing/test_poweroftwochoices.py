"""
Power of two choices: which two are drawn, and which of them is taken.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.poweroftwochoices import PowerOfTwoChoices, drawTwo
from twisted_multiserver.testing import MadeExchange, makeBackend, makeRequest

REQUEST = makeRequest()
DRAWS = st.floats(0, 1, exclude_max=True)


def backends(count: int) -> tuple[Backend, ...]:
    return tuple(makeBackend(f"child {number}") for number in range(count))


MANY = backends(1000)


def fractions(count: int) -> Iterator[tuple[float, float]]:
    """
    @return: draws that give every pair of places of so many, each once.
    """
    for first in range(count):
        for second in range(count - 1):
            yield (first + 0.5) / count, (second + 0.5) / (count - 1)


class DrawTests(SynchronousTestCase):
    """
    Which two are compared.
    """

    @settings(deadline=None)
    @given(st.integers(2, 1000), DRAWS, DRAWS)
    def test_twoDifferent(self, count: int, first: float, second: float) -> None:
        """
        Whatever is drawn, they are two of those shown.
        """
        shown = MANY[:count]
        drawn = drawTwo(shown, iter((first, second)).__next__)
        assert drawn is not None
        self.assertLessEqual(set(drawn), set(shown))
        self.assertIsNot(*drawn)

    def test_everyPairAlike(self) -> None:
        """
        Each ordered pair is as likely as any other.
        """
        for count in range(2, 9):
            shown = backends(count)
            counts = Counter(drawTwo(shown, iter(pair).__next__) for pair in fractions(count))
            self.assertEqual(len(counts), count * (count - 1))
            self.assertEqual(set(counts.values()), {1})

    def test_onlyOne(self) -> None:
        """
        For one backend nothing is drawn.
        """
        (only,) = shown = backends(1)
        self.assertIs(PowerOfTwoChoices([].pop).choose(REQUEST, shown), only)


class ChoiceTests(SynchronousTestCase):
    """
    Which of the two is taken.
    """

    @settings(deadline=None)
    @given(
        st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), min_size=2, max_size=2),
        st.booleans(),
    )
    def test_lessBusy(self, loads: list[tuple[int, int]], swapped: bool) -> None:
        """
        The one that has less to do, relative to the weight, whichever was drawn first;
        and the first if they are equals.
        """
        shown = tuple(
            makeBackend(f"child {number}", inFlight, weight)
            for number, (inFlight, weight) in enumerate(loads)
        )
        draws = iter((0.5, 0.0) if swapped else (0.0, 0.0))
        first, second = reversed(shown) if swapped else shown
        chosen = PowerOfTwoChoices(draws.__next__).choose(REQUEST, shown)
        isSecondBetter = second.inFlight / second.weight < first.inFlight / first.weight
        self.assertIs(chosen, second if isSecondBetter else first)

    def test_equalsAreShared(self) -> None:
        """
        Among idle ones, every draw counted, each is taken as often as any other.
        """
        shown = backends(7)
        counts = Counter(
            PowerOfTwoChoices(iter(pair).__next__).choose(REQUEST, shown) for pair in fractions(7)
        )
        self.assertEqual([counts[backend] for backend in shown], [6] * 7)

    def test_busiestNever(self) -> None:
        """
        One that has more to do than each other is never taken.
        """
        shown = (*backends(5), makeBackend("busy", 1))
        for pair in fractions(6):
            chosen = PowerOfTwoChoices(iter(pair).__next__).choose(REQUEST, shown)
            self.assertIsNot(chosen, shown[-1])

    def test_loadsStayClose(self) -> None:
        """
        By default the draw is random: of 10000 requests that don't end, a hundred
        backends get about a hundred each, far closer than by chance alone.
        """
        random.seed(3)
        self.addCleanup(random.seed)
        shown, policy = backends(100), PowerOfTwoChoices()
        for _ in range(10_000):
            policy.choose(REQUEST, shown).begin(MadeExchange())
        loads = [backend.inFlight for backend in shown]
        self.assertLess(max(loads), 106)
        self.assertGreater(min(loads), 90)

    def test_neverOneThatIsNotShown(self) -> None:
        """
        Sets that change leave no trace.
        """
        everybody, policy = backends(20), PowerOfTwoChoices()
        for size in (20, 1, 2, 19, 3):
            shown = everybody[:size]
            for _ in range(50):
                self.assertIn(policy.choose(REQUEST, shown), shown)

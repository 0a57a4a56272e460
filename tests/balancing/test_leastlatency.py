"""
Least latency, and the average it goes by.
"""

from __future__ import annotations

import random
from collections import Counter
from math import exp

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.leastlatency import LeastLatency
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.peakaverage import PeakAverage
from twisted_multiserver.testing import MadeExchange, makeBackend, makeRequest

REQUEST = makeRequest()
SECONDS = st.floats(0, 100)


class PeakAverageTests(SynchronousTestCase):
    """
    Bad news at once, good news slowly.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.average = PeakAverage(self.clock.seconds)

    def now(self) -> float:
        """
        @return: the average, which is there.
        """
        value = self.average.value()
        assert value is not None
        return value

    def test_nothingYet(self) -> None:
        self.assertIsNone(self.average.value())
        self.clock.advance(100)
        self.assertIsNone(self.average.value())

    def test_peakAtOnce(self) -> None:
        """
        A sample above the average becomes the average.
        """
        for sample in (0.01, 0.02, 3.0):
            self.average.add(sample)
            self.clock.advance(0)
            self.assertEqual(self.now(), sample)

    def test_lowSampleDecays(self) -> None:
        """
        A sample below the average pulls it down by what the time since the last is
        worth: nothing if none has passed, 1 - 1/e after ten seconds.
        """
        self.average.add(1.0)
        self.average.add(0.1)
        self.assertEqual(self.now(), 1.0)
        self.clock.advance(10)
        self.average.add(0.1)
        self.assertAlmostEqual(self.now(), exp(-1) + 0.1 * (1 - exp(-1)))

    def test_manyLowSamples(self) -> None:
        """
        A minute of quick answers makes up for one slow one.
        """
        self.average.add(1.0)
        for _ in range(600):
            self.clock.advance(0.1)
            self.average.add(0.01)
        self.assertGreater(self.now(), 0.01)
        self.assertLess(self.now(), 0.013)

    def test_fades(self) -> None:
        """
        Without samples it fades towards nothing, and asking changes nothing.
        """
        self.average.add(1.0)
        for seconds in (10, 20, 30):
            self.clock.advance(10)
            self.assertAlmostEqual(self.now(), exp(-seconds / 10))
            self.assertEqual(self.now(), self.now())
        self.clock.advance(1e9)
        self.assertEqual(self.now(), 0.0)

    @settings(deadline=None)
    @given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=30))
    def test_between(self, samples: list[tuple[float, float]]) -> None:
        """
        It is never below the last sample, nor above the largest.
        """
        clock = Clock()
        average = PeakAverage(clock.seconds)
        for waited, sample in samples:
            clock.advance(waited)
            average.add(sample)
            value = average.value()
            assert value is not None
            self.assertGreaterEqual(value, sample * (1 - 1e-9))
            self.assertLessEqual(value, max(other for _, other in samples) * (1 + 1e-9))


class LeastLatencyTests(SynchronousTestCase):
    """
    Of two, the quicker.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.draws: list[float] = []
        self.policy = LeastLatency(lambda: self.draws.pop(0), self.clock.seconds)

    def backend(self, latency: float | None = None, inFlight: int = 0, weight: int = 1) -> Backend:
        """
        @param latency: of its one answer so far, in seconds.
        @return: a backend that is admitted.
        """
        backend = makeBackend("child", inFlight, weight)
        self.policy.backendAdmitted(backend)
        if latency is not None:
            backend.statistics.firstByte(latency)
        return backend

    def assertBetter(self, better: Backend, worse: Backend) -> None:
        """
        Whichever is drawn first.
        """
        for draws in ([0.0, 0.0], [0.5, 0.0]):
            self.draws = draws
            self.assertIs(self.policy.choose(REQUEST, (better, worse)), better)

    def assertFirstDrawn(self, *shown: Backend) -> None:
        """
        The one that is drawn first is taken.
        """
        for place, draws in enumerate(([0.0, 0.0], [0.5, 0.0])):
            self.draws = draws
            self.assertIs(self.policy.choose(REQUEST, shown), shown[place])

    def test_quicker(self) -> None:
        self.assertBetter(self.backend(0.01), self.backend(0.02))
        self.assertFirstDrawn(self.backend(0.01), self.backend(0.01))

    def test_inFlight(self) -> None:
        """
        Its latency counts once for the request and once for each that it has.
        """
        self.assertBetter(self.backend(0.01, 2), self.backend(0.04, 0))
        self.assertBetter(self.backend(0.04, 0), self.backend(0.01, 4))

    def test_weight(self) -> None:
        self.assertBetter(self.backend(0.02, weight=3), self.backend(0.01))
        self.assertBetter(self.backend(0.01), self.backend(0.04, weight=3))

    def test_unknownIsTried(self) -> None:
        """
        One that never answered is tried, by one request at a time.
        """
        unknown, known = self.backend(), self.backend(0.001)
        self.assertBetter(unknown, known)
        exchange = MadeExchange()
        unknown.begin(exchange)
        self.assertBetter(known, unknown)
        unknown.finish(exchange, Outcome.clientGone, 0.0)
        self.policy.exchangeFinished(unknown, REQUEST, Outcome.clientGone)
        self.assertBetter(unknown, known)

    def test_unknownsOnly(self) -> None:
        """
        If all that are drawn are being tried, one of them is taken nevertheless.
        """
        self.assertFirstDrawn(self.backend(inFlight=1), self.backend(inFlight=5))

    def test_failureCountsAsASecond(self) -> None:
        for outcome in Outcome:
            failed = self.backend(0.01)
            self.policy.exchangeFinished(failed, REQUEST, outcome)
            if outcome.isFailure:
                self.assertBetter(self.backend(0.99), failed)
                self.assertBetter(failed, self.backend(1.01))
            else:
                self.assertBetter(failed, self.backend(0.011))

    def test_failureFades(self) -> None:
        """
        After a while one that has failed is no worse than the others, and is asked again.
        """
        failed = self.backend()
        self.policy.exchangeFinished(failed, REQUEST, Outcome.connectRefused)
        self.assertBetter(self.backend(0.05), failed)
        self.clock.advance(35)
        self.assertBetter(failed, self.backend(0.05))

    def test_fadedAwayStillCountsExchanges(self) -> None:
        """
        Averages that have faded to nothing leave the exchanges in flight to compare.
        """
        busy, idle = self.backend(1.0, 2), self.backend(1.0, 1)
        self.clock.advance(1e6)
        self.assertBetter(idle, busy)

    def test_notAdmitted(self) -> None:
        """
        A backend that it hears of only now is unknown, and followed from then on.
        """
        late, known = makeBackend("late"), self.backend(0.01)
        self.assertBetter(late, known)
        late.statistics.firstByte(0.5)
        self.assertBetter(known, late)

    def test_onlyOne(self) -> None:
        """
        With one backend nothing is drawn, however slow it is.
        """
        slow = self.backend(60.0, 9)
        self.assertIs(self.policy.choose(REQUEST, (slow,)), slow)

    def test_slowestOfManyNever(self) -> None:
        """
        Two different ones are drawn at random, so that the slowest is never taken and
        each other one is.
        """
        random.seed(5)
        self.addCleanup(random.seed)
        policy = LeastLatency(clock=self.clock.seconds)
        shown = tuple(makeBackend(f"child {number}") for number in range(6))
        for number, backend in enumerate(shown):
            policy.backendAdmitted(backend)
            backend.statistics.firstByte(0.01 * (number + 1))
        counts = Counter(policy.choose(REQUEST, shown) for _ in range(3000))
        self.assertEqual(set(counts), set(shown[:5]))
        self.assertEqual(sorted(counts, key=shown.index), [b for b, _ in counts.most_common()])

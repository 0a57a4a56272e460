"""
Least lag: what a child tells of its load, and what its silence tells.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.backend import Backend, LoadReport
from twisted_multiserver.balancing.leastlag import REPORT_INTERVAL, LeastLag
from twisted_multiserver.testing import MadeExchange, makeBackend, makeRequest

REQUEST = makeRequest()


class LeastLagTests(SynchronousTestCase):
    """
    Few backends, each of which is looked at.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.ties: list[Backend] = []
        self.policy = LeastLag(self.pick, self.draw, self.clock.seconds)

    def pick(self, ties: Sequence[Backend]) -> Backend:
        self.ties = list(ties)
        return ties[-1]

    def draw(self) -> float:
        self.fail("nothing is drawn of few")

    def backend(
        self,
        lag: float = 0.0,
        inFlight: int = 0,
        weight: int = 1,
        busyThreads: int = 0,
        threads: int = 0,
        silent: float = 0.0,
    ) -> Backend:
        """
        @param lag: that it reports, in seconds.
        @param silent: since when it reports nothing, in seconds.
        """
        backend = makeBackend("child", inFlight, weight)
        reportedAt = self.clock.seconds() - silent
        backend.load = LoadReport(lag, busyThreads, threads, reportedAt)
        return backend

    def assertBetter(self, better: Backend, *worse: Backend) -> None:
        """
        Wherever it stands among the others.
        """
        for place in range(len(worse) + 1):
            shown = (*worse[:place], better, *worse[place:])
            self.assertIs(self.policy.choose(REQUEST, shown), better)
        self.assertEqual(self.ties, [])

    def assertTied(self, *shown: Backend) -> None:
        """
        The tie is broken among all of them.
        """
        self.assertIs(self.policy.choose(REQUEST, shown), shown[-1])
        self.assertEqual(self.ties, list(shown))
        self.ties = []

    def test_asksForReports(self) -> None:
        """
        Children are told to report, and the head of a request isn't needed.
        """
        self.assertTrue(self.policy.needsLoad)
        self.assertEqual(self.policy.needs, frozenset())

    def test_lag(self) -> None:
        """
        With as much to do, the one whose loop lags less.
        """
        self.assertBetter(self.backend(0.001), self.backend(0.003), self.backend(0.009))
        self.assertBetter(self.backend(0.005, 3), self.backend(0.009, 3))

    def test_work(self) -> None:
        """
        With equal lag, the one with less to do, relative to its weight.
        """
        self.assertBetter(self.backend(0.002, 1), self.backend(0.002, 2))
        self.assertBetter(self.backend(0.0, 4, 3), self.backend(0.0, 1))

    def test_hogged(self) -> None:
        """
        A child in which a thread computes (its loop lags by 5 ms) is the last resort: it
        is asked once one that runs freely would have nine others to do.
        """
        hogged = self.backend(0.005)
        self.assertBetter(self.backend(0.0, 7), hogged)
        self.assertBetter(hogged, self.backend(0.0, 9))

    def test_smallLagIsNoise(self) -> None:
        """
        Within a step of two milliseconds, differences in lag are none.
        """
        self.assertTied(self.backend(0.001_9), self.backend(0.0), self.backend(0.000_1))
        self.assertTied(self.backend(0.004_5), self.backend(0.005_5))
        self.assertBetter(self.backend(0.001_9), self.backend(0.0, 1), self.backend(0.002_1))

    def test_silence(self) -> None:
        """
        A report is due each interval; one that is silent for longer than two lags for
        as long as that.
        """
        for intervals in (0, 1, 1.9):
            self.assertTied(self.backend(silent=REPORT_INTERVAL * intervals), self.backend())
        hung = self.backend(silent=2 * REPORT_INTERVAL + 1.0)
        self.assertBetter(self.backend(0.99), hung)
        self.assertBetter(hung, self.backend(1.01))

    def test_silenceGrows(self) -> None:
        """
        What it told last is believed until it has been silent for longer than it lagged.
        """
        lagging, hung = self.backend(0.5), self.backend(0.0)
        self.assertBetter(hung, lagging)
        self.clock.advance(1.0)
        lagging.load = LoadReport(0.5, 0, 0, self.clock.seconds())
        self.assertBetter(lagging, hung)
        self.assertBetter(self.backend(0.5, silent=0.6), self.backend(0.51))
        hung.load = LoadReport(0.0, 0, 0, self.clock.seconds())
        self.assertBetter(hung, lagging)

    def test_reportFromTheFuture(self) -> None:
        """
        Silence that has not begun yet is no bonus.
        """
        self.assertTied(self.backend(silent=-5.0), self.backend())

    def test_busyThreads(self) -> None:
        """
        Under WSGI it has as much to do as threads are busy, if those are more than its
        exchanges: a thread may work on after the client has left.
        """
        self.assertBetter(
            self.backend(inFlight=2, threads=10), self.backend(busyThreads=3, threads=10)
        )
        self.assertBetter(
            self.backend(busyThreads=3, threads=10),
            self.backend(inFlight=4, busyThreads=2, threads=10),
        )
        self.assertTied(
            self.backend(inFlight=3, busyThreads=3, threads=10),
            self.backend(inFlight=3, threads=10),
        )

    def test_allThreadsBusy(self) -> None:
        """
        Where a request would wait for a thread, it is as if the loop lagged by 50 ms.
        """
        full = self.backend(busyThreads=2, threads=2)
        self.assertBetter(self.backend(inFlight=9, busyThreads=9, threads=10), full)
        self.assertBetter(self.backend(0.049, 2), full)
        self.assertBetter(full, self.backend(0.053, 2))

    def test_noThreads(self) -> None:
        """
        One without threads for requests is never full.
        """
        self.assertTied(self.backend(threads=0), self.backend(threads=10))

    def test_withoutReports(self) -> None:
        """
        Who reports nothing counts by connections, as if its loop ran freely; long
        silence from one that never spoke is none.
        """
        self.assertTied(makeBackend("remote"), self.backend())
        self.assertBetter(makeBackend("a"), makeBackend("b", 1), self.backend(0.003))
        self.assertBetter(makeBackend("a", 1, 3), makeBackend("b", 1, 2), makeBackend("c", 2, 3))

    @settings(deadline=None)
    @given(st.lists(st.integers(0, 3), min_size=2, max_size=8))
    def test_ties(self, loads: list[int]) -> None:
        """
        All that are equal, and nobody else, are drawn from.
        """
        shown = tuple(self.backend(inFlight=inFlight) for inFlight in loads)
        least = [backend for backend in shown if backend.inFlight == min(loads)]
        self.ties = []
        self.assertIs(self.policy.choose(REQUEST, shown), least[-1])
        self.assertEqual(self.ties, least if len(least) > 1 else [])
        self.ties = []


class SampleTests(SynchronousTestCase):
    """
    Many backends, of which some are looked at.
    """

    def test_boundedForAThousand(self) -> None:
        """
        Eight are drawn and compared, and the best of them is taken.
        """
        shown = tuple(makeBackend(f"child {number}", 1) for number in range(1000))
        drawn: list[float] = [0.0, 0.999_999, 0.5, 0.25, 0.125, 0.75, 0.5, 0.1]
        draws = iter(drawn)
        shown[999].begin(MadeExchange())
        for place in (0, 125, 250, 500, 750):
            shown[place].begin(MadeExchange())
        policy = LeastLag(draw=draws.__next__, clock=Clock().seconds)
        self.assertIs(policy.choose(REQUEST, shown), shown[100])
        self.assertEqual(list(draws), [])

    def test_drawnTwice(self) -> None:
        """
        If one is drawn eight times, it is taken.
        """
        shown = tuple(makeBackend(f"child {number}") for number in range(9))
        policy = LeastLag(draw=lambda: 0.5, clock=Clock().seconds)
        self.assertIs(policy.choose(REQUEST, shown), shown[4])

    def test_everyoneGetsSome(self) -> None:
        """
        By default the draw is random: of a thousand idle ones each gets its part, and
        one that is hogged next to nothing.
        """
        random.seed(9)
        self.addCleanup(random.seed)
        shown = tuple(makeBackend(f"child {number}") for number in range(1000))
        shown[7].load = LoadReport(0.005, 0, 0, 0.0)
        policy = LeastLag(clock=Clock().seconds)
        counts = Counter(policy.choose(REQUEST, shown) for _ in range(20_000))
        self.assertEqual(len(counts), 999)
        self.assertNotIn(shown[7], counts)
        self.assertLess(max(counts.values()), 45)

"""
Backends and what is counted of them.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.backend import Backend, BackendKind
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.peakaverage import PeakAverage
from twisted_multiserver.balancing.statistics import FIRST_BYTE_BOUNDS, Statistics
from twisted_multiserver.testing import MadeExchange


class Watcher:
    """
    @ivar loads: as they were each time.
    """

    def __init__(self) -> None:
        self.loads: list[int] = []

    def loadChanged(self, backend: Backend) -> None:
        self.loads.append(backend.inFlight)


class Peak(PeakAverage):
    """
    @ivar added: all that came.
    """

    def __init__(self) -> None:
        self.added: list[float] = []

    def add(self, value: float) -> None:
        self.added.append(value)


class BackendTests(SynchronousTestCase):
    def test_names(self) -> None:
        self.assertEqual(Backend("tcp:a:1", BackendKind.remote).name, "tcp:a:1")
        self.assertEqual(Backend("unix:a", BackendKind.child, "child 2").name, "child 2")

    def test_isOurs(self) -> None:
        self.assertEqual(
            [kind for kind in BackendKind if kind.isOurs], [BackendKind.child, BackendKind.program]
        )

    def test_countedOnce(self) -> None:
        """
        An exchange is in flight from its begin to its end, which it has once.
        """
        backend = Backend("unix:a", BackendKind.child)
        first, second = MadeExchange("GET /1"), MadeExchange("GET /2")
        backend.begin(first)
        backend.begin(second, isRetry=True)
        self.assertEqual(backend.inFlight, 2)
        self.assertEqual(backend.openExchanges(), (first, second))
        backend.finish(first, Outcome.ok, 0.0)
        self.assertRaises(KeyError, backend.finish, first, Outcome.ok, 0.0)
        self.assertEqual(backend.inFlight, 1)
        self.assertEqual((backend.statistics.requests, backend.statistics.retries), (2, 1))
        self.assertEqual(backend.statistics.outcomes, {Outcome.ok: 1})

    def test_finishWhole(self) -> None:
        """
        The one step counts what the several do, and tells whoever follows the load.
        """
        shown = []
        for isOneStep in (True, False):
            backend = Backend("unix:a", BackendKind.child)
            watcher = Watcher()
            backend.watchers.append(watcher)
            statistics = backend.statistics
            for seconds in (0.002, 0.5, 20.0):
                exchange = MadeExchange("GET /")
                backend.begin(exchange)
                if isOneStep:
                    backend.finishWhole(exchange, seconds, 7, 5)
                    self.assertRaises(KeyError, backend.finishWhole, exchange, seconds, 7, 5)
                else:
                    statistics.firstByte(seconds)
                    statistics.bytesSent += 7
                    statistics.bytesReceived += 5
                    backend.finish(exchange, Outcome.ok, 0.0)
            counters = {name: getattr(statistics, name) for name in Statistics.__slots__}
            shown.append((counters, backend.inFlight, backend.openExchanges(), watcher.loads))
        self.assertEqual(shown[0], shown[1])
        self.assertEqual(shown[0][3], [1, 0, 1, 0, 1, 0])

    def test_finishWholePeak(self) -> None:
        """
        A policy's average that follows peaks is told of it, too.
        """
        backend = Backend("unix:a", BackendKind.child)
        backend.statistics.firstBytePeak = peak = Peak()
        for seconds in (0.25, 0.5):
            exchange = MadeExchange("GET /")
            backend.begin(exchange)
            backend.finishWhole(exchange, seconds, 1, 1)
        self.assertEqual(peak.added, [0.25, 0.5])

    def test_lostAreBounded(self) -> None:
        """
        What is kept for a crash doesn't grow with the failures of a living one, and
        nothing is kept for a server that isn't ours.
        """
        for kind, kept in ((BackendKind.child, 100), (BackendKind.remote, 0)):
            backend = Backend("x", kind)
            for number in range(300):
                exchange = MadeExchange(f"GET /{number}")
                backend.begin(exchange)
                backend.finish(exchange, Outcome.cut, 1.0)
            lost = backend.inFlightAtDeath(1.5, 1.0)
            self.assertEqual(len(lost), kept)
            last = [each.description for each in lost[-1:]]
            self.assertEqual(last, ["GET /299"] if kept else [])
            self.assertEqual(backend.inFlightAtDeath(2.5, 1.0), ())


class OutcomeTests(SynchronousTestCase):
    def test_kinds(self) -> None:
        """
        Which speak against the backend, which mean that nothing reached it, which
        are answered by 504.
        """
        self.assertEqual(
            {outcome.name for outcome in Outcome if not outcome.isFailure},
            {"ok", "busy", "clientGone", "withdrawn", "gatewayError"},
        )
        self.assertEqual(
            {outcome.name for outcome in Outcome if outcome.nothingSent},
            {"connectRefused", "connectTimeout", "busy", "withdrawn"},
        )
        self.assertEqual(
            {outcome.name for outcome in Outcome if outcome.isTimeout},
            {"connectTimeout", "firstByteTimeout", "stalled"},
        )


class StatisticsTests(SynchronousTestCase):
    def test_failures(self) -> None:
        """
        Some ends speak against the backend; all are counted.
        """
        statistics = Statistics()
        statistics.whole = 1
        failed = [Outcome.busy, Outcome.cut, Outcome.cut, Outcome.clientGone]
        statistics.failed.update([*failed, Outcome.connectRefused])
        self.assertEqual(statistics.failures, 3)
        self.assertEqual(statistics.outcomes[Outcome.ok], 1)
        self.assertEqual(statistics.outcomes[Outcome.cut], 2)

    def test_histogram(self) -> None:
        """
        A bound belongs to its bucket; what is slower than all has one more.
        """
        statistics = Statistics()
        for seconds in (0.0, *FIRST_BYTE_BOUNDS, 10.5, 1000.0):
            statistics.firstByte(seconds)
        self.assertEqual(statistics.firstByteHistogram, [2, *[1] * (len(FIRST_BYTE_BOUNDS) - 1), 2])

    def test_average(self) -> None:
        """
        The first counts as it is, each further one by a tenth.
        """
        statistics = Statistics()
        self.assertIsNone(statistics.firstByteAverage)
        statistics.firstByte(1.0)
        self.assertEqual(statistics.firstByteAverage, 1.0)
        statistics.firstByte(2.0)
        self.assertAlmostEqual(statistics.firstByteAverage or 0.0, 1.1)

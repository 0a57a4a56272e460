"""
The load that a child reports.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.child.load import LoadReporter


class LoadReporterTests(SynchronousTestCase):
    """
    L{LoadReporter}.
    """

    def setUp(self) -> None:
        """
        One reports.
        """
        self.clock = Clock()
        self.busy = (0, 0)
        self.told: list[tuple[float, int, int]] = []
        reporter = LoadReporter(self.clock, 0.25, lambda: self.busy, self.tell)
        reporter.start()

    def tell(self, lag: float, busyThreads: int, threads: int) -> None:
        """
        Write it down.
        """
        self.told.append((lag, busyThreads, threads))

    def test_idle(self) -> None:
        """
        One report in each interval.
        """
        self.clock.pump([0.25] * 4)
        self.assertEqual(self.told, [(0.0, 0, 0)] * 4)

    def test_threads(self) -> None:
        self.busy = (3, 10)
        self.clock.advance(0.25)
        self.assertEqual(self.told, [(0.0, 3, 10)])

    def test_lag(self) -> None:
        """
        A peak is told as it is, and fades.
        """
        self.clock.advance(0.75)
        self.clock.pump([0.25] * 3)
        self.assertEqual([lag for lag, _, _ in self.told], [0.5, 0.25, 0.125, 0.0625])

    def test_higherPeak(self) -> None:
        self.clock.advance(0.5)
        self.clock.advance(1.25)
        self.assertEqual([lag for lag, _, _ in self.told], [0.25, 1.0])

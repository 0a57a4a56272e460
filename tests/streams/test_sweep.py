"""
Deadlines without a timer for each.
"""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.streams.sweep import INTERVAL, Sweep


class Timed:
    """
    Notes when it was overdue.
    """

    def __init__(self, sweep: Sweep, clock: Clock, deadline: float) -> None:
        self.sweep = sweep
        self.clock = clock
        self.deadline = deadline
        self.called: list[float] = []
        sweep.watch(self)

    def overdue(self) -> None:
        self.called.append(self.clock.seconds())
        self.sweep.forget(self)


class SweepTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sweep = Sweep(self.clock)

    @given(st.lists(st.floats(0, 5), max_size=10))
    def test_inTime(self, deadlines: list[float]) -> None:
        """
        Each is met once, not early, and at most one interval late.
        """
        self.setUp()
        timed = [Timed(self.sweep, self.clock, deadline) for deadline in deadlines]
        self.clock.pump([0.05] * 130)
        for one in timed:
            (called,) = one.called
            self.assertGreaterEqual(called, one.deadline)
            self.assertLess(called, one.deadline + INTERVAL + 0.06)

    def test_noTimerForNothing(self) -> None:
        """
        There is one timer however many are watched, and none when nobody is.
        """
        self.assertEqual(self.clock.getDelayedCalls(), [])
        timed = [Timed(self.sweep, self.clock, inf) for _ in range(5)]
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([INTERVAL] * 10)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        for one in timed:
            self.sweep.forget(one)
            self.sweep.forget(one)
        self.clock.advance(INTERVAL)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_again(self) -> None:
        """
        It wakes up for whoever comes after a pause.
        """
        Timed(self.sweep, self.clock, 0.0)
        self.clock.pump([INTERVAL] * 4)
        timed = Timed(self.sweep, self.clock, 0.0)
        self.clock.advance(INTERVAL)
        self.assertEqual(len(timed.called), 1)

    def test_moved(self) -> None:
        """
        A deadline is moved by setting it.
        """
        timed = Timed(self.sweep, self.clock, 1.0)
        self.clock.pump([INTERVAL] * 3)
        timed.deadline = 2.0
        self.clock.pump([INTERVAL] * 4)
        self.assertEqual(timed.called, [])
        self.clock.pump([INTERVAL] * 2)
        self.assertEqual(len(timed.called), 1)

    def test_forgottenByAnother(self) -> None:
        """
        Whoever is forgotten while others are told isn't told any more; who comes
        meanwhile is watched.
        """
        first = Timed(self.sweep, self.clock, 0.0)
        second = Timed(self.sweep, self.clock, 0.0)
        late: list[Timed] = []

        def overdue() -> None:
            self.sweep.forget(first)
            self.sweep.forget(second)
            late.append(Timed(self.sweep, self.clock, 0.0))

        first.overdue = overdue  # type: ignore[method-assign]
        self.clock.advance(INTERVAL)
        self.assertEqual(second.called, [])
        self.clock.advance(INTERVAL)
        self.assertEqual(len(late[0].called), 1)

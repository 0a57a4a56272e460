"""
Recycling, on a reactor that starts nothing.
"""

from __future__ import annotations

import os
import signal

from twisted.trial.unittest import SynchronousTestCase

from tests.supervision.stage import SupervisionTestCase
from twisted_multiserver.supervision.budgets import Budgets
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import CrashKind
from twisted_multiserver.supervision.processes import residentMemory
from twisted_multiserver.supervision.supervisor import Supervisor
from twisted_multiserver.supervision.wear import Limits, Wear, WearJudge


class JudgeTests(SynchronousTestCase):
    """
    When a child is to go.
    """

    def reason(self, limits: Limits, wear: Wear, random: float = 0.0) -> str | None:
        child = Child(1, 1, 1, 1, "")
        return WearJudge(limits, lambda: random).reason(child, wear)

    def test_limits(self) -> None:
        """
        Each by itself, reached exactly.
        """
        nothing = Wear(0, 0, 0)
        for limits, fine, worn, reason in (
            (
                Limits(requests=10),
                Wear(9, 9e9, 1 << 40),
                Wear(10, 0, 0),
                "it has served 10 requests",
            ),
            (Limits(age=10), Wear(99, 9.9, 1 << 40), Wear(0, 10, 0), "it is 10 s old"),
            (
                Limits(memory=1 << 20),
                Wear(99, 9e9, 1 << 20),
                Wear(0, 0, (2 << 20) + 1),
                "it takes 2 MiB of memory",
            ),
            (Limits(), Wear(99, 9e9, 1 << 40), None, None),
        ):
            self.assertIsNone(self.reason(limits, nothing))
            self.assertIsNone(self.reason(limits, fine))
            if worn is not None:
                self.assertEqual(self.reason(limits, worn), reason)

    def test_spread(self) -> None:
        """
        Up to a tenth earlier, another share for each life; never later.
        """
        self.assertIsNotNone(self.reason(Limits(requests=100), Wear(91, 0, 0), random=0.95))
        self.assertIsNone(self.reason(Limits(requests=100), Wear(89, 0, 0), random=0.999))
        numbers = iter((0.0, 0.9))
        judge = WearJudge(Limits(age=100), lambda: next(numbers))
        self.assertIsNone(judge.reason(Child(0, 1, 1, 1, ""), Wear(0, 95, 0)))
        self.assertIsNone(judge.reason(Child(0, 1, 1, 1, ""), Wear(0, 99, 0)))
        self.assertIsNotNone(judge.reason(Child(0, 1, 2, 1, ""), Wear(0, 95, 0)))

    def test_deadly(self) -> None:
        """
        Beyond twice the memory.
        """
        judge = WearJudge(Limits(memory=100), lambda: 0.0)
        self.assertFalse(judge.isDeadly(Wear(0, 0, 200)))
        self.assertTrue(judge.isDeadly(Wear(0, 0, 201)))
        self.assertFalse(WearJudge(Limits(age=1), lambda: 0.0).isDeadly(Wear(0, 9, 1 << 50)))

    def test_memoryOfThisProcess(self) -> None:
        """
        What /proc says.
        """
        ours = residentMemory()[os.getpgid(0)]
        self.assertGreater(ours, 1 << 20)


class RecyclerTests(SupervisionTestCase):
    """
    Children that do what the test says; a limit of 10 requests.
    """

    def setUp(self) -> None:
        super().setUp()
        self.supervisor = Supervisor(
            self.reactor,
            self.traffic,
            Budgets(boot=60, run=30, drain=20, stop=10),
            self.folder,
            "/state",
            lambda: 0.0,
            wear=Limits(requests=10),
        )
        self.supervisor.observers.add(self.observer)

    def test_oneAtATime(self) -> None:
        """
        The second one waits until the first one's successor is ready.
        """
        self.spawnReady(2)
        self.traffic.requests = {1: 10, 2: 12}
        self.reactor.advance(1)
        self.assertEqual(len(self.reactor.processes), 3)
        self.reactor.advance(1)
        self.assertEqual(len(self.reactor.processes), 3)
        self.assertEqual(self.observer.names().count("ChildWorn"), 1)
        self.notify(self.process(2), b"READY=1")
        self.assertEqual(self.traffic.calls[-2:], [("admit", 0), ("drain", 0)])
        self.reactor.advance(1)
        self.assertEqual(len(self.reactor.processes), 4)
        self.notify(self.process(3), b"READY=1")
        self.assertEqual(self.crashes(), [])
        self.assertEqual([child.generation for child in self.supervisor.children()], [1, 1])

    def test_successorDoesNotBoot(self) -> None:
        """
        The worn one serves on; the next try comes later.
        """
        self.spawnReady()
        self.traffic.requests = {1: 10}
        self.reactor.advance(1)
        self.process(1).exits(1)
        self.assertEqual([child.incarnation for child in self.supervisor.children()], [1])
        for _ in range(29):
            self.notify(self.process(0), b"WATCHDOG=1")
            self.reactor.advance(1)
        self.assertEqual(len(self.reactor.processes), 2)
        self.notify(self.process(0), b"WATCHDOG=1")
        self.reactor.advance(1)
        self.assertEqual(len(self.reactor.processes), 3)

    def test_reloadWaits(self) -> None:
        """
        A reload that is asked for meanwhile follows.
        """
        self.spawnReady(2)
        self.traffic.requests = {2: 10}
        self.reactor.advance(1)
        reloading = self.supervisor.reload()
        self.assertEqual(len(self.reactor.processes), 3)
        for index in (2, 3, 4):
            self.notify(self.process(index), b"READY=1")
        self.successResultOf(reloading)
        self.assertEqual([child.generation for child in self.supervisor.children()], [2, 2])

    def test_stop(self) -> None:
        """
        Nothing is looked at any more.
        """
        self.spawnReady()
        stopped = self.supervisor.stop()
        self.traffic.draining[0].callback(None)
        self.process(0).exits(None, signal.SIGTERM)
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_killed(self) -> None:
        """
        One that takes far too much memory is a crash of that kind.
        """
        self.spawnReady()
        (slot,) = self.supervisor.readySlots()
        slot.endOvergrown(300 << 20)
        self.assertEqual(self.process(0).signals, [signal.SIGKILL])
        self.process(0).exits(None, signal.SIGKILL)
        (crash,) = self.crashes()
        self.assertEqual(
            (crash.kind, crash.reason), (CrashKind.memory, "it took 300 MiB of memory")
        )

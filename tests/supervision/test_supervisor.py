"""
Supervisor, slot and incarnation, on a reactor that starts nothing.
"""

from __future__ import annotations

import json
import os
import signal

from twisted.internet.interfaces import IProcessTransport, IReactorFDSet, IReactorProcess
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.supervision.fakes import (
    FakeReactor,
    RecordingObserver,
)
from tests.supervision.stage import SupervisionTestCase
from twisted_multiserver.contract import (
    RUN_VARIABLE,
    SPEC_VARIABLE,
    STACK_DUMP_SIGNAL,
)
from twisted_multiserver.supervision.backoff import BOOTS_BEFORE_SUSPENSION, SUSPENDED
from twisted_multiserver.supervision.crash import BootFailed, CrashKind
from twisted_multiserver.supervision.events import ChildDrained, LifecycleEvent
from twisted_multiserver.supervision.program import ApplicationProgram
from twisted_multiserver.supervision.slotowner import Stopped


class FakeTests(SynchronousTestCase):
    """
    The fakes are what they stand for.
    """

    def test_reactor(self) -> None:
        """
        It provides what supervision asks for.
        """
        reactor = FakeReactor()
        verifyObject(IReactorProcess, reactor)
        verifyObject(IReactorFDSet, reactor)


class SupervisorTests(SupervisionTestCase):
    """
    Children that do what the test says.
    """

    def test_launch(self) -> None:
        """
        Entrances by descriptor, the rest by environment.
        """
        self.supervisor.spawn(ApplicationProgram("a:b", "wsgi"), 2)
        process = self.process()
        verifyObject(IProcessTransport, process)
        self.assertEqual(sorted(process.descriptors), [0, 1, 2, 3, 4])
        self.assertEqual((process.descriptors[1], process.descriptors[2]), ("r", "r"))
        self.assertIn(b"launch.py", process.argv[2])
        spec = json.loads(process.environment[SPEC_VARIABLE])
        self.assertEqual(spec["masterPid"], os.getpid())
        self.assertEqual((spec["slot"], spec["generation"], spec["incarnation"]), (1, 1, 2))
        self.assertEqual(spec["application"]["kind"], "wsgi")
        self.assertEqual((spec["stateFolder"], spec["stopBudget"]), ("/state", 10))
        self.assertIsNone(spec["previous"])
        self.assertEqual(process.environment[RUN_VARIABLE], f"{spec['run']}:2")
        self.assertEqual(process.environment["STATE_DIRECTORY"], "/state")
        self.assertEqual(
            [child.name for child in self.supervisor.children()], ["child 0", "child 1"]
        )

    def test_ready(self) -> None:
        """
        Expected, then admitted; C{spawn} fires when all are.
        """
        spawning = self.supervisor.spawn(ApplicationProgram("a:b"), 2)
        self.notify(self.process(0), b"STATUS=booting")
        self.notify(self.process(0), b"READY=1")
        self.assertNoResult(spawning)
        self.notify(self.process(1), b"READY=1")
        self.successResultOf(spawning)
        self.assertEqual(
            self.traffic.calls, [("expect", 0), ("expect", 1), ("admit", 0), ("admit", 1)]
        )
        self.assertEqual(
            self.observer.names(), ["ChildSpawned", "ChildSpawned", "ChildReady", "ChildReady"]
        )

    def test_crashAndRespawn(self) -> None:
        """
        Gone from the traffic and expected in the same turn; then told; then
        respawned, knowing of the crash.
        """
        self.spawnReady()
        self.traffic.calls.clear()
        self.traffic.exchanges = ("GET /slow",)
        self.reactor.advance(2)
        first = self.process()
        first.writes(2, b"one\ntwo\nthr")
        pid = self.supervisor.children()[0].pid
        first.exits(None, 9)
        self.assertEqual(self.traffic.calls[:2], [("remove", 0), ("expect", 0)])
        (crash,) = self.crashes()
        self.assertEqual((crash.pid, crash.signal, crash.uptime), (pid, 9, 2.0))
        self.assertEqual(crash.stderr, ("one", "two", "thr"))
        self.assertEqual(crash.exchanges, ("GET /slow",))
        self.reactor.advance(0)
        second = self.process()
        self.assertIsNot(second, first)
        previous = json.loads(second.environment[SPEC_VARIABLE])["previous"]
        self.assertEqual(previous["description"], "signal 9 (SIGKILL)")
        self.assertNotEqual(second.environment["NOTIFY_SOCKET"], first.environment["NOTIFY_SOCKET"])

    def test_stopOrder(self) -> None:
        """
        Drained, TERM, dump, KILL; an exit that was asked for is no crash.
        """
        self.spawnReady()
        process = self.process()
        stopped = self.supervisor.stop()
        self.assertEqual(self.traffic.calls[-1], ("drain", 0))
        self.assertEqual(process.signals, [])
        self.traffic.draining[0].callback(None)
        self.assertEqual(process.signals, [signal.SIGTERM])
        self.reactor.advance(10)
        self.assertEqual(process.signals[1:], [STACK_DUMP_SIGNAL])
        self.reactor.advance(0.5)
        self.assertEqual(process.signals[2:], [signal.SIGKILL])
        self.assertNoResult(stopped)
        process.exits(None, 9)
        self.successResultOf(stopped)
        self.assertEqual(self.crashes(), [])
        self.assertEqual(
            self.observer.names()[-4:],
            ["ChildDraining", "ChildDrained", "ChildStopped", "SlotRemoved"],
        )
        self.assertEqual(list(self.parent.iterdir()), [])
        self.assertEqual(self.reactor.reading, [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stopsByItself(self) -> None:
        """
        A child that says so gets no new requests; its exit is nobody's order.
        """
        self.spawnReady()
        self.notify(self.process(), b"STOPPING=1")
        self.assertEqual(self.traffic.calls[-1], ("drain", 0))
        self.process().exits(0)
        self.assertEqual(len(self.crashes()), 1)

    def test_drainBudget(self) -> None:
        """
        Exchanges that don't finish are not waited for any longer.
        """
        self.spawnReady()
        [child] = self.supervisor.children()
        self.supervisor.stop()
        self.reactor.advance(19)
        self.assertEqual(self.process().signals, [])
        self.reactor.advance(1)
        self.assertEqual(self.process().signals, [signal.SIGTERM])
        self.assertEqual(self.observer.events[-1:], [ChildDrained(child, isComplete=False)])

    def test_stopWhileStarting(self) -> None:
        """
        TERM at once; C{spawn} fails.
        """
        spawning = self.supervisor.spawn(ApplicationProgram("a:b"), 1)
        stopped = self.supervisor.stop()
        self.failureResultOf(spawning, Stopped)
        self.assertEqual(self.process().signals, [signal.SIGTERM])
        self.process().exits(None, 15)
        self.successResultOf(stopped)
        self.failureResultOf(self.supervisor.spawn(ApplicationProgram("a:b"), 1), Stopped)

    def test_stopInBackoff(self) -> None:
        """
        The respawn that was planned doesn't happen.
        """
        self.spawnReady()
        self.process().exits(1)
        self.successResultOf(self.supervisor.stop())
        self.reactor.advance(60)
        self.assertEqual(len(self.reactor.processes), 1)
        self.assertEqual(self.traffic.calls[-1], ("unexpect", 0))

    def test_bootBudget(self) -> None:
        """
        Dumped, killed, blamed.
        """
        spawning = self.supervisor.spawn(ApplicationProgram("a:b"), 1)
        self.reactor.advance(60)
        self.assertEqual(self.process().signals, [STACK_DUMP_SIGNAL])
        self.reactor.advance(0.5)
        self.process().exits(None, 9)
        crash = self.failureResultOf(spawning, BootFailed).value.crash
        self.assertIs(crash.kind, CrashKind.bootFailure)
        self.assertIn("not ready within 60 s", crash.reason)

    def test_hang(self) -> None:
        """
        Beats keep it alive; without them it is taken out, dumped and killed.
        """
        self.spawnReady()
        process = self.process()
        for _ in range(5):
            self.reactor.advance(20)
            self.notify(process, b"WATCHDOG=1")
        self.assertEqual(process.signals, [])
        self.reactor.advance(30)
        self.assertEqual(process.signals, [STACK_DUMP_SIGNAL])
        self.assertEqual(self.traffic.calls[-2:], [("drain", 0), ("expect", 0)])
        process.writes(2, b"Thread 0x1\n")
        self.reactor.advance(0.5)
        process.exits(None, 9)
        (crash,) = self.crashes()
        self.assertIs(crash.kind, CrashKind.hang)
        self.assertEqual(crash.stderr, ("Thread 0x1",))

    def test_bootFailures(self) -> None:
        """
        C{spawn} fails when all have failed once; they are tried on, then suspended.
        """
        spawning = self.supervisor.spawn(ApplicationProgram("a:b"), 2)
        self.process(0).exits(1)
        self.assertNoResult(spawning)
        self.process(1).exits(1)
        error = self.failureResultOf(spawning, BootFailed).value
        self.assertFalse(error.isApplicationFault)
        for _ in range(BOOTS_BEFORE_SUSPENSION - 1):
            self.reactor.advance(12)
            for process in self.reactor.processes[-2:]:
                if process.pid is not None:
                    process.exits(1)
        self.assertEqual(self.observer.names().count("SlotSuspended"), 2)
        self.assertIn(("unexpect", 1), self.traffic.calls)
        started = len(self.reactor.processes)
        self.reactor.advance(SUSPENDED - 1)
        self.assertEqual(len(self.reactor.processes), started)
        self.reactor.advance(1)
        self.assertEqual(len(self.reactor.processes), started + 2)

    def test_oneFailsAndIsReplaced(self) -> None:
        """
        As long as another one is ready, a failed boot isn't the end.
        """
        spawning = self.supervisor.spawn(ApplicationProgram("a:b"), 2)
        self.notify(self.process(0), b"READY=1")
        self.process(1).exits(1)
        self.assertNoResult(spawning)
        self.reactor.advance(0)
        self.notify(self.process(2), b"READY=1")
        self.successResultOf(spawning)

    def test_applicationFault(self) -> None:
        """
        When all find that it can't be loaded, nothing is tried any more.
        """
        spawning = self.supervisor.spawn(ApplicationProgram("a:b"), 2)
        for process in self.reactor.processes[:2]:
            process.exits(78)
        error = self.failureResultOf(spawning, BootFailed).value
        self.assertTrue(error.isApplicationFault)
        self.reactor.advance(0)
        for process in self.reactor.processes[2:]:
            process.exits(None, 15)
        self.reactor.advance(100)
        self.assertEqual(self.supervisor.children(), ())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_bootFailedMessage(self) -> None:
        """
        What the child says of its failure is the crash's reason.
        """
        spawning = self.supervisor.spawn(ApplicationProgram("a:b"), 1, respawn=False)
        channel = next(reader for reader in self.reactor.reading if reader.logPrefix() == "control")
        # The child's end was closed with the descriptors that a real spawn passes on.
        channel._heard(  # type: ignore[attr-defined]
            {"type": "bootFailed", "reason": "no\nmodule", "traceback": "Traceback\nE: x"}
        )
        self.process().exits(1)
        error = self.failureResultOf(spawning, BootFailed).value
        self.assertEqual(str(error), "no module")
        self.assertEqual(error.crash.stderr, ("Traceback", "E: x"))

    def test_withoutRespawn(self) -> None:
        """
        A slot whose child has ended is gone.
        """
        spawning = self.supervisor.spawn(ApplicationProgram("a:b"), 1, respawn=False)
        self.notify(self.process(), b"READY=1")
        self.successResultOf(spawning)
        self.process().exits(0)
        self.assertEqual(len(self.crashes()), 1)
        self.assertEqual(self.traffic.calls[-1], ("unexpect", 0))
        self.assertEqual(self.observer.names()[-1], "SlotRemoved")
        self.successResultOf(self.supervisor.stop())

    def test_cannotBeStarted(self) -> None:
        """
        A process that can't be started is a failed boot like any other.
        """
        self.reactor.refusal = OSError(24, "Too many open files")
        spawning = self.supervisor.spawn(ApplicationProgram("a:b"), 1)
        self.reactor.advance(0)
        error = self.failureResultOf(spawning, BootFailed).value
        self.assertIn("Too many open files", str(error))
        self.assertEqual(error.crash.pid, 0)
        self.reactor.refusal = None
        self.reactor.advance(0.2)
        self.assertEqual(len(self.reactor.processes), 1)

    def test_observersMayFail(self) -> None:
        """
        It is logged, and the others are told.
        """

        class Failing:
            def lifecycleEvent(self, event: LifecycleEvent) -> None:
                raise RuntimeError("observer")

        failing = Failing()
        self.supervisor.observers.add(failing)  # type: ignore[arg-type]
        later = RecordingObserver()
        self.supervisor.observers.add(later)
        self.spawnReady()
        self.assertEqual(later.names(), ["ChildSpawned", "ChildReady"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)
        self.supervisor.observers.remove(failing)  # type: ignore[arg-type]

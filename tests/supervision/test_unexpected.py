"""
Supervision when things happen at awkward moments.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.interfaces import IProcessProtocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.supervision.fakes import FakeProcess, FakeReactor, RecordedTraffic, RecordingObserver
from twisted_multiserver.supervision._iobserver import ILifecycleObserver
from twisted_multiserver.supervision.budgets import Budgets
from twisted_multiserver.supervision.crash import BootFailed
from twisted_multiserver.supervision.events import (
    ChildCrashed,
    ChildHung,
    ChildSpawned,
    LifecycleEvent,
)
from twisted_multiserver.supervision.folders import RuntimeFolder
from twisted_multiserver.supervision.program import ApplicationProgram
from twisted_multiserver.supervision.slotowner import Stopped
from twisted_multiserver.supervision.supervisor import Supervisor

PROGRAM = ApplicationProgram("a:b")


@implementer(ILifecycleObserver)
class Stopper:
    """
    Stops the supervisor at an event.
    """

    def __init__(self, supervisor: Supervisor, at: type[LifecycleEvent]) -> None:
        self.stopped: list[None] = []
        self._supervisor = supervisor
        self._at = at

    def lifecycleEvent(self, event: LifecycleEvent) -> None:
        if isinstance(event, self._at):
            self._supervisor.stop().addCallback(self.stopped.append)


class HastyReactor(FakeReactor):
    """
    Its first process ends before C{spawnProcess} returns.
    """

    def spawnProcess(
        self,
        processProtocol: IProcessProtocol,
        executable: bytes | str,
        args: Sequence[bytes | str] = (),
        env: Mapping[Any, Any] | None = None,
        *others: Any,
        **named: Any,
    ) -> FakeProcess:
        process = super().spawnProcess(processProtocol, executable, args, env, *others, **named)
        if len(self.processes) == 1:
            process.exits(1)
        return process


class FullFolder(RuntimeFolder):
    """
    Can't be made.
    """

    @property
    def path(self) -> str:
        raise OSError(28, "No space left on device")


class UnexpectedTests(SynchronousTestCase):
    """
    None of it may leave a slot behind that nobody can stop.
    """

    def setUp(self) -> None:
        self.parent = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, self.parent, ignore_errors=True)
        self.folder = RuntimeFolder({"RUNTIME_DIRECTORY": self.parent})
        self.traffic = RecordedTraffic()
        self.observer = RecordingObserver()
        self.reactor = FakeReactor()
        self.supervisor = self.supervise(self.reactor, self.folder)

    def supervise(self, reactor: FakeReactor, folder: RuntimeFolder) -> Supervisor:
        budgets = Budgets(boot=60, run=30, drain=20, stop=10)
        supervisor = Supervisor(reactor, self.traffic, budgets, folder, None, lambda: 0.5)
        supervisor.observers.add(self.observer)
        return supervisor

    def notify(self, *messages: bytes) -> None:
        path = self.reactor.processes[-1].environment["NOTIFY_SOCKET"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            for message in messages:
                sender.sendto(message, path)

    def spawnReady(self) -> FakeProcess:
        spawning = self.supervisor.spawn(PROGRAM, 1)
        self.notify(b"READY=1")
        self.reactor.readAll()
        self.successResultOf(spawning)
        return self.reactor.processes[-1]

    def end(self) -> None:
        """
        Let what lives end.
        """
        self.supervisor.stop()
        for process in self.reactor.processes:
            if process.pid is not None:
                process.exits(0)

    def test_observerStopsAtACrash(self) -> None:
        """
        Nothing is respawned then, and the stop comes to its end.
        """
        process = self.spawnReady()
        stopper = Stopper(self.supervisor, ChildCrashed)
        self.supervisor.observers.add(stopper)
        process.exits(signal=9)
        self.reactor.advance(1)
        self.assertEqual(len(self.reactor.processes), 1)
        self.assertEqual(stopper.stopped, [None])

    def test_observerStopsAtASpawn(self) -> None:
        """
        The stop budget runs, not the boot budget.
        """
        self.supervisor.observers.add(Stopper(self.supervisor, ChildSpawned))
        self.failureResultOf(self.supervisor.spawn(PROGRAM, 1), Stopped)
        self.reactor.advance(10)
        self.reactor.advance(0.5)
        self.assertEqual(self.reactor.processes[0].signals[0], 15)
        self.assertEqual(self.reactor.processes[0].signals[-1], 9)
        self.reactor.processes[0].exits(signal=9)

    def test_stopInBackoffRemovesTheSlot(self) -> None:
        """
        Observers are told.
        """
        spawning = self.supervisor.spawn(PROGRAM, 1)
        self.reactor.processes[0].exits(1)
        self.failureResultOf(spawning, BootFailed)
        self.successResultOf(self.supervisor.stop())
        self.assertEqual(self.observer.names()[-1], "SlotRemoved")

    def test_folderThatCannotBeMade(self) -> None:
        """
        A failure to boot, that can be stopped.
        """
        supervisor = self.supervise(self.reactor, FullFolder({}))
        spawning = supervisor.spawn(PROGRAM, 1)
        self.reactor.advance(0)
        crash = self.failureResultOf(spawning, BootFailed).value.crash
        self.assertIn("No space left", crash.reason)
        self.reactor.advance(1)
        self.assertGreater(self.observer.names().count("ChildCrashed"), 2)
        self.successResultOf(supervisor.stop())

    def test_exitWithinTheSpawn(self) -> None:
        """
        It is told as any other, with its pid, and leaves no timer.
        """
        self.reactor = HastyReactor()
        self.supervisor = self.supervise(self.reactor, self.folder)
        spawning = self.supervisor.spawn(PROGRAM, 1)
        self.reactor.advance(0)
        self.reactor.advance(0.25)
        crash = self.failureResultOf(spawning, BootFailed).value.crash
        self.assertEqual(self.observer.names()[:2], ["ChildSpawned", "ChildCrashed"])
        self.assertEqual((bool(crash.pid), crash.exitCode), (True, 1))
        self.end()
        self.reactor.advance(0.25)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_hangingChildIsExpectedToBeReplaced(self) -> None:
        """
        Requests may wait from the moment in which it gets no more.
        """
        self.spawnReady()
        [child] = self.supervisor.children()
        self.reactor.pump([1] * 30)
        self.assertEqual(self.traffic.calls[-2:], [("drain", 0), ("expect", 0)])
        self.assertEqual(self.observer.events[-1:], [ChildHung(child, 30)])
        self.reactor.processes[0].exits(signal=9)
        self.end()

    def test_beatsThatWaitAreHeard(self) -> None:
        """
        Timers run before sockets are read; the master's own stall is no hang.
        """
        process = self.spawnReady()
        self.reactor.advance(20)
        self.notify(b"WATCHDOG=1")
        self.reactor.advance(11)
        self.assertEqual(process.signals, [])
        self.reactor.advance(30)
        self.assertEqual(len(process.signals), 1)
        process.exits(signal=9)
        self.end()

    def test_masterThatWasStopped(self) -> None:
        """
        After a pause much longer than planned everybody gets a full budget anew.
        """
        process = self.spawnReady()
        self.reactor.advance(1000)
        self.assertEqual(process.signals, [])
        self.reactor.advance(30)
        self.assertEqual(len(process.signals), 1)
        process.exits(signal=9)
        self.end()

    def test_umask(self) -> None:
        """
        Whatever it is, another user can pass through the runtime folder.
        """
        self.addCleanup(os.umask, os.umask(0o077))
        self.assertEqual(stat.S_IMODE(os.stat(self.folder.path).st_mode), 0o711)

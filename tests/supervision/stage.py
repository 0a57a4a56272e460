"""
The stage of tests of the supervisor: a reactor that starts nothing, and a traffic that is
written down.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.supervision.fakes import (
    FakeProcess,
    FakeReactor,
    RecordedTraffic,
    RecordingObserver,
)
from twisted_multiserver.supervision.budgets import Budgets
from twisted_multiserver.supervision.crash import Crash
from twisted_multiserver.supervision.events import ChildCrashed
from twisted_multiserver.supervision.folders import RuntimeFolder
from twisted_multiserver.supervision.program import ApplicationProgram
from twisted_multiserver.supervision.supervisor import Supervisor


class SupervisionTestCase(SynchronousTestCase):
    """
    Has a supervisor whose children do what the test says.
    """

    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.traffic = RecordedTraffic()
        parent = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, parent, ignore_errors=True)
        self.folder = RuntimeFolder({"RUNTIME_DIRECTORY": parent})
        self.parent = Path(parent)
        self.observer = RecordingObserver()
        self.supervisor = Supervisor(
            self.reactor,
            self.traffic,
            Budgets(boot=60, run=30, drain=20, stop=10),
            self.folder,
            "/state",
            lambda: 0.5,
        )
        self.supervisor.observers.add(self.observer)
        self.addCleanup(self.endReaders)

    def endReaders(self) -> None:
        for reader in tuple(self.reactor.reading):
            reader.connectionLost(None)  # type: ignore[arg-type]

    def process(self, index: int = -1) -> FakeProcess:
        return self.reactor.processes[index]

    def notify(self, process: FakeProcess, message: bytes) -> None:
        """
        A child writes to its notify socket.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(message, process.environment["NOTIFY_SOCKET"])
        self.reactor.readAll()

    def spawnReady(self, count: int = 1) -> None:
        spawning = self.supervisor.spawn(ApplicationProgram("a:b"), count)
        for process in self.reactor.processes[-count:]:
            self.notify(process, b"READY=1")
        self.successResultOf(spawning)

    def crashes(self) -> list[Crash]:
        return [event.crash for event in self.observer.events if isinstance(event, ChildCrashed)]

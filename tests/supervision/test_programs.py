"""
A program that isn't ours, under a supervisor: when it is ready, how it is ended, and what
is made of its end.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import tempfile
from typing import cast

from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.supervision.fakes import FakeProcess, FakeReactor, RecordedTraffic, RecordingObserver
from twisted_multiserver.contract import (
    CONTROL_FD,
    HTTP_FD,
    SPEC_VARIABLE,
    encodeMessage,
)
from twisted_multiserver.supervision.budgets import Budgets
from twisted_multiserver.supervision.command import CommandProgram
from twisted_multiserver.supervision.crash import Crash, CrashKind
from twisted_multiserver.supervision.entrancekind import EntranceKind
from twisted_multiserver.supervision.events import ChildCrashed, ChildReady
from twisted_multiserver.supervision.folders import RuntimeFolder
from twisted_multiserver.supervision.program import ApplicationProgram, Program
from twisted_multiserver.supervision.supervisor import Supervisor


class SupervisedTestCase(SynchronousTestCase):
    """
    Supervises one child.
    """

    def setUp(self) -> None:
        """
        Have a supervisor on a reactor that starts nothing.
        """
        parent = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, parent, ignore_errors=True)
        self.reactor = FakeReactor()
        self.traffic = RecordedTraffic()
        self.observer = RecordingObserver()
        self.supervisor = Supervisor(
            self.reactor,
            self.traffic,
            Budgets(boot=60, run=30, drain=20, stop=10),
            RuntimeFolder({"RUNTIME_DIRECTORY": parent}),
            None,
            lambda: 0.5,
            0.1,
        )
        self.supervisor.observers.add(self.observer)

    def spawn(self, program: Program) -> FakeProcess:
        """
        @param program: what the child runs.
        @return: its process.
        """
        self.supervisor.spawn(program, 1).addErrback(lambda failure: None)
        return self.reactor.processes[-1]

    def notify(self, message: bytes) -> None:
        """
        The latest child notifies.
        """
        path = self.reactor.processes[-1].environment["NOTIFY_SOCKET"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(message, path)
        self.reactor.readAll()

    def probe(self) -> Protocol:
        """
        @return: the latest question that a program was asked, connected.
        """
        factory: ClientFactory = self.reactor.unixClients[-1][1]
        protocol = cast(Protocol, factory.buildProtocol(UNIXAddress("/x")))
        transport = StringTransportWithDisconnection()
        transport.protocol = protocol
        protocol.makeConnection(ITransport(transport))
        return protocol

    def answer(self) -> None:
        """
        It answers.
        """
        self.probe().dataReceived(b"HTTP/1.1 404 Not Found\r\n")

    def refuse(self) -> None:
        """
        Nobody listens there yet.
        """
        connector, factory = self.reactor.connectors[-1], self.reactor.unixClients[-1][1]
        factory.clientConnectionFailed(connector, Failure(ConnectionRefusedError()))

    @property
    def isReady(self) -> bool:
        """
        Whether it was admitted.
        """
        return ("admit", 0) in self.traffic.calls

    def crashes(self) -> list[Crash]:
        """
        @return: what was told of crashes.
        """
        return [event.crash for event in self.observer.events if isinstance(event, ChildCrashed)]


class LaunchTests(SupervisedTestCase):
    """
    What it is given.
    """

    def test_descriptor(self) -> None:
        """
        A socket, as from systemd; the control channel is for the launcher.
        """
        process = self.spawn(CommandProgram(("a", "{port}")))
        self.assertEqual(sorted(process.descriptors), [0, 1, 2, HTTP_FD, CONTROL_FD])
        self.assertEqual(process.environment["LISTEN_FDS"], "1")
        self.assertEqual(process.environment["FORWARDED_ALLOW_IPS"], "*")
        spec = json.loads(process.environment[SPEC_VARIABLE])
        self.assertEqual((spec["exec"], spec["deathSignal"]), (["a", "{port}"], signal.SIGTERM))

    def test_socket(self) -> None:
        """
        A path, and no descriptor.
        """
        process = self.spawn(CommandProgram(("a", "{socket}"), EntranceKind.socket))
        self.assertEqual(sorted(process.descriptors), [0, 1, 2, CONTROL_FD])
        self.assertNotIn("LISTEN_FDS", process.environment)
        spec = json.loads(process.environment[SPEC_VARIABLE])
        self.assertEqual(self.reactor.unixClients[-1][0], spec["exec"][1])

    def test_port(self) -> None:
        """
        PORT, and no descriptor.
        """
        process = self.spawn(CommandProgram(("a",), EntranceKind.port))
        self.assertEqual(sorted(process.descriptors), [0, 1, 2, CONTROL_FD])
        self.assertNotIn("LISTEN_FDS", process.environment)
        host, port = self.reactor.tcpClients[-1][:2]
        self.assertEqual((host, str(port)), ("127.0.0.1", process.environment["PORT"]))

    def test_warden(self) -> None:
        """
        It is there first, and knows of the child and the folder.
        """
        self.spawn(CommandProgram(("a",)))
        (child,) = self.supervisor.children()
        self.assertEqual(
            [list(order) for order in self.reactor.wardens[0].orders], [["folder"], ["watch"]]
        )
        self.assertEqual(self.reactor.wardens[0].orders[1], {"watch": [child.pid, 1]})


class ReadyTests(SupervisedTestCase):
    """
    When it is ready.
    """

    def test_answer(self) -> None:
        """
        When it has answered, whatever.
        """
        self.spawn(CommandProgram(("a",)))
        self.assertFalse(self.isReady)
        self.answer()
        self.assertTrue(self.isReady)
        (ready,) = [event for event in self.observer.events if isinstance(event, ChildReady)]
        self.assertFalse(ready.child.isApplication)

    def test_tooEarly(self) -> None:
        """
        It is asked again.
        """
        self.spawn(CommandProgram(("a",)))
        self.refuse()
        self.reactor.advance(0.05)
        self.assertEqual(len(self.reactor.unixClients), 2)
        self.answer()
        self.assertTrue(self.isReady)

    def test_readyAlone(self) -> None:
        """
        READY=1 without an answer is said before anything is loaded.
        """
        self.spawn(CommandProgram(("a",)))
        self.notify(b"READY=1")
        self.assertFalse(self.isReady)
        self.answer()
        self.assertTrue(self.isReady)

    def test_notifiesOtherwise(self) -> None:
        """
        Who notifies must say READY=1.
        """
        self.spawn(CommandProgram(("a",)))
        self.notify(b"STATUS=loading")
        self.answer()
        self.assertFalse(self.isReady)
        self.notify(b"READY=1")
        self.assertTrue(self.isReady)

    def test_overdue(self) -> None:
        """
        It is ended without a signal that it doesn't know; what is known is told.
        """
        process = self.spawn(CommandProgram(("a",)))
        self.notify(b"READY=1")
        self.reactor.advance(60)
        self.reactor.advance(0)
        self.assertEqual(process.signals, [signal.SIGKILL])
        process.exits(signal=9)
        (crash,) = self.crashes()
        self.assertIs(crash.kind, CrashKind.bootFailure)
        self.assertIn("was not ready within 60 s (the boot budget): it did not", crash.reason)
        self.assertIn('LISTEN_PID: have it replaced by "exec"', crash.reason)

    def test_foreground(self) -> None:
        """
        Whoever ends by itself has gone into the background, perhaps.
        """
        self.spawn(CommandProgram(("a",))).exits(0)
        self.assertIn("must stay in the foreground", self.crashes()[0].reason)

    def test_askedNoMore(self) -> None:
        """
        The dead are not asked.
        """
        process = self.spawn(CommandProgram(("a",)))
        self.refuse()
        self.supervisor.stop()
        process.exits(signal=15)
        self.reactor.advance(60)
        self.assertEqual(len(self.reactor.unixClients), 1)
        self.assertEqual((self.crashes(), self.reactor.getDelayedCalls()), ([], []))


class WatchdogTests(SupervisedTestCase):
    """
    Signs of life.
    """

    def test_program(self) -> None:
        """
        It is watched from its first beat on, if it ever beats.
        """
        process = self.spawn(CommandProgram(("a",)))
        self.answer()
        self.reactor.pump([10] * 20)
        self.assertEqual(process.signals, [])
        self.notify(b"READY=1\nWATCHDOG=1")
        self.reactor.pump([10] * 2)
        self.notify(b"WATCHDOG=1")
        self.reactor.pump([10] * 2)
        self.assertEqual(process.signals, [])
        self.reactor.pump([10, 0])
        self.assertEqual(process.signals, [signal.SIGKILL])
        process.exits(signal=9)
        self.assertIs(self.crashes()[0].kind, CrashKind.hang)

    def test_application(self) -> None:
        """
        It must beat.
        """
        process = self.spawn(ApplicationProgram("a:b"))
        self.notify(b"READY=1")
        self.reactor.pump([10] * 3)
        self.assertNotEqual(process.signals, [])


class LeftTests(SupervisedTestCase):
    """
    What it leaves behind.
    """

    def test_waitedFor(self) -> None:
        """
        Another life begins when nothing is left of this one.
        """
        process = self.spawn(CommandProgram(("a",)))
        self.answer()
        warden = self.reactor.wardens[0]
        warden.isDeaf = True
        process.exits(signal=9)
        self.reactor.advance(1)
        self.assertEqual((self.crashes(), len(self.reactor.processes)), ([], 1))
        warden.protocol.childDataReceived(1, b"gone 1\n")
        self.reactor.advance(0)
        self.assertEqual((len(self.crashes()), len(self.reactor.processes)), (1, 2))

    def test_notForEver(self) -> None:
        """
        A warden that says nothing keeps nobody from living.
        """
        process = self.spawn(CommandProgram(("a",)))
        self.answer()
        self.reactor.wardens[0].isDeaf = True
        process.exits(signal=9)
        self.reactor.pump([1, 1, 0])
        self.assertEqual(len(self.reactor.processes), 2)


class LoadTests(SupervisedTestCase):
    """
    What an application tells of its load.
    """

    def test_reports(self) -> None:
        """
        Nonsense is ignored.
        """
        process = self.spawn(ApplicationProgram("a:b"))
        self.assertEqual(json.loads(process.environment[SPEC_VARIABLE])["loadInterval"], 0.1)
        control = next(each for each in self.reactor.reading if each.logPrefix() == "control")
        told = control._heard  # type: ignore[attr-defined]
        good = {"type": "load", "lag": 0.5, "busyThreads": 1, "threads": 10}
        told(good)
        for name, value in (
            ("lag", -1),
            ("lag", float("nan")),
            ("lag", float("inf")),
            ("lag", "x"),
            ("lag", None),
            ("threads", 1.5),
            ("busyThreads", "x"),
        ):
            told({**good, name: value})
        told({"type": "load"})
        told({"type": "other"})
        self.assertEqual(self.traffic.reports, [(0, 0.5, 1, 10)])
        self.assertTrue(encodeMessage(**good))  # type: ignore[arg-type]

    def test_places(self) -> None:
        """
        How many requests it works for at once is told before it is ready, or shortly after.
        """
        self.spawn(ApplicationProgram("a:b"))
        control = next(each for each in self.reactor.reading if each.logPrefix() == "control")
        told = control._heard  # type: ignore[attr-defined]
        for count in (0, -1, "x", None, 1.5):
            told({"type": "places", "count": count})
        self.assertEqual(self.traffic.limits, [])
        told({"type": "places", "count": 10})
        self.notify(b"READY=1")
        self.assertEqual(self.traffic.limits, [(0, 10), (0, 10)])

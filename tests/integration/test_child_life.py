"""
A child's life: ready, watched, drained, stopped, orphaned, hung.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.childharness import ROOT, LaunchedChild, goneWithin
from twisted_multiserver.contract import STACK_DUMP_SIGNAL

SLOW = b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"

# A master that spawns one child and tells its pid.
MASTER = """
import sys
from twisted.trial.unittest import SynchronousTestCase
from tests.integration.childharness import LaunchedChild

class Test(SynchronousTestCase):
    def runTest(self):
        child = LaunchedChild(self, "websites.resource").ready()
        sys.stdout.write(f"{child.pid}\\n")
        sys.stdout.flush()
        sys.stdin.read()

Test().debug()
"""


def end(pid: int) -> None:
    """
    End a process that is no child of this one, if it is still there.
    """
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class StopTests(SynchronousTestCase):
    """
    SIGTERM: what is in flight finishes, then exit 0.
    """

    def begin(self, child: LaunchedChild) -> socket.socket:
        """
        Have a response begun and not finished.
        """
        connection = child.connect()
        self.addCleanup(connection.close)
        connection.sendall(SLOW)
        received = b""
        while b"begun" not in received:
            received += connection.recv(65536)
        return connection

    def rest(self, connection: socket.socket) -> bytes:
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received

    def finishes(self, name: str) -> None:
        child = LaunchedChild(self, name).ready()
        idle = child.connect()
        self.addCleanup(idle.close)
        connection = self.begin(child)
        child.signal(signal.SIGTERM)
        child.expect(b"STOPPING=1")
        # The idle connection is closed while the other one's exchange goes on.
        self.assertEqual(idle.recv(1), b"")
        child.signal(signal.SIGUSR1)
        self.assertIn(b"finished", self.rest(connection))
        self.assertEqual(child.wait(), 0)

    def test_exchangeFinishes(self) -> None:
        """
        A response in flight is complete; an idle connection holds nothing up.
        """
        self.finishes("stoppable.resource")

    def test_exchangeFinishesASGI(self) -> None:
        """
        The same by uvicorn.
        """
        self.finishes("stoppable.app")

    def test_budgetIsOver(self) -> None:
        """
        An exchange that outlasts the budget is cut, and the exit is clean all the same.
        """
        for name in ("stoppable.resource", "stoppable.app"):
            child = LaunchedChild(self, name, stopBudget=0.5).ready()
            connection = self.begin(child)
            self.assertEqual(child.stop(), 0)
            self.assertNotIn(b"finished", self.rest(connection))

    def test_interrupt(self) -> None:
        """
        SIGINT is as SIGTERM.
        """
        child = LaunchedChild(self, "websites.resource").ready()
        child.signal(signal.SIGINT)
        self.assertEqual(child.wait(), 0)

    def test_whileBooting(self) -> None:
        """
        A child whose factory never ends can be stopped.
        """
        child = LaunchedChild(self, "stoppable.endlessFactory")
        child.stderrUntil("factory called")
        self.assertEqual(child.stop(), 0)
        self.assertNotIn(b"READY=1", child.told)

    def test_applicationStops(self) -> None:
        """
        An application that stops the reactor itself: exit 0, and the master is told.
        """
        child = LaunchedChild(self, "websites.resource").ready()
        child.request("/halt")
        self.assertEqual(child.wait(), 0)
        child.expect(b"STOPPING=1")


class ControlTests(SynchronousTestCase):
    """
    The control channel.
    """

    def test_drain(self) -> None:
        """
        The child says STOPPING, once, and goes on serving what comes.
        """
        child = LaunchedChild(self, "websites.resource").ready()
        child.order("drain", budget=30)
        child.expect(b"STOPPING=1")
        self.assertEqual(child.request("/view").status, 200)
        self.assertEqual(child.stop(), 0)
        self.assertEqual(child.told.count(b"STOPPING=1"), 1)

    def test_dump(self) -> None:
        """
        The stack of every thread goes to stderr.
        """
        child = LaunchedChild(self, "websites.resource").ready()
        child.order("dump")
        child.stderrUntil("most recent call first")

    def test_unknownMessages(self) -> None:
        """
        What the child doesn't understand is ignored.
        """
        child = LaunchedChild(self, "websites.resource").ready()
        child.control.send(b"\xff not a message")
        child.order("nothingThatIsKnown", of=["any", "sort"])
        child.order("drain")
        child.expect(b"STOPPING=1")

    def test_masterGone(self) -> None:
        """
        The end of the channel is the end of the child, whatever is in flight.
        """
        for name in ("stoppable.resource", "stoppable.app"):
            child = LaunchedChild(self, name).ready()
            connection = child.connect()
            self.addCleanup(connection.close)
            connection.sendall(SLOW)
            self.assertIn(b"200", connection.recv(65536))
            child.control.close()
            self.assertEqual(child.wait(), 0)

    def test_masterGoneAndThreadHangs(self) -> None:
        """
        Not even a thread that never ends keeps an orphan alive.
        """
        child = LaunchedChild(self, "stoppable.stuck").ready()
        connection = child.connect()
        self.addCleanup(connection.close)
        connection.sendall(SLOW)
        child.stderrUntil("stuck")
        child.control.close()
        self.assertEqual(child.wait(), -signal.SIGALRM)


class MasterKilledTests(SynchronousTestCase):
    """
    The kernel ends the child with its master.
    """

    def test_parentDeathSignal(self) -> None:
        """
        C{kill -9} of the master takes the child along, even one that hangs.
        """
        # The master's own folder, which it has no time to remove.
        folder = tempfile.mkdtemp(prefix="master")
        self.addCleanup(shutil.rmtree, folder)
        out, theirs = os.pipe()
        in_, hold = os.pipe()
        master = os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", MASTER],
            {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": folder},
            file_actions=[(os.POSIX_SPAWN_DUP2, in_, 0), (os.POSIX_SPAWN_DUP2, theirs, 1)],
        )
        os.close(theirs)
        os.close(in_)
        self.addCleanup(os.close, hold)
        self.addCleanup(os.waitpid, master, 0)
        self.addCleanup(os.kill, master, signal.SIGKILL)
        with open(out) as reader:
            child = int(reader.readline())
        self.addCleanup(end, child)
        os.kill(child, signal.SIGSTOP)
        os.kill(master, signal.SIGKILL)
        self.assertTrue(goneWithin(child))


class WatchdogTests(SynchronousTestCase):
    """
    The beats come from the event loop.
    """

    def test_beats(self) -> None:
        """
        They come, three to a run budget; READY comes first.
        """
        for name in ("websites.resource", "starlettesite.app"):
            child = LaunchedChild(self, name, watchdog=0.6).ready()
            self.assertEqual(child.told, [b"READY=1"])
            for _ in range(3):
                child.told.clear()
                child.expect(b"WATCHDOG=1")

    def test_hog(self) -> None:
        """
        They stop while the loop hangs, and the stack dump tells where.
        """
        child = LaunchedChild(self, "websites.resource", watchdog=0.3).ready()
        connection = child.connect()
        self.addCleanup(connection.close)
        connection.sendall(b"GET /hog HTTP/1.1\r\nHost: h\r\n\r\n")
        child.stderrUntil("hogging")
        self.assertFalse(child.beats())
        child.signal(STACK_DUMP_SIGNAL)
        self.assertIn("in render_GET", child.stderrUntil("in render_GET"))

    def test_withoutWatchdog(self) -> None:
        """
        Nobody wants to hear them: there are none.
        """
        self.assertFalse(LaunchedChild(self, "websites.resource").ready().beats())


class IdentityTests(SynchronousTestCase):
    """
    A child knows which one it is.
    """

    def test_previousLife(self) -> None:
        """
        The demo shows what happened to the one before.
        """
        previous = {"description": "exit 3", "exitCode": 3, "signal": None, "at": 1.0}
        child = LaunchedChild(
            self,
            "stoppable.identity",
            slot=4,
            generation=2,
            incarnation=17,
            previous=previous,
            stateFolder=str(Path(self.mktemp()).absolute()),
        ).ready()
        seen = child.request().json()
        self.assertEqual((seen["slot"], seen["generation"], seen["incarnation"]), (4, 2, 17))
        self.assertEqual((seen["pid"], seen["previous"]), (child.pid, previous))

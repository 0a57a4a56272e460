"""
Signals and terminals, with a real twistd.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.twistdharness import (
    PATIENCE,
    Twistd,
    cleanEnvironment,
    fetch,
    twistdCommand,
    until,
)
from tests.processes import isAlive, startedBy

LISTEN = "--listen=tcp:0:interface=127.0.0.1"
CHILD = "--children=1"

# Makes its stdin the controlling terminal of its session.
IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class StopTests(SynchronousTestCase):
    """
    SIGTERM and SIGINT.
    """

    def application(self, source: str, *arguments: str) -> tuple[Twistd, Path]:
        """
        @param source: of a module that is the application's.
        @param arguments: of the plugin.
        @return: a master that runs it, begun, and the children's folder.
        """
        folder = Path(tempfile.mkdtemp(prefix="ms-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        (folder / "application.py").write_text(source)
        words = ("--app=application:app", f"--chdir={folder}", *arguments)
        return Twistd(self, LISTEN, CHILD, *words), folder

    def test_asSoonAsItListens(self) -> None:
        """
        Before the reactor runs: as good as later.
        """
        twistd = Twistd(self, LISTEN, CHILD)
        twistd.waitForLog("listening on")
        self.assertEqual(twistd.stop(), 0)
        self.assertEqual(twistd.errors, "")
        until(lambda: not twistd.leftovers(), "the children's end")

    def test_whileBooting(self) -> None:
        """
        A child that hangs at its boot is not waited for.
        """
        twistd, _ = self.application("import time\ntime.sleep(1000)\n", "--stop-budget=60")
        until(twistd.children, "a child")
        for _ in range(2):
            twistd.process.send_signal(signal.SIGTERM)
        self.assertEqual(twistd.process.wait(PATIENCE), 0)
        self.assertEqual(twistd.leftovers(), set())
        self.assertEqual(twistd.errors, "")

    def test_twice(self) -> None:
        """
        Impatience changes nothing: the request under way is still answered.
        """
        twistd, folder = self.application(
            "import os\n"
            "def app(environ, start_response):\n"
            "    os.mkfifo('begun')\n"
            "    open('begun').read()\n"
            "    start_response('200 OK', [('Content-Length', '4')])\n"
            "    return [b'done']\n"
        )
        port = twistd.waitUntilReady()
        fifo = folder / "begun"
        ask = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}')"
        client = subprocess.Popen([sys.executable, "-c", ask])
        self.addCleanup(client.kill)
        until(fifo.exists, "the request")
        for _ in range(2):
            twistd.process.send_signal(signal.SIGTERM)
        twistd.waitForLog("Port [0-9]+ Closed")
        fifo.write_text("go on")
        self.assertEqual(client.wait(PATIENCE), 0)
        self.assertEqual(twistd.process.wait(PATIENCE), 0)

    def test_interrupt(self) -> None:
        """
        Ctrl-C ends it like SIGTERM.
        """
        twistd = Twistd(self, LISTEN, CHILD)
        twistd.waitUntilReady()
        self.assertEqual(twistd.stop(signal.SIGINT), 0)
        self.assertEqual(twistd.leftovers(), set())
        self.assertNotIn("Traceback", twistd.log + twistd.errors)

    def test_ignoredInterrupt(self) -> None:
        """
        Started in the background by a shell it doesn't mind a Ctrl-C.
        """
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            twistd = Twistd(self, LISTEN, CHILD)
        finally:
            signal.signal(signal.SIGINT, before)
        port = twistd.waitUntilReady()
        twistd.process.send_signal(signal.SIGINT)
        # It is told of the later signal after the earlier one.
        twistd.process.send_signal(signal.SIGHUP)
        twistd.waitForLog("generation 2 serves")
        self.assertEqual(fetch(port, "/status").status, 200)
        self.assertEqual(twistd.stop(), 0)


class LogTests(SynchronousTestCase):
    """
    SIGUSR1.
    """

    def test_toStdout(self) -> None:
        """
        There is nothing to reopen, and no reason to die.
        """
        twistd = Twistd(self, LISTEN, CHILD)
        port = twistd.waitUntilReady()
        twistd.process.send_signal(signal.SIGUSR1)
        self.assertEqual(fetch(port, "/status").status, 200)
        self.assertEqual(twistd.stop(), 0)

    def test_toFile(self) -> None:
        """
        twistd's own handler takes a new file; what follows goes there.
        """
        folder = Path(tempfile.mkdtemp(prefix="ms-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        log = folder / "log"
        process = subprocess.Popen(
            twistdCommand("-n", "--pidfile=", f"--logfile={log}", "multiserver", LISTEN, CHILD),
            cwd=folder,
            env=cleanEnvironment(TMPDIR=str(folder)),
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        until(lambda: log.exists() and "ready: " in log.read_text(), "ready")
        process.send_signal(signal.SIGUSR1)
        until((folder / "log.1").exists, "a new log")
        self.assertIn("ready: ", (folder / "log.1").read_text())
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertIn("Server Shut Down", log.read_text())

    def test_movedAway(self) -> None:
        """
        As logrotate does: what follows goes to a new file of the old name.
        """
        folder = Path(tempfile.mkdtemp(prefix="ms-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        log = folder / "log"
        process = subprocess.Popen(
            twistdCommand("-n", "--pidfile=", f"--logfile={log}", "multiserver", LISTEN, CHILD),
            cwd=folder,
            env=cleanEnvironment(TMPDIR=str(folder)),
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        until(lambda: log.exists() and "ready: " in log.read_text(), "ready")
        log.rename(folder / "log.old")
        process.send_signal(signal.SIGUSR1)
        until(log.exists, "a new log")
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertIn("Server Shut Down", log.read_text())
        self.assertNotIn("Server Shut Down", (folder / "log.old").read_text())
        self.assertEqual(sorted(folder.glob("log*")), [log, folder / "log.old"])


class TerminalTests(SynchronousTestCase):
    """
    SIGHUP of a master that was started in a terminal.
    """

    def setUp(self) -> None:
        """
        A terminal.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="ms-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.screen, self.inside = os.openpty()
        self.log = self.folder / "log"

    def tearDown(self) -> None:
        """
        Whatever is open still.
        """
        for descriptor in (self.screen, self.inside):
            if descriptor >= 0:
                os.close(descriptor)

    def start(self, *prefix: str, toScreen: bool = False) -> subprocess.Popen[bytes]:
        """
        @param prefix: a command that runs twistd.
        @param toScreen: whether the log goes to the terminal; else to a file.
        @return: a session's leader, with the terminal, that becomes twistd.
        """
        command = twistdCommand("-n", "--pidfile=", "multiserver", LISTEN, CHILD)
        with self.log.open("wb") as log:
            output = self.inside if toScreen else log.fileno()
            process = subprocess.Popen(
                [sys.executable, "-c", IN_TERMINAL, *prefix, *command],
                cwd=self.folder,
                env=cleanEnvironment(TMPDIR=str(self.folder)),
                stdin=self.inside,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(self.inside)
        self.inside = -1
        return process

    def hangUp(self) -> None:
        """
        Close the terminal; the kernel sends SIGHUP to the session's leader.
        """
        os.close(self.screen)
        self.screen = -1

    def waitForLog(self, pattern: str) -> re.Match[str]:
        """
        @param pattern: a regular expression.
        @return: its first match in the file.
        """
        found = until(lambda: re.search(pattern, self.log.read_text()), f"{pattern!r} in the log")
        assert found is not None
        return found

    def waitForScreen(self, text: bytes) -> None:
        """
        @param text: shown in the terminal.
        """
        shown = b""
        while text not in shown:
            readable, _, _ = select.select([self.screen], [], [], PATIENCE)
            self.assertTrue(readable, shown)
            shown += os.read(self.screen, 65536)

    def test_terminalGone(self) -> None:
        """
        It stops in order.
        """
        process = self.start()
        self.waitForLog("ready: ")
        self.hangUp()
        self.assertEqual(process.wait(PATIENCE), 0)
        self.waitForLog("the terminal hung up: stopping")
        self.waitForLog("Server Shut Down")

    def test_terminalGoneThatTheLogWentTo(self) -> None:
        """
        It stops in order, though it can't say so any more.
        """
        process = self.start(toScreen=True)
        self.waitForScreen(b"ready: ")
        children = startedBy(process.pid)
        self.assertNotEqual(children, [])
        self.hangUp()
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual([child for child in children if isAlive(child)], [])

    def test_terminalStillThere(self) -> None:
        """
        The signal comes from somebody: a reload is meant.
        """
        process = self.start()
        port = int(self.waitForLog(r"ready: http://127\.0\.0\.1:(\d+)/")[1])
        process.send_signal(signal.SIGHUP)
        self.waitForLog("generation 2 serves")
        self.assertEqual(fetch(port, "/status").status, 200)

    def test_interruptByKey(self) -> None:
        """
        Ctrl-C reaches master and children alike, and it stops in order.
        """
        process = self.start()
        self.waitForLog("ready: ")
        os.write(self.screen, b"\x03")
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertNotIn("crashed", self.log.read_text())

    def test_nohup(self) -> None:
        """
        It outlives the terminal, as was asked for.
        """
        process = self.start("nohup")
        port = int(self.waitForLog(r"ready: http://127\.0\.0\.1:(\d+)/")[1])
        self.hangUp()
        self.waitForLog("generation 2 serves")
        self.assertEqual(fetch(port, "/status").status, 200)
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 0)

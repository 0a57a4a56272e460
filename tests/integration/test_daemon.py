"""
twistd in the background: the pid file, the log file, the parent's status.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.twistdharness import PATIENCE, cleanEnvironment, fetch, twistdCommand, until
from tests.processes import childrenOf, isAlive

LISTEN = "--listen=tcp:0:interface=127.0.0.1"


def umaskOf(pid: int) -> int:
    """
    @param pid: of a process.
    @return: its umask.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^Umask:\s+(\d+)$", status, re.MULTILINE)
    assert found is not None
    return int(found[1], 8)


class DaemonTests(SynchronousTestCase):
    """
    twistd without C{-n}.
    """

    def setUp(self) -> None:
        """
        A folder for its files, with a path that sockets can have.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="ms-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.pidFile = self.folder / "web.pid"
        self.logFile = self.folder / "web.log"

    def start(self, *options: str, umask: int = -1) -> int:
        """
        @param options: of twistd.
        @param umask: of the caller; -1 for this process's.
        @return: the pid of a daemon with two children that is ready.
        """
        files = (f"--pidfile={self.pidFile}", f"--logfile={self.logFile}")
        ended = subprocess.run(
            twistdCommand(*files, *options, "multiserver", LISTEN, "--children=2"),
            cwd=self.folder,
            env=cleanEnvironment(TMPDIR=str(self.folder)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            umask=umask,
        )
        # The parent waits until the listener is bound and the pid file is there.
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "", ""))
        pid = int(self.pidFile.read_text())
        self.addCleanup(self.end, pid)
        self.waitForLog(r"ready: http://127\.0\.0\.1:\d+/")
        return pid

    def end(self, pid: int) -> None:
        """
        @param pid: of a process that may live still; its children end with it.
        """
        if isAlive(pid):
            os.kill(pid, signal.SIGKILL)

    def waitForLog(self, pattern: str) -> None:
        """
        @param pattern: a regular expression.
        """
        until(lambda: re.search(pattern, self.logFile.read_text()), f"{pattern!r} in the log")

    def port(self) -> int:
        """
        @return: the one that is served.
        """
        found = re.search(r"ready: http://127\.0\.0\.1:(\d+)/", self.logFile.read_text())
        assert found is not None
        return int(found[1])

    def test_serves(self) -> None:
        """
        The parent says 0, the daemon serves; TERM ends all, the pid file too.
        """
        pid = self.start()
        self.assertEqual(fetch(self.port(), "/status").status, 200)
        children = childrenOf(pid)
        self.assertEqual(len(children), 2)
        os.kill(pid, signal.SIGTERM)
        until(lambda: not isAlive(pid), "its end")
        self.assertEqual([child for child in children if isAlive(child)], [])
        self.assertEqual(sorted(os.listdir(self.folder)), ["multiserver-state", self.logFile.name])
        self.assertNotIn("Traceback", self.logFile.read_text())

    def test_killedDaemon(self) -> None:
        """
        Its children end with it.
        """
        pid = self.start()
        children = childrenOf(pid)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not any(map(isAlive, [pid, *children])), "their end")

    def test_hangup(self) -> None:
        """
        A daemon has no terminal: SIGHUP is no reason to stop.
        """
        pid = self.start()
        os.kill(pid, signal.SIGHUP)
        self.waitForLog("generation 2 serves")
        self.assertEqual(fetch(self.port(), "/status").status, 200)

    def test_umask(self) -> None:
        """
        Children get the caller's, as with C{-n}, whatever twistd does to its own.
        """
        pid = self.start(umask=0o027)
        self.assertEqual({umaskOf(child) for child in childrenOf(pid)}, {0o027})

    def test_givenUmask(self) -> None:
        """
        Unless twistd was told another one.
        """
        pid = self.start("--umask=013", umask=0o027)
        self.assertEqual({umaskOf(child) for child in childrenOf(pid)}, {0o013})

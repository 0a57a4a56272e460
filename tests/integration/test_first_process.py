"""
As process 1 of a PID namespace, as in a container.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.integration.twistdharness import (
    PATIENCE,
    cleanEnvironment,
    fetch,
    twistdCommand,
    until,
)
from tests.processes import childrenOf

APPLICATION = """
import os, subprocess
from twisted.web.resource import Resource

class Root(Resource):
    isLeaf = True

    def render(self, request):
        return getattr(self, request.path[1:].decode())().encode()

    def pid(self):
        return str(os.getppid())

    def orphans(self):
        # Two who leave their parent, and their session, and die under process 1.
        for command in ("(sleep 0.1 &)", "(setsid sleep 0.1 &)"):
            subprocess.run(["sh", "-c", command], check=True)
        return "left"

    def sleepers(self):
        found = []
        for pid in os.listdir("/proc"):
            if pid.isdecimal():
                try:
                    stat = open(f"/proc/{pid}/stat").read()
                except OSError:
                    continue
                if "(sleep)" in stat:
                    found.append(stat)
        return " ".join(found) or "none"

site = Root()
"""

NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


class FirstProcessTests(SynchronousTestCase):
    """
    The kernel gives it every orphan.
    """

    def setUp(self) -> None:
        """
        Start it.
        """
        tried = ["true"] if shutil.which("unshare") is None else [*NAMESPACE, "true"]
        if tried == ["true"] or subprocess.run(tried, check=False).returncode:
            raise SkipTest("PID namespaces are not permitted here")
        self.folder = Path(tempfile.mkdtemp(prefix="ms-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "application.py").write_text(APPLICATION)
        options = ("--app=application:site", "--listen=tcp:0:interface=127.0.0.1", "--children=1")
        self.log = self.folder / "log"
        with self.log.open("wb") as log:
            self.outside = subprocess.Popen(
                [*NAMESPACE, *twistdCommand("-n", "--pidfile=", "multiserver", *options)],
                cwd=self.folder,
                env=cleanEnvironment(TMPDIR=str(self.folder)),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.addCleanup(self.outside.wait, PATIENCE)
        self.addCleanup(self.outside.kill)
        until(lambda: "ready: " in self.log.read_text(), "ready")
        self.port = int(self.log.read_text().split("ready: http://127.0.0.1:")[1].split("/")[0])

    def get(self, path: str) -> bytes:
        """
        @return: what the application says.
        """
        return fetch(self.port, path).body

    def test_strangers(self) -> None:
        """
        Their zombies don't stay.
        """
        self.assertEqual(self.get("/pid"), b"1")
        self.assertEqual(self.get("/orphans"), b"left")
        until(lambda: self.get("/sleepers") == b"none", "the end of the orphans")

    def test_stop(self) -> None:
        """
        It stops in order, and a child that is killed is replaced.
        """
        master = until(lambda: childrenOf(self.outside.pid), "the master")[0]
        child = childrenOf(master)[0]
        os.kill(child, signal.SIGKILL)
        until(lambda: childrenOf(master) not in ([], [child]), "another child")
        self.assertEqual(self.get("/pid"), b"1")
        os.kill(master, signal.SIGTERM)
        self.assertEqual(self.outside.wait(PATIENCE), 0)
        self.assertIn("signal 9 (SIGKILL)", self.log.read_text())

"""
Whatever is killed, nothing of what it started is left: real servers with workers of
their own, and programs made to get away.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.integration.twistdharness import PATIENCE, cleanEnvironment, until
from tests.processes import isAlive, wardenOf
from twisted_multiserver.supervision.processes import commandOf

# Seconds: so long after a death everything must be gone.
PROMISE = 3.0

SERVERS = ("gunicorn", "hypercorn", "uvicorn")

FILES = {
    "wsgi.py": """
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
""",
    "asgi.py": """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"ok"})
""",
    "serve.py": """
import signal, socket, subprocess, sys
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "setsid" in sys.argv:
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
listener = socket.socket(fileno=3)
while True:
    connection, _ = listener.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    connection.close()
""",
    "master.py": """
import sys
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted_multiserver import Multiserver

multiserver = Multiserver(reactor)
python = sys.executable
bin = python.rpartition("/")[0]
COMMANDS = [
    [f"{bin}/gunicorn", "--no-control-socket", "-w", "2", "wsgi:app"],
    [f"{bin}/hypercorn", "-w", "2", "--bind", "fd://3", "asgi:app"],
    [f"{bin}/uvicorn", "--fd", "3", "--workers", "2", "asgi:app"],
    ["sh", "-c", f"sleep 1000 & exec {python} serve.py"],
    [python, "serve.py", "setsid"],
    [python, "serve.py", "deaf"],
]
spawning = gatherResults([multiserver.spawnCommand(command) for command in COMMANDS])
spawning.addCallbacks(
    lambda _: print("ready", flush=True), lambda failure: print(failure, flush=True)
)
reactor.run()
""",
}


class OrphanTests(SynchronousTestCase):
    """
    One master with a child of each kind.
    """

    def setUp(self) -> None:
        """
        Start it.
        """
        missing = [name for name in SERVERS if not (Path(sys.executable).parent / name).exists()]
        if missing:
            if os.environ.get("CI"):
                self.fail(f"{missing} are not installed")
            raise SkipTest(f"{missing} are not installed")
        folder = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.folder = Path(folder)
        for name, text in FILES.items():
            (self.folder / name).write_text(text)
        self.mark = f"ORPHAN_TEST={uuid.uuid4()}"
        name, _, value = self.mark.partition("=")
        environment = cleanEnvironment(TMPDIR=folder, **{name: value})
        self.log = self.folder / "log"
        with self.log.open("wb") as log:
            self.master = subprocess.Popen(
                [sys.executable, "master.py"],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.addCleanup(self.endAll)
        until(self.log.read_text, "a word of the master")
        self.assertEqual(self.log.read_text(), "ready\n")

    def endAll(self) -> None:
        """
        End what the test has left, if it failed.
        """
        self.master.kill()
        self.master.wait(PATIENCE)
        for pid in self.marked():
            os.kill(pid, signal.SIGKILL)

    def marked(self, mark: str | None = None) -> set[int]:
        """
        @param mark: in the environment; L{None} for this test's.
        @return: the living processes, the master and its warden left out.
        """
        wanted = (mark or self.mark).encode()
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and int(entry.name) != self.master.pid:
                try:
                    environment = (entry / "environ").read_bytes().split(b"\0")
                except OSError:
                    continue
                if wanted in environment and isAlive(int(entry.name)):
                    found.add(int(entry.name))
        return found

    def assertGone(self, pids: set[int]) -> None:
        """
        @param pids: must be gone soon.
        """
        deadline = time.monotonic() + PROMISE
        while any(isAlive(pid) for pid in pids):
            if time.monotonic() > deadline:
                self.fail(f"left: {self.named(pids)}")
            time.sleep(0.02)

    def named(self, pids: set[int]) -> str:
        """
        @return: what those who live run.
        """
        return ", ".join(f"{pid}: {commandOf(pid)}" for pid in pids if isAlive(pid))

    def warden(self) -> int:
        """
        @return: the pid of the master's warden.
        """
        return until(lambda: wardenOf(self.master.pid), "a warden")

    def test_masterKilled(self) -> None:
        """
        All of them, the warden and the runtime folder too.
        """
        left = self.marked() | {self.warden()}
        # Each with its workers, its sleepers.
        self.assertGreaterEqual(len(left), 15)
        self.assertEqual(len(list(self.folder.glob("multiserver-*"))), 1)
        self.master.kill()
        self.assertGone(left)
        self.assertEqual(self.marked(), set())
        self.assertEqual(list(self.folder.glob("multiserver-*")), [])

    def test_wardenKilled(self) -> None:
        """
        There is another one, and the promise holds.
        """
        warden = self.warden()
        os.kill(warden, signal.SIGKILL)
        until(lambda: wardenOf(self.master.pid) not in (None, warden), "another warden")
        left = self.marked() | {self.warden()}
        self.master.kill()
        self.assertGone(left)
        self.assertEqual(self.marked(), set())

    def test_childrenKilled(self) -> None:
        """
        A direct child takes all that it started with it, and is replaced.
        """
        children = self.directChildren()
        self.assertEqual(len(children), 6, self.named(set(children)) + self.log.read_text())
        for pid, cookie in children.items():
            family = self.marked(cookie)
            self.assertIn(pid, family)
            os.kill(pid, signal.SIGKILL)
            self.assertGone(family)
            self.assertEqual(self.marked(cookie), set())
        until(lambda: len(self.directChildren()) == 6, "their successors")

    def test_stopped(self) -> None:
        """
        A stop in order leaves nothing either.
        """
        left = self.marked() | {self.warden()}
        self.master.terminate()
        self.master.wait(PATIENCE)
        self.assertEqual({pid for pid in left if isAlive(pid)}, set())
        self.assertEqual(list(self.folder.glob("multiserver-*")), [])

    def directChildren(self) -> dict[int, str]:
        """
        @return: the first processes of the incarnations, with the cookies of these.
        """
        found = {}
        for pid in self.marked():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
                environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            cookies = [each for each in environment if each.startswith(b"TWISTED_MULTISERVER_RUN=")]
            if int(fields[1]) == self.master.pid and cookies:
                found[pid] = cookies[0].decode()
        return found

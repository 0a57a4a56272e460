"""
A real C{twistd -n multiserver} for tests, driven from outside like a user does.

Everything it starts is found again by its run cookie in /proc and ended by pid.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import childrenOf, isAlive, startedBy

T = TypeVar("T")

# How long a real process may take for anything on a loaded machine, in seconds.
PATIENCE = 60.0

_SCRUBBED = ("PORT", "WEB_CONCURRENCY", "NOTIFY_SOCKET", "RUNTIME_DIRECTORY", "STATE_DIRECTORY")


def twistdCommand(*arguments: str) -> list[str]:
    """
    @param arguments: of twistd.
    @return: the command line of the twistd that belongs to this Python.
    """
    return [sys.executable, str(Path(sys.executable).with_name("twistd")), *arguments]


def pythonPath(folder: Path) -> str:
    """
    @param folder: where modules are found first.
    @return: PYTHONPATH with the package beside these tests, whatever is installed.
    """
    return os.pathsep.join((str(folder), str(Path(__file__).resolve().parents[2])))


def cleanEnvironment(**changes: str) -> dict[str, str]:
    """
    @param changes: variables to set.
    @return: this process's environment without what would configure a master.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in _SCRUBBED and not name.startswith(("MULTISERVER_", "LISTEN_", "WATCHDOG_"))
    }
    return {**environment, **changes}


def until(condition: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """
    Wait for something that another process does.

    @param condition: asked until its answer is true.
    @param what: for the failure.
    @param patience: in seconds.
    @return: the first true answer.
    """
    deadline = time.monotonic() + patience
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s for {what}")
        time.sleep(0.02)


class Twistd:
    """
    One running master.

    @ivar folder: where it was started; short, since sockets may live below.
    """

    def __init__(self, test: SynchronousTestCase, *arguments: str, **environment: str) -> None:
        """
        @param test: at whose end everything is ended.
        @param arguments: behind C{twistd -n multiserver}.
        @param environment: variables to set.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="ms-"))
        test.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self._log = (self.folder / "log").open("w+b")
        self._errors = (self.folder / "errors").open("w+b")
        test.addCleanup(self._log.close)
        test.addCleanup(self._errors.close)
        self._seen: set[int] = set()
        # TMPDIR is for the runtime folder, which a killed master leaves behind.
        self.process = subprocess.Popen(
            twistdCommand("-n", "multiserver", *arguments),
            cwd=self.folder,
            env=cleanEnvironment(
                **{
                    "PYTHONPATH": pythonPath(self.folder),
                    "TMPDIR": str(self.folder),
                    **environment,
                }
            ),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._errors,
        )
        test.addCleanup(self._endAll)

    @property
    def log(self) -> str:
        """
        What it has logged so far.
        """
        return (self.folder / "log").read_text(errors="replace")

    @property
    def errors(self) -> str:
        """
        What it has written to stderr so far.
        """
        return (self.folder / "errors").read_text(errors="replace")

    def waitForLog(self, pattern: str) -> re.Match[str]:
        """
        @param pattern: a regular expression.
        @return: its first match in the log.
        """

        def found() -> re.Match[str] | None:
            if self.process.poll() is not None and not re.search(pattern, self.log):
                raise AssertionError(f"it has ended: {self.log}\n{self.errors}")
            return re.search(pattern, self.log)

        return until(found, f"{pattern!r} in the log")

    def waitUntilReady(self) -> int:
        """
        @return: the port on 127.0.0.1 that it serves.
        """
        port = int(self.waitForLog(r"ready: http://127\.0\.0\.1:(\d+)/")[1])
        self.children()
        return port

    def children(self) -> set[int]:
        """
        @return: the pids of its living children.
        """
        self._seen.update(startedBy(self.process.pid))
        return set(childrenOf(self.process.pid))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """
        @param number: the signal that it gets.
        @return: its exit status.
        """
        self.children()
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def leftovers(self) -> set[int]:
        """
        @return: the pids of children that were seen once and live still.
        """
        return {pid for pid in self._seen if isAlive(pid)}

    def _endAll(self) -> None:
        self.children()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        for pid in self.leftovers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Answer:
    """
    An HTTP response, read whole.
    """

    def __init__(self, response: http.client.HTTPResponse) -> None:
        """
        @param response: its body is read here.
        """
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


def fetch(
    port: int,
    target: str = "/",
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """
    One request on a connection of its own.

    @param port: on 127.0.0.1.
    @param target: path and query.
    @param method: such as GET.
    @param body: of the request.
    @param headers: of the request.
    @return: the response.
    """
    with connection(port) as client:
        client.request(method, target, body, headers or {})
        return Answer(client.getresponse())


@contextmanager
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    """
    @param port: on 127.0.0.1.
    @return: a connection, closed at the end.
    """
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        yield client
    finally:
        client.close()

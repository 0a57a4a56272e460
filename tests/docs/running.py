"""
A reader's folder, and what a reader starts in it.

The folder has what the page tells the reader to save, and stand-ins for the reader's own
applications.  The one thing that is changed is the port: 8080 and its like become a free
one.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path
from shutil import rmtree

from twisted.trial.unittest import SynchronousTestCase

from tests.docs.pages import ROOT, blocks
from tests.integration.programs import BIN
from tests.integration.twistdharness import PATIENCE, cleanEnvironment, until
from tests.processes import childrenOf, isAlive

WSGI = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""

ASGI = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"ok"})
"""

# The applications of readers.
STAND_INS = {
    "myapp/__init__.py": "",
    "myapp/wsgi.py": WSGI,
    "myapp/main.py": ASGI,
    "passenger_wsgi.py": WSGI,
    "crashed.sh": "#!/bin/sh\ncat > crash.json\n",
}


def withFreePort(text: str) -> str:
    """
    @param text: a program or a command line.
    @return: the same, listening at a free port.
    """
    return re.sub(r"tcp:\d{4}\b(:interface=127\.0\.0\.1)?", "tcp:0:interface=127.0.0.1", text)


class Folder:
    """
    Where a reader types.
    """

    def __init__(self, test: SynchronousTestCase, page: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="ms-docs-"))
        test.addCleanup(rmtree, self.path, ignore_errors=True)
        files = dict(STAND_INS)
        files.update({block.file: block.text for block in blocks(ROOT / page) if block.file})
        for name, text in files.items():
            file = self.path / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        (self.path / "crashed.sh").chmod(0o700)
        self._test = test

    def run(self, command: list[str], **environment: str) -> Running:
        """
        @param command: what to run.
        @param environment: variables to set.
        @return: the process; ended with the test.
        """
        return Running(self._test, self.path, command, environment)


class Running:
    """
    A master that was started as a page shows.
    """

    def __init__(
        self,
        test: SynchronousTestCase,
        folder: Path,
        command: list[str],
        environment: dict[str, str],
    ) -> None:
        self._output = (folder / "output").open("w+b")
        self._errors = (folder / "errors").open("w+b")
        test.addCleanup(self._output.close)
        test.addCleanup(self._errors.close)
        self._folder = folder
        self._seen: set[int] = set()
        path = os.pathsep.join([str(folder), str(ROOT)])
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=cleanEnvironment(
                PYTHONPATH=path,
                # As in an activated environment.
                PATH=os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)]),
                **environment,
            ),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._errors,
        )
        test.addCleanup(self._kill)

    @property
    def output(self) -> str:
        """
        What it has written to stdout.
        """
        return (self._folder / "output").read_text()

    @property
    def errors(self) -> str:
        """
        What it has written to stderr.
        """
        return (self._folder / "errors").read_text()

    def children(self) -> list[int]:
        """
        @return: the pids of its living children.
        """
        found = childrenOf(self.process.pid)
        self._seen.update(found)
        return found

    def waitFor(self, pattern: str) -> re.Match[str]:
        """
        @param pattern: a regular expression.
        @return: where its output matches.
        """

        def found() -> re.Match[str] | None:
            match = re.search(pattern, self.output)
            if match is None and self.process.poll() is not None:
                raise AssertionError(f"it has ended: {self.output}\n{self.errors}")
            return match

        match = until(found, f"{pattern!r} in the output")
        assert match is not None
        return match

    def stop(self) -> int:
        """
        @return: the exit status after SIGTERM.
        """
        self.children()
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def leftovers(self) -> list[int]:
        """
        @return: children that live still.
        """
        return [pid for pid in self._seen if isAlive(pid)]

    def _kill(self) -> None:
        self.children()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        for pid in self.leftovers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

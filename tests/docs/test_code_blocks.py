"""
Every block of code in README and in the manual runs.

Programs and commands are run in a folder that has what their page tells the reader to
save, and stand-ins for the reader's own applications.  The one thing that is changed is
the port: 8080 and its like become a free one.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from shutil import rmtree

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.docs.pages import ROOT, Block, allBlocks, blocks, pages
from tests.integration.twistdharness import (
    PATIENCE,
    cleanEnvironment,
    fetch,
    isAlive,
    twistdCommand,
    until,
)
from twisted_multiserver.interfaces import ILoadBalancer

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

# What each program prints once a child was killed; None: it ends, with status 0.
PROGRAMS = {
    ("README.md", 0): r"child [01] crashed \(signal 9 \(SIGKILL\)\)\n",
    ("docs/howto/mount-in-a-site.md", 0): None,
    ("docs/howto/be-told-of-crashes.md", 0): r"child [01], pid \d+: signal 9 \(SIGKILL\)\n",
    ("docs/howto/be-told-of-crashes.md", 1): r"ChildReady.*\n(.*\n)*.*ChildCrashed",
}


def isProgram(block: Block) -> bool:
    """
    @param block: in Python.
    @return: whether it is a program, not a module to be used.
    """
    return "task.react(" in block.text


def childrenOf(pid: int) -> list[int]:
    """
    @param pid: of a master.
    @return: the pids of its living children.
    """
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in listed if isAlive(int(child))]


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
            env=cleanEnvironment(PYTHONPATH=path, **environment),
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


class BlockTests(SynchronousTestCase):
    """
    There is no block that no test knows.
    """

    def test_languages(self) -> None:
        """
        Every block says its language, and it is one that is tested here.
        """
        for page in pages():
            for block in blocks(page):
                self.assertIn(block.language, ("python", "console", "toml"), block)

    def test_programs(self) -> None:
        """
        Every program is run below, and what is no program is saved to a file.
        """
        found = set()
        for page in pages():
            programs = [block for block in blocks(page) if isProgram(block)]
            found |= {(block.page, index) for index, block in enumerate(programs)}
        self.assertEqual(found, set(PROGRAMS))
        for block in allBlocks("python"):
            self.assertTrue(isProgram(block) or block.file, block)

    def test_readmeIsShort(self) -> None:
        """
        README's program has 15 lines.
        """
        (program,) = (block for block in blocks(ROOT / "README.md") if isProgram(block))
        lines = [line for line in program.text.splitlines() if line.strip()]
        self.assertLessEqual(len(lines), 15)

    def test_toml(self) -> None:
        """
        A configuration that is shown is accepted.
        """
        for block in allBlocks("toml"):
            tomllib.loads(block.text)


class PythonTests(SynchronousTestCase):
    """
    Programs, run as shown.
    """

    def program(self, page: str, index: int) -> None:
        """
        Run a program, kill one of its children, and see it say so.

        @param page: the page.
        @param index: which of the page's programs.
        """
        block = [block for block in blocks(ROOT / page) if isProgram(block)][index]
        folder = Folder(self, page)
        (folder.path / "program.py").write_text(withFreePort(block.text))
        running = folder.run([sys.executable, "program.py"])
        pattern = PROGRAMS[page, index]
        lastKill = time.monotonic()

        def told() -> bool:
            # A child that dies before all are ready is not yet waited for: so again.
            nonlocal lastKill
            ended = running.process.poll() is not None
            if pattern is not None and re.search(pattern, running.output):
                return True
            if ended:
                self.assertIsNone(pattern, running.output + running.errors)
                return True
            children = running.children()
            if len(children) == 2 and time.monotonic() - lastKill > 2:
                os.kill(children[0], signal.SIGKILL)
                lastKill = time.monotonic()
            return False

        until(told, f"{page} to tell of a crash")
        if pattern is None:
            self.assertEqual(running.process.returncode, 0, running.errors)
        else:
            running.stop()
        until(lambda: not running.leftovers(), "the end of its children")
        self.assertEqual(running.errors, "")

    def test_readme(self) -> None:
        """
        README's program.
        """
        self.program("README.md", 0)

    def test_mounted(self) -> None:
        """
        A master in a Site.
        """
        self.program("docs/howto/mount-in-a-site.md", 0)

    def test_whenCrashed(self) -> None:
        """
        The loop over crashes.
        """
        self.program("docs/howto/be-told-of-crashes.md", 0)

    def test_observer(self) -> None:
        """
        The observer.
        """
        self.program("docs/howto/be-told-of-crashes.md", 1)

    def test_balancer(self) -> None:
        """
        The balancer of 20 lines is one, and keeps its limit.
        """
        (block,) = (b for b in allBlocks("python") if b.file == "firstfree.py")
        self.assertLessEqual(len(block.text.splitlines()), 20)
        namespace: dict[str, type] = {}
        exec(compile(block.text, "firstfree.py", "exec"), namespace)
        verifyObject(ILoadBalancer, namespace["FirstFree"]())


class ConsoleTests(SynchronousTestCase):
    """
    Commands, typed as shown.
    """

    def commands(self, page: str) -> None:
        """
        Run all commands of a page.

        @param page: the page.
        """
        for block in blocks(ROOT / page):
            for command in block.commands if block.language == "console" else ():
                self.command(block, shlex.split(command))

    def command(self, block: Block, words: list[str]) -> None:
        """
        Run one command.

        @param block: where it stands.
        @param words: the command line.
        """
        if words[0] == "make":
            makefile = (ROOT / "Makefile").read_text()
            self.assertRegex(makefile, rf"(?m)^{re.escape(words[1])}:")
        elif words[:2] == ["pip", "install"]:
            self.assertEqual(words[2:], ["."])
        elif words[0] == "curl":
            self.assertEqual(words[1:], ["http://127.0.0.1:8080/"])
        else:
            self.assertEqual(words[:3], ["twistd", "-n", "multiserver"], block)
            self.twistd(block, [withFreePort(word) for word in words[1:]])

    def twistd(self, block: Block, arguments: list[str]) -> None:
        """
        Run a master until it is ready.

        @param block: where it stands.
        @param arguments: of twistd.
        """
        environment = {}
        if not any(argument.startswith("--listen=") for argument in arguments):
            environment["MULTISERVER_LISTEN"] = "tcp:0:interface=127.0.0.1"
        folder = Folder(self, block.page)
        running = folder.run(twistdCommand(*arguments), **environment)
        if block.remark == "fails":
            self.assertEqual(running.process.wait(PATIENCE), 1)
            self.assertEqual(len(running.errors.splitlines()), 1, running.errors)
            return
        port = int(running.waitFor(r"ready: http://127\.0\.0\.1:(\d+)/")[1])
        self.assertEqual(fetch(port).status, 200)
        if any(argument.startswith("--on-crash=") for argument in arguments):
            os.kill(running.children()[0], signal.SIGKILL)
            told = folder.path / "crash.json"
            until(lambda: told.exists() and "SIGKILL" in told.read_text(), "the command's run")
        self.assertEqual(running.stop(), 0)
        self.assertEqual(running.errors, "")

    def test_everyPageIsTyped(self) -> None:
        """
        No page with commands is left out below.
        """
        self.assertEqual(
            {block.page for block in allBlocks("console")},
            {
                "README.md",
                "docs/tutorials/first-server.md",
                "docs/howto/be-told-of-crashes.md",
                "docs/howto/coming-from-gunicorn-uvicorn-passenger.md",
                "docs/howto/write-a-balancer.md",
            },
        )

    def test_readme(self) -> None:
        """
        README.
        """
        self.commands("README.md")

    def test_tutorial(self) -> None:
        """
        The tutorial.
        """
        self.commands("docs/tutorials/first-server.md")

    def test_crashes(self) -> None:
        """
        Being told of crashes.
        """
        self.commands("docs/howto/be-told-of-crashes.md")

    def test_others(self) -> None:
        """
        Coming from other servers.
        """
        self.commands("docs/howto/coming-from-gunicorn-uvicorn-passenger.md")

    def test_balancer(self) -> None:
        """
        A balancer of one's own, by its name.
        """
        self.commands("docs/howto/write-a-balancer.md")

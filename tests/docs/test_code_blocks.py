"""
Every block of code in README and in the manual runs.

Programs and commands are run as C{running.py} says.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.docs.pages import ROOT, Block, allBlocks, blocks, pages
from tests.docs.running import Folder, withFreePort
from tests.integration.programs import program
from tests.integration.test_sessions_shared import Browser
from tests.integration.twistdharness import PATIENCE, fetch, twistdCommand, until
from tests.processes import isServing
from twisted_multiserver.settings import makeConfig
from twisted_multiserver.testing import LoadBalancerContract, makeBackend, makeRequest

# What each program prints once a child was killed, and whether it ends then.
PROGRAMS = {
    ("README.md", 0): (r"child [01] crashed \(signal 9 \(SIGKILL\)\)\n", False),
    ("docs/howto/mount-in-a-site.md", 0): ("", True),
    ("docs/howto/be-told-of-crashes.md", 0): (
        r"child [01], pid \d+: signal 9 \(SIGKILL\)\n",
        False,
    ),
    ("docs/howto/be-told-of-crashes.md", 1): (r"ChildReady.*\n(.*\n)*.*ChildCrashed", True),
    ("docs/howto/run-any-program.md", 0): (r"child [01] crashed \(signal 9 \(SIGKILL\)\)\n", True),
}


LANGUAGES = ("python", "console", "toml", "json", "javascript")

# Each has a page of its own.
SERVERS = ("gunicorn", "uvicorn", "hypercorn", "granian", "waitress", "node")


def isProgram(block: Block) -> bool:
    """
    @param block: in Python.
    @return: whether it is a program, not a module to be used.
    """
    return "task.react(" in block.text


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
                self.assertIn(block.language, LANGUAGES, block)

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
        self.assertLessEqual(len(program.lines), 15)

    def test_toml(self) -> None:
        """
        A configuration that is shown is accepted.
        """
        for block in allBlocks("toml"):
            file = Path(self.mktemp())
            file.write_text(block.text)
            makeConfig({"config": [str(file)]}, {})


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
        pattern, ends = PROGRAMS[page, index]
        lastKill = time.monotonic()

        def isDone() -> bool:
            # A child that dies before all are ready is not yet waited for: so again.
            nonlocal lastKill
            hasEnded = running.process.poll() is not None
            isTold = re.search(pattern, running.output) is not None
            if hasEnded or (isTold and not ends):
                self.assertTrue(isTold, running.output + running.errors)
                return True
            children = running.children()
            isTime = len(children) == 2 and time.monotonic() - lastKill > 2
            # One that is killed before any is ready is no crash, but a failed start.
            if isTime and all(map(isServing, children)):
                os.kill(children[0], signal.SIGKILL)
                lastKill = time.monotonic()
            return False

        until(isDone, f"{page} to tell of a crash")
        if ends:
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

    def test_anyProgram(self) -> None:
        """
        A program that is a server by itself.
        """
        self.program("docs/howto/run-any-program.md", 0)


class BalancerTests(LoadBalancerContract, SynchronousTestCase):
    """
    The balancer of 20 lines keeps the contract.
    """

    def makeBalancer(self) -> Any:
        """
        Make it of what the page shows.
        """
        (block,) = (block for block in allBlocks("python") if block.file == "firstfree.py")
        self.assertLessEqual(len(block.lines), 20)
        namespace: dict[str, Any] = {}
        exec(compile(block.text, "firstfree.py", "exec"), namespace)
        return namespace["FirstFree"]()

    def test_limit(self) -> None:
        """
        It fills the first before the second, and chooses none when both are full.
        """
        balancer = self.makeBalancer()
        first, second = makeBackend("first", inFlight=9), makeBackend("second")
        self.assertIs(balancer.choose(makeRequest(), (first, second)), first)
        full = makeBackend("full", inFlight=10)
        self.assertIs(balancer.choose(makeRequest(), (full, second)), second)
        self.assertIsNone(balancer.choose(makeRequest(), (full,)))


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
        elif words[0] == "python" and words[2] in ("twisted.trial", "twisted_multiserver"):
            running = Folder(self, block.page).run([sys.executable, *words[1:]])
            self.assertEqual(running.process.wait(PATIENCE), 0, running.output)
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
            until(lambda: told.exists() and told.read_text().endswith("\n"), "the command's run")
            (shown,) = allBlocks("json")
            self.assertEqual(json.loads(told.read_text()).keys(), json.loads(shown.text).keys())
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
                "docs/tutorials/share-a-login.md",
                "docs/howto/be-told-of-crashes.md",
                "docs/howto/check-health.md",
                "docs/howto/coming-from-gunicorn-uvicorn-passenger.md",
                "docs/howto/run-any-program.md",
                *(f"docs/howto/run-{name}.md" for name in SERVERS),
                "docs/howto/try-it-with-chaos.md",
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

    def test_login(self) -> None:
        """
        Sessions in each framework: children count on from each other, and know who it is.
        """
        page = ROOT / "docs/tutorials/share-a-login.md"
        consoles = [block for block in blocks(page) if block.language == "console"]
        for block in consoles:
            (command,) = block.commands
            running = Folder(self, block.page).run(
                twistdCommand(*shlex.split(command)[1:]),
                MULTISERVER_LISTEN="tcp:0:interface=127.0.0.1",
            )
            browser = Browser(int(running.waitFor(r"ready: http://127\.0\.0\.1:(\d+)/")[1]))
            self.assertEqual(browser.ask("/"), (200, "somebody: 1"), command)
            first = browser.cookie
            self.assertEqual(browser.ask("/login"), (200, "Ada: 2"), command)
            self.assertNotEqual(browser.cookie, first)
            self.assertEqual(browser.ask("/"), (200, "Ada: 3"), command)
            self.assertEqual(running.stop(), 0)

    def test_crashes(self) -> None:
        """
        Being told of crashes.
        """
        self.commands("docs/howto/be-told-of-crashes.md")

    def test_servers(self) -> None:
        """
        Programs that are servers by themselves.
        """
        for name in SERVERS:
            program("waitress-serve" if name == "waitress" else name)
            self.commands(f"docs/howto/run-{name}.md")

    def test_anyProgram(self) -> None:
        """
        Any program.
        """
        program("gunicorn")
        self.commands("docs/howto/run-any-program.md")

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

    def test_health(self) -> None:
        """
        Health checks.
        """
        self.commands("docs/howto/check-health.md")

    def test_chaos(self) -> None:
        """
        Chaos.
        """
        self.commands("docs/howto/try-it-with-chaos.md")

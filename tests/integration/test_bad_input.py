"""
What can't be started: one line on stderr, status 1, and nothing left of it: no process,
no file.  The wording of the lines is tested with the parts that make them; here it is
who says them, when, and how often.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
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
from tests.processes import isAlive

LISTEN = "--listen=tcp:0:interface=127.0.0.1"

APPLICATIONS = {
    "application": """
import os, sys
number = 3
def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
class Needy:
    def __init__(self, a, b, c): pass
def raises():
    raise ValueError("two\\nlines")
def dies():
    print("the last words", file=sys.stderr, flush=True)
    os._exit(3)
""",
    "needy": "import nosuchdependency\n",
    "syntax": "def x(:\n",
    "exiting": "raise SystemExit('bye')\n",
}


class Ended:
    """
    A twistd that has ended.

    @ivar status: its exit status.
    @ivar output: what it wrote to stdout.
    @ivar errors: what it wrote to stderr.
    """

    def __init__(self, status: int, output: str, errors: str) -> None:
        """
        @param status: its exit status.
        @param output: what it wrote to stdout.
        @param errors: what it wrote to stderr.
        """
        self.status = status
        self.output = output
        self.errors = errors


class BadInputTestCase(SynchronousTestCase):
    """
    Starts twistd in a folder of its own.

    @ivar folder: has the applications in it.
    """

    def setUp(self) -> None:
        """
        All that twistd starts carries a mark in its environment.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="ms-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        for name, source in APPLICATIONS.items():
            (self.folder / f"{name}.py").write_text(source)
        self.before = set(os.listdir(self.folder))
        self.mark = {"MARK_OF_TEST": uuid.uuid4().hex, "PYTHONDONTWRITEBYTECODE": "1"}

    def run_(self, *arguments: str, daemon: bool = False, **environment: str) -> Ended:
        """
        @param arguments: of the plugin.
        @param daemon: whether twistd goes into the background.
        @param environment: variables to set.
        @return: what came of it.
        """
        ended = subprocess.run(
            twistdCommand(*(() if daemon else ("-n",)), "multiserver", *arguments),
            cwd=self.folder,
            env=cleanEnvironment(TMPDIR=str(self.folder), **self.mark, **environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def alive(self) -> set[int]:
        """
        @return: the pids of all processes with this test's mark.
        """
        mark = f"MARK_OF_TEST={self.mark['MARK_OF_TEST']}".encode()
        found = set()
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    environ = (folder / "environ").read_bytes()
                except OSError:
                    continue
                if mark in environ.split(b"\0") and isAlive(int(folder.name)):
                    found.add(int(folder.name))
        return found

    def assertNothingLeft(self, *allowed: str) -> None:
        """
        No process and no file.

        @param allowed: files that may be there.
        """
        self.assertEqual(self.alive(), set())
        self.assertEqual(set(os.listdir(self.folder)) - self.before - set(allowed), set())

    def assertRefused(
        self, expected: str, *arguments: str, daemon: bool = False, **environment: str
    ) -> str:
        """
        @param expected: a part of the line.
        @param arguments: of the plugin.
        @param daemon: whether twistd goes into the background.
        @param environment: variables to set.
        @return: its stdout, in which there are log lines only.
        """
        ended = self.run_(*arguments, daemon=daemon, **environment)
        self.assertRegex(ended.errors, r"^twistd multiserver: [^\n]*\n$")
        self.assertIn(expected, ended.errors)
        self.assertEqual(ended.status, 1)
        for line in ended.output.splitlines():
            self.assertRegex(line, r"^20\d\d-\d\d-\d\dT\S+ \[\S+\] ")
        self.assertNothingLeft("multiserver-state")
        return ended.output


class BeforeTheStartTests(BadInputTestCase):
    """
    What is found before anything has begun; in the background as with C{-n}.
    """

    def assertRefusedBothWays(self, expected: str, *arguments: str, **environment: str) -> None:
        """
        @param expected: a part of the line.
        @param arguments: of the plugin.
        @param environment: variables to set.
        """
        for daemon in (False, True):
            output = self.assertRefused(expected, *arguments, daemon=daemon, **environment)
            self.assertEqual(output, "")
            self.assertNothingLeft()

    def test_option(self) -> None:
        """
        An unknown one.
        """
        self.assertRefusedBothWays("did you mean --children?", "--childern=3")

    def test_value(self) -> None:
        """
        One that is not allowed.
        """
        self.assertRefusedBothWays("--children: '0' is not allowed", "--children=0")

    def test_variable(self) -> None:
        """
        One that is no option.
        """
        self.assertRefusedBothWays("did you mean MULTISERVER_CHILDREN?", MULTISERVER_CHILDERN="3")

    def test_file(self) -> None:
        """
        A configuration file that is none.
        """
        self.assertRefusedBothWays("is no TOML file", "--config=syntax.py")
        self.assertRefusedBothWays("can't be read", MULTISERVER_CONFIG="nowhere.toml")

    def test_contradiction(self) -> None:
        """
        One on the command line, the other in the environment.
        """
        self.assertRefusedBothWays(
            "--app and MULTISERVER_COMMAND contradict each other",
            "--app=a",
            MULTISERVER_COMMAND="b",
        )

    def test_balancer(self) -> None:
        """
        One that doesn't exist, raises or is none; the master looks itself.
        """
        self.assertRefusedBothWays("there is no balancer 'round'", "--balancer=round")
        self.assertRefusedBothWays("nosuchdependency", "--balancer=needy.Balancer")
        self.assertRefusedBothWays("is a int", "--balancer=application:number")

    def test_endpoint(self) -> None:
        """
        Nonsense.
        """
        self.assertRefusedBothWays("is no endpoint", "--listen=nonsense")
        self.assertRefusedBothWays("there is no endpoint type 'http'", "--backend=http://a:80")


class PortTests(BadInputTestCase):
    """
    Somebody else has it.
    """

    def test_port(self) -> None:
        """
        Found before the log has begun, or twistd is in the background.
        """
        with socket.create_server(("127.0.0.1", 0)) as other:
            listen = f"tcp:{other.getsockname()[1]}:interface=127.0.0.1"
            line = f"--listen: {listen!r}: Address already in use"
            for daemon in (False, True):
                output = self.assertRefused(line, f"--listen={listen}", daemon=daemon)
                self.assertEqual(output, "")
            self.assertNothingLeft()

    def test_secondPort(self) -> None:
        """
        No child is started for the first one.
        """
        with socket.create_server(("127.0.0.1", 0)) as other:
            listen = f"--listen=tcp:{other.getsockname()[1]}:interface=127.0.0.1"
            output = self.assertRefused("Address already in use", LISTEN, listen)
        self.assertEqual(output, "")

    def test_portOfPlatform(self) -> None:
        """
        The one that the platform gave.
        """
        with socket.create_server(("", 0)) as other:
            port = str(other.getsockname()[1])
            self.assertRefused("Address already in use", PORT=port)

    def test_socket(self) -> None:
        """
        A UNIX socket that somebody listens on.
        """
        path = self.folder / "socket"
        self.before.add(path.name)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen()
            for daemon in (False, True):
                self.assertRefused("Address already in use", f"--listen=unix:{path}", daemon=daemon)
        self.assertTrue(path.is_socket())

    def test_socketOfADeadMaster(self) -> None:
        """
        What a killed one leaves is no obstacle.
        """
        listen = f"--listen=unix:{self.folder}/socket"
        first = Twistd(self, listen, "--children=1", **self.mark)
        first.waitForLog("ready: unix:")
        first.process.kill()
        first.process.wait(PATIENCE)
        self.assertTrue((self.folder / "socket").is_socket())
        second = Twistd(self, listen, "--children=1", **self.mark)
        second.waitForLog("ready: unix:")
        self.assertEqual(second.stop(), 0)


class ApplicationTests(BadInputTestCase):
    """
    What the children find: told by the master, once.
    """

    def test_noApplication(self) -> None:
        """
        Names of nothing, and of something else: no traceback at all.
        """
        for name, expected in (
            ("nowhere:app", "no module named 'nowhere'"),
            ("application:wsig", "did you mean 'wsgi'?"),
            ("application:number", "is an int, not an application"),
            ("application:Needy", "is the class application.Needy, not an application"),
            ("application..wsgi", "expected pkg.mod.attr or pkg.mod:attr"),
        ):
            output = self.assertRefused(expected, LISTEN, "--children=2", f"--app={name}")
            self.assertNotIn("Traceback", output)

    def test_raisesAtImport(self) -> None:
        """
        The application's own mistakes: its traceback, once for all children.
        """
        for name, expected in (
            ("needy", "ModuleNotFoundError: No module named 'nosuchdependency'"),
            ("syntax", "SyntaxError"),
            ("exiting", "SystemExit: bye"),
        ):
            output = self.assertRefused(expected, LISTEN, "--children=3", f"--app={name}:x")
            begun = [line for line in output.splitlines() if f'{name}.py", line 1' in line]
            self.assertEqual(len(begun), 1, output)
            self.assertIn("x 3)", output)

    def test_asDaemon(self) -> None:
        """
        The parent has said 0 before it could know; the daemon says why in its
        log, last of all but its end, and is gone.
        """
        ended = self.run_(LISTEN, "--children=2", "--app=nowhere:app", daemon=True)
        self.assertEqual((ended.status, ended.output, ended.errors), (0, "", ""))
        until(lambda: not self.alive(), "its end")
        log = (self.folder / "twistd.log").read_text()
        self.assertIn("nowhere:app: no module named 'nowhere'", log[-1000:])
        self.assertNotIn("Traceback", log)
        self.assertNothingLeft("multiserver-state", "twistd.log")


class DyingTests(BadInputTestCase):
    """
    An application that dies at every boot, after it was loaded.
    """

    def start(self, name: str) -> tuple[Twistd, int]:
        """
        @param name: of the application.
        @return: a master and its port.
        """
        twistd = Twistd(
            self,
            LISTEN,
            "--children=2",
            f"--app=application:{name}",
            f"--chdir={self.folder}",
            "--queue-budget=0",
            **self.mark,
        )
        port = int(twistd.waitForLog(r"listening on http://127\.0\.0\.1:(\d+)/")[1])
        twistd.waitForLog("not ready, and trying on: ")
        return twistd, port

    def test_staysUp(self) -> None:
        """
        The service answers 503 and tries on, the log has the last words.
        """
        twistd, port = self.start("dies")
        self.assertEqual(fetch(port).status, 503)
        twistd.waitForLog(r"(?s)(exit 3 .*){5}")
        self.assertIn("the last words", twistd.log)
        self.assertEqual(twistd.errors, "")
        self.assertEqual(twistd.stop(), 0)
        self.assertEqual(self.alive(), set())

    def test_oneTraceback(self) -> None:
        """
        However many children and boots: the same traceback is shown once.
        """
        twistd, port = self.start("raises")
        twistd.waitForLog(r"x 5\)")
        self.assertEqual(twistd.log.count("Traceback (most recent call last)"), 1)
        self.assertEqual(fetch(port).status, 503)
        self.assertEqual(twistd.stop(), 0)

    def test_itIsMended(self) -> None:
        """
        A boot that succeeds makes it serve, without anybody's help.
        """
        twistd, port = self.start("dies")
        source = (self.folder / "application.py").read_text()
        mended = source.replace("os._exit(3)", "return wsgi")
        (self.folder / "application.py").write_text(mended)
        until(lambda: fetch(port).status == 200, "a boot that succeeds")
        self.assertEqual(twistd.stop(), 0)

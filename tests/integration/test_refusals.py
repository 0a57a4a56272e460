"""
Bad input on the real command line: one line, status 1, nothing left.
"""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.twistdharness import (
    PATIENCE,
    cleanEnvironment,
    twistdCommand,
)

LISTEN = "--listen=tcp:0:interface=127.0.0.1"

APPLICATION = """
text = "not an application"

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"ok"]
"""


class RefusalTests(SynchronousTestCase):
    """
    What can't be done is said in one line.
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        os.makedirs(self.folder)
        (self.folder / "application.py").write_text(APPLICATION)
        (self.folder / "raising.py").write_text("1 / 0\n")

    def run_(
        self, *arguments: str, daemon: bool = False, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """
        @return: what became of a twistd with these options.
        """
        command = twistdCommand(*([] if daemon else ["-n"]), "multiserver", *arguments)
        return subprocess.run(
            command,
            cwd=self.folder,
            env=cleanEnvironment(TMPDIR=str(self.folder), **environment),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def assertRefused(
        self, expected: str, *arguments: str, daemon: bool = False, **environment: str
    ) -> str:
        """
        @return: what it wrote to stdout.
        """
        ended = self.run_(*arguments, daemon=daemon, **environment)
        self.assertEqual(ended.returncode, 1, ended)
        self.assertEqual(ended.stderr.count("\n"), 1, ended.stderr)
        self.assertIn(expected, ended.stderr)
        self.assertTrue(ended.stderr.startswith("twistd multiserver: "))
        self.assertFalse((self.folder / "twistd.pid").exists())
        return ended.stdout

    def test_options(self) -> None:
        """
        Before anything has begun: nothing at all on stdout.
        """
        (self.folder / "conf.toml").write_text("childern = 3\n")
        for expected, arguments in (
            ("no option --childern; did you mean --children?", ["--childern=3"]),
            ("--children: '0' is not allowed: a whole number from 1", ["--children=0"]),
            ("--app and --command contradict each other", ["--app=a", "--command=b"]),
            ("--dispatch is not built in this version", ["--dispatch=2"]),
            ("--command: ' ' is not allowed: it must not be empty", ["--command= "]),
            ("there is no program in it", ["--command=''"]),
            ("no closing quotation", ["--command=sh -c 'x"]),
            ("{socket} and {port} together", ["--command=x {socket} {port}"]),
            ("contradicts the entrance port", ["--command=x {socket}", "--child-entrance=port"]),
            ("--app-kind needs --app", ["--app-kind=wsgi"]),
            ("--children contradicts --backend", ["--children=2", "--backend=tcp:a:1"]),
            ("no balancer 'round'", ["--balancer=round"]),
            ("nowhere.B: nowhere can't be imported", ["--balancer=nowhere.B"]),
            ("the port is 'abc'", ["--listen=tcp:abc"]),
            ("must be a number from 0 to 65535", ["--listen=tcp:99999"]),
            ("no endpoint type 'gopher'", ["--listen=gopher:1"]),
            ("is no endpoint", ["--backend=nonsense"]),
            ("conf.toml: childern", ["--config=conf.toml"]),
            ("--queue-budget: 'nan'", ["--queue-budget=nan"]),
            ("'oops' is no option", ["oops"]),
            ("is no folder", ["--chdir=/nowhere"]),
            ('--on-crash: "a \'b"', ["--on-crash=a 'b"]),
            ("there is no kind of store 'reddis'", ["--sessions=reddis://x"]),
        ):
            self.assertEqual(self.assertRefused(expected, *arguments), "")

    def test_variables(self) -> None:
        """
        A variable that is no option is told, with the right name.
        """
        self.assertRefused(
            "MULTISERVER_CHILDERN: there is no such environment variable; did you mean"
            " MULTISERVER_CHILDREN?",
            MULTISERVER_CHILDERN="3",
        )
        self.assertRefused("PORT: 'x' is not allowed", PORT="x")

    def test_applications(self) -> None:
        """
        Found by the children, told by the master: once, without a traceback.
        """
        for expected, name in (
            ("no module named 'nowhere'", "nowhere:app"),
            ("has no attribute 'wsig'; did you mean 'wsgi'?", "application:wsig"),
            ("is a str, not an application", "application:text"),
            ("is a module, not an application", "application"),
        ):
            output = self.assertRefused(expected, LISTEN, "--children=3", f"--app={name}")
            self.assertNotIn("Traceback", output)
        self.assertRefused(
            "not an ASGI application", LISTEN, "--app=application:wsgi", "--app-kind=asgi"
        )

    def test_programs(self) -> None:
        """
        What isn't there, or is no program.
        """
        (self.folder / "program").write_text("text\n")
        for expected, command in (
            ("nosuch: no such program", "nosuch --port 1"),
            ("./program: cannot be run: Permission denied", "./program"),
        ):
            self.assertRefused(expected, LISTEN, "--children=2", f"--command={command}")

    def test_applicationThatRaises(self) -> None:
        """
        Its traceback is in the log, once for all children.
        """
        output = self.assertRefused(
            "importing raising raised: ZeroDivisionError", LISTEN, "--children=3", "--app=raising:x"
        )
        self.assertEqual(output.count("Traceback (most recent call last)"), 1)
        self.assertIn("x 3)", output)

    def test_portInUse(self) -> None:
        """
        In the foreground and as a daemon.
        """
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            listen = f"--listen=tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
            for daemon in (False, True):
                self.assertRefused("Address already in use", listen, daemon=daemon)

    def test_help(self) -> None:
        """
        Each option with type, default and variable; status 0.
        """
        ended = self.run_("--help")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertIn("--queue-budget=  (seconds, 0 to 86400)", ended.stdout)
        self.assertIn("Variable: MULTISERVER_QUEUE_BUDGET", ended.stdout)
        self.assertNotIn("--dispatch", ended.stdout)
        self.assertEqual(self.run_("--version").returncode, 0)

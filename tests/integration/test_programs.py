"""
Real servers as children: C{--command}.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.http2client import writeCertificate
from tests.integration.programs import program, writeFiles
from tests.integration.twistdharness import PATIENCE, Twistd, fetch, until
from twisted_multiserver.supervision.processes import commandOf, membersOf

# Seconds: so long after a master's end everything that it started must be gone.
PROMISE = 3.0

LOCAL = "127.0.0.1"
LISTEN = "--listen=tcp:0:interface=127.0.0.1"


class ProgramTestCase(SynchronousTestCase):
    """
    Starts masters.
    """

    def setUp(self) -> None:
        """
        Have applications.
        """
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        writeFiles(self.folder)
        self.mark = uuid.uuid4().hex

    def started(self) -> list[int]:
        """
        @return: the living processes that come from this test's masters, whoever of
            them started them.
        """
        # No process group has this number: only the environment counts.
        return membersOf(-1, f"PROGRAM_TEST={self.mark}")

    def assertStops(self, twistd: Twistd, crashes: int | None = 0) -> None:
        """
        Stop a master in order, and look for what it leaves.

        @param twistd: that runs.
        @param crashes: how many its log must tell of; L{None} for any number.
        """
        # So that it can't be by mistake that none is found below.
        self.assertIn(twistd.process.pid, self.started())
        self.assertEqual(twistd.stop(), 0)
        if crashes is not None:
            self.assertEqual(len(re.findall(" crashed: ", twistd.log)), crashes, twistd.log)
        self.assertEqual(twistd.errors, "")
        try:
            until(lambda: not self.started(), "the end of all", PROMISE)
        except AssertionError:
            self.fail(f"left: {[commandOf(pid) for pid in self.started()]}")

    def start(self, command: str, *options: str, children: int = 2, **environment: str) -> Twistd:
        """
        @param command: of the children.
        @param options: besides.
        @param children: how many.
        @param environment: variables to set.
        @return: a master, on its way.
        """
        return Twistd(
            self,
            LISTEN,
            f"--command={command}",
            f"--children={children}",
            f"--chdir={self.folder}",
            *options,
            **{"PROGRAM_TEST": self.mark, **environment},
        )

    def askSecurely(self, twistd: Twistd) -> dict[str, Any]:
        """
        @param twistd: a master that listens for TLS, too.
        @return: what the application says to a client of https.
        """
        port = int(twistd.waitForLog(r"ready: .* https://127\.0\.0\.1:(\d+)/")[1])
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        client = http.client.HTTPSConnection(LOCAL, port, timeout=PATIENCE, context=context)
        try:
            client.request("GET", "/", headers={"X-Forwarded-For": "6.6.6.6"})
            said: dict[str, Any] = json.loads(client.getresponse().read())
        finally:
            client.close()
        return said

    def ask(self, port: int) -> dict[str, Any]:
        """
        @param port: of a master.
        @return: what the application says.
        """
        answer = fetch(port, headers={"X-Forwarded-For": "6.6.6.6"})
        self.assertEqual(answer.status, 200, answer.body)
        said: dict[str, Any] = json.loads(answer.body)
        return said

    def assertServes(self, command: str, *options: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """
        Have both children answer, kill one in between, and stop in order.

        @param command: of the children.
        @param options: besides.
        @return: what the application says to clients of http, and of https.
        """
        pem = self.folder / "server.pem"
        writeCertificate(pem)
        secure = f"--listen=ssl:0:interface={LOCAL}:privateKey={pem}:certKey={pem}"
        twistd = self.start(command, secure, *options)
        port = twistd.waitUntilReady()
        first, second = twistd.children()
        said = self.ask(port), self.askSecurely(twistd)
        seen: set[int] = set()

        def haveAllAnswered() -> bool:
            # Perhaps by workers of theirs.
            answer = self.ask(port)
            seen.update((answer["pid"], answer["ppid"]))
            return seen >= {first, second}

        until(haveAllAnswered, "an answer of each child")
        os.kill(first, signal.SIGKILL)
        twistd.waitForLog(rf"child \d crashed: generation 1, pid {first}, signal 9 \(SIGKILL\)")
        for _ in range(4):
            self.ask(port)
        until(lambda: len(twistd.children()) == 2, "another child")
        # The exits that were asked for are none.
        self.assertStops(twistd, crashes=1)
        return said


class ServerTests(ProgramTestCase):
    """
    Servers that people run, each by the command line of its page.
    """

    def test_gunicorn(self) -> None:
        """
        It takes descriptor 3, and knows the scheme; the address is in a field only.
        """
        gunicorn = program("gunicorn")
        plain, secure = self.assertServes(f"{gunicorn} --no-control-socket wsgi")
        self.assertEqual((plain["wsgi.url_scheme"], secure["wsgi.url_scheme"]), ("http", "https"))
        self.assertEqual((plain["REMOTE_ADDR"], plain["HTTP_X_FORWARDED_FOR"]), ("", LOCAL))

    def test_gunicornSlow(self) -> None:
        """
        It says READY=1 before it loads the application; that isn't ready.  Who asks
        meanwhile waits.
        """
        twistd = self.start(f"{program('gunicorn')} --no-control-socket slow")
        port = int(twistd.waitForLog(r"listening on http://127\.0\.0\.1:(\d+)/")[1])
        self.assertNotIn(" ready (", twistd.log)
        self.ask(port)
        self.assertIn(" ready (", twistd.log)
        twistd.waitUntilReady()
        for line in re.findall(r"child \d ready .*", twistd.log):
            self.assertGreater(float(line.split()[-2]), 2, line)
        self.assertStops(twistd)

    def test_gunicornBroken(self) -> None:
        """
        An application that raises in its worker gets no requests; the service stays.
        """
        twistd = self.start(f"{program('gunicorn')} --no-control-socket broken")
        port = int(twistd.waitForLog(r"listening on http://127\.0\.0\.1:(\d+)/")[1])
        twistd.waitForLog("not ready, and trying on: child . did not boot: exit 3")
        twistd.waitForLog("ValueError: no database")
        self.assertEqual(fetch(port).status, 503)
        self.assertNotIn(" ready (", twistd.log)
        self.assertStops(twistd, crashes=None)

    def test_uvicorn(self) -> None:
        """
        It takes descriptor 3 when told so, and believes the forwarded fields.
        """
        plain, secure = self.assertServes(f"{program('uvicorn')} --fd 3 asgi:application")
        self.assertEqual((plain["client"], plain["scheme"]), (LOCAL, "http"))
        self.assertEqual((secure["client"], secure["scheme"]), (LOCAL, "https"))

    def test_uvicornWorkers(self) -> None:
        """
        Workers of its own are no hindrance.
        """
        self.assertServes(f"{program('uvicorn')} --fd 3 --workers 2 asgi:application")

    def test_hypercorn(self) -> None:
        """
        It takes descriptor 3 when told so; the client and the scheme are lost.
        """
        _, secure = self.assertServes(f"{program('hypercorn')} --bind fd://3 asgi:application")
        self.assertEqual((secure["client"], secure["scheme"]), (None, "http"))

    def test_hypercornWorkers(self) -> None:
        """
        Workers of its own are no hindrance.
        """
        self.assertServes(f"{program('hypercorn')} -w 2 --bind fd://3 asgi:application")

    def test_granian(self) -> None:
        """
        It binds a socket itself; the client and the scheme are lost.
        """
        granian = f"{program('granian')} --interface asgi"
        _, secure = self.assertServes(f"{granian} --uds {{socket}} asgi:application")
        self.assertEqual((secure["client"], secure["scheme"]), ("", "http"))

    def test_waitress(self) -> None:
        """
        It binds a socket itself; without an option it drops what it doesn't trust.
        """
        waitress = program("waitress-serve")
        _, secure = self.assertServes(f"{waitress} --unix-socket={{socket}} wsgi:application")
        self.assertEqual((secure["REMOTE_ADDR"], secure["wsgi.url_scheme"]), ("localhost", "http"))
        self.assertIsNone(secure["HTTP_X_FORWARDED_FOR"])

    def test_node(self) -> None:
        """
        It takes descriptor 3, or a port.
        """
        node = program("node")
        self.assertServes(f"{node} server.js")
        self.assertServes(f"{node} server.js", "--child-entrance=port")


class PortTests(ProgramTestCase):
    """
    Programs that know ports only.
    """

    def test_variable(self) -> None:
        """
        PORT is theirs, and nothing that is the master's.
        """
        said, _ = self.assertServes(f"{sys.executable} port.py", "--child-entrance=port")
        self.assertTrue(said["PORT"].isdigit())
        self.assertEqual((said["LISTEN_FDS"], said["WEB_CONCURRENCY"]), (None, None))
        self.assertEqual(said["FORWARDED_ALLOW_IPS"], "*")

    def test_word(self) -> None:
        """
        So is {port}; what the user set in the environment stays.
        """
        command = f"{sys.executable} port.py {{port}}"
        twistd = self.start(command, WEB_CONCURRENCY="7", FORWARDED_ALLOW_IPS="10.0.0.1")
        said = self.ask(twistd.waitUntilReady())
        self.assertEqual(said["FORWARDED_ALLOW_IPS"], "10.0.0.1")
        self.assertIsNone(said["WEB_CONCURRENCY"])
        self.assertStops(twistd)


class MisfitTests(ProgramTestCase):
    """
    Programs that don't get ready, and what the log says of them.
    """

    def hint(self, command: str, *options: str) -> str:
        """
        @param command: of the children.
        @param options: besides.
        @return: why they don't get ready.
        """
        twistd = self.start(command, "--boot-budget=3", *options, children=1)
        told = twistd.waitForLog("not ready, and trying on: (.*)")
        self.assertStops(twistd, crashes=None)
        return told[1]

    def freePort(self) -> int:
        """
        @return: a port that nobody has.
        """
        with socket.create_server((LOCAL, 0)) as free:
            port: int = free.getsockname()[1]
        return port

    def test_wrapper(self) -> None:
        """
        A shell has taken LISTEN_PID.
        """
        gunicorn = f"{program('gunicorn')} --no-control-socket"
        port = self.freePort()
        hint = self.hint(f"sh -c '{gunicorn} --bind 127.0.0.1:{port} wsgi; true'")
        self.assertIn("was not ready within 3 s (the boot budget)", hint)
        self.assertIn(f"it listens on 127.0.0.1:{port}", hint)
        self.assertIn("it said READY=1", hint)
        self.assertIn('LISTEN_PID: have it replaced by "exec"', hint)

    def test_elsewhere(self) -> None:
        """
        It listens where it was not told to.
        """
        port = self.freePort()
        command = f"{sys.executable} -m http.server --bind {LOCAL} {port}"
        hint = self.hint(command)
        self.assertIn(
            f"it did not answer GET / on descriptor 3; it listens on {LOCAL}:{port}", hint
        )
        self.assertIn("if it takes no sockets from systemd, give it {socket} or {port}", hint)
        hint = self.hint(command, "--child-entrance=port")
        self.assertIn(f"it listens on {LOCAL}:{port}; give it {{port}}", hint)

    def test_background(self) -> None:
        """
        It ends by itself, and leaves somebody behind.
        """
        hint = self.hint("sh -c 'setsid sleep 1000 & exit 0'")
        self.assertIn("ended before it was ready (exit 0)", hint)
        self.assertIn("must stay in the foreground", hint)

    def test_noHTTP(self) -> None:
        """
        What answers is no HTTP.
        """
        (self.folder / "mail.py").write_text(
            "import os, socket\n"
            "listener = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))\n"
            "while True:\n"
            "    connection, _ = listener.accept()\n"
            "    connection.sendall(b'220 mail.example.com ESMTP\\r\\n')\n"
            "    connection.close()\n"
        )
        hint = self.hint(f"{sys.executable} mail.py", "--child-entrance=port")
        self.assertIn("said '220 mail.example.com ESMTP\\r\\n', which is no HTTP", hint)


class KillTests(ProgramTestCase):
    """
    Programs that die under load.
    """

    def test_noFailedRequest(self) -> None:
        """
        No GET fails while children, and workers of theirs, are killed.
        """
        twistd = self.start(f"{program('gunicorn')} --no-control-socket -w 2 wsgi")
        port = twistd.waitUntilReady()
        statuses: list[int] = []
        isOver = threading.Event()

        def ask() -> None:
            while not isOver.is_set():
                statuses.append(fetch(port).status)

        askers = [threading.Thread(target=ask) for _ in range(3)]
        for asker in askers:
            asker.start()
        try:
            for _ in range(4):
                victim = self.ask(port)["pid"]
                os.kill(victim, signal.SIGKILL)
                child = next(iter(twistd.children()))
                os.kill(child, signal.SIGKILL)
                twistd.waitForLog(rf"pid {child}, signal 9 \(SIGKILL\)")
                until(lambda: len(twistd.children()) == 2, "another child")
        finally:
            isOver.set()
            for asker in askers:
                asker.join()
        self.assertGreater(len(statuses), 20)
        self.assertEqual(set(statuses), {200})
        self.assertStops(twistd, crashes=None)

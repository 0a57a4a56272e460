"""
The life and death of real children under a real master.
"""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.twistdharness import PATIENCE, Twistd, connection, fetch, until
from tests.processes import isAlive

LISTEN = "--listen=tcp:0:interface=127.0.0.1"

APPLICATION = """
import json, os, signal, subprocess, sys, time
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted_multiserver.child import identity

def loopForEver():
    while True:
        pass

class Root(Resource):
    isLeaf = True

    def render(self, request):
        return getattr(self, request.path[1:].decode())(request)

    def pid(self, request):
        return str(os.getpid()).encode()

    def environ(self, request):
        return json.dumps(dict(os.environ)).encode()

    def previous(self, request):
        return json.dumps(identity.current().previous).encode()

    def hang(self, request):
        reactor.callLater(0, loopForEver)
        return b"hanging"

    def never(self, request):
        return NOT_DONE_YET

    def deaf(self, request):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return b"deaf"

    def grandchild(self, request):
        return str(subprocess.Popen(["sleep", "1000"]).pid).encode()

    def speak(self, request):
        print("out loud")
        sys.stderr.write("y" * 20000 + "\\n")
        sys.stderr.write("not \\x1b[31m obeyed\\n")
        return b"spoken"

    def raises(self, request):
        reactor.callLater(0.2, os._exit, 7)
        sys.stderr.write("last words\\n")
        return b"bye"

def site():
    return Root()

def broken():
    raise ValueError("no database")
"""


class ChildTests(SynchronousTestCase):
    """
    One application, a few options, many ends.
    """

    def start(self, *arguments: str, source: str = APPLICATION, **environment: str) -> Twistd:
        """
        @param arguments: of the plugin.
        @param source: of a module named C{application}.
        @param environment: of the master.
        @return: a master that runs it, begun.
        """
        folder = Path(self.mktemp()).absolute()
        os.makedirs(folder)
        (folder / "application.py").write_text(source)
        if not any(argument.startswith("--app=") for argument in arguments):
            arguments = ("--app=application:site", *arguments)
        if not any(argument.startswith("--children=") for argument in arguments):
            arguments = ("--children=1", *arguments)
        return Twistd(self, LISTEN, f"--chdir={folder}", *arguments, **environment)

    def onlyChild(self, twistd: Twistd) -> int:
        """
        @param twistd: a master of one child.
        @return: the child's pid.
        """
        (pid,) = until(twistd.children, "a child")
        return pid

    def test_hangIsDumpedAndKilled(self) -> None:
        """
        An event loop that hangs: the stack is in the log, the child is replaced.
        """
        twistd = self.start("--run-budget=1")
        port = twistd.waitUntilReady()
        victim = self.onlyChild(twistd)
        fetch(port, "/hang")
        twistd.waitForLog(r"child 0 hangs")
        twistd.waitForLog(r"child 0: .*loopForEver")
        twistd.waitForLog(r"child 0 crashed: .*signal 9 \(SIGKILL\).*no sign of life")
        until(lambda: not isAlive(victim), "its end")
        self.assertNotEqual(int(fetch(port, "/pid").body), victim)

    def test_bootBudget(self) -> None:
        """
        A child that never becomes ready is ended, and the log says why.
        """
        source = "import time\ntime.sleep(1000)\n" + APPLICATION
        twistd = self.start("--boot-budget=2", source=source)
        twistd.waitForLog(r"child 0 crashed: .*not ready within 2 s")
        twistd.waitForLog(r"child 0: .*application\.py")
        self.assertEqual(twistd.stop(), 0)

    def test_deafChildIsKilledAfterTheStopBudget(self) -> None:
        """
        A child that ignores SIGTERM doesn't keep the master from stopping.
        """
        twistd = self.start("--stop-budget=0.5")
        fetch(twistd.waitUntilReady(), "/deaf")
        self.assertEqual(twistd.stop(), 0)
        self.assertEqual(twistd.leftovers(), set())
        self.assertNotIn("crashed", twistd.log)

    def test_drainBudgetEndsWhatNeverEnds(self) -> None:
        """
        A request that is never answered holds up a stop for the drain budget only.
        """
        twistd = self.start("--drain-budget=0.5", "--stop-budget=1")
        port = twistd.waitUntilReady()
        with connection(port) as client:
            client.request("GET", "/never")
            twistd.children()
            self.assertEqual(twistd.stop(), 0)
        self.assertEqual(twistd.leftovers(), set())

    def test_groupIsKilledAtACrash(self) -> None:
        """
        What a child has started ends with it.
        """
        twistd = self.start()
        grandchild = int(fetch(twistd.waitUntilReady(), "/grandchild").body)
        self.assertTrue(isAlive(grandchild))
        os.kill(self.onlyChild(twistd), signal.SIGKILL)
        until(lambda: not isAlive(grandchild), "the grandchild's end")

    def test_onCrash(self) -> None:
        """
        The command gets one line of JSON with all that is known.
        """
        told = Path(self.mktemp()).absolute()
        twistd = self.start(f"--on-crash=sh -c 'cat > {told}.new; mv {told}.new {told}'")
        port = twistd.waitUntilReady()
        victim = self.onlyChild(twistd)
        with connection(port) as client:
            client.request("POST", "/never", b"body")
            twistd.children()
            until(lambda: fetch(port, "/pid").status == 200, "an answer beside it")
            fetch(port, "/raises")
            self.assertEqual(client.getresponse().status, 502)
        text = until(lambda: told.exists() and told.read_text(), "the command's file")
        assert isinstance(text, str)
        self.assertEqual(text.count("\n"), 1)
        self.assertTrue(text.endswith("\n"))
        crash = json.loads(text)
        self.assertEqual(
            list(crash),
            [
                *("slot", "generation", "pid", "exitCode", "signal"),
                *("uptime", "stderr", "exchanges", "kind"),
            ],
        )
        self.assertEqual((crash["slot"], crash["generation"], crash["pid"]), (0, 1, victim))
        self.assertEqual((crash["exitCode"], crash["signal"], crash["kind"]), (7, None, "exit"))
        self.assertEqual(crash["stderr"], ["last words"])
        self.assertEqual(crash["exchanges"], ["POST /never"])
        self.assertGreater(crash["uptime"], 0)

    def test_outputIsLoggedByLine(self) -> None:
        """
        Lines carry the child's name; long ones are cut into pieces, and a terminal
        doesn't obey them.
        """
        twistd = self.start()
        fetch(twistd.waitUntilReady(), "/speak")
        twistd.waitForLog(r"child 0: out loud\n")
        twistd.waitForLog(r"child 0: not \\x1b\[31m obeyed\n")
        pieces = re.findall(r"child 0: (y+)\n", twistd.log)
        self.assertEqual(sum(map(len, pieces)), 20000)
        self.assertLessEqual(max(map(len, pieces)), 8192)

    def test_environmentIsScrubbed(self) -> None:
        """
        A child doesn't see what is meant for the master, and sees its own.
        """
        twistd = self.start(
            MULTISERVER_THREADS="3", WEB_CONCURRENCY="1", WATCHDOG_PID="1", PASSED="on"
        )
        seen = json.loads(fetch(twistd.waitUntilReady(), "/environ").body)
        for name in ("MULTISERVER_THREADS", "WEB_CONCURRENCY", "WATCHDOG_PID", "PORT"):
            self.assertNotIn(name, seen)
        self.assertEqual(seen["PASSED"], "on")
        self.assertEqual(seen["LISTEN_PID"], str(self.onlyChild(twistd)))
        self.assertEqual(seen["LISTEN_FDS"], "1")
        self.assertEqual(Path(seen["STATE_DIRECTORY"]).stat().st_mode & 0o777, 0o700)

    def test_successorKnowsOfTheCrash(self) -> None:
        """
        The next incarnation is told how the last one ended.
        """
        twistd = self.start()
        port = twistd.waitUntilReady()
        self.assertEqual(fetch(port, "/previous").body, b"null")
        os.kill(self.onlyChild(twistd), signal.SIGKILL)
        twistd.waitForLog(r"child 0 crashed")
        previous = json.loads(fetch(port, "/previous").body)
        self.assertEqual(previous["description"], "signal 9 (SIGKILL)")
        self.assertEqual((previous["exitCode"], previous["signal"]), (None, 9))

    def test_applicationThatDiesAtEveryBoot(self) -> None:
        """
        The service stays, tries on, answers 503, and shows the traceback once.
        """
        twistd = self.start("--app=application:broken", "--children=3", "--queue-budget=0.5")
        port = int(twistd.waitForLog(r"listening on http://127\.0\.0\.1:(\d+)/")[1])
        twistd.waitForLog(r"not ready, and trying on: .*no database")
        answer = fetch(port, "/pid")
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "1"))
        until(lambda: twistd.log.count("crashed") > 6, "further tries")
        self.assertEqual(twistd.log.count("Traceback (most recent call last)"), 1)
        self.assertEqual(twistd.stop(), 0)

    def test_runtimeFolderIsRemoved(self) -> None:
        """
        The folder for sockets is gone after a stop.
        """
        parent = Path(self.mktemp()).absolute()
        short = Path(f"/tmp/ms-{os.getpid()}-{id(self):x}")
        os.makedirs(parent)
        short.symlink_to(parent)
        self.addCleanup(short.unlink)
        twistd = self.start(RUNTIME_DIRECTORY=str(short))
        twistd.waitUntilReady()
        self.assertEqual(len(list(parent.iterdir())), 1)
        twistd.stop()
        self.assertEqual(list(parent.iterdir()), [])

    def test_descriptorsAreGivenBack(self) -> None:
        """
        Crashes and respawns don't cost the master descriptors.
        """
        twistd = self.start("--children=2")
        port = twistd.waitUntilReady()

        def descriptors() -> int:
            return len(os.listdir(f"/proc/{twistd.process.pid}/fd"))

        def crashAndCome() -> None:
            pid = int(fetch(port, "/pid").body)
            os.kill(pid, signal.SIGKILL)
            until(lambda: len(twistd.children()) == 2 and not isAlive(pid), "a respawn")

        crashAndCome()
        before = descriptors()
        for _ in range(8):
            crashAndCome()
        until(lambda: descriptors() <= before, "the descriptors' return", PATIENCE)

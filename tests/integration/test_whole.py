"""
The whole, as a user sees it: C{twistd -n multiserver} with real children.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.twistdharness import Twistd, connection, fetch, until
from tests.processes import isAlive

LISTEN = "--listen=tcp:0:interface=127.0.0.1"

WHO = """
import os
from twisted.web.resource import Resource

class Who(Resource):
    isLeaf = True

    def render(self, request):
        return str(os.getpid()).encode()
"""

STARLETTE = """
import os
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

started = []

@asynccontextmanager
async def lifespan(app):
    started.append(True)
    yield

async def who(request):
    return PlainTextResponse(str(os.getpid()), headers={"X-Started": str(len(started))})

app = Starlette(routes=[Route("/", who)], lifespan=lifespan)
"""

LARGE = """
from twisted.internet import reactor
from twisted.internet.interfaces import IPushProducer
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

PIECE = b"x" * 65536

@implementer(IPushProducer)
class Large:
    def __init__(self, request, size):
        self.request, self.left, self.paused = request, size, False
        request.setHeader(b"Content-Length", b"%d" % size)
        request.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self):
        self.paused = False
        reactor.callLater(0, self.produce)

    def produce(self):
        for _ in range(64):
            if self.paused or not self.left:
                break
            piece = PIECE[:self.left]
            self.left -= len(piece)
            self.request.write(piece)
        if not self.left:
            if self.request:
                self.request.unregisterProducer()
                self.request.finish()
                self.request = None
        elif not self.paused:
            reactor.callLater(0, self.produce)

    def pauseProducing(self):
        self.paused = True

    def stopProducing(self):
        self.paused = True

class Root(Resource):
    isLeaf = True

    def render(self, request):
        Large(request, int(request.args[b"size"][0]))
        return NOT_DONE_YET
"""


def residentBytes(pid: int) -> int:
    """
    @param pid: of a process.
    @return: its resident set, in bytes.
    """
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Load:
    """
    A client that sends GETs one after the other until it is told to stop.

    @ivar answers: what came, one entry a request: a pid, or what went wrong.
    """

    def __init__(self, port: int, target: str = "/") -> None:
        self.answers: list[object] = []
        self._port = port
        self._target = target
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                answer = fetch(self._port, self._target)
            except (OSError, http.client.HTTPException) as error:
                self.answers.append(repr(error))
                continue
            body = answer.body.decode()
            self.answers.append(int(body) if answer.status == 200 else (answer.status, body))

    def stop(self) -> None:
        """
        Stop, after the request under way.
        """
        self._stop.set()
        self._thread.join()

    def failures(self) -> list[object]:
        """
        @return: what is no pid.
        """
        return [answer for answer in self.answers if not isinstance(answer, int)]


class ServingTests(SynchronousTestCase):
    """
    Children are spawned, balanced over, and replaced.
    """

    def application(self, source: str, *arguments: str) -> Twistd:
        """
        @param source: of a module named C{application}.
        @param arguments: of the plugin.
        @return: a master that runs it, begun.
        """
        folder = self.mktemp()
        os.makedirs(folder)
        (Path(folder) / "application.py").write_text(source)
        return Twistd(self, LISTEN, f"--chdir={os.path.abspath(folder)}", *arguments)

    def waitForRespawn(self, twistd: Twistd, victim: int) -> None:
        """
        @param twistd: a master of three children.
        @param victim: the pid of one that was killed.
        """
        until(lambda: len(twistd.children()) == 3 and not isAlive(victim), "a respawn")

    def test_threeChildrenTakeTurns(self) -> None:
        """
        The bundled demo, three children, nine requests: three pids.
        """
        twistd = Twistd(self, LISTEN, "--children=3")
        port = twistd.waitUntilReady()
        pids = [json.loads(fetch(port, "/status").body)["pid"] for _ in range(9)]
        self.assertEqual(set(pids), twistd.children())
        self.assertEqual(len(set(pids)), 3)
        self.assertEqual([pids.count(pid) for pid in set(pids)], [3, 3, 3])

    def test_killedChildIsReplacedAndNoGetFails(self) -> None:
        """
        kill -9 under load: three pids again, the log says why, no GET failed.
        """
        twistd = self.application(WHO, "--app=application:Who", "--children=3")
        port = twistd.waitUntilReady()
        before = twistd.children()
        loads = [Load(port) for _ in range(4)]
        try:
            for victim in sorted(before):
                until(lambda: len(loads[0].answers) > 20, "load")
                os.kill(victim, signal.SIGKILL)
                self.waitForRespawn(twistd, victim)
            after = twistd.children()
            until(lambda: after <= {a for load in loads for a in load.answers}, "the new ones")
        finally:
            for load in loads:
                load.stop()
        self.assertEqual([failure for load in loads for failure in load.failures()], [])
        self.assertFalse(before & after)
        for slot in range(3):
            self.assertRegex(
                twistd.log, rf"child {slot} crashed.*generation 1.*signal 9 \(SIGKILL\)"
            )
        self.assertEqual(twistd.stop(), 0)

    def test_onlyChildKilledAndNoGetFails(self) -> None:
        """
        With one child requests wait for its successor.
        """
        twistd = self.application(WHO, "--app=application:Who", "--children=1")
        port = twistd.waitUntilReady()
        (victim,) = twistd.children()
        load = Load(port)
        try:
            until(lambda: len(load.answers) > 20, "load")
            os.kill(victim, signal.SIGKILL)
            until(lambda: set(load.answers) - {victim}, "its successor")
        finally:
            load.stop()
        self.assertEqual(load.failures(), [])

    def test_starlette(self) -> None:
        """
        An ASGI application: ready after its lifespan has started.
        """
        twistd = self.application(STARLETTE, "--app=application:app", "--children=3")
        port = twistd.waitUntilReady()
        answers = [fetch(port) for _ in range(9)]
        self.assertEqual({int(answer.body) for answer in answers}, twistd.children())
        self.assertEqual({answer.headers["X-Started"] for answer in answers}, {"1"})
        self.assertEqual(twistd.stop(), 0)

    def test_backendThatWasNotStartedHere(self) -> None:
        """
        C{--backend} forwards to a server of somebody else, and starts nothing.
        """
        other = self.application(WHO, "--app=application:Who", "--children=1")
        otherPort = other.waitUntilReady()
        twistd = Twistd(self, LISTEN, f"--backend=tcp:127.0.0.1:{otherPort}")
        port = twistd.waitUntilReady()
        self.assertEqual(twistd.children(), set())
        (pid,) = other.children()
        self.assertEqual(int(fetch(port).body), pid)

    def test_earlyRequestsWait(self) -> None:
        """
        A request that comes before a child is ready is answered by it.
        """
        slow = "import time; time.sleep(1.5)\n" + WHO
        twistd = self.application(slow, "--app=application:Who", "--children=1")
        port = int(twistd.waitForLog(r"listening on http://127\.0\.0\.1:(\d+)/")[1])
        self.assertNotIn("ready:", twistd.log)
        self.assertEqual(fetch(port).status, 200)


class StoppingTests(SynchronousTestCase):
    """
    Nothing is left behind, however the master ends.
    """

    def test_killedMasterLeavesNoChild(self) -> None:
        """
        kill -9 of the master ends its children.
        """
        twistd = Twistd(self, LISTEN, "--children=3")
        twistd.waitUntilReady()
        self.assertEqual(len(twistd.children()), 3)
        twistd.process.kill()
        twistd.process.wait()
        until(lambda: not twistd.leftovers(), "the children's end", 3.0)

    def test_terminatedMasterExitsWithZero(self) -> None:
        """
        TERM: exit status 0, no child, no runtime folder left.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            twistd = Twistd(self, LISTEN, "--children=2")
            twistd.waitUntilReady()
            self.assertEqual(twistd.stop(number), 0)
            self.assertEqual(twistd.leftovers(), set())
            self.assertEqual(twistd.errors, "")

    def test_requestInFlightIsAnsweredBeforeTheEnd(self) -> None:
        """
        TERM while a response is under way: the client gets all of it.
        """
        folder = self.mktemp()
        os.makedirs(folder)
        (Path(folder) / "application.py").write_text(
            "import time\n"
            "def app(environ, start_response):\n"
            "    time.sleep(1)\n"
            "    start_response('200 OK', [('Content-Length', '4')])\n"
            "    return [b'done']\n"
        )
        chdir = f"--chdir={os.path.abspath(folder)}"
        twistd = Twistd(self, LISTEN, "--app=application:app", chdir, "--children=1")
        port = twistd.waitUntilReady()
        with connection(port) as client:
            client.request("POST", "/", b"x")
            time.sleep(0.3)
            twistd.process.terminate()
            self.assertEqual(client.getresponse().read(), b"done")
        self.assertEqual(twistd.process.wait(30), 0)


class StreamingTests(SynchronousTestCase):
    """
    A response of a gibibyte passes through a master that doesn't grow.
    """

    SIZE = 1 << 30
    GROWTH = 32 << 20

    def serve(self) -> tuple[Twistd, int]:
        """
        @return: a master with an application that streams, and its port.
        """
        folder = self.mktemp()
        os.makedirs(folder)
        (Path(folder) / "application.py").write_text(LARGE)
        chdir = f"--chdir={os.path.abspath(folder)}"
        twistd = Twistd(self, LISTEN, "--app=application:Root", chdir, "--children=1")
        return twistd, twistd.waitUntilReady()

    def request(self, port: int) -> socket.socket:
        """
        @param port: of the master.
        @return: a connection that has asked for the response.
        """
        client = socket.create_connection(("127.0.0.1", port), 60)
        self.addCleanup(client.close)
        client.sendall(
            b"GET /?size=%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % self.SIZE
        )
        return client

    def test_fastReader(self) -> None:
        """
        All of it arrives.
        """
        twistd, port = self.serve()
        fetch(port, "/?size=1000000")
        before = residentBytes(twistd.process.pid)
        client = self.request(port)
        buffer = bytearray(1 << 20)
        received, most = 0, before
        while count := client.recv_into(buffer):
            received += count
            most = max(most, residentBytes(twistd.process.pid))
        self.assertGreaterEqual(received, self.SIZE)
        self.assertLess(most - before, self.GROWTH)

    def test_slowReader(self) -> None:
        """
        A reader that takes a little now and then doesn't make the master hold
        the rest.
        """
        twistd, port = self.serve()
        fetch(port, "/?size=1000000")
        before = residentBytes(twistd.process.pid)
        client = self.request(port)
        most = before
        for _ in range(100):
            client.recv(10000)
            time.sleep(0.02)
            most = max(most, residentBytes(twistd.process.pid))
        self.assertLess(most - before, self.GROWTH)

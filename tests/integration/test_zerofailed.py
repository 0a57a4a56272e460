"""
What clients of a real master don't see of failures behind it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase
from websockets.asyncio.client import ClientConnection, connect

from tests.integration.test_reload import Load
from tests.integration.twistdharness import PATIENCE, Twistd, fetch, until

LISTEN = "--listen=tcp:0:interface=127.0.0.1"

WEB = """
import os
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

class Page(Resource):
    isLeaf = True

    def render_GET(self, request):
        if b"die" in request.path:
            # In the middle of a response that tells how long it is; once.
            mark = os.path.join(os.getcwd(), "died")
            if not os.path.exists(mark):
                open(mark, "w").close()
                request.setHeader(b"content-length", b"6")
                request.write(b"hal")
                from twisted.internet import reactor
                reactor.callLater(0.1, os._exit, 3)
                return NOT_DONE_YET
        if b"poison" in request.path and request.getHeader("x-poison"):
            os._exit(4)
        body = b"%d\\n" % os.getpid()
        request.setHeader(b"content-length", b"%d" % len(body))
        return body

    render_POST = render_GET

page = Page()
"""

ILL = """
import os
from twisted.web.resource import Resource

class Page(Resource):
    isLeaf = True

    def render_GET(self, request):
        if request.path == b"/up" and os.path.exists(f"ill-{os.getpid()}"):
            request.setResponseCode(500)
            return b"ill"
        return b"%d" % os.getpid()

page = Page()
"""

WEBSOCKET = """
async def application(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
"""

WSGI = """
import os, time

def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.2)
    size = len(environ["wsgi.input"].read())
    body = f"{size} {os.getpid()}".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


class SlowPoster:
    """
    A client that sends the head of a POST, and the body when it is told to.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n12345")

    def finish(self) -> bytes:
        """
        @return: all of the response's head.
        """
        self.socket.sendall(b"x" * 95)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = self.socket.recv(65536)
            if not piece:
                return answer
            answer += piece
        return answer


class ZeroFailedCase(SynchronousTestCase):
    """
    Serves an application of its own.
    """

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ms-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def serve(self, text: str, name: str, *arguments: str) -> Twistd:
        """
        @param text: of the application's module.
        @param name: of the application in it.
        @param arguments: further ones.
        @return: a master that is about to serve it.
        """
        Path(self.folder, "served.py").write_text(text)
        words = (f"--app=served:{name}", "--sessions=none", f"--chdir={self.folder}")
        return Twistd(self, LISTEN, *words, *arguments)


class CrashTests(ZeroFailedCase):
    """
    Children that die with requests.
    """

    def test_inTheMiddle(self) -> None:
        """
        A small response of which a part was sent to the master: a GET gets a whole one from
        another child; a POST, which was executed, 502.
        """
        twistd = self.serve(WEB, "page", "--children=2")
        port = twistd.waitUntilReady()
        self.assertEqual(fetch(port, "/die").status, 200)
        twistd.waitForLog("crashed")
        (self.folder / "died").unlink()
        self.assertEqual(fetch(port, "/die", "POST", b"x").status, 502)

    def test_poison(self) -> None:
        """
        A request that kills every child that reads it is refused after two of them, and
        a minute long; no other one is.  As each of its tries may kill one, a third may die.
        """
        twistd = self.serve(WEB, "page", "--children=4")
        port = twistd.waitUntilReady()
        clients = [Load(port) for _ in range(4)]
        for client in clients:
            client.start()
            self.addCleanup(client.stop)
        poison = {"x-poison": "1"}
        self.assertIn(fetch(port, "/poison", headers=poison).status, (502, 503))
        for _ in range(5):
            self.assertEqual(fetch(port, "/poison", headers=poison).status, 503)
        for client in clients:
            client.stop()
            self.assertEqual(client.failures, [])
        self.assertIn("quarantined", twistd.log)
        self.assertIn(twistd.log.count(" crashed: "), (2, 3))

    def test_allAtOnce(self) -> None:
        """
        All children die: whoever asks waits for the next ones.
        """
        twistd = self.serve(WEB, "page", "--children=3")
        port = twistd.waitUntilReady()
        clients = [Load(port) for _ in range(8)]
        for client in clients:
            client.start()
            self.addCleanup(client.stop)
        for round_ in range(1, 3):
            for pid in self.serving(port):
                os.kill(pid, signal.SIGKILL)
            twistd.waitForLog(rf"(?s)(?: ready \(generation.*?){{{3 + 3 * round_}}}")
        for client in clients:
            client.stop()
            self.assertEqual(client.failures, [])
        self.assertNotIn("quarantined", twistd.log)

    def serving(self, port: int) -> set[int]:
        """
        @param port: of the master.
        @return: the pids of its three children.
        """
        pids: set[int] = set()

        def known() -> bool:
            pids.add(int(fetch(port).body))
            return len(pids) >= 3

        until(known, "three children that answer")
        return pids


class HealthTests(ZeroFailedCase):
    """
    Children that say they are ill.
    """

    def test_illAndWell(self) -> None:
        """
        The one gets no requests until it is well again, and nobody fails meanwhile.
        """
        twistd = self.serve(
            ILL,
            "page",
            "--children=3",
            *("--health-path=/up", "--health-interval=0.3", "--health-fall=2", "--health-rise=1"),
        )
        port = twistd.waitUntilReady()
        client = Load(port)
        client.start()
        self.addCleanup(client.stop)
        ill = fetch(port).body.decode()
        mark = self.folder / f"ill-{ill}"
        mark.touch()
        twistd.waitForLog("gets no requests: 2 health checks in a row went wrong")
        self.assertNotIn(ill, {fetch(port).body.decode() for _ in range(12)})
        mark.unlink()
        twistd.waitForLog("is healthy and gets requests again")
        until(lambda: fetch(port).body.decode() == ill, "it to be asked again")
        client.stop()
        self.assertEqual(client.failures, [])
        self.assertEqual(twistd.stop(), 0)


class WebSocketTests(ZeroFailedCase):
    """
    WebSockets of children that go.
    """

    def setUp(self) -> None:
        super().setUp()
        self.twistd = self.serve(
            WEBSOCKET, "application", "--app-kind=asgi", "--children=2", "--drain-budget=4"
        )
        self.port = self.twistd.waitUntilReady()

    def codes(self, number: signal.Signals) -> list[tuple[float, int]]:
        """
        @param number: of a signal to the master.
        @return: how long after it each of 20 WebSockets was closed, and with which code.
        """
        return asyncio.run(self.closed(number))

    async def closed(self, number: signal.Signals) -> list[tuple[float, int]]:
        async with AsyncExitStack() as stack:
            clients = []
            for _ in range(20):
                client = await stack.enter_async_context(
                    connect(f"ws://127.0.0.1:{self.port}/", proxy=None)
                )
                await client.send("hello")
                self.assertEqual(await client.recv(), "hello")
                clients.append(client)
            since = time.monotonic()
            self.twistd.process.send_signal(number)
            return await asyncio.gather(*(self.codeOf(client, since) for client in clients))

    async def codeOf(self, client: ClientConnection, since: float) -> tuple[float, int]:
        async with asyncio.timeout(PATIENCE):
            await client.wait_closed()
        assert client.close_code is not None
        return time.monotonic() - since, client.close_code

    def test_reload(self) -> None:
        """
        Their clients are told to come again, not all at once.
        """
        told = self.codes(signal.SIGHUP)
        self.assertEqual({code for _, code in told}, {1012})
        moments = [moment for moment, _ in told]
        self.assertGreater(max(moments) - min(moments), 0.3)
        self.twistd.waitForLog("generation 2 serves")
        self.assertNotIn("crashed", self.twistd.log)
        self.assertEqual(self.twistd.stop(), 0)

    def test_stop(self) -> None:
        """
        Their clients are told that the service goes away.
        """
        told = self.codes(signal.SIGTERM)
        self.assertEqual({code for _, code in told}, {1001})
        self.assertEqual(self.twistd.process.wait(PATIENCE), 0)


class ThreadTests(ZeroFailedCase):
    """
    Children with few places.
    """

    def test_slowPosters(self) -> None:
        """
        They take no thread until their requests are whole: with 4 threads and 200 of them,
        others are served at once, and all get their answers at the end.
        """
        twistd = self.serve(WSGI, "application", "--children=2", "--threads=2")
        port = twistd.waitUntilReady()
        posters = [SlowPoster(port) for _ in range(200)]
        for poster in posters:
            self.addCleanup(poster.socket.close)
        for _ in range(20):
            self.assertEqual(fetch(port).status, 200)
        for poster in posters:
            self.assertTrue(poster.finish().startswith(b"HTTP/1.1 200 "))

    def test_continue(self) -> None:
        """
        A client that waits for a word before it sends its body gets it.
        """
        twistd = self.serve(WSGI, "application", "--threads=1")
        port = twistd.waitUntilReady()
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            head = (
                b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
            )
            client.sendall(head)
            self.assertEqual(client.recv(65536), b"HTTP/1.1 100 Continue\r\n\r\n")
            client.sendall(b"hello")
            self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 200 "))

    def test_large(self) -> None:
        """
        A body that has to go through a file arrives whole.
        """
        twistd = self.serve(WSGI, "application", "--threads=1")
        port = twistd.waitUntilReady()
        answer = fetch(port, "/", "POST", b"x" * 3_000_000)
        self.assertEqual(answer.body.split()[0], b"3000000")

    def test_line(self) -> None:
        """
        More requests than threads stand in line, and nobody fails; with a short queue
        those who find it full are told so.
        """
        for limit, statuses in (("10000", {200}), ("2", {200, 503})):
            twistd = self.serve(
                WSGI, "application", "--children=2", "--threads=1", f"--queue-limit={limit}"
            )
            port = twistd.waitUntilReady()
            seen: Counter[int] = Counter()
            clients = [
                threading.Thread(target=lambda port=port, seen=seen: self.ask(port, seen))
                for _ in range(20)
            ]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            self.assertEqual(set(seen), statuses)
            self.assertEqual(seen.total(), 20)
            self.assertEqual(twistd.stop(), 0)

    def ask(self, port: int, seen: Counter[int]) -> None:
        """
        @param port: of the master.
        @param seen: gets the status.
        """
        seen[fetch(port, "/slow").status] += 1

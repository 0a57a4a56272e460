"""
Policies over real children and real requests.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.twistdharness import Twistd, fetch, until

LISTEN = "--listen=tcp:0:interface=127.0.0.1"

APPLICATION = """
import os, threading
from twisted.web.resource import Resource
from twisted_multiserver.child import identity

def compute():
    while True:
        pass

class Root(Resource):
    isLeaf = True

    def render(self, request):
        if request.path == b"/hog":
            threading.Thread(target=compute, daemon=True).start()
        cookies = b",".join(request.requestHeaders.getRawHeaders(b"cookie", []))
        return b"%d %d %s" % (identity.current().slot, os.getpid(), cookies)

def site():
    return Root()
"""


class BalancerTests(SynchronousTestCase):
    """
    What C{--balancer} does.
    """

    def start(self, *options: str) -> tuple[Twistd, int]:
        """
        @param options: besides those that all have.
        @return: a master that is ready, and its port.
        """
        twistd = Twistd(self, LISTEN, *options)
        return twistd, twistd.waitUntilReady()

    def children(self, *options: str) -> tuple[Twistd, int]:
        """
        @param options: besides those that all have.
        @return: a master with three children, and its port.
        """
        path = Path(self.mktemp()).absolute()
        path.mkdir(parents=True)
        (path / "balanced.py").write_text(APPLICATION)
        return self.start("--app=balanced:site", f"--chdir={path}", "--children=3", *options)

    def ask(self, port: int, path: str = "/", **fields: str) -> http.client.HTTPResponse:
        """
        @param port: of a master.
        @param path: what is asked for.
        @param fields: of the request.
        @return: the response, its body not read.
        """
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", path, headers=fields)
        return connection.getresponse()

    def slots(self, port: int, count: int, **fields: str) -> Counter[bytes]:
        """
        @param port: of a master.
        @param count: of requests.
        @param fields: of each.
        @return: how often each slot answered.
        """
        return Counter(self.ask(port, **fields).read().split()[0] for _ in range(count))

    def test_everyName(self) -> None:
        """
        Each policy serves, on all children where it spreads.
        """
        for name in (
            "weighted-round-robin",
            "least-connections",
            "power-of-two",
            "least-latency",
            "consistent-hash",
        ):
            twistd, port = self.children(f"--balancer={name}")
            answers = self.slots(port, 40)
            self.assertEqual(answers.total(), 40)
            self.assertEqual(len(answers), 1 if name == "consistent-hash" else 3, name)
            self.assertEqual(twistd.stop(), 0)

    def test_hashKey(self) -> None:
        """
        The same key, the same child; another key perhaps another.
        """
        _, port = self.children("--balancer=consistent-hash", "--hash-key=header:X-User")
        seen = [self.slots(port, 3, **{"X-User": f"user {number}"}) for number in range(12)]
        self.assertEqual({len(slots) for slots in seen}, {1})
        self.assertEqual(len(set().union(*seen)), 3)

    def test_sticky(self) -> None:
        """
        A client stays where it is until that is gone; the application sees nothing of it.
        """
        _, port = self.children("--balancer=sticky")
        first = self.ask(port)
        _, pid, *_ = first.read().split()
        given = first.headers.get_all("Set-Cookie")
        assert given is not None
        self.assertEqual(len(given), 1)
        self.assertIn("HttpOnly", given[0])
        cookie = given[0].partition(";")[0]
        for _ in range(6):
            again = self.ask(port, Cookie=f"a=b; {cookie}")
            self.assertEqual(again.read().split()[1:], [pid, b"a=b"])
            self.assertIsNone(again.headers["Set-Cookie"])
        os.kill(int(pid), signal.SIGKILL)
        anew = until(lambda: self.ask(port, Cookie=cookie), "an answer")
        self.assertEqual(anew.status, 200)
        self.assertNotEqual(anew.read().split()[1], pid)
        self.assertNotEqual(anew.headers["Set-Cookie"].partition(";")[0], cookie)

    def test_forgedCookie(self) -> None:
        """
        It is a miss, and so is one that comes twice.
        """
        _, port = self.children("--balancer=sticky")
        response = self.ask(port)
        cookie = response.headers["Set-Cookie"].partition(";")[0]
        response.read()
        name = cookie.partition("=")[0]
        for value in (f"{name}=forged", f"{name}=", f"{cookie}; {cookie}"):
            missed = self.ask(port, Cookie=value)
            missed.read()
            self.assertIsNotNone(missed.headers["Set-Cookie"], value)

    def test_leastLag(self) -> None:
        """
        A child with a thread that computes gets next to nothing.
        """
        _, port = self.children("--balancer=least-lag")
        hogged = fetch(port, "/hog").body.split()[0]

        def isAvoided() -> bool:
            return self.slots(port, 20)[hogged] <= 1

        until(isAvoided, "the others to get the requests")

    def test_weights(self) -> None:
        """
        Servers that were not started here get what their weights say.
        """
        counts: Counter[str] = Counter()

        def serve(name: str) -> int:
            class Answer(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    counts[name] += 1
                    self.send_response(200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

                def log_message(self, format: str, *arguments: object) -> None:
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            self.addCleanup(thread.join)
            self.addCleanup(server.server_close)
            self.addCleanup(server.shutdown)
            return int(server.server_address[1])

        heavy, light = serve("heavy"), serve("light")
        _, port = self.start(
            "--balancer=weighted-round-robin",
            f"--backend=tcp:127.0.0.1:{heavy}:weight=3",
            f"--backend=tcp:127.0.0.1:{light}",
        )
        for _ in range(12):
            self.assertEqual(self.ask(port).status, 200)
        self.assertEqual(counts, {"heavy": 9, "light": 3})


class StolenPortTests(SynchronousTestCase):
    """
    Somebody else takes a program's port before it does.
    """

    def test_stolen(self) -> None:
        """
        What answers there is never sent a request, and another port is tried.
        """
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        (folder / "program.py").write_text(
            "import os, time\n"
            "print(os.environ['PORT'], file=open('ports', 'a'), flush=True)\n"
            "time.sleep(1000)\n"
        )
        twistd = Twistd(
            self,
            LISTEN,
            "--children=1",
            "--command=python3 program.py",
            "--child-entrance=port",
            f"--chdir={folder}",
        )
        ports = folder / "ports"
        until(lambda: ports.exists() and ports.read_text().endswith("\n"), "a port")
        with socket.create_server(("127.0.0.1", int(ports.read_text()))) as thief:
            connection, _ = thief.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
            told = twistd.waitForLog(r"child 0 can't have port (\d+): process (\d+) \(")
            self.assertEqual(int(told[2]), os.getpid())
        until(lambda: len(ports.read_text().split()) > 1, "another try")
        self.assertEqual(twistd.stop(), 0)

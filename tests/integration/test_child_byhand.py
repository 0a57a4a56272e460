"""
A child without a master, on a TCP listener: it reads as strictly as the gateway does.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.requestcases import CASES
from tests.conformance.test_requests import originFaults
from tests.integration.twistdharness import cleanEnvironment

_STARTER = """
import os, socket, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = sys.argv[2]
os.execv(sys.executable, [sys.executable, "-m", "twisted_multiserver.child", *sys.argv[3:]])
"""

APPLICATION = """
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET


class Anything(Resource):
    isLeaf = True

    def render(self, request):
        if request.uri.startswith(b"/cut"):
            if request.uri == b"/cut/announced":
                request.setHeader(b"content-length", b"9")
            request.write(b"part")
            request.transport.loseConnection()
            return NOT_DONE_YET
        request.setHeader(b"x-client", request.getClientAddress().host.encode())
        return b"" if request.method == b"HEAD" else request.content.read() or b"ok"


resource = Anything()


def wsgi(environ, startResponse):
    body = environ["wsgi.input"].read() or b"ok"
    startResponse("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


class ByHandTests(SynchronousTestCase):
    def start(self, *arguments: str, count: str = "1") -> tuple[subprocess.Popen[bytes], int]:
        """
        @return: the child and its port.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "byhand.py").write_text(APPLICATION)
        with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
            listener.set_inheritable(True)
            child = subprocess.Popen(
                [sys.executable, "-c", _STARTER, str(listener.fileno()), count, *arguments],
                cwd=folder,
                env=cleanEnvironment(PYTHONPATH=os.pathsep.join([str(folder), *sys.path])),
                pass_fds=[listener.fileno()],
                stderr=subprocess.PIPE,
            )
            self.addCleanup(self._end, child)
            port: int = listener.getsockname()[1]
        return child, port

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        if child.poll() is None:
            child.kill()
        child.communicate()

    def get(self, port: int, **fields: str) -> tuple[int, bytes, str | None]:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            client.request("GET", "/", headers=fields)
            answer = client.getresponse()
            return answer.status, answer.read(), answer.getheader("x-client")
        finally:
            client.close()

    def test_resource(self) -> None:
        """
        It serves, believes no forwarded field, and ends at a signal with status 0.
        """
        child, port = self.start("byhand.resource")
        seen = self.get(port, **{"X-Forwarded-For": "192.0.2.1"})
        self.assertEqual(seen, (200, b"ok", "127.0.0.1"))
        child.send_signal(signal.SIGTERM)
        self.assertEqual(child.wait(timeout=60), 0)

    def test_cut(self) -> None:
        """
        A response that is cut is never ended as a whole one would be: what has no length is
        reset, what has one lacks bytes.
        """
        _, port = self.start("byhand.resource")
        self.get(port)
        for path, isReset in ((b"/cut", True), (b"/cut/announced", False)):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                client.sendall(b"GET %b HTTP/1.0\r\nHost: h\r\n\r\n" % path)
                received, seen = b"", False
                try:
                    while data := client.recv(65536):
                        received += data
                except ConnectionResetError:
                    seen = True
            self.assertTrue(received.endswith(b"part"), received)
            self.assertEqual(seen, isReset)

    def conforms(self, *arguments: str) -> None:
        _, port = self.start(*arguments)
        self.get(port)
        found = [
            f"{group}: {case.name}: {faults}"
            for group, cases in CASES.items()
            for case in cases
            if case.origin and (faults := originFaults(case, ("127.0.0.1", port)))
        ]
        self.assertEqual(found, [])

    def test_strictResource(self) -> None:
        self.conforms("byhand.resource")

    def test_strictWSGI(self) -> None:
        self.conforms("byhand:wsgi", "--app-kind=wsgi")

    def test_noSocket(self) -> None:
        """
        Without a socket it says what is missing, in one line.
        """
        child, _ = self.start("byhand.resource", count="0")
        _, errors = child.communicate(timeout=60)
        self.assertEqual((child.returncode, errors.count(b"\n")), (78, 1), errors)
        self.assertIn(b"LISTEN_FDS=1", errors)

"""
HTTP/2 clients of a real master behind TLS: an h2 client of our own, and curl.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from h2.errors import ErrorCodes
from h2.events import (
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.http2client import HTTP2Client, writeCertificate
from tests.integration.twistdharness import PATIENCE, Twistd, pythonPath, until

CURL = shutil.which("curl")

APPLICATION = """
import hashlib

def application(environ, start_response):
    found, size = hashlib.sha256(), 0
    while piece := environ["wsgi.input"].read(65536):
        found.update(piece)
        size += len(piece)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%s %d %s" % (environ["HTTP_VIA"].encode(), size, found.hexdigest().encode())]
"""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def residentBytes(pid: int) -> int:
    """
    @return: how much memory a process has.
    """
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


class HTTP2Case(SynchronousTestCase):
    """
    A real master behind TLS.
    """

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ms-"))
        self.addCleanup(shutil.rmtree, self.folder)
        writeCertificate(self.folder / "server.pem")

    def start(self, *arguments: str) -> int:
        """
        @return: the port of a master.
        """
        pem = self.folder / "server.pem"
        self.twistd = Twistd(
            self,
            f"--listen=ssl:0:interface=127.0.0.1:privateKey={pem}:certKey={pem}",
            *arguments,
            PYTHONPATH=pythonPath(self.folder),
        )
        return int(self.twistd.waitForLog(r"ready: https://127\.0\.0\.1:(\d+)/")[1])

    def startApplication(self) -> int:
        (self.folder / "hashing.py").write_text(APPLICATION)
        return self.start("--app=hashing.application", "--app-kind=wsgi", "--children=2")

    def backend(self, *talks: Callable[[socket.socket], None]) -> str:
        """
        @param talks: what is said on its connections, one after the other.
        @return: the endpoint of a server.
        """
        path = os.path.join(self.folder, "backend")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen()

        def serve(connection: socket.socket, talk: Callable[[socket.socket], None]) -> None:
            with connection:
                while b"\r\n\r\n" not in connection.recv(65536, socket.MSG_PEEK):
                    pass
                talk(connection)

        def accept() -> None:
            for talk in talks:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection, talk), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"--backend=unix:{path}"

    def client(self, port: int) -> HTTP2Client:
        client = HTTP2Client(port)
        self.addCleanup(client.close)
        return client

    def curl(self, port: int, *arguments: str, paths: tuple[str, ...] = ("/",)) -> tuple[int, str]:
        """
        @return: its exit status, and what it has written.
        """
        if CURL is None:
            self.skipTest("there is no curl")
        done = subprocess.run(
            [CURL, "-sk", "--http2", "-m", str(PATIENCE), *arguments]
            + [f"https://127.0.0.1:{port}{path}" for path in paths],
            stdout=subprocess.PIPE,
            timeout=2 * PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout.decode()


def answering(answer: bytes) -> Callable[[socket.socket], None]:
    """
    @return: says this, whatever it was asked, and ends.
    """

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return talk


class ResponseTests(HTTP2Case):
    def ask(self, answer: bytes) -> tuple[HTTP2Client, Event]:
        """
        @return: a client, and how its stream ended.
        """
        client = self.client(self.start(self.backend(answering(answer))))
        return client, client.until(client.ask(), StreamEnded, StreamReset)

    def test_whole(self) -> None:
        """
        A response arrives and its stream ends.
        """
        client, end = self.ask(OK)
        self.assertIsInstance(end, StreamEnded)
        self.assertEqual(client.body(1), b"ok")

    def test_cut(self) -> None:
        """
        A body that ends early resets the stream with INTERNAL_ERROR.
        """
        _, end = self.ask(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\npart")
        assert isinstance(end, StreamReset)
        self.assertEqual(end.error_code, ErrorCodes.INTERNAL_ERROR)

    def test_curlSeesTheCut(self) -> None:
        """
        C{CURLE_HTTP2_STREAM}, also of a response whose length isn't known.
        """
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"
        port = self.start(self.backend(answering(chunked)))
        self.assertEqual(self.curl(port), (92, "part"))

    def test_drain(self) -> None:
        """
        At a stop the client is told, what is in flight finishes, and the master ends.
        """
        asked, mayAnswer = threading.Event(), threading.Event()

        def slow(connection: socket.socket) -> None:
            asked.set()
            mayAnswer.wait(PATIENCE)
            answering(OK)(connection)

        client = self.client(self.start(self.backend(slow)))
        number = client.ask()
        self.assertTrue(asked.wait(PATIENCE))
        self.twistd.process.terminate()
        # h2 takes nothing more behind a GOAWAY, though streams go on; so it is read here.
        data = b""
        while b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" not in data:
            data += client.receive()
        self.assertIn(bytes([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, number, 0, 0, 0, 0]), data)
        mayAnswer.set()
        while piece := client.receive():
            data += piece
        self.assertIn(b"ok", data)
        client.close()
        self.assertEqual(self.twistd.process.wait(PATIENCE), 0)


class UploadTests(HTTP2Case):
    def test_slowBackend(self) -> None:
        """
        A backend that reads nothing makes the client wait, and the master keeps little of a
        large upload; all of it arrives.
        """
        mayRead, arrived = threading.Event(), hashlib.sha256()

        def talk(connection: socket.socket) -> None:
            mayRead.wait(PATIENCE)
            with connection.makefile("rb") as request:
                while request.readline().strip():
                    pass
                while length := int(request.readline(), 16):
                    arrived.update(request.read(length))
                    request.readline()
            connection.sendall(OK)

        client = self.client(self.start(self.backend(talk)))
        before = residentBytes(self.twistd.process.pid)
        data = os.urandom(1 << 20) * 64
        number = client.ask("POST", end=False)
        sent = client.upload(number, data)
        # What the kernel and the master take; then nothing moves any more.
        while not client.isSilentFor(1.0):
            sent = client.upload(number, data, sent)
        self.assertEqual(client.state.local_flow_control_window(number), 0)
        self.assertLess(sent, 1 << 20)
        mayRead.set()
        while sent < len(data):
            self.assertTrue(client.hear())
            sent = client.upload(number, data, sent)
        client.until(number, StreamEnded)
        self.assertEqual(client.body(number), b"ok")
        self.assertEqual(arrived.digest(), hashlib.sha256(data).digest())
        self.assertLess(residentBytes(self.twistd.process.pid) - before, 16 << 20)

    def test_clientResets(self) -> None:
        """
        In the middle of an upload: the backend's connection ends.
        """
        ended = threading.Event()

        def talk(connection: socket.socket) -> None:
            try:
                while connection.recv(65536):
                    pass
            except ConnectionResetError:
                pass
            ended.set()

        client = self.client(self.start(self.backend(talk, answering(OK))))
        number = client.ask("POST", end=False)
        client.upload(number, bytes(100_000))
        client.state.reset_stream(number, ErrorCodes.CANCEL)
        client.flush()
        self.assertTrue(ended.wait(PATIENCE))
        other = client.ask()
        client.until(other, StreamEnded)
        self.assertEqual(client.body(other), b"ok")

    def test_earlyAnswer(self) -> None:
        """
        Too large, said in the middle of it: another stream goes on.
        """
        port = self.start("--max-body=100000", self.backend(*[hashing] * 2))
        client = self.client(port)
        number, other = client.ask("POST", end=False), client.ask("POST", end=False)
        data, sent = bytes(200_000), 0
        while not any(isinstance(event, StreamReset) for event in client.events):
            sent = client.upload(number, data, sent)
            self.assertTrue(client.hear())
        answer = client.until(number, ResponseReceived)
        self.assertEqual(dict(answer.headers)[b":status"], b"413")
        self.assertEqual(client.until(number, StreamReset).error_code, ErrorCodes.NO_ERROR)
        client.upload(other, bytes(50_000))
        client.until(other, StreamEnded)
        self.assertEqual(client.body(other), b"ok")

    def test_curlIsRefused(self) -> None:
        """
        It gets the answer, whole, though it would go on with its upload.
        """
        port = self.start("--max-body=100000", self.backend())
        (self.folder / "upload").write_bytes(bytes(8 << 20))
        for more in ((), ("-H", "Content-Length:", "-H", "Transfer-Encoding: chunked")):
            status, text = self.curl(
                port, "-T", str(self.folder / "upload"), "-w", "%{http_code}", *more
            )
            self.assertEqual((status, text[-3:]), (0, "413"))
            self.assertIn("</html>", text)

    def test_curl(self) -> None:
        """
        To children: a large upload arrives whole.
        """
        port = self.startApplication()
        data = os.urandom(1 << 20) * 8
        (self.folder / "upload").write_bytes(data)
        status, text = self.curl(port, "-T", str(self.folder / "upload"))
        self.assertEqual(status, 0)
        self.assertEqual(
            text, f"2 twisted_multiserver {len(data)} {hashlib.sha256(data).hexdigest()}"
        )


def hashing(connection: socket.socket) -> None:
    """
    Takes a request in chunks, and says that all is well.
    """
    data = b""
    while not data.endswith(b"\r\n0\r\n\r\n"):
        piece = connection.recv(65536)
        if not piece:
            return
        data += piece
    connection.sendall(OK)


class ManyTests(HTTP2Case):
    def test_parallel(self) -> None:
        """
        As many streams as are allowed, on one connection, to children; and what the access
        log has of them.
        """
        log = self.folder / "log.json"
        (self.folder / "hashing.py").write_text(APPLICATION)
        port = self.start(
            "--app=hashing.application",
            "--app-kind=wsgi",
            "--children=2",
            f"--access-log={log}",
            "--access-log-format=json",
        )
        client = self.client(port)
        numbers = [client.ask(path=f"/{number}") for number in range(100)]
        for number in numbers:
            client.until(number, StreamEnded)
            self.assertTrue(client.body(number).startswith(b"2 twisted_multiserver 0 "))
        lines = until(
            lambda: log.exists() and log.read_text().count("\n") == 100 and log.read_text(),
            "the access log",
        )
        records = [json.loads(line) for line in str(lines).splitlines()]
        self.assertEqual({record["version"] for record in records}, {"HTTP/2.0"})
        self.assertEqual({record["target"] for record in records}, {f"/{n}" for n in range(100)})
        self.assertEqual({record["host"] for record in records}, {"example.com"})

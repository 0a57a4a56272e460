"""
Bodies larger than anything that may be held in memory, through a real master.

Strategy: raw sockets and threads on both sides, checksums over everything, and
what the kernel says of the master's memory (VmRSS now, VmHWM ever) before and
after.  Back-pressure is seen at the other end: how much it could send.
"""

from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.scriptedbackend import (
    PATIENCE,
    Conversation,
    Script,
    ScriptedBackend,
    Step,
    awaitEnd,
)
from tests.integration.twistdharness import Twistd, fetch, until

LISTEN = "--listen=tcp:0:interface=127.0.0.1"
KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
GIBIBYTE = 1024 * MEBIBYTE

# No two MiB of a body are alike to a checksum: the piece is of prime size.
PIECE = bytes(range(251)) * 1021
_READ = 256 * KIBIBYTE

# How much the master may grow, in bytes.
GROWTH = 16 * MEBIBYTE

# What may be on its way while one side is slow: the master's share and the buffers
# of the sockets between, which the system lets grow to some MiB.
ON_ITS_WAY = 32 * MEBIBYTE

# Never set: what is slow waits for it.
PACE = threading.Event()

OK = b"HTTP/1.1 200 OK\r\n"


class Flow:
    """
    Bytes that went by.

    @ivar size: how many.
    @ivar checksum: of all of them.
    """

    def __init__(self) -> None:
        self.size = 0
        self.checksum = 0

    def add(self, data: bytes | memoryview) -> None:
        """
        @param data: went by.
        """
        self.size += len(data)
        self.checksum = zlib.crc32(data, self.checksum)

    def facts(self) -> tuple[int, int]:
        """
        @return: size and checksum.
        """
        return self.size, self.checksum


def produce(send: Callable[[memoryview], object], size: int, flow: Flow) -> None:
    """
    @param send: gets the pieces.
    @param size: of all of them, in bytes.
    @param flow: notes what was taken.
    """
    piece = memoryview(PIECE)
    while flow.size < size:
        part = piece[: size - flow.size]
        send(part)
        flow.add(part)


def consume(receive: Callable[[int], bytes], size: int, flow: Flow) -> None:
    """
    @param receive: gives at most so many bytes; none at the end.
    @param size: that is expected, in bytes.
    @param flow: notes what came.
    """
    while flow.size < size:
        data = receive(min(_READ, size - flow.size))
        if not data:
            return
        flow.add(data)


def giving(size: int, flow: Flow) -> Step:
    """
    @param size: of the response's body, in bytes.
    @param flow: notes what was taken.
    @return: the step that answers with it.
    """

    def give(conversation: Conversation) -> None:
        conversation.send(OK + b"Content-Length: %d\r\n\r\n" % size)
        produce(conversation.send, size, flow)

    return give


def memory(pid: int, name: str) -> int:
    """
    @param pid: of a process.
    @param name: VmRSS or VmHWM.
    @return: in bytes.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * KIBIBYTE
    raise AssertionError(f"no {name}")


class BodyTests(SynchronousTestCase):
    """
    One large body each.
    """

    def serve(self, step: Step) -> None:
        """
        @param step: what the backend does once it has the head of a request for /large.
        """
        self.backend = ScriptedBackend(self, {b"/large": Script((step,), early=True)})
        self.master = Twistd(self, LISTEN, f"--backend=unix:{self.backend.path}")
        self.port = self.master.waitUntilReady()
        # What an ordinary exchange needs is no growth.
        self.assertEqual(fetch(self.port, "/next").body, b"next")
        self.pid = self.master.process.pid
        self.before = {name: memory(self.pid, name) for name in ("VmRSS", "VmHWM")}

    def request(self, head: bytes) -> socket.socket:
        """
        @param head: of a request, without Host.
        @return: the connection that it was sent on.
        """
        client = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        self.addCleanup(client.close)
        client.sendall(head + b"Host: test\r\n\r\n")
        return client

    def readHead(self, client: socket.socket) -> bytes:
        """
        @param client: gets a response.
        @return: its head; not a byte of the body is taken.
        """
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = client.recv(1)
            self.assertTrue(byte, f"it ended: {head!r}")
            head += byte
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        return head

    def growth(self, name: str) -> int:
        """
        @param name: VmRSS or VmHWM.
        @return: by how much the master has grown, in bytes.
        """
        return memory(self.pid, name) - self.before[name]

    def assertSmall(self) -> None:
        """
        The master has not grown, not even for a moment.
        """
        for name in self.before:
            grown = self.growth(name)
            self.assertLess(grown, GROWTH, f"{name} grew by {grown // MEBIBYTE} MiB")

    def assertFreed(self) -> None:
        """
        The backend's connection ends, the memory is back, the next request works.
        """
        conversation = self.backend.conversationOf(b"/large")
        self.assertTrue(conversation.ended.wait(PATIENCE), "the connection goes on")
        until(lambda: self.growth("VmRSS") < GROWTH, "memory being freed")
        self.assertEqual(fetch(self.port, "/next").body, b"next")
        self.assertSmall()

    def assertHeld(self, flow: Flow) -> None:
        """
        @param flow: has to come to a halt, and soon.
        """

        def halted() -> bool:
            before = flow.size
            PACE.wait(0.5)
            return 0 < flow.size == before

        until(halted, "back-pressure")
        self.assertLess(flow.size, ON_ITS_WAY)

    def test_down(self) -> None:
        """
        1 GiB down arrives as it was.
        """
        sent = Flow()
        self.serve(giving(GIBIBYTE, sent))
        client = self.request(b"GET /large HTTP/1.1\r\n")
        self.readHead(client)
        came = Flow()
        consume(client.recv, GIBIBYTE, came)
        self.assertEqual(came.facts(), sent.facts())
        self.assertSmall()

    def test_chunks(self) -> None:
        """
        256 MiB in chunks arrive as they were, however they are framed behind.
        """
        sent, size = Flow(), 256 * MEBIBYTE

        def chunked(conversation: Conversation) -> None:
            def chunk(data: memoryview) -> None:
                conversation.send(b"%x\r\n%s\r\n" % (len(data), data))

            conversation.send(OK + b"Transfer-Encoding: chunked\r\n\r\n")
            produce(chunk, size, sent)
            conversation.send(b"0\r\n\r\n")

        self.serve(chunked)
        client = self.request(b"GET /large HTTP/1.1\r\n")
        self.assertIn(b"chunked", self.readHead(client))
        came = Flow()
        with client.makefile("rb", _READ) as reader:
            while length := int(reader.readline(), 16):
                consume(reader.read, came.size + length, came)
                self.assertEqual(reader.read(2), b"\r\n")
            self.assertEqual(reader.readline(), b"\r\n")
        self.assertEqual(came.facts(), sent.facts())
        self.assertSmall()

    def test_up(self) -> None:
        """
        1 GiB up arrives as it was.
        """
        came = Flow()

        def take(conversation: Conversation) -> None:
            consume(conversation.receive, GIBIBYTE, came)
            conversation.send(OK + b"Content-Length: 2\r\n\r\nok")

        self.serve(take)
        client = self.request(b"POST /large HTTP/1.1\r\nContent-Length: %d\r\n" % GIBIBYTE)
        sent = Flow()
        produce(client.sendall, GIBIBYTE, sent)
        self.readHead(client)
        self.assertEqual(client.recv(2), b"ok")
        self.assertEqual(came.facts(), sent.facts())
        self.assertSmall()

    def test_slowReader(self) -> None:
        """
        A client that takes 100 kB/s makes the backend wait.
        """
        sent, size = Flow(), 512 * MEBIBYTE
        self.serve(giving(size, sent))
        client = self.request(b"GET /large HTTP/1.1\r\n")
        self.readHead(client)
        for _ in range(20):
            self.assertTrue(client.recv(10_000))
            PACE.wait(0.1)
        self.assertHeld(sent)
        client.close()
        self.assertFreed()

    def test_slowBackend(self) -> None:
        """
        A backend that takes nothing makes the client wait.
        """
        going = threading.Event()

        def hold(conversation: Conversation) -> None:
            going.wait(PATIENCE)
            awaitEnd(conversation)

        self.serve(hold)
        size, sent = 512 * MEBIBYTE, Flow()
        client = self.request(b"POST /large HTTP/1.1\r\nContent-Length: %d\r\n" % size)

        def send() -> None:
            try:
                produce(client.sendall, size, sent)
            except OSError:
                pass  # the test hangs up

        sender = threading.Thread(target=send)
        sender.start()
        self.assertHeld(sent)
        client.shutdown(socket.SHUT_RDWR)
        sender.join()
        client.close()
        going.set()
        self.assertFreed()

    def test_droppedDown(self) -> None:
        """
        512 MiB, the client leaves halfway: everything is freed.
        """
        size = 512 * MEBIBYTE
        sent = Flow()
        self.serve(giving(size, sent))
        client = self.request(b"GET /large HTTP/1.1\r\n")
        self.readHead(client)
        consume(client.recv, size // 2, Flow())
        client.close()
        self.assertFreed()
        self.assertLess(sent.size, size)

    def test_droppedUp(self) -> None:
        """
        512 MiB announced, half of it sent: everything is freed.
        """
        size = 512 * MEBIBYTE
        came = Flow()

        def take(conversation: Conversation) -> None:
            consume(conversation.receive, size, came)
            awaitEnd(conversation)

        self.serve(take)
        client = self.request(b"POST /large HTTP/1.1\r\nContent-Length: %d\r\n" % size)
        produce(client.sendall, size // 2, Flow())
        client.close()
        self.assertFreed()
        self.assertLessEqual(came.size, size // 2)
        self.assertLess(0, came.size)

"""
Bodies larger than any buffer: what passes is whole, what waits is bounded.
"""

from __future__ import annotations

import hashlib
import socket
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import deferLater
from zope.interface import implementer

from tests.gateway.sockets import OK, Door, SocketCase, Talk, reactor

MIB = 1024 * 1024
PIECE = bytes(range(256)) * 256


@implementer(IPushProducer)
class Pouring(Talk):
    """
    Sends as much as its transport takes.

    @ivar pieces: how many were written.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pieces = 0
        self._left = 0
        self._isPaused = False

    def pour(self, size: int) -> None:
        """
        @param size: bytes, in all.
        """
        self._left = size // len(PIECE)
        self.transport.registerProducer(self, True)
        self._go()

    def pauseProducing(self) -> None:
        self._isPaused = True

    def resumeProducing(self) -> None:
        self._isPaused = False
        self._go()

    def stopProducing(self) -> None:
        self._left = 0

    def _go(self) -> None:
        while self._left and not self._isPaused:
            self._left -= 1
            self.pieces += 1
            self.transport.write(PIECE)
        if not self._left:
            self.transport.unregisterProducer()


class FlowTests(SocketCase):
    """
    Both ways.
    """

    async def settled(self, poured: Pouring) -> int:
        """
        @return: the bytes that were written, once no more are.
        """
        before, rounds = -1, 0
        while rounds < 20:
            await deferLater(reactor, 0.02)
            rounds = rounds + 1 if poured.pieces == before else 0
            before = poured.pieces
        return before * len(PIECE)

    async def test_slowClient(self) -> None:
        """
        Of 64 MiB only so much leaves the backend as the buffers between take, while
        the client reads nothing; then all of it arrives.
        """
        size = 64 * MIB
        door = self.listenUNIX("a", door=Door(Pouring))
        port = self.serve()
        port.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        client = await self.connect(port, receiveBuffer=65536)
        client.transport.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        backend = await door.entered.get()
        await backend.head()
        client.transport.pauseProducing()
        backend.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        backend.pour(size)
        # Four kernel buffers and the gateway's own, which is 128 KiB and one read.
        self.assertLess(await self.settled(backend), 2 * MIB)
        digest, length = hashlib.sha256(), 0

        def take(data: bytes) -> None:
            nonlocal length
            digest.update(data)
            length += len(data)

        self.addBody(client, take)
        client.transport.resumeProducing()
        while length < size:
            await deferLater(reactor, 0.01)
        self.assertEqual(digest.digest(), hashlib.sha256(PIECE * (size // len(PIECE))).digest())

    def addBody(self, client: Talk, take: Any) -> None:
        """
        Let a client's body go elsewhere than into its memory.
        """
        head = b""

        def dataReceived(data: bytes) -> None:
            nonlocal head
            if b"\r\n\r\n" in head:
                take(data)
                return
            head += data
            if b"\r\n\r\n" in head:
                take(head.partition(b"\r\n\r\n")[2])

        client.dataReceived = dataReceived  # type: ignore[method-assign]

    async def test_upload(self) -> None:
        """
        A large upload arrives whole, however the backend's buffers fill up.
        """
        size = 24 * MIB
        door = self.listenUNIX("a", door=Door(Pouring))
        client = await self.connect(self.serve())
        client.transport.write(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        client.transport.write(PIECE * (size // len(PIECE)))
        backend = await door.entered.get()
        digest, length = hashlib.sha256(), 0

        def take(data: bytes) -> None:
            nonlocal length
            digest.update(data)
            length += len(data)

        self.addBody(backend, take)
        while length < size:
            await deferLater(reactor, 0.01)
        whole = hashlib.sha256(PIECE * (size // len(PIECE))).digest()
        self.assertEqual((length, digest.digest()), (size, whole))
        backend.transport.write(OK)
        await client.until(lambda data: data.endswith(b"ok"))
        self.assertGreater(self.distribution.pool.backends()[0].statistics.bytesSent, size)

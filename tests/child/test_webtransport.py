"""
The channel as a transport: back-pressure, and applications that take it over.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request

from tests.child.siteclient import ChannelCase, Client, Pushing, get, post


class ProducerTests(ChannelCase):
    """
    Back-pressure, both ways.
    """

    def setUp(self) -> None:
        self.client, self.kept = self.keep()
        self.client.sends(get())
        self.request = self.kept[0]
        self.producer = Pushing()

    def test_push(self) -> None:
        """
        A producer is paused while the client takes nothing, and told once.
        """
        self.request.registerProducer(self.producer, True)
        self.request.write(b"1")
        self.assertEqual(self.producer.told, [])
        self.client.stream.room = 0
        self.request.write(b"2")
        self.request.write(b"3")
        self.assertEqual(self.producer.told, ["pause"])
        self.client.stream.takes(1000)
        self.assertEqual(self.producer.told, ["pause", "resume"])
        self.request.unregisterProducer()
        self.request.finish()
        self.assertEqual(self.client.stream.state, "open")

    def test_late(self) -> None:
        """
        One that comes when the client is slow already begins paused.
        """
        self.client.stream.room = 0
        self.request.write(b"1")
        self.request.registerProducer(self.producer, True)
        self.assertEqual(self.producer.told, ["pause"])

    def test_stop(self) -> None:
        """
        It is stopped when the client leaves.
        """
        self.request.registerProducer(self.producer, True)
        self.client.stream.ends()
        self.assertEqual(self.producer.told, ["stop"])

    def test_two(self) -> None:
        """
        There is one at a time.
        """
        transport = self.request.transport
        transport.registerProducer(self.producer, True)
        self.assertRaises(RuntimeError, transport.registerProducer, self.producer, True)
        transport.unregisterProducer()
        transport.unregisterProducer()
        transport.registerProducer(self.producer, True)

    def test_upload(self) -> None:
        """
        Pausing the transport pauses the client's upload.
        """

        class Pausing(Request):
            def gotLength(self, length: int | None) -> None:
                super().gotLength(length)
                transport: Any = self.transport
                transport.pauseProducing()
                made.append(self)

        made: list[Any] = []
        client, kept = self.keep(Pausing)
        whole = post(b"x" * 10)
        client.sends(whole[:-10])
        self.assertTrue(client.stream.isPaused)
        made[0].channel._networkProducer.resumeProducing()
        self.assertFalse(client.stream.isPaused)
        client.sends(whole[-10:])
        self.assertEqual(len(kept), 1)


class Echo(Protocol):
    """
    Gives back what it gets, in upper case.
    """

    lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data.upper())

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.lost = reason


class TakeoverTests(ChannelCase):
    """
    Applications that speak a protocol of their own.
    """

    ANSWER = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"

    def take(self, *behind: bytes) -> tuple[Client, Echo, Any]:
        echo = Echo()
        taken: list[Any] = []

        def call(request: Request) -> int:
            transport: Any = request.channel.transport
            request.channel.transport = None
            transport.protocol = echo
            echo.makeConnection(transport)
            transport.write(self.ANSWER)
            transport.resumeProducing()
            taken.append(request)
            return NOT_DONE_YET

        client = self.serve(call)
        client.sends(get(more=b"Connection: Upgrade\r\nUpgrade: x\r\n") + b"".join(behind))
        return client, echo, taken[0]

    def test_bytesGoThrough(self) -> None:
        """
        As WebSocket libraries take it.
        """
        client, echo, request = self.take()
        self.assertEqual(client.stream.sent, self.ANSWER)
        client.sends(b"abc", get())
        self.assertEqual(client.stream.sent, self.ANSWER + b"ABC" + get().upper())
        ended = request.notifyFinish()
        client.stream.ends()
        assert echo.lost is not None
        self.assertIsInstance(echo.lost.value, ConnectionDone)
        self.failureResultOf(ended, ConnectionLost)
        self.successResultOf(client.entrance.drain())

    def test_early(self) -> None:
        """
        What came along with the head isn't lost.
        """
        client, _, _ = self.take(b"early")
        self.assertEqual(client.stream.sent, self.ANSWER + b"EARLY")
        client.sends(b"late")
        self.assertEqual(client.stream.sent, self.ANSWER + b"EARLYLATE")

    def test_twistedWebsocket(self) -> None:
        """
        As twisted.web.websocket takes it.
        """
        echo = Echo()

        def call(request: Any) -> int:
            transport = request.channel.transport
            request.channel._protocolUpgradeForWebsockets(echo)
            transport.write(self.ANSWER)
            return NOT_DONE_YET

        client = self.serve(call)
        client.sends(get())
        client.sends(b"abc")
        self.assertEqual(client.stream.sent, self.ANSWER + b"ABC")

    def test_flow(self) -> None:
        """
        Its producers are slowed down, and it slows down its client.
        """
        client, echo, _ = self.take()
        transport: Any = echo.transport
        producer = Pushing()
        transport.registerProducer(producer, True)
        client.stream.room = 0
        transport.write(b"x")
        client.stream.takes(10)
        self.assertEqual(producer.told, ["pause", "resume"])
        transport.pauseProducing()
        self.assertTrue(client.stream.isPaused)
        transport.resumeProducing()
        self.assertFalse(client.stream.isPaused)

    def test_close(self) -> None:
        """
        It ends the connection as it ends others.
        """
        client, echo, _ = self.take()
        transport: Any = echo.transport
        transport.loseConnection()
        self.assertEqual((client.stream.state, transport.disconnecting), ("closed", True))
        client.stream.ends()
        self.assertIsNotNone(echo.lost)
        client, echo, _ = self.take()
        transport = echo.transport
        transport.abortConnection()
        client.stream.turn()
        assert echo.lost is not None
        self.assertIsInstance(echo.lost.value, ConnectionLost)

    def test_drain(self) -> None:
        """
        A drain waits for it; an abort doesn't.
        """
        client, echo, _ = self.take()
        drained = client.entrance.drain()
        self.assertNoResult(drained)
        client.entrance.abort()
        client.stream.turn()
        self.successResultOf(drained)
        self.assertIsNotNone(echo.lost)

    def test_bytesWithoutHead(self) -> None:
        """
        Bytes without a head are the application's own, and the connection ends with them:
        they may be no response at all.
        """

        def call(request: Any) -> int | bytes:
            if request.uri == b"/first":
                return b"ok"
            request.startedWriting = 1
            request.write(b"HTTP 1.1 200 OK\n")
            request.channel.transport.loseConnection()
            request.finish()
            return NOT_DONE_YET

        client = self.serve(call)
        client.sends(get(target=b"/first") + get() + get())
        self.assertEqual(client.stream.writes[1:], [b"HTTP 1.1 200 OK\n"])
        self.assertEqual(client.stream.state, "closed")

    def test_statusByRequest(self) -> None:
        """
        A change of the protocol may be said by the request, too: with its framing, and without
        bytes that no field may have.
        """
        client, kept = self.keep()
        client.sends(get(), get())
        kept[0].setResponseCode(101, b"Now\r\n")
        kept[0].setHeader(b"connection", b"upgrade")
        kept[0].write(b"raw")
        self.assertTrue(client.stream.sent.startswith(b"HTTP/1.1 101 Now\r\n"))
        self.assertIn(b"Connection: upgrade", client.head)
        self.assertEqual(client.body, b"raw")
        client, kept = self.keep()
        client.sends(get())
        kept[0].setResponseCode(101)
        kept[0].setHeader(b"upgrade", b"a\x00b")
        kept[0].write(b"raw")
        kept[0].finish()
        self.assertEqual(client.head[0], b"500 Internal Server Error")
        self.assertNotIn(b"raw", client.body)
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    def test_interimIsNotFinal(self) -> None:
        """
        Behind an interim status a client waits for another: it gets the end.
        """
        client, kept = self.keep()
        client.sends(get())
        kept[0].setResponseCode(103, b"Early Hints")
        kept[0].setHeader(b"content-length", b"0")
        kept[0].finish()
        self.assertTrue(client.stream.sent.startswith(b"HTTP/1.1 103 Early Hints\r\n"))
        self.assertEqual(client.stream.state, "closed")

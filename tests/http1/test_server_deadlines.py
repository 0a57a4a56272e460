"""
What a client may take, phase by phase; and who isn't to blame.
"""

from __future__ import annotations

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from tests.http1.doubles import Conversation, ok
from twisted_multiserver.http1.connections import ServerLimits

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
LIMITS = ServerLimits(head=10, idle=75, stall=60)
# Longer than any limit, in seconds.
LONG = 300


class DeadlineTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.conversation = Conversation(LIMITS)
        self.stream = self.conversation.stream
        self.connection = self.conversation.connection

    def endsAfter(self, seconds: float, state: str) -> None:
        """
        The connection is open until then, and not much longer.
        """
        self.conversation.passes(seconds - 1)
        self.assertEqual(self.conversation.state, "open")
        self.conversation.passes(2)
        self.assertEqual(self.conversation.state, state)

    def buffers(self, size: int = 100) -> None:
        """
        An answer leaves so many bytes that the client doesn't take.
        """
        self.conversation.sends(GET)
        self.stream.room = 0
        self.connection.sendHead(200, b"OK", b"", None)
        self.connection.sendBody(b"x" * size)
        self.assertTrue(self.connection.buffered)


class IdleTests(DeadlineTests):
    def test_first(self) -> None:
        """
        A client that says nothing gets nothing.
        """
        self.endsAfter(75, "closed")
        self.assertEqual((self.conversation.sent, self.conversation.told), (b"", []))

    def test_between(self) -> None:
        """
        Each answer gives the whole time again.
        """
        self.conversation.responder.onRequest = ok
        for _ in range(3):
            self.conversation.passes(70)
            self.conversation.sends(GET)
        sent = self.conversation.sent
        self.endsAfter(75, "closed")
        self.assertEqual(self.conversation.sent, sent)

    def test_emptyLine(self) -> None:
        """
        A line's end behind a body is no begun request.
        """
        self.conversation.passes(70)
        self.conversation.sends(b"\r\n")
        self.conversation.passes(7)
        self.assertEqual((self.conversation.state, self.conversation.sent), ("closed", b""))

    def test_open(self) -> None:
        """
        Nobody hurries the answerer here.
        """
        self.conversation.sends(GET)
        self.conversation.passes(LONG)
        self.assertEqual(self.conversation.state, "open")
        ok(self.connection, self.conversation.responder.requests[0])
        self.endsAfter(75, "closed")

    def test_closed(self) -> None:
        """
        What is closed is left to the stream.
        """
        self.connection.drain()
        self.assertEqual(self.connection.deadline, inf)
        self.conversation.passes(LONG)
        self.assertEqual(self.conversation.state, "closed")


class HeadTests(DeadlineTests):
    def test_slow(self) -> None:
        """
        The time for a head runs from its first byte, and further ones don't stop it.
        """
        self.conversation.passes(70)
        self.conversation.sends(GET[:1])
        for at in range(1, 10):
            self.conversation.passes(1)
            self.conversation.sends(GET[at : at + 1])
        self.endsAfter(1, "closed")
        self.assertTrue(self.conversation.sent.startswith(b"HTTP/1.1 408 "))
        self.assertEqual(self.conversation.told, [])

    def test_inTime(self) -> None:
        self.conversation.sends(GET[:5])
        self.conversation.passes(9)
        self.conversation.sends(GET[5:])
        self.conversation.passes(LONG)
        self.assertEqual(self.conversation.told, ["GET /x"])
        self.assertEqual(self.conversation.state, "open")

    def test_pipelined(self) -> None:
        """
        A head that begins behind an open request has its time once that is answered.
        """
        self.conversation.sends(GET + GET[:5])
        self.conversation.passes(LONG)
        ok(self.connection, self.conversation.responder.requests[0])
        self.endsAfter(10, "closed")
        self.assertIn(b"HTTP/1.1 408 ", self.conversation.sent)

    def test_drained(self) -> None:
        """
        That the client takes the answer before it gives it no more time for a head that
        has begun.
        """
        self.buffers()
        self.connection.endResponse()
        self.conversation.sends(GET[:5])
        self.stream.takes(inf)
        self.conversation.passes(11)
        self.assertEqual(self.conversation.state, "closed")


class BodyTests(DeadlineTests):
    def test_stalled(self) -> None:
        self.conversation.sends(POST + b"he")
        self.endsAfter(60, "closed")
        self.assertTrue(self.conversation.sent.startswith(b"HTTP/1.1 408 "))
        self.assertEqual(self.conversation.told, ["POST /x", b"he", "gone"])
        self.stream.ends()
        self.assertEqual(self.conversation.told, ["POST /x", b"he", "gone"])

    def test_behindTheHead(self) -> None:
        """
        If the answer has begun it is cut.
        """
        self.conversation.sends(POST)
        self.connection.sendHead(200, b"OK", b"", None)
        self.endsAfter(60, "lost")
        self.assertEqual(self.conversation.told, ["POST /x", "gone"])
        self.assertEqual(self.conversation.sent.count(b"HTTP/1.1 "), 1)

    def test_slow(self) -> None:
        """
        Every piece gives the whole time again.
        """
        self.conversation.sends(POST)
        for at in range(5):
            self.conversation.passes(50)
            self.conversation.sends(b"hello"[at : at + 1])
        self.conversation.passes(LONG)
        self.assertEqual(self.conversation.told, ["POST /x", b"hello", ()])
        self.assertEqual(self.conversation.state, "open")

    def test_paused(self) -> None:
        """
        A client that isn't read can't send.
        """
        self.conversation.sends(POST)
        self.connection.pauseBody()
        self.conversation.passes(LONG)
        self.assertEqual(self.conversation.state, "open")
        self.connection.resumeBody()
        self.endsAfter(60, "closed")

    def test_pausedAndDrained(self) -> None:
        """
        Nor can it when it has just taken a piece of the answer.
        """
        self.conversation.sends(POST)
        self.connection.pauseBody()
        self.stream.room = 0
        self.connection.sendHead(200, b"OK", b"", None)
        self.stream.takes(inf)
        self.conversation.passes(LONG)
        self.assertEqual(self.conversation.state, "open")

    def test_drained(self) -> None:
        """
        But if it is read, it must go on.
        """
        self.conversation.sends(POST)
        self.stream.room = 0
        self.connection.sendHead(200, b"OK", b"", None)
        self.stream.takes(inf)
        self.endsAfter(60, "lost")


class WriteTests(DeadlineTests):
    def test_stalled(self) -> None:
        """
        A client that takes nothing is cut.
        """
        self.buffers()
        self.endsAfter(60, "lost")
        self.assertEqual(self.conversation.told, ["GET /x", "gone"])

    def test_slow(self) -> None:
        """
        One that takes something is not, however long it takes.
        """
        self.buffers()
        for _ in range(20):
            self.conversation.passes(50)
            self.stream.takes(1)
        self.assertEqual(self.conversation.state, "open")
        self.conversation.passes(121)
        self.assertEqual(self.conversation.state, "lost")

    def test_drained(self) -> None:
        self.buffers()
        self.conversation.passes(59)
        self.stream.takes(inf)
        self.conversation.passes(LONG)
        self.assertEqual(self.conversation.state, "open")

    def test_behindTheEnd(self) -> None:
        """
        The same holds for the last bytes of an answer; nothing is open then.
        """
        self.buffers()
        self.connection.endResponse()
        self.endsAfter(60, "lost")
        self.assertEqual(self.conversation.told, ["GET /x"])

    def test_thenIdle(self) -> None:
        self.buffers()
        self.connection.endResponse()
        self.conversation.passes(50)
        self.stream.takes(inf)
        self.endsAfter(75, "closed")

    def test_beforeTheClose(self) -> None:
        """
        And for those before a close: nobody holds a connection for ever by not reading.
        """
        self.conversation.sends(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        self.stream.room = 0
        self.connection.sendWhole(200, b"OK", b"", b"x" * 100)
        self.assertEqual((self.conversation.state, self.stream.pending > 100), ("closed", True))
        self.conversation.passes(2 * LONG)
        self.assertEqual(self.conversation.state, "lost")
        self.assertEqual(len(self.conversation.connections), 0)

    def test_slowBeforeTheClose(self) -> None:
        """
        One that takes it slowly gets all of it.
        """
        self.conversation.sends(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        self.stream.room = 0
        self.connection.sendWhole(200, b"OK", b"", b"x" * 10)
        while self.stream.pending:
            self.conversation.passes(50)
            self.stream.takes(1)
        self.assertTrue(self.conversation.sent.endswith(b"x" * 10))
        self.assertEqual(self.conversation.state, "closed")

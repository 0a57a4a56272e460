"""
How connections end: drained, aborted, left, or handed to another protocol.
"""

from __future__ import annotations

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from tests.http1.doubles import Conversation, FakeStream, ok

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"


class GoneTests(SynchronousTestCase):
    """
    The answerer hears once that a client has left, and only while something is open.
    """

    def test_open(self) -> None:
        for clean in (True, False):
            for data in (GET, POST, GET + GET):
                for isBegun in (True, False):
                    conversation = Conversation()
                    conversation.sends(data)
                    if isBegun:
                        conversation.connection.sendHead(200, b"OK", b"", None)
                    conversation.stream.ends(clean)
                    self.assertEqual(conversation.told.count("gone"), 1)
                    self.assertEqual(conversation.told[-1], "gone")
                    self.assertTrue(conversation.connection.isIdle)
                    self.assertEqual(len(conversation.connections), 0)

    def test_idle(self) -> None:
        for data in (b"", GET[:5], GET):
            conversation = Conversation()
            conversation.responder.onRequest = ok
            conversation.sends(*([data] if data else []))
            conversation.stream.ends()
            self.assertNotIn("gone", conversation.told)
            self.assertEqual(len(conversation.connections), 0)

    def test_aborted(self) -> None:
        conversation = Conversation()
        conversation.sends(GET)
        conversation.connection.abort()
        self.assertEqual(conversation.told, ["GET /x"])
        conversation.stream.turn()
        self.assertEqual(conversation.told, ["GET /x", "gone"])

    def test_closing(self) -> None:
        """
        What still happens on a connection that closes is nobody's business.
        """
        conversation = Conversation()
        conversation.sends(GET)
        conversation.connection.refuse(503)
        conversation.connection.dataReceived(GET)
        conversation.connection.streamDrained()
        conversation.connection.drain()
        conversation.stream.ends()
        self.assertEqual(conversation.told, ["GET /x"])

    def test_forgotten(self) -> None:
        """
        Nobody looks at the deadline of a connection that has gone.
        """
        conversation = Conversation()
        conversation.stream.ends()
        conversation.clock.pump([1, 1])
        self.assertEqual(conversation.clock.getDelayedCalls(), [])


class DrainTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.conversation = Conversation()
        self.drained: list[None] = []

    def drain(self) -> None:
        self.conversation.connections.drain(lambda: self.drained.append(None))

    def test_idle(self) -> None:
        """
        A connection without a request is closed at once.
        """
        self.drain()
        self.assertEqual((self.conversation.state, self.drained), ("closed", []))
        self.conversation.stream.ends()
        self.assertEqual(self.drained, [None])

    def test_answered(self) -> None:
        """
        An open request is answered, says that it is the last, and is.
        """
        self.conversation.sends(GET + GET)
        self.drain()
        self.assertEqual(self.conversation.state, "open")
        ok(self.conversation.connection, self.conversation.responder.requests[0])
        self.assertIn(b"Connection: close\r\n", self.conversation.sent)
        self.assertEqual(self.conversation.state, "closed")
        self.assertEqual(self.conversation.told, ["GET /x"])

    def test_begun(self) -> None:
        """
        So is one whose answer had begun before.
        """
        self.conversation.sends(GET + GET)
        self.conversation.connection.sendHead(200, b"OK", b"", None)
        self.drain()
        self.conversation.connection.sendBody(b"hello")
        self.conversation.connection.endResponse()
        self.assertTrue(self.conversation.sent.endswith(b"hello\r\n0\r\n\r\n"))
        self.assertEqual(self.conversation.state, "closed")
        self.assertEqual(self.conversation.told, ["GET /x"])

    def test_withABody(self) -> None:
        """
        An open request may bring the rest of its body.
        """
        self.conversation.responder.onEnd = ok
        self.conversation.sends(POST)
        self.drain()
        self.conversation.sends(b"lo")
        self.assertEqual(self.conversation.told, ["POST /x", b"hello", ()])
        self.assertIn(b"Connection: close\r\n", self.conversation.sent)
        self.assertEqual(self.conversation.state, "closed")

    def test_none(self) -> None:
        """
        Where nothing is open it is over at once.
        """
        self.conversation.stream.ends()
        self.drain()
        self.assertEqual(self.drained, [None])
        self.conversation.join()
        self.conversation.stream.ends()
        self.assertEqual(self.drained, [None])

    def test_last(self) -> None:
        """
        It is over when the last has gone, and is told once to each who asked.
        """
        first = self.conversation.stream
        self.conversation.join()
        second = self.conversation.stream
        self.assertEqual(len(self.conversation.connections), 2)
        self.drain()
        self.drain()
        first.ends()
        self.assertEqual(self.drained, [])
        second.ends()
        self.assertEqual(self.drained, [None, None])

    def test_late(self) -> None:
        """
        Who comes meanwhile is served once.
        """
        other = self.conversation.stream
        self.drain()
        self.conversation.join()
        other.ends()
        self.conversation.responder.onRequest = ok
        self.conversation.sends(GET)
        self.assertIn(b"Connection: close\r\n", self.conversation.sent)
        self.assertEqual(self.conversation.state, "closed")
        self.conversation.stream.ends()
        self.assertEqual(self.drained, [None])

    def test_abort(self) -> None:
        """
        All connections are cut, whatever they do.
        """
        streams: list[FakeStream] = []
        tolds: list[list[object]] = []
        for data in (b"", GET, POST, GET[:5]):
            self.conversation.join()
            streams.append(self.conversation.stream)
            tolds.append(self.conversation.told)
            self.conversation.sends(*([data] if data else []))
        self.drain()
        self.conversation.connections.abort()
        self.conversation.connections.abort()
        self.assertEqual({stream.state for stream in streams}, {"aborted"})
        for stream in streams:
            stream.turn()
        self.assertEqual([told.count("gone") for told in tolds], [0, 1, 1, 0])


class SwitchTests(SynchronousTestCase):
    REQUEST = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"

    def test_switched(self) -> None:
        """
        The stream goes to another, with all that has come on it, and time doesn't count.
        """
        for parts in ([self.REQUEST + b"abc"], [self.REQUEST, b"a", b"bc"]):
            conversation = Conversation()
            conversation.sends(*parts)
            request = conversation.responder.requests[0]
            self.assertEqual(request.wishes.upgrade, b"x")
            stream, ahead = conversation.connection.switch()
            self.assertIs(stream, conversation.stream)
            self.assertEqual(ahead, b"abc")
            self.assertEqual(conversation.connection.deadline, inf)
            conversation.passes(300)
            self.assertEqual(conversation.state, "open")
            self.assertEqual(len(conversation.connections), 1)
            conversation.connection.connectionLost(True)
            self.assertEqual(len(conversation.connections), 0)
            self.assertEqual(conversation.told.count("gone"), 1)

    def test_paused(self) -> None:
        """
        However much has come, the stream is read on by its new owner.
        """
        conversation = Conversation()
        sent = b"x" * 70000
        conversation.sends(self.REQUEST, sent, b"more")
        _, ahead = conversation.connection.switch()
        self.assertEqual(ahead, sent)
        self.assertFalse(conversation.stream.isPaused)

    def test_drain(self) -> None:
        """
        A drain leaves it alone.
        """
        conversation = Conversation()
        conversation.sends(self.REQUEST)
        conversation.connection.switch()
        conversation.connections.drain(lambda: None)
        self.assertEqual(conversation.state, "open")
        conversation.connections.abort()
        self.assertEqual(conversation.state, "aborted")

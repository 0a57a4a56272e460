"""
Bodies of requests: asked for, counted, paused, and refused.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.http1.doubles import Conversation, ok
from tests.http1.headstrategies import pieces
from twisted_multiserver.http1.connections import ServerLimits
from twisted_multiserver.http1.requests import CheckedRequest
from twisted_multiserver.http1.server import ServerConnection

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


def post(*lines: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    fields = b"".join(line + b"\r\n" for line in lines)
    return b"POST /x HTTP/%b\r\nHost: a\r\n%b\r\n%b" % (version, fields, body)


class ContinueTests(SynchronousTestCase):
    """
    RFC 9110 section 10.1.1.
    """

    WAITING = post(b"Content-Length: 5", b"Expect: 100-continue")

    def test_asked(self) -> None:
        """
        The client is asked once, when somebody wants the body.
        """
        conversation = Conversation()
        conversation.sends(self.WAITING)
        self.assertEqual(conversation.sent, b"")
        conversation.connection.sendContinue()
        self.assertEqual(conversation.sent, CONTINUE)
        conversation.connection.sendContinue()
        conversation.connection.sendInformational(100, b"Continue", b"")
        self.assertEqual(conversation.sent, CONTINUE)
        conversation.sends(b"hello")
        self.assertEqual(conversation.told, ["POST /x", b"hello", ()])

    def test_byTheBackend(self) -> None:
        conversation = Conversation()
        conversation.sends(self.WAITING)
        conversation.connection.sendInformational(100, b"Go on", b"A: b\r\n")
        self.assertEqual(conversation.sent, CONTINUE)

    def test_didNotWait(self) -> None:
        """
        A client whose body is there needs no more asking.
        """
        for parts in ([self.WAITING + b"h"], [self.WAITING, b"h"]):
            conversation = Conversation()
            conversation.sends(*parts)
            conversation.connection.sendContinue()
            self.assertEqual(conversation.sent, b"")

    def test_notAsked(self) -> None:
        """
        Whoever doesn't ask for it answers, and the body is never read.
        """
        conversation = Conversation()
        conversation.sends(self.WAITING)
        ok(conversation.connection, conversation.responder.requests[0])
        self.assertIn(b"Connection: close\r\n", conversation.sent)
        self.assertEqual(conversation.state, "closed")

    def test_notWaiting(self) -> None:
        """
        Old clients, and those without a body, don't wait.
        """
        for data in (
            post(b"Content-Length: 5"),
            post(b"Content-Length: 5", b"Expect: 100-continue", version=b"1.0"),
            post(b"Content-Length: 0", b"Expect: 100-continue"),
            post(b"Expect: 100-continue"),
        ):
            conversation = Conversation()
            conversation.sends(data)
            conversation.connection.sendContinue()
            self.assertEqual(conversation.sent, b"", data)

    def test_nextRequest(self) -> None:
        """
        Each request waits for itself.
        """
        conversation = Conversation()
        conversation.responder.onEnd = ok
        conversation.sends(self.WAITING)
        conversation.connection.sendContinue()
        conversation.sends(b"hello")
        before = conversation.sent
        conversation.sends(post(b"Content-Length: 5"))
        conversation.connection.sendContinue()
        self.assertEqual(conversation.sent, before)


class LimitTests(SynchronousTestCase):
    def limited(self, limit: int | None) -> Conversation:
        conversation = Conversation(ServerLimits(body=limit))
        conversation.responder.onEnd = ok
        return conversation

    def test_announced(self) -> None:
        """
        A body that says to be too long is not read, and nobody is told.
        """
        conversation = self.limited(5)
        conversation.sends(post(b"Content-Length: 6", body=b"hello!") + GET)
        self.assertTrue(conversation.sent.startswith(b"HTTP/1.1 413 "))
        self.assertEqual(conversation.told, [])
        self.assertEqual(conversation.state, "closed")

    def test_announcedByHEAD(self) -> None:
        conversation = self.limited(5)
        conversation.sends(b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n")
        self.assertTrue(conversation.sent.startswith(b"HTTP/1.1 413 "))
        self.assertTrue(conversation.sent.endswith(b"\r\n\r\n"))

    def test_chunked(self) -> None:
        """
        A body that turns out to be too long is given up there.
        """
        data = post(b"Transfer-Encoding: chunked", body=b"3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n")
        for cut in range(1, len(data)):
            conversation = self.limited(5)
            conversation.sends(*pieces(data, [cut]))
            self.assertTrue(conversation.sent.startswith(b"HTTP/1.1 413 "), cut)
            self.assertEqual(conversation.told[0], "POST /x")
            self.assertEqual(conversation.told[-1], "gone")
            self.assertEqual(conversation.told.count("gone"), 1)
            self.assertEqual(conversation.state, "closed")
            conversation.stream.ends()
            self.assertEqual(conversation.told.count("gone"), 1)

    def test_announcedByAChunk(self) -> None:
        """
        A chunk that would be too much isn't waited for; one that fits is.
        """
        conversation = self.limited(5)
        conversation.sends(post(b"Transfer-Encoding: chunked"), b"3\r\nhel\r\n", b"2\r\n")
        self.assertEqual(conversation.sent, b"")
        self.assertEqual(conversation.told, ["POST /x", b"hel"])
        conversation = self.limited(5)
        conversation.sends(post(b"Transfer-Encoding: chunked"), b"3\r\nhel\r\n", b"3\r\n")
        self.assertTrue(conversation.sent.startswith(b"HTTP/1.1 413 "))
        self.assertEqual(conversation.told, ["POST /x", b"hel", "gone"])
        self.assertEqual(conversation.state, "closed")

    def test_behindTheHead(self) -> None:
        """
        If the answer has begun it is cut.
        """
        conversation = self.limited(5)
        conversation.sends(post(b"Transfer-Encoding: chunked"))
        conversation.connection.sendHead(200, b"OK", b"", None)
        conversation.sends(b"6\r\nhello!\r\n")
        self.assertEqual(conversation.state, "lost")
        self.assertEqual(conversation.told, ["POST /x", "gone"])
        self.assertEqual(conversation.sent.count(b"HTTP/1.1 "), 1)

    def test_exactly(self) -> None:
        for limit in (5, 6, None):
            for data in (
                post(b"Content-Length: 5", body=b"hello"),
                post(b"Transfer-Encoding: chunked", body=b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
            ):
                conversation = self.limited(limit)
                conversation.sends(data + data)
                self.assertEqual(conversation.told, ["POST /x", b"hello", ()] * 2)


class MalformedTests(SynchronousTestCase):
    def test_refused(self) -> None:
        """
        The request can't be believed any more, nor can anything behind it.
        """
        data = post(b"Transfer-Encoding: chunked", body=b"3\r\nhel\r\nx\r\n") + GET
        for cut in range(1, len(data)):
            conversation = Conversation()
            conversation.sends(*pieces(data, [cut]))
            self.assertTrue(conversation.sent.startswith(b"HTTP/1.1 400 "), cut)
            self.assertEqual(conversation.sent.count(b"HTTP/1.1 "), 1)
            self.assertEqual(conversation.told[0], "POST /x")
            self.assertEqual(conversation.told.count("gone"), 1)
            self.assertEqual(conversation.state, "closed")
            conversation.stream.ends()
            self.assertEqual(conversation.told.count("gone"), 1)

    def test_behindTheHead(self) -> None:
        conversation = Conversation()
        conversation.sends(post(b"Transfer-Encoding: chunked"))
        conversation.connection.sendHead(200, b"OK", b"", None)
        conversation.sends(b"x\r\n")
        self.assertEqual(conversation.state, "lost")
        self.assertEqual(conversation.told, ["POST /x", "gone"])

    def test_trailers(self) -> None:
        body = b"1\r\nx\r\n0\r\nA: b\r\nC:d\r\n\r\n"
        conversation = Conversation()
        conversation.sends(post(b"Transfer-Encoding: chunked", body=body))
        self.assertEqual(conversation.told, ["POST /x", b"x", ((b"A", b"b"), (b"C", b"d"))])


class PaceTests(SynchronousTestCase):
    """
    A body is taken no faster than somebody wants it.
    """

    def test_paused(self) -> None:
        conversation = Conversation()
        conversation.sends(post(b"Content-Length: 5", body=b"he"))
        conversation.connection.pauseBody()
        conversation.sends(b"ll", b"o")
        self.assertEqual(conversation.told, ["POST /x", b"he"])
        conversation.connection.resumeBody()
        conversation.stream.turn()
        self.assertEqual(conversation.told, ["POST /x", b"hello", ()])

    def test_atTheLastPiece(self) -> None:
        """
        Whoever pauses at the last piece of a body doesn't stop the next request.
        """

        def pause(connection: ServerConnection, request: CheckedRequest) -> None:
            connection.pauseBody()

        for parts in ([b"hello"], [b"he", b"llo"]):
            conversation = Conversation()
            conversation.sends(post(b"Content-Length: 5"), *parts[:-1])
            conversation.responder.onBody = pause
            conversation.sends(parts[-1])
            conversation.connection.resumeBody()
            ok(conversation.connection, conversation.responder.requests[0])
            conversation.sends(GET)
            self.assertEqual(conversation.told, ["POST /x", b"hello", (), "GET /x"])

    def test_neverResumed(self) -> None:
        """
        An answer ends the pause, if the body is whole.
        """

        def pause(connection: ServerConnection, request: CheckedRequest) -> None:
            connection.pauseBody()

        conversation = Conversation()
        conversation.responder.onBody = pause
        conversation.sends(post(b"Content-Length: 5"), b"hello")
        ok(conversation.connection, conversation.responder.requests[0])
        conversation.sends(GET)
        self.assertEqual(conversation.told[-1], "GET /x")

    def test_answeredAtOnce(self) -> None:
        """
        Nor does one who pauses, and answers as soon as the body is whole.
        """

        def pause(connection: ServerConnection, request: CheckedRequest) -> None:
            connection.pauseBody()

        for parts in (
            [post(b"Content-Length: 5", body=b"hello")],
            [post(b"Content-Length: 5"), b"hello"],
            [post(b"Content-Length: 5", body=b"hello") + GET[:5]],
        ):
            conversation = Conversation()
            conversation.responder.onBody = pause
            conversation.responder.onEnd = ok
            conversation.sends(*parts)
            self.assertFalse(conversation.stream.isPaused, parts)

    def test_withoutABody(self) -> None:
        """
        There is nothing to be paused.
        """
        conversation = Conversation()
        conversation.sends(GET)
        conversation.connection.pauseBody()
        self.assertFalse(conversation.stream.isPaused)
        conversation.connection.resumeBody()

    def test_drained(self) -> None:
        """
        The answerer hears when the client takes more.
        """
        conversation = Conversation()
        conversation.stream.room = 10
        conversation.sends(GET)
        conversation.connection.sendHead(200, b"OK", b"", None)
        self.assertTrue(conversation.connection.buffered)
        conversation.stream.takes(10)
        self.assertEqual(conversation.told, ["GET /x"])
        conversation.stream.takes(1000)
        self.assertEqual(conversation.told, ["GET /x", "drained"])
        self.assertFalse(conversation.connection.buffered)

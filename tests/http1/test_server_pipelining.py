"""
Requests that come before the answers to those before them (RFC 9112 section 9.3.2).
"""

from __future__ import annotations

import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.http1.doubles import Conversation, ok
from tests.http1.headstrategies import pieces
from twisted_multiserver.http1.requests import CheckedRequest
from twisted_multiserver.http1.server import ServerConnection

_AHEAD = 65536


def get(number: int) -> bytes:
    return b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number


def post(number: int) -> bytes:
    return b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" % number


def chunkedPost(number: int) -> bytes:
    return (
        b"POST /%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n0\r\n\r\n" % number
    )


def answer(number: int) -> bytes:
    target = b"/%d" % number
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(target), target)


def answers(count: int) -> bytes:
    """
    @return: what a client gets that has sent so many requests.
    """
    return b"".join(map(answer, range(count)))


class SynchronousTests(SynchronousTestCase):
    """
    Whoever answers does so at once.
    """

    def setUp(self) -> None:
        self.conversation = Conversation()

        def okIfWhole(connection: ServerConnection, request: CheckedRequest) -> None:
            if request.length == 0:
                ok(connection, request)

        self.conversation.responder.onRequest = okIfWhole
        self.conversation.responder.onEnd = ok

    def test_thousand(self) -> None:
        """
        So many need no deeper stack than two.
        """
        depths = []

        def okAndLook(connection: ServerConnection, request: CheckedRequest) -> None:
            depth, frame = 0, sys._getframe()
            while frame.f_back is not None:
                depth, frame = depth + 1, frame.f_back
            depths.append(depth)
            ok(connection, request)

        self.conversation.responder.onRequest = okAndLook
        self.conversation.sends(b"".join(map(get, range(1000))))
        self.assertEqual(self.conversation.sent, answers(1000))
        self.assertEqual(len(set(depths)), 1)

    def test_everyCut(self) -> None:
        """
        Wherever the bytes are cut, every request is answered, in order, at once.
        """
        for kinds in (
            (get, get, get),
            (get, post, get),
            (post, post, get),
            (chunkedPost, get, post),
            (post, chunkedPost, chunkedPost),
        ):
            data = b"".join(kind(number) for number, kind in enumerate(kinds))
            for cut in range(1, len(data)):
                self.setUp()
                self.conversation.sends(*pieces(data, [cut]))
                self.assertEqual(self.conversation.sent, answers(3), (kinds, cut))
                self.assertTrue(self.conversation.connection.isIdle)
            self.setUp()
            self.conversation.sends(*pieces(data, list(range(1, len(data)))))
            self.assertEqual(self.conversation.sent, answers(3), kinds)

    def test_behindABody(self) -> None:
        """
        A request that comes with the end of a body is not forgotten, nor overtaken.
        """
        head, body = post(0)[:-5], post(0)[-5:]
        self.conversation.sends(head, body + get(1))
        self.assertEqual(self.conversation.sent, answers(2))
        self.conversation.sends(get(2))
        self.assertEqual(self.conversation.sent, answers(3))

    def test_closing(self) -> None:
        """
        Nothing behind a request that closes is looked at.
        """
        last = b"GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        self.conversation.sends(get(0) + last + get(2), get(3))
        self.assertEqual(
            [one.target for one in self.conversation.responder.requests], [b"/0", b"/1"]
        )
        self.assertEqual(self.conversation.state, "closed")


class AsynchronousTests(SynchronousTestCase):
    """
    Whoever answers takes some time.
    """

    def setUp(self) -> None:
        self.conversation = Conversation()

    def answerNext(self) -> None:
        requests = self.conversation.responder.requests
        ok(self.conversation.connection, requests[-1])

    def test_oneAtATime(self) -> None:
        """
        The next is shown once the one before it is answered.
        """
        self.conversation.sends(get(0) + get(1), get(2) + get(3)[:9], get(3)[9:])
        for number in range(4):
            self.assertEqual(len(self.conversation.responder.requests), number + 1)
            self.answerNext()
        self.assertEqual(self.conversation.sent, answers(4))
        self.assertTrue(self.conversation.connection.isIdle)

    def test_bodies(self) -> None:
        """
        What is behind a body waits as well.
        """
        data = post(0) + chunkedPost(1) + get(2)
        for cut in range(1, len(data)):
            self.setUp()
            self.conversation.sends(*pieces(data, [cut]))
            for number in range(3):
                self.assertEqual(len(self.conversation.responder.requests), number + 1, cut)
                self.answerNext()
            self.assertEqual(self.conversation.sent, answers(3), cut)
            self.assertEqual(
                self.conversation.told, ["POST /0", b"hello", (), "POST /1", b"hello", (), "GET /2"]
            )

    def test_thousand(self) -> None:
        """
        Those that wait are answered at once when that is possible again, without a deeper
        stack.
        """
        data = b"".join(map(get, range(1000)))
        self.conversation.sends(data)
        self.conversation.responder.onRequest = ok
        limit = sys.getrecursionlimit()
        self.addCleanup(sys.setrecursionlimit, limit)
        depth, frame = 0, sys._getframe()
        while frame.f_back is not None:
            depth, frame = depth + 1, frame.f_back
        sys.setrecursionlimit(depth + 60)
        self.answerNext()
        sys.setrecursionlimit(limit)
        self.assertEqual(self.conversation.sent, answers(1000))

    def test_backPressure(self) -> None:
        """
        Not more is read than so much ahead of the answers.
        """
        stream = self.conversation.stream
        self.conversation.sends(get(0))
        size = len(get(1000))
        batch = b"".join(get(1000 + number) for number in range(_AHEAD // size))
        self.conversation.sends(batch)
        self.assertFalse(stream.isPaused)
        self.conversation.sends(get(9998), get(9999), get(9997))
        self.assertTrue(stream.isPaused)
        self.assertEqual(len(self.conversation.responder.requests), 1)
        self.answerNext()
        self.assertFalse(stream.isPaused)
        self.conversation.responder.onRequest = ok
        self.answerNext()
        stream.turn()
        targets = [request.target for request in self.conversation.responder.requests]
        self.assertEqual(len(targets), _AHEAD // size + 4)
        self.assertEqual(targets[-3:], [b"/9998", b"/9999", b"/9997"])

    def test_pausedAgain(self) -> None:
        """
        Back-pressure holds for each request anew, and nothing is lost by it.
        """
        self.conversation.sends(get(0))
        stream = self.conversation.stream
        big = b"GET /%d HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40000 + b"\r\n\r\n"
        self.conversation.sends(*[big % number for number in range(1, 6)])
        self.assertTrue(stream.isPaused)
        for number in range(6):
            self.assertEqual(self.conversation.responder.requests[-1].target, b"/%d" % number)
            self.answerNext()
            stream.turn()
        self.assertFalse(stream.isPaused)
        self.assertEqual(self.conversation.sent, answers(6))

    def test_left(self) -> None:
        """
        A client that leaves takes its waiting requests with it.
        """
        self.conversation.sends(get(0) + get(1))
        self.conversation.stream.ends()
        self.assertEqual(self.conversation.told, ["GET /0", "gone"])

"""
Requests that a server's connection refuses, or that are answered too early to go on.
"""

from __future__ import annotations

import h11
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.doubles import Conversation, ok
from tests.http1.test_server_responses import GET, Way, understood
from twisted_multiserver.http1.requests import CheckedRequest
from twisted_multiserver.http1.server import ServerConnection


class RefuseTests(SynchronousTestCase):
    def test_byTheResponder(self) -> None:
        """
        It is told nothing more, and the connection closes.
        """
        for method, hasBody in ((b"GET", True), (b"HEAD", False)):
            conversation = Conversation()
            conversation.sends(b"%b / HTTP/1.1\r\nHost: a\r\n\r\n" % method, GET)
            conversation.connection.refuse(503)
            events, rest = understood(conversation.sent, method, True)
            response = events[0]
            assert isinstance(response, h11.Response)
            self.assertEqual(response.status_code, 503)
            self.assertIn((b"connection", b"close"), list(response.headers))
            self.assertEqual(len(events), 3 if hasBody else 2)
            self.assertEqual(rest, b"")
            self.assertEqual(conversation.state, "closed")
            conversation.stream.ends()
            self.assertEqual(len(conversation.told), 1)

    def test_badRequests(self) -> None:
        """
        A request that can't be believed gets an answer, and nothing behind it is read.
        """
        for data, status in (
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
            (b"\x16\x03\x01\x02\x00", 400),
            (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
            (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417),
        ):
            conversation = Conversation()
            conversation.responder.onRequest = ok
            conversation.sends(GET + data + GET, GET)
            self.assertEqual(conversation.told, ["GET /x"], data)
            first, rest = understood(conversation.sent)
            self.assertEqual(len(first), 3)
            events, rest = understood(rest, isEnd=True)
            response = events[0]
            assert isinstance(response, h11.Response)
            self.assertEqual(response.status_code, status)
            self.assertIn((b"connection", b"close"), list(response.headers))
            self.assertEqual(rest, b"")
            self.assertEqual(conversation.state, "closed")
            conversation.stream.ends()
            self.assertEqual(conversation.told, ["GET /x"])

    def test_order(self) -> None:
        """
        The refusal of a pipelined request comes behind the answers before it.
        """
        conversation = Conversation()
        conversation.sends(GET + b"GET / HTTP/3.0\r\nHost: a\r\n\r\n")
        self.assertEqual(conversation.sent, b"")
        ok(conversation.connection, conversation.responder.requests[0])
        self.assertIn(b"HTTP/1.1 505 ", conversation.sent)
        self.assertLess(conversation.sent.index(b"200 OK"), conversation.sent.index(b" 505 "))


class EarlyTests(SynchronousTestCase):
    """
    Answers before the request's body is whole.
    """

    def test_closes(self) -> None:
        """
        What is missing of the body would be taken for the next request.
        """
        for framing in (b"Content-Length: 5", b"Transfer-Encoding: chunked"):
            for isWhole in (True, False):
                conversation = Conversation()
                conversation.sends(b"POST /x HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % framing)
                way = Way(b"1.1", b"", b"POST", 200, None, isWhole)
                way.answer(conversation.connection)
                self.assertIn(b"Connection: close\r\n", conversation.sent)
                self.assertEqual(conversation.state, "closed")
                conversation.sends(GET)
                self.assertEqual(conversation.told, ["POST /x"])

    def test_inTheMiddle(self) -> None:
        """
        As soon as it has answered, the answerer hears nothing more.
        """

        def answer(connection: ServerConnection, request: CheckedRequest) -> None:
            connection.sendWhole(200, b"OK", b"", b"")

        for data in (
            b"Content-Length: 5\r\n\r\nhello" + GET,
            b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n" + GET,
        ):
            for where in ("onRequest", "onBody"):
                conversation = Conversation()
                setattr(conversation.responder, where, answer)
                conversation.sends(b"POST /x HTTP/1.1\r\nHost: a\r\n" + data)
                if where == "onRequest":
                    self.assertEqual(conversation.told, ["POST /x"])
                self.assertEqual(len(conversation.responder.requests), 1)
                self.assertNotIn((), conversation.told)
                self.assertEqual(conversation.state, "closed")
                self.assertEqual(conversation.sent.count(b"HTTP/1.1 "), 1)

    def test_headOnly(self) -> None:
        """
        An answer that began before the body was whole closes, though the body becomes
        whole before the answer does.
        """
        conversation = Conversation()
        conversation.sends(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        conversation.connection.sendHead(200, b"OK", b"", 2)
        self.assertIn(b"Connection: close\r\n", conversation.sent)
        conversation.sends(b"hello" + GET)
        self.assertEqual(conversation.told, ["POST /x", b"hello", ()])
        conversation.connection.sendBody(b"ok")
        conversation.connection.endResponse()
        self.assertEqual(conversation.state, "closed")
        self.assertEqual(len(conversation.responder.requests), 1)

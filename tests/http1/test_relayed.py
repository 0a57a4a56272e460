"""
What is passed on as it came says the same as what is made anew.
"""

from __future__ import annotations

from hypothesis import event, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.doubles import Conversation
from tests.http1.headstrategies import requestHeads, responseHeads
from tests.http1.samples import REQUESTS, RESPONSES, head
from twisted_multiserver.http1.connections import ServerLimits
from twisted_multiserver.http1.forwarding import VIA, ClientView, linesForClient, upstreamHead
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.plainrequests import BareRequest, readPlainRequest
from twisted_multiserver.http1.requestreader import RequestReader, parseRequest
from twisted_multiserver.http1.requests import checkRequest
from twisted_multiserver.http1.responseframing import frameResponse
from twisted_multiserver.http1.responsereader import parseResponse
from twisted_multiserver.http1.wholeresponses import readWhole

CLIENT = ClientView("192.0.2.1", True, b"listener:8080")
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class RequestTests(SynchronousTestCase):
    def same(self, data: bytes) -> bool:
        """
        @param data: bytes that begin with a head.
        @return: whether it is a bare request.
        """
        plain = readPlainRequest(data)
        if plain is None:
            return False
        judged = checkRequest(parseRequest(data[: data.index(b"\r\n\r\n") + 4]))
        expected = upstreamHead(judged, CLIENT)
        self.assertEqual(upstreamHead(plain, CLIENT), expected)
        for arguments in ((b"/x", b"/app"), (None, b"", b"sid"), (None, b"", b"theme")):
            self.assertEqual(
                upstreamHead(plain, CLIENT, *arguments), upstreamHead(judged, CLIENT, *arguments)
            )
        isBare = type(plain) is BareRequest
        if isBare:
            self.assertEqual(plain.lines + CLIENT.tail(plain.host), expected)
        return isBare

    def test_real(self) -> None:
        """
        A backend gets the same bytes, whichever way a head was read.
        """
        bare = [name for name, data in REQUESTS.items() if self.same(data)]
        self.assertGreater(len(bare), len(REQUESTS) // 4)

    @settings(deadline=None, max_examples=600)
    @given(requestHeads())
    def test_mutated(self, data: bytes) -> None:
        event(f"bare: {self.same(data)}")

    def test_tails(self) -> None:
        """
        Only the latest host is remembered.
        """
        for host in (b"a", b"b", b"b", b"a"):
            self.assertIn(b"X-Forwarded-Host: %b\r\n\r\n" % host, CLIENT.tail(host))


def fieldsOf(data: bytes) -> tuple[int, bytes, Fields, bytes]:
    """
    @return: status, reason, sorted fields and body of a response.
    """
    start, _, body = data.partition(b"\r\n\r\n")
    response = parseResponse(start)
    return response.status, response.reason, tuple(sorted(response.fields)), body


class ResponseTests(SynchronousTestCase):
    def same(self, data: bytes, isHead: bool = False) -> bool:
        """
        @param data: a response.
        @return: whether it can be passed on.
        """
        whole = readWhole(data, isHead)
        relayed = b"" if whole is None else whole.passedOn(VIA)
        if whole is None or not relayed:
            return False
        (found, _) = RequestReader().receive(
            GET.replace(b"GET", b"HEAD" if isHead else b"GET")
        ) or (None, b"")
        assert found is not None
        made = whole.head
        length = made.length if made.length >= 0 else None
        framing = frameResponse(found, made.status, length, True)[0]
        anew = b"HTTP/1.1 %d %b\r\n%b%b\r\n%b" % (
            made.status,
            made.reason,
            linesForClient(made),
            framing,
            whole.body,
        )
        status, reason, fields, body = fieldsOf(anew)
        self.assertEqual(
            (status, reason, body), (whole.status, made.reason, data.partition(b"\r\n\r\n")[2])
        )
        got = fieldsOf(relayed)
        # A length is a number, however it is written.
        plain = [
            (n.lower(), v.lstrip(b"0") or b"0") if n.lower() == b"content-length" else (n, v)
            for n, v in got[2]
        ]
        wanted = [(n.lower(), v) if n.lower() == b"content-length" else (n, v) for n, v in fields]
        self.assertEqual(sorted(plain), sorted(wanted), data)
        self.assertEqual((got[0], got[1], got[3]), (status, reason, body))
        return True

    def test_real(self) -> None:
        """
        What servers really send, but without a body, since their answer is to a HEAD.
        """
        relayed = [name for name, data in RESPONSES.items() if self.same(data, True)]
        self.assertGreater(len(relayed), len(RESPONSES) // 3)

    @settings(deadline=None, max_examples=600)
    @given(responseHeads(), st.sampled_from([b"", b"hello"]), st.booleans())
    def test_mutated(self, start: bytes, body: bytes, isHead: bool) -> None:
        event(f"relayed: {self.same(start + body, isHead)}")

    def test_placesOfConnection(self) -> None:
        date, length = "Date: Wed, 21 Aug 2024 10:11:12 GMT", "Content-Length: 5"
        for name in ("keep-alive", "close", "Keep-Alive"):
            line = f"Connection: {name}"
            for lines in (
                (line, date, length),
                (date, line, length, "X: y"),
                (date, length, line),
                (length, "X: y", line, date),
                (date, "Keep-Alive: timeout=5", line, length),
                (date, length, line, "Keep-Alive: timeout=5", "X: y"),
                (date, length),
            ):
                whole = readWhole(head("HTTP/1.1 404 Not Found", *lines) + b"hello", False)
                assert whole is not None
                self.assertEqual(whole.persists, name != "close" or line not in lines)
                self.assertTrue(self.same(head("HTTP/1.1 404 Not Found", *lines) + b"hello"))

    def test_notSo(self) -> None:
        """
        What lacks a Date gets one, what must not have a length loses it, and a length isn't
        told of a body that isn't there as chunks: that is made anew.
        """
        date = "Date: Wed, 21 Aug 2024 10:11:12 GMT"
        for data, isHead in (
            (head("HTTP/1.1 200 OK", "Content-Length: 0"), False),
            (head("HTTP/1.1 200 OK", "Content-Length: 8") + b"\nDate: x", False),
            (head("HTTP/1.1 204 No Content", date, "Content-Length: 0"), False),
            (head("HTTP/1.1 200 OK", date, "Transfer-Encoding: chunked"), True),
        ):
            whole = readWhole(data, isHead)
            assert whole is not None
            self.assertEqual(whole.passedOn(VIA), b"")
        for data, isHead in (
            (head("HTTP/1.1 204 No Content", date), False),
            (head("HTTP/1.1 304 Not Modified", date, "Content-Length: 7"), False),
            (head("HTTP/1.1 200 OK", "date: x", "Content-Length: 7"), True),
        ):
            self.assertTrue(self.same(data, isHead))

    def test_twoConnections(self) -> None:
        """
        Two of them are for the judge.
        """
        for first in ("close", "keep-alive"):
            for second in ("close", "keep-alive"):
                lines = (f"Connection: {first}", "Content-Length: 0", f"Connection: {second}")
                self.assertIsNone(readWhole(head("HTTP/1.1 200 OK", *lines), False))


class SendTests(SynchronousTestCase):
    DATA = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def setUp(self) -> None:
        self.conversation = Conversation()
        self.connection = self.conversation.connection
        self.stream = self.conversation.stream

    def sent(self, data: bytes) -> bool:
        """
        @param data: from the client.
        @return: whether a response could be sent as it is.
        """
        self.conversation.sends(data)
        self.assertFalse(self.connection.isIdle)
        sent = self.connection.sendRelayed(self.DATA)
        self.assertEqual(self.stream.sent, self.DATA if sent else b"")
        return sent

    def test_sent(self) -> None:
        self.assertTrue(self.sent(GET))
        self.assertTrue(self.connection.isIdle)
        self.assertEqual(self.connection.deadline, ServerLimits().idle)

    def test_pipelined(self) -> None:
        """
        The next request begins.
        """
        self.assertTrue(self.sent(GET + GET))
        self.assertFalse(self.connection.isIdle)

    def test_closes(self) -> None:
        self.assertFalse(self.sent(GET[:-2] + b"Connection: close\r\n\r\n"))

    def test_old(self) -> None:
        self.assertFalse(self.sent(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"))

    def test_bodyIsComing(self) -> None:
        """
        What is missing of a body would be taken for the next request.
        """
        self.assertFalse(self.sent(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx"))

    def test_draining(self) -> None:
        self.conversation.sends(GET)
        self.conversation.connections.drain(lambda: None)
        self.assertFalse(self.connection.sendRelayed(self.DATA))

    def test_slowClient(self) -> None:
        """
        Its deadline is that of a client that takes nothing.
        """
        self.conversation.sends(GET)
        self.stream.room = 3
        self.assertTrue(self.connection.sendRelayed(self.DATA))
        self.assertEqual(self.connection.deadline, ServerLimits().stall)

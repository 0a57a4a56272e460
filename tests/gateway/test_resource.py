"""
The resource face: what a client sends and gets, what a backend gets.
"""

from __future__ import annotations

from typing import cast

from twisted.internet import address
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.logger import LogLevel
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.gateway.doubles import OK
from tests.gateway.face import FaceCase
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.resource import GatewayResource
from twisted_multiserver.streams.sweep import INTERVAL


class ResourceTests(FaceCase):
    """
    Without a fallback.
    """

    def test_response(self) -> None:
        """
        The backend's words, no others but Via and what it left out.
        """
        self.send(b"GET / HTTP/1.1")
        status, fields, body = self.answer(
            b"HTTP/1.1 299 Fine So Far\r\nServer: theirs\r\nSet-Cookie: a=1\r\nX-A: 1\r\n"
            b"Set-Cookie: b=2\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nx-a: 2\r\n"
            b"Content-Length: 2\r\n\r\nok"
        )
        self.assertEqual((status, body), (b"HTTP/1.1 299 Fine So Far", b"ok"))
        self.assertEqual(
            sorted(fields),
            [
                b"Content-Length: 2",
                b"Date: Mon, 01 Jan 2024 00:00:00 GMT",
                b"Server: theirs",
                b"Set-Cookie: a=1",
                b"Set-Cookie: b=2",
                b"Via: 1.1 twisted_multiserver",
                b"X-A: 1",
                b"X-A: 2",
            ],
        )

    def test_bareResponse(self) -> None:
        """
        A Date is added; no Server, no Content-Type.
        """
        self.send(b"GET / HTTP/1.1")
        _, fields, _ = self.answer(OK)
        names = [field.partition(b":")[0] for field in fields]
        self.assertEqual(sorted(names), [b"Content-Length", b"Date", b"Via"])

    def test_keptAlive(self) -> None:
        """
        One client connection carries one request after the other.
        """
        for path in (b"/1", b"/2"):
            sent = self.send(b"GET " + path + b" HTTP/1.1")
            self.assertTrue(sent.startswith(b"GET " + path + b" HTTP/1.1\r\n"))
            self.assertEqual(self.answer(OK)[2], b"ok")
        self.assertEqual(len(self.stage.dialers["a"].streams), 1)
        self.assertFalse(self.transport.disconnecting)

    def test_framing(self) -> None:
        """
        It is made anew on either side.
        """
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        self.send(b"GET / HTTP/1.1")
        _, fields, body = self.answer(chunked)
        self.assertEqual(body, b"2\r\nok\r\n0\r\n\r\n")
        self.assertIn(b"Transfer-Encoding: chunked", fields)
        self.send(b"GET / HTTP/1.1")
        _, fields, body = self.answer(OK.replace(b"-Length: 2", b"-Length: 2\r\nCONTENT-LENGTH: 2"))
        self.assertEqual([f for f in fields if b"ength" in f], [b"Content-Length: 2"])
        self.connect()
        self.send(b"GET / HTTP/1.0")
        _, fields, body = self.answer(chunked)
        self.assertEqual(body, b"ok")
        self.assertNotIn(b"Transfer-Encoding: chunked", fields)
        self.assertTrue(self.transport.disconnecting)

    def test_untilClose(self) -> None:
        """
        A body without a length is chunked for a client that knows that.
        """
        self.send(b"GET / HTTP/1.1")
        self.stage.stream("a").receives(b"HTTP/1.1 200 OK\r\n\r\nall")
        self.stage.stream("a").ends(clean=True)
        self.assertEqual(self.received()[2], b"3\r\nall\r\n0\r\n\r\n")

    def test_bodiless(self) -> None:
        for method, data, length in (
            (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", [b"Content-Length: 50"]),
            (b"HEAD", b"HTTP/1.1 200 OK\r\n\r\n", []),
            (b"GET", b"HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", []),
            (b"GET", b"HTTP/1.1 304 No\r\nContent-Length: 50\r\n\r\n", [b"Content-Length: 50"]),
            (b"GET", b"HTTP/1.1 304 No\r\nETag: x\r\n\r\n", []),
        ):
            self.connect()
            self.send(method + b" / HTTP/1.1")
            _, fields, body = self.answer(data)
            self.assertEqual(body, b"")
            self.assertEqual([f for f in fields if f.startswith(b"Content-Length")], length)
            self.assertNotIn(b"Transfer-Encoding: chunked", fields)
            self.assertFalse(self.transport.disconnecting)

    def test_headAtOnce(self) -> None:
        """
        A head without a body for now is sent (an event stream's).
        """
        self.send(b"GET / HTTP/1.1")
        status, _, body = self.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.assertEqual((status, body), (b"HTTP/1.1 200 OK", b""))

    def test_target(self) -> None:
        """
        What lies above the mount point is stripped; nothing else is touched.
        """
        self.connect(b"a pp")
        sent = self.send(b"GET /a%20pp/x%2Fy//%41/?q=/a%20pp/&%20 HTTP/1.1")
        self.assertTrue(sent.startswith(b"GET /x%2Fy//%41/?q=/a%20pp/&%20 HTTP/1.1\r\n"))
        self.assertIn(b"\r\nX-Forwarded-Prefix: /a%20pp\r\n", sent)
        self.answer(OK)
        self.assertTrue(self.send(b"GET /a%20pp HTTP/1.1").startswith(b"GET / HTTP/1.1\r\n"))
        self.answer(OK)
        self.connect()
        sent = self.send(b"GET http://other:81/x?y HTTP/1.1")
        self.assertTrue(sent.startswith(b"GET /x?y HTTP/1.1\r\nHost: other:81\r\n"))
        self.assertNotIn(b"Prefix", sent)

    def test_whoIsAsking(self) -> None:
        """
        The client's address is ours to say; a client that names no host came to the
        listener's address.
        """
        for peer, host, view in (
            (
                address.IPv4Address("TCP", "203.0.113.9", 5),
                address.IPv4Address("TCP", "10.0.0.1", 8080),
                (b"203.0.113.9", b"10.0.0.1:8080"),
            ),
            (
                address.IPv6Address("TCP", "2001:db8::9", 5),
                address.IPv6Address("TCP", "::1", 8080),
                (b"2001:db8::9", b"[::1]:8080"),
            ),
            (address.UNIXAddress(b"/c"), address.UNIXAddress(b"/s"), (None, b"localhost")),
        ):
            self.connect(transport=StringTransport(host, peer))
            sent = self.send(b"GET / HTTP/1.0", b"X-Forwarded-For: 6.6.6.6", host=False)
            self.assertIn(b"\r\nHost: " + view[1] + b"\r\n", sent)
            self.assertIn(b"\r\nX-Forwarded-Host: " + view[1] + b"\r\n", sent)
            self.assertNotIn(b"6.6.6.6", sent)
            if view[0] is None:
                self.assertNotIn(b"X-Forwarded-For", sent)
            else:
                self.assertIn(b"\r\nX-Forwarded-For: " + view[0] + b"\r\n", sent)
            self.answer(OK)

    def test_bodies(self) -> None:
        """
        They are sent with their length; where a body could be expected and there is none,
        that is said (RFC 9110 section 8.6).
        """
        for lines, body, length, sentBody in (
            ([b"POST / HTTP/1.1", b"Content-Length: 3"], b"abc", b"3", b"abc"),
            (
                [b"PUT / HTTP/1.1", b"Transfer-Encoding: chunked"],
                b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
                b"3",
                b"abc",
            ),
            ([b"POST / HTTP/1.1"], b"", b"0", b""),
            ([b"DELETE / HTTP/1.1", b"Content-Length: 0"], b"", None, b""),
            ([b"DELETE / HTTP/1.1"], b"", None, b""),
            ([b"GET / HTTP/1.1", b"Content-Length: 2"], b"ab", b"2", b"ab"),
        ):
            sent = self.send(*lines, body=body)
            head, _, rest = sent.partition(b"\r\n\r\n")
            self.assertEqual(rest, sentBody)
            lengths = [f for f in head.split(b"\r\n") if f.lower().startswith(b"content-length")]
            self.assertEqual(lengths, [] if length is None else [b"Content-Length: " + length])
            self.assertNotIn(b"ransfer-", head)
            self.answer(OK)

    def test_refused(self) -> None:
        """
        What can't be understood for sure is answered, the connection closed, and what
        follows on it not read.
        """
        for line, fields, status in (
            (b"GET / HTTP/1.1", [], 400),
            (b"GET / HTTP/1.1", [b"Host: a", b"Host: a"], 400),
            (b"GET / HTTP/1.1", [b"Host: a b"], 400),
            (b"GET http://a@b/ HTTP/1.1", [b"Host: b"], 400),
            (b"GET / HTTP/1.1", [b"Host: a", b"X: a\x01b"], 400),
            (b"GET / HTTP/1.1", [b"Host: a", b"X: a\x7fb"], 400),
            (b"CONNECT a:1 HTTP/1.1", [b"Host: a:1"], 501),
            (b"GET https://a/ HTTP/1.1", [b"Host: a"], 421),
        ):
            self.connect()
            smuggled = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
            self.send(line, *fields, host=False, body=smuggled)
            got, received, _ = self.received()
            self.assertEqual(got.split(b" ")[1], b"%d" % status, line)
            self.assertEqual(self.transport.value().count(b"HTTP/1.1 "), 1)
            self.assertIn(b"Connection: close", received)
            self.assertTrue(self.transport.disconnecting)
            self.assertEqual(self.stage.dialers["a"].streams, [])
        self.assertEqual(self.stage.distribution.open, 0)

    def test_lastHop(self) -> None:
        """
        A request that may go no further is answered here (RFC 9110 section 7.6.2).
        """
        self.connect()
        for line, status in (
            (b"OPTIONS / HTTP/1.1", b"HTTP/1.1 200 OK\r\n"),
            (b"TRACE / HTTP/1.1", b"HTTP/1.1 405 Method Not Allowed\r\n"),
        ):
            self.send(line, b"Max-Forwards: 0")
            self.assertTrue(self.transport.value().startswith(status))
        self.assertEqual(self.stage.dialers["a"].streams, [])

    def test_noBackend(self) -> None:
        """
        503, and when to come again; a page for GET, none for HEAD.
        """
        self.stage.distribution.pool.remove(self.backend)
        self.send(b"GET / HTTP/1.1")
        status, fields, body = self.received()
        self.assertEqual(status, b"HTTP/1.1 503 Service Unavailable")
        self.assertIn(b"Retry-After: 1", fields)
        self.assertIn(b"Cache-Control: no-store", fields)
        self.assertIn(b"Content-Length: %d" % len(body), fields)
        self.assertIn(b"<h1>503 Service Unavailable</h1>", body)
        self.send(b"HEAD / HTTP/1.1")
        self.assertEqual(self.received()[2], b"")
        self.assertFalse(self.transport.disconnecting)

    def test_otherAnswers(self) -> None:
        """
        502 and 504 don't say who failed or how.
        """
        for happens, status in (
            (lambda: self.stage.stream("a").receives(b"nonsense\r\n\r\n"), b"502 Bad Gateway"),
            (lambda: self.stage.clock.pump([INTERVAL] * 250), b"504 Gateway Time-out"),
        ):
            self.connect()
            self.send(b"GET / HTTP/1.1")
            happens()
            got, fields, body = self.received()
            self.assertEqual(got, b"HTTP/1.1 " + status)
            self.assertNotIn(b"Retry-After: 1", fields)
            self.assertNotIn(b"backend", body)

    def test_cut(self) -> None:
        """
        A response that will never be whole is aborted, not ended, chunked or not.
        """
        for framing in (b"Content-Length: 90000", b"Transfer-Encoding: chunked"):
            self.connect()
            self.send(b"GET / HTTP/1.1")
            self.answer(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n4\r\nab")
            self.stage.stream("a").ends(clean=True)
            self.assertTrue(self.transport.disconnected)
            self.assertNotIn(b"\r\n0\r\n\r\n", self.transport.value())
            self.channel.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.backend.statistics.outcomes[Outcome.cut], 2)
        warnings = [event for event in self.logged if event["log_level"] is LogLevel.warn]
        self.assertEqual(len(warnings), 2)

    def test_slowClient(self) -> None:
        """
        It pauses the backend; when it has caught up the backend goes on.
        """
        self.send(b"GET / HTTP/1.1")
        self.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\nabc")
        stream = self.stage.stream("a")
        self.transport.producer.pauseProducing()
        self.assertTrue(stream.paused)
        self.transport.producer.resumeProducing()
        self.assertFalse(stream.paused)
        self.answer(b"d" * 69997)
        self.assertEqual(self.received()[2], b"abc" + b"d" * 69997)

    def test_clientLeaves(self) -> None:
        """
        Before the response and inside of it: the upstream connection is aborted.
        """
        for part in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"):
            self.connect()
            self.send(b"GET / HTTP/1.1")
            if part:
                self.answer(part)
            # As a TCP transport does it.
            self.transport.producer.stopProducing()
            self.channel.connectionLost(Failure(ConnectionLost()))
            self.assertEqual(self.stage.stream("a").state, "aborted")
            self.assertEqual(self.backend.inFlight, 0)
        self.assertEqual(self.backend.statistics.outcomes[Outcome.clientGone], 2)

    def test_clientLeavesSilently(self) -> None:
        """
        The same where the transport tells nothing but the end (HTTP/2's streams).
        """
        self.send(b"GET / HTTP/1.1")
        self.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        self.channel.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.stage.stream("a").state, "aborted")
        self.assertEqual(self.backend.inFlight, 0)

    def test_clientLeavesTheQueue(self) -> None:
        """
        Nobody waits for it any more.
        """
        self.stage.distribution.pool.remove(self.backend)
        self.stage.distribution.pool.expect(0)
        self.send(b"GET / HTTP/1.1")
        self.channel.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.stage.distribution.open, 0)
        self.stage.add("b", slot=0)
        self.stage.clock.advance(0)
        self.assertEqual(self.stage.dialers["b"].streams, [])

    def test_noChildren(self) -> None:
        resource = GatewayResource(self.stage.distribution)
        self.assertRaises(RuntimeError, resource.putChild, b"x", Resource())
        self.assertIs(resource.getChildWithDefault(b"x", cast(Request, None)), resource)

"""
Forwarding: what a backend gets of a request, and a client of a response.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.http1.date import httpDate
from twisted_multiserver.http1.forwarding import (
    ClientView,
    finalAnswer,
    hasDate,
    linesForClient,
    passingTrailers,
    upgradeLines,
    upstreamHead,
)
from twisted_multiserver.http1.heads import HTTP_1_0, HTTP_1_1, Fields, RequestHead, ResponseHead
from twisted_multiserver.http1.requests import CheckedRequest, checkRequest
from twisted_multiserver.http1.responses import CheckedResponse, checkResponse

CLIENT = ClientView("192.0.2.1", True, b"127.0.0.1:8080")
HOST = (b"Host", b"www.example.com:81")
VIA = (b"Via", b"1.1 twisted_multiserver")


def request(
    *fields: tuple[bytes, bytes],
    method: bytes = b"GET",
    target: bytes = b"/",
    version: bytes = HTTP_1_1,
) -> CheckedRequest:
    return checkRequest(RequestHead(method, target, version, fields))


def response(
    *fields: tuple[bytes, bytes], status: int = 200, version: bytes = HTTP_1_1
) -> CheckedResponse:
    return checkResponse(ResponseHead(status, b"", version, fields))


def fieldsIn(lines: bytes) -> Fields:
    """
    @return: the fields in lines that end with CRLF each.
    """
    assert lines.endswith(b"\r\n")
    pairs = [line.split(b": ", 1) for line in lines[:-2].split(b"\r\n")]
    return tuple((name, value) for name, value in pairs)


def forwarded(
    checked: CheckedRequest,
    client: ClientView = CLIENT,
    target: bytes | None = None,
    prefix: bytes = b"",
    hiddenCookie: bytes | None = None,
) -> Fields:
    """
    @return: the fields that a backend gets.
    """
    data = upstreamHead(checked, client, target, prefix, hiddenCookie)
    assert data.endswith(b"\r\n\r\n")
    return fieldsIn(data[data.index(b"\n") + 1 : -2])


def named(fields: Fields, name: bytes) -> list[bytes]:
    """
    @return: the values of the fields of a name.
    """
    return [value for key, value in fields if key.lower() == name]


class RequestTests(SynchronousTestCase):
    """
    On the way to a backend.
    """

    def test_whole(self) -> None:
        """
        Host first, then what passes in its order, then what is ours.
        """
        checked = request(
            (b"Accept", b"a"),
            HOST,
            (b"accept", b"b"),
            (b"Content-Length", b"3"),
            method=b"BREW",
            target=b"/a%2Fb?c",
            version=HTTP_1_0,
        )
        self.assertEqual(
            upstreamHead(checked, CLIENT),
            b"BREW /a%2Fb?c HTTP/1.1\r\n"
            b"Host: www.example.com:81\r\n"
            b"Accept: a\r\n"
            b"accept: b\r\n"
            b"Via: 1.0 twisted_multiserver\r\n"
            b"X-Forwarded-For: 192.0.2.1\r\n"
            b"X-Forwarded-Proto: https\r\n"
            b"X-Forwarded-Host: www.example.com:81\r\n"
            b"Content-Length: 3\r\n"
            b"\r\n",
        )

    def test_prefix(self) -> None:
        view = ClientView(None, False, b"x")
        fields = forwarded(request(HOST), view, prefix=b"/app")
        self.assertEqual(named(fields, b"x-forwarded-prefix"), [b"/app"])
        self.assertEqual(named(fields, b"x-forwarded-proto"), [b"http"])
        self.assertEqual(named(fields, b"x-forwarded-for"), [])
        self.assertEqual(named(forwarded(request(HOST)), b"x-forwarded-prefix"), [])

    def test_ownWords(self) -> None:
        """
        What is said of the client is said by us, and Connection can't unsay it.
        """
        fields = forwarded(
            request(
                HOST,
                (b"X-Forwarded-For", b"6.6.6.6"),
                (b"X_Forwarded_Host", b"6.6.6.6"),
                (b"Connection", b"X-Forwarded-For, Via, Host, Content-Length"),
                (b"Content-Length", b"1"),
            )
        )
        self.assertEqual(
            fields,
            (
                HOST,
                VIA,
                (b"X-Forwarded-For", b"192.0.2.1"),
                (b"X-Forwarded-Proto", b"https"),
                (b"X-Forwarded-Host", b"www.example.com:81"),
                (b"Content-Length", b"1"),
            ),
        )

    def test_via(self) -> None:
        """
        Ours comes last, with the version that was received.
        """
        via = (b"Via", b"1.0 other")
        for version in (b"HTTP/2", b"HTTP/2.0"):
            fields = forwarded(request(HOST, via, version=version))
            self.assertEqual(named(fields, b"via"), [b"1.0 other", b"2 twisted_multiserver"])
        fields = forwarded(request(version=HTTP_1_0))
        self.assertEqual(named(fields, b"via"), [b"1.0 twisted_multiserver"])

    def test_hostOfTheListener(self) -> None:
        """
        A client that names no host came to the listener's address.
        """
        for checked in (request(version=HTTP_1_0), request((b"Host", b""))):
            fields = forwarded(checked)
            self.assertEqual(fields[0], (b"Host", b"127.0.0.1:8080"))
            self.assertEqual(named(fields, b"host"), [b"127.0.0.1:8080"])
            self.assertEqual(named(fields, b"x-forwarded-host"), [b"127.0.0.1:8080"])

    def test_hostOfTheTarget(self) -> None:
        """
        A target in absolute form wins over Host (RFC 9112 section 3.2.2).
        """
        for target, line, host in (
            (b"http://other.example/x", b"GET /x HTTP/1.1", b"other.example"),
            (b"HTTPS://other.example:8443", b"GET / HTTP/1.1", b"other.example:8443"),
            (b"http://[::1]:80?a", b"GET /?a HTTP/1.1", b"[::1]:80"),
        ):
            checked = request(HOST, target=target)
            self.assertEqual(upstreamHead(checked, CLIENT).partition(b"\r\n")[0], line)
            self.assertEqual(named(forwarded(checked), b"host"), [host])
            self.assertEqual(named(forwarded(checked), b"x-forwarded-host"), [host])

    def test_strippedTarget(self) -> None:
        data = upstreamHead(request(HOST, target=b"http://a/app/x"), CLIENT, b"/x", b"/app")
        self.assertTrue(data.startswith(b"GET /x HTTP/1.1\r\n"))

    def test_asterisk(self) -> None:
        data = upstreamHead(request(HOST, method=b"OPTIONS", target=b"*"), CLIENT)
        self.assertTrue(data.startswith(b"OPTIONS * HTTP/1.1\r\n"))

    def test_framing(self) -> None:
        """
        It is made anew; a method that has a body says so if it is empty (RFC 9110
        section 8.6).
        """
        length, coding = (b"Content-Length", b"007"), (b"Transfer-Encoding", b"Chunked")
        nothing = (b"Content-Length", b"0")
        for method, field, made in (
            (b"GET", None, None),
            (b"GET", nothing, None),
            (b"GET", length, (b"Content-Length", b"7")),
            (b"DELETE", coding, (b"Transfer-Encoding", b"chunked")),
            (b"POST", None, nothing),
            (b"PUT", nothing, nothing),
            (b"PATCH", length, (b"Content-Length", b"7")),
            (b"POST", coding, (b"Transfer-Encoding", b"chunked")),
        ):
            fields = forwarded(request(HOST, *([field] if field else []), method=method))
            framing = [
                (name, value)
                for name, value in fields
                if name.lower() in (b"content-length", b"transfer-encoding")
            ]
            self.assertEqual(framing, [made] if made else [], (method, field))

    def test_wishes(self) -> None:
        """
        What is asked of the next one is said anew, for this hop.
        """
        fields = forwarded(
            request(HOST, (b"Connection", b"upgrade, x"), (b"upgrade", b"WebSocket"), (b"x", b"y"))
        )
        self.assertEqual(fields[-2:], ((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")))
        self.assertEqual(named(fields, b"x"), [])
        fields = forwarded(request(HOST, (b"Expect", b"100-Continue"), (b"Content-Length", b"5")))
        self.assertEqual(fields[-2:], ((b"Content-Length", b"5"), (b"Expect", b"100-continue")))
        fields = forwarded(request(HOST, (b"Max-Forwards", b"3"), method=b"OPTIONS"))
        self.assertEqual(named(fields, b"max-forwards"), [b"2"])
        self.assertEqual(named(forwarded(request(HOST)), b"connection"), [])

    def test_hiddenCookie(self) -> None:
        """
        A cookie of ours ends here, and nothing else changes.
        """
        cookies = ((b"A", b"sid=1"), (b"cookie", b"sid=1; a=b"), (b"Cookie", b"sid=2"))
        fields = forwarded(request(HOST, *cookies, (b"B", b"c  d")), hiddenCookie=b"sid")
        self.assertEqual(fields[1:4], ((b"A", b"sid=1"), (b"cookie", b"a=b"), (b"B", b"c  d")))
        fields = forwarded(request(HOST, *cookies), hiddenCookie=b"other")
        self.assertEqual(fields[1:4], cookies)
        self.assertEqual(forwarded(request(HOST, *cookies))[1:4], cookies)


class ResponseTests(SynchronousTestCase):
    """
    On the way to the client.
    """

    def test_passes(self) -> None:
        """
        End-to-end fields in their order and number, Server and cookies among them.
        """
        fields = (
            (b"Server", b"x"),
            (b"Set-Cookie", b"a=1"),
            (b"Date", b"y"),
            (b"set-cookie", b"b=2"),
            (b"Proxy-Authenticate", b"z"),
        )
        self.assertEqual(fieldsIn(linesForClient(response(*fields))), (*fields, VIA))
        self.assertEqual(response(*fields).fields, fields)

    def test_endHere(self) -> None:
        checked = response(
            (b"Connection", b"X-Hop"),
            (b"x-hop", b"1"),
            (b"Keep-Alive", b"timeout=5"),
            (b"Transfer-Encoding", b"chunked"),
            (b"Trailer", b"x"),
            (b"Upgrade", b"h2c"),
            (b"Date", b"y"),
        )
        self.assertEqual(fieldsIn(linesForClient(checked)), ((b"Date", b"y"), VIA))
        checked = response((b"Content-Length", b"3"), (b"Date", b"y"))
        self.assertEqual(fieldsIn(linesForClient(checked)), ((b"Date", b"y"), VIA))

    def test_via(self) -> None:
        checked = response((b"Date", b"y"), (b"Via", b"1.1 other"), version=HTTP_1_0)
        self.assertEqual(
            named(fieldsIn(linesForClient(checked)), b"via"),
            [b"1.1 other", b"1.0 twisted_multiserver"],
        )

    def test_date(self) -> None:
        """
        It is added where there is none (RFC 9110 section 6.6.1).
        """
        for name in (b"Date", b"date", b"DATE"):
            for before in ((), ((b"A", b"b"),)):
                fields = fieldsIn(linesForClient(response(*before, (name, b"y"))))
                self.assertEqual(named(fields, b"date"), [b"y"])
        for others in ((), ((b"X-Date", b"y"),), ((b"A", b"Date: y"),), ((b"Dated", b"y"),)):
            earliest = httpDate()
            fields = fieldsIn(linesForClient(response(*others)))
            (date,) = named(fields, b"date")
            self.assertIn(date, (earliest, httpDate()))

    def test_hasDate(self) -> None:
        self.assertTrue(hasDate(b"A: b\r\nDaTe: x\r\n"))
        self.assertTrue(hasDate(b"date:x\r\n"))
        self.assertFalse(hasDate(b"A: date: x\r\nUpdate: y\r\n"))
        self.assertFalse(hasDate(b""))

    def test_cookieOfOurs(self) -> None:
        """
        It comes beside the application's.
        """
        fields = fieldsIn(linesForClient(response((b"Set-Cookie", b"a=1")), b"stay=2"))
        self.assertEqual(named(fields, b"set-cookie"), [b"a=1", b"stay=2"])

    def test_upgrade(self) -> None:
        """
        The head after which another protocol is spoken.
        """
        checked = response(
            (b"Upgrade", b"websocket"),
            (b"Connection", b"Upgrade"),
            (b"Date", b"y"),
            (b"Sec-WebSocket-Accept", b"x"),
            status=101,
        )
        self.assertEqual(
            upgradeLines(checked, linesForClient(checked)),
            b"HTTP/1.1 101 Switching Protocols\r\nDate: y\r\nSec-WebSocket-Accept: x\r\n"
            b"Via: 1.1 twisted_multiserver\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        )


class FinalAnswerTests(SynchronousTestCase):
    """
    The last one that a request may reach (RFC 9110 section 7.6.2).
    """

    def test_answers(self) -> None:
        for method, status in ((b"OPTIONS", 200), (b"TRACE", 405)):
            answer = finalAnswer(request(HOST, (b"Max-Forwards", b"0"), method=method))
            assert answer is not None
            self.assertEqual((answer[0], answer[3]), (status, b""))
            fields = fieldsIn(answer[2])
            self.assertEqual([name for name, _ in fields], [b"Allow", b"Date"])

    def test_further(self) -> None:
        self.assertIsNone(finalAnswer(request(HOST, (b"Max-Forwards", b"1"), method=b"OPTIONS")))
        self.assertIsNone(finalAnswer(request(HOST, (b"Max-Forwards", b"0"))))
        self.assertIsNone(finalAnswer(request(HOST, method=b"OPTIONS")))


class TrailerTests(SynchronousTestCase):
    def test_passing(self) -> None:
        """
        Nothing that changes what the message means, is for one hop, or says who the
        client is (RFC 9110 section 6.5.1).
        """
        kept = ((b"X-Checksum", b"1"), (b"Server-Timing", b"x"))
        dropped = tuple(
            (name, b"x")
            for name in (
                b"Content-Length",
                b"transfer-encoding",
                b"HOST",
                b"Connection",
                b"Authorization",
                b"Set-Cookie",
                b"Cookie",
                b"Content-Type",
                b"Expect",
                b"Trailer",
                b"X-Forwarded-For",
                b"x_real_ip",
                b"Forwarded",
            )
        )
        self.assertEqual(passingTrailers((*dropped[:5], *kept, *dropped[5:])), kept)

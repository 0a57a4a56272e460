"""
L{twisted_multiserver.gateway.http2head}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.gateway.http2head import (
    HEAD_LIMIT,
    Malformed,
    requestOf,
    responseFields,
    trailersOf,
)
from twisted_multiserver.http1.requests import CHUNKED, NO_BODY, CheckedRequest, Refused

METHOD = (b":method", b"GET")
SCHEME = (b":scheme", b"https")
AUTHORITY = (b":authority", b"example.com")
PATH = (b":path", b"/a?b")
HEAD = (METHOD, SCHEME, AUTHORITY, PATH)
POST = ((b":method", b"POST"), SCHEME, AUTHORITY, PATH)


class RequestTests(SynchronousTestCase):
    def verdict(self, *fields: tuple[bytes, bytes], isWhole: bool = True) -> object:
        """
        @return: C{"malformed"}, the status of a refusal, or the request.
        """
        try:
            return requestOf(fields, isWhole)
        except Malformed:
            return "malformed"
        except Refused as refused:
            return refused.status

    def test_good(self) -> None:
        request = requestOf((*HEAD, (b"accept", b"*/*"), (b"te", b"trailers")), True)
        self.assertEqual(
            (request.method, request.target, request.version, request.host),
            (b"GET", b"/a?b", b"HTTP/2", b"example.com"),
        )
        self.assertEqual(request.passing, b"accept: */*\r\n")
        self.assertEqual(request.length, NO_BODY)

    def test_malformed(self) -> None:
        """
        RFC 9113 sections 8.2.1, 8.2.2, 8.3 and 8.3.1.
        """
        for fields in (
            (),
            (METHOD, SCHEME, AUTHORITY),
            (METHOD, AUTHORITY, PATH),
            (SCHEME, AUTHORITY, PATH),
            (*HEAD, PATH),
            (*HEAD, METHOD),
            (*HEAD, (b":status", b"200")),
            (*HEAD, (b":protocol", b"websocket")),
            (METHOD, SCHEME, (b"x", b"y"), AUTHORITY, PATH),
            (METHOD, SCHEME, AUTHORITY, (b":path", b"")),
            (METHOD, SCHEME, AUTHORITY, (b":path", b"a")),
            (METHOD, SCHEME, AUTHORITY, (b":path", b"http://example.com/")),
            (METHOD, SCHEME, AUTHORITY, (b":path", b"*")),
            (METHOD, SCHEME, AUTHORITY, (b":path", b"/ HTTP/1.1\r\nx: y")),
            ((b":method", b"GET / HTTP/1.1\r\nx"), SCHEME, AUTHORITY, PATH),
            ((b":method", b""), SCHEME, AUTHORITY, PATH),
            (*HEAD, (b"X-Upper", b"y")),
            (*HEAD, (b"", b"y")),
            (*HEAD, (b"a b", b"y")),
            (*HEAD, (b"a:b", b"y")),
            (*HEAD, (b"a", b"y\r\nb: c")),
            (*HEAD, (b"a", b"y\x00")),
            (*HEAD, (b"a", b" y")),
            (*HEAD, (b"a", b"y\t")),
            (*HEAD, (b"connection", b"close")),
            (*HEAD, (b"keep-alive", b"5")),
            (*HEAD, (b"proxy-connection", b"close")),
            (*HEAD, (b"transfer-encoding", b"chunked")),
            (*HEAD, (b"upgrade", b"websocket")),
            (*HEAD, (b"te", b"gzip")),
            ((b":method", b"CONNECT"), SCHEME, AUTHORITY, PATH),
            ((b":method", b"CONNECT"),),
        ):
            self.assertEqual(self.verdict(*fields), "malformed", fields)

    def test_refused(self) -> None:
        """
        What can be answered is.
        """
        for status, fields in (
            (400, (METHOD, SCHEME, PATH)),
            (400, (METHOD, SCHEME, (b":authority", b""), PATH)),
            (400, (METHOD, SCHEME, PATH, (b"host", b""))),
            (400, (METHOD, SCHEME, (b":authority", b"user@example.com"), PATH)),
            (400, (METHOD, SCHEME, PATH, (b"host", b"a"), (b"host", b"b"))),
            (400, (*HEAD, (b"host", b"other.example"))),
            (400, (METHOD, (b":scheme", b"ftp"), AUTHORITY, PATH)),
            (400, (METHOD, SCHEME, AUTHORITY, (b":path", b"/a#b"))),
            (400, (*POST, (b"content-length", b"5, 5"))),
            (414, (METHOD, SCHEME, AUTHORITY, (b":path", b"/" + b"a" * 17000))),
            (417, (*POST, (b"expect", b"more"))),
            (431, (*HEAD, (b"x", b"y" * HEAD_LIMIT))),
            (431, (*HEAD, *[(b"x", b"y")] * 2000)),
            (501, ((b":method", b"CONNECT"), AUTHORITY)),
        ):
            self.assertEqual(self.verdict(*fields), status, fields)

    def test_host(self) -> None:
        """
        Host stands for the authority, and may say the same beside it.
        """
        for fields in (
            (METHOD, SCHEME, PATH, (b"host", b"example.com")),
            (*HEAD, (b"host", b"Example.com")),
        ):
            request = self.verdict(*fields)
            assert isinstance(request, CheckedRequest)
            self.assertEqual(request.host.lower(), b"example.com")

    def test_length(self) -> None:
        """
        Of a request that isn't whole the length is what it says, or not known.
        """
        sized = (*POST, (b"content-length", b"5"))
        self.assertEqual(requestOf(sized, False).length, 5)
        self.assertEqual(requestOf(POST, False).length, CHUNKED)
        self.assertEqual(requestOf(POST, True).length, NO_BODY)
        self.assertEqual(requestOf(HEAD, False).length, CHUNKED)
        trace = ((b":method", b"TRACE"), *HEAD[1:])
        self.assertEqual(self.verdict(*trace, isWhole=False), 400)

    def test_expect(self) -> None:
        """
        Only who has a body can wait for a word about it.
        """
        waiting = (*POST, (b"expect", b"100-continue"))
        self.assertTrue(requestOf(waiting, False).wishes.expectsContinue)
        self.assertFalse(requestOf(waiting, True).wishes.expectsContinue)
        self.assertFalse(requestOf(POST, False).wishes.expectsContinue)

    def test_options(self) -> None:
        self.assertEqual(
            requestOf(((b":method", b"OPTIONS"), SCHEME, AUTHORITY, (b":path", b"*")), True).target,
            b"*",
        )

    def test_trailers(self) -> None:
        self.assertEqual(trailersOf(((b"x", b"y"),)), ((b"x", b"y"),))
        for field in ((b":path", b"/"), (b"X", b"y"), (b"connection", b"x")):
            self.assertRaises(Malformed, trailersOf, (field,))


class ResponseTests(SynchronousTestCase):
    def test_fields(self) -> None:
        """
        Names are in lower case, and there is no Content-Length where none may be.
        """
        lines = b"Server: x\r\nSet-Cookie: A=B\r\n"
        others = [(b"server", b"x"), (b"set-cookie", b"A=B")]
        self.assertEqual(
            responseFields(200, lines, 5),
            [(b":status", b"200"), *others, (b"content-length", b"5")],
        )
        for status, length in ((200, None), (204, 5), (103, 5)):
            expected = [(b":status", b"%d" % status), *others]
            self.assertEqual(responseFields(status, lines, length), expected)

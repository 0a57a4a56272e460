"""
Judging requests: what a backend is never asked, and what a good one asks for.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.test_targets import BAD_HOSTS, GOOD_HOSTS
from twisted_multiserver.http1.heads import HTTP_1_0, HTTP_1_1, RequestHead
from twisted_multiserver.http1.requests import (
    CHUNKED,
    NO_BODY,
    TARGET_LIMIT,
    CheckedRequest,
    Refused,
    checkRequest,
)

HOST = (b"Host", b"www.example.com:81")
_CODING = b"Transfer-Encoding"
_LENGTH = b"Content-Length"

# Bytes of which smuggled lines are made, among others.
_texts = st.lists(
    st.sampled_from([b"a", b"Z", b":", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\0", b"\x7f", b"\xe4"])
).map(b"".join)


def checked(
    *fields: tuple[bytes, bytes],
    method: bytes = b"GET",
    target: bytes = b"/",
    version: bytes = HTTP_1_1,
) -> CheckedRequest:
    """
    @return: the request with these fields and Host.
    """
    return checkRequest(RequestHead(method, target, version, (HOST, *fields)))


def refusal(head: RequestHead) -> int | None:
    """
    @return: the status of the answer, if there must be one.
    """
    try:
        checkRequest(head)
    except Refused as refused:
        return refused.status
    return None


class GrammarTests(SynchronousTestCase):
    """
    No part of a head can become two lines.
    """

    def test_refused(self) -> None:
        for method, target, name, value in (
            (b"", b"/", b"A", b"b"),
            (b"G T", b"/", b"A", b"b"),
            (b"GET\r\n", b"/", b"A", b"b"),
            (b"GET", b"", b"A", b"b"),
            (b"GET", b"/ HTTP/1.1", b"A", b"b"),
            (b"GET", b"/\n", b"A", b"b"),
            (b"GET", b"/\0", b"A", b"b"),
            (b"GET", b"/#f", b"A", b"b"),
            (b"GET", b"/\xe4", b"A", b"b"),
            (b"GET", b"/", b"", b"b"),
            (b"GET", b"/", b"A:", b"b"),
            (b"GET", b"/", b"A ", b"b"),
            (b"GET", b"/", b"A\n", b"b"),
            (b"GET", b"/", b"\xe4", b"b"),
            (b"GET", b"/", b"A", b"b\n"),
            (b"GET", b"/", b"A", b"b\r\nC: d"),
            (b"GET", b"/", b"A", b"\0"),
            (b"GET", b"/", b"A", b"\x7f"),
            (b"GET", b"/", b"A", b"\x0b"),
        ):
            head = RequestHead(method, target, HTTP_1_1, (HOST, (name, value)))
            self.assertEqual(refusal(head), 400, head)

    @settings(deadline=None)
    @given(_texts, _texts, st.lists(st.tuples(_texts, _texts), max_size=4))
    def test_neverAnotherLine(
        self, method: bytes, target: bytes, fields: list[tuple[bytes, bytes]]
    ) -> None:
        """
        Either it is refused, or as many lines pass as it has fields, each as it was
        given.
        """
        for head in (
            RequestHead(method, target, HTTP_1_1, (HOST, *fields)),
            RequestHead(b"GET", b"/", HTTP_1_1, (HOST, *fields)),
            RequestHead(b"GET", b"/", HTTP_1_1, (HOST, *((b"A", value) for _, value in fields))),
            RequestHead(b"GET", b"/" + target, HTTP_1_1, (HOST,)),
        ):
            try:
                request = checkRequest(head)
            except Refused:
                continue
            lines = request.passing.split(b"\r\n")
            self.assertEqual(lines.pop(), b"")
            self.assertEqual(lines, [name + b": " + value for name, value in head.fields[1:]])
            for byte in (b"\r", b"\n", b"\0"):
                self.assertNotIn(byte, b"".join([request.method, request.target, *lines]))

    def test_targets(self) -> None:
        for method, target, status in (
            (b"GET", b"/", None),
            (b"GET", b"http://a:80/x@y", None),
            (b"OPTIONS", b"*", None),
            (b"OPTIONS", b"http://a", None),
            (b"GET", b"*", 400),
            (b"GET", b"x", 400),
            (b"GET", b"a:1", 400),
            (b"GET", b"ftp://a/", 400),
            (b"GET", b"http://user@a/", 400),
            (b"GET", b"http://a b/", 400),
            (b"GET", b"http:///x", 400),
            (b"GET", b"http://:80/x", 400),
            (b"GET", b"http://a:b/", 400),
            (b"CONNECT", b"a:1", 501),
            (b"GET", b"/" + b"x" * (TARGET_LIMIT - 1), None),
            (b"GET", b"/" + b"x" * TARGET_LIMIT, 414),
        ):
            head = RequestHead(method, target, HTTP_1_1, (HOST,))
            self.assertEqual(refusal(head), status, target[:20])


class HostTests(SynchronousTestCase):
    def status(self, *hosts: bytes, version: bytes = HTTP_1_1) -> int | None:
        fields = tuple((b"hOst", host) for host in hosts)
        return refusal(RequestHead(b"GET", b"/", version, fields))

    def test_good(self) -> None:
        for host in GOOD_HOSTS:
            self.assertIsNone(self.status(host), host)
            self.assertIsNone(self.status(host, version=b"HTTP/2"), host)

    def test_bad(self) -> None:
        for host in BAD_HOSTS:
            self.assertEqual(self.status(host), 400, host)

    def test_count(self) -> None:
        """
        Exactly one, and an old client may have none.
        """
        self.assertEqual(self.status(), 400)
        self.assertEqual(self.status(version=b"HTTP/2"), 400)
        self.assertEqual(self.status(b"a", b"a"), 400)
        self.assertEqual(self.status(b"a", b"b", version=HTTP_1_0), 400)
        self.assertIsNone(self.status(version=HTTP_1_0))

    def test_ofTheTarget(self) -> None:
        """
        A target in absolute form wins over Host (RFC 9112 section 3.2.2).
        """
        for target, host in (
            (b"http://other.example/x", b"other.example"),
            (b"HTTPS://other.example:8443", b"other.example:8443"),
            (b"http://[::1]:80?a", b"[::1]:80"),
            (b"/http://other.example/", b"www.example.com:81"),
        ):
            self.assertEqual(checked(target=target).host, host)
        self.assertEqual(checked(method=b"OPTIONS", target=b"*").host, b"www.example.com:81")
        old = checkRequest(RequestHead(b"GET", b"/", HTTP_1_0, ()))
        self.assertEqual(old.host, b"")

    def test_besideTheTarget(self) -> None:
        """
        Host is held to the rules even where the target wins.
        """
        for fields in ((), ((b"Host", b"a b"),), (HOST, HOST)):
            head = RequestHead(b"GET", b"http://a/", HTTP_1_1, fields)
            self.assertEqual(refusal(head), 400)


class FramingTests(SynchronousTestCase):
    """
    RFC 9112 section 6.3, as far as it is about requests.
    """

    def test_lengths(self) -> None:
        for fields, length in (
            ((), NO_BODY),
            (((_LENGTH, b"0"),), NO_BODY),
            (((_LENGTH, b"12"),), 12),
            (((b"content-LENGTH", b"012"),), 12),
            (((_LENGTH, b"9" * 18),), int("9" * 18)),
            (((_CODING, b"chunked"),), CHUNKED),
            (((b"transfer-ENCODING", b"Chunked"),), CHUNKED),
        ):
            self.assertEqual(checked(*fields).length, length, fields)

    def test_refused(self) -> None:
        for fields, status in (
            (((_LENGTH, b""),), 400),
            (((_LENGTH, b"-1"),), 400),
            (((_LENGTH, b"+1"),), 400),
            (((_LENGTH, b"1_0"),), 400),
            (((_LENGTH, b"0x1"),), 400),
            (((_LENGTH, b"\xb2"),), 400),
            (((_LENGTH, b"1 2"),), 400),
            (((_LENGTH, b"9" * 19),), 400),
            (((_LENGTH, b"1"), (_LENGTH, b"2")), 400),
            (((_LENGTH, b"1"), (_LENGTH, b"1")), 400),
            (((_LENGTH, b"1, 1"),), 400),
            (((_LENGTH, b"1,"),), 400),
            (((_CODING, b"chunked"), (_LENGTH, b"1")), 400),
            (((_LENGTH, b"1"), (_CODING, b"chunked")), 400),
            (((_LENGTH, b"0"), (_CODING, b"chunked")), 400),
            (((_CODING, b""),), 400),
            (((_CODING, b"chunked, chunked"),), 400),
            (((_CODING, b"chunked"), (_CODING, b"chunked")), 400),
            (((_CODING, b"chunked, gzip"),), 400),
            (((_CODING, b"chunked;a=b"),), 400),
            (((_CODING, b"\x0bchunked"),), 400),
            (((_CODING, b'"chunked"'),), 400),
            (((_CODING, b"gzip, chunked"),), 501),
            (((_CODING, b"gzip"),), 501),
            (((_CODING, b"identity"),), 501),
            (((_CODING, b"xchunked"),), 501),
        ):
            head = RequestHead(b"POST", b"/", HTTP_1_1, (HOST, *fields))
            self.assertEqual(refusal(head), status, fields)

    def test_oldVersion(self) -> None:
        """
        HTTP/1.0 has no transfer codings (RFC 9112 section 6.1).
        """
        head = RequestHead(b"POST", b"/", HTTP_1_0, ((_CODING, b"chunked"),))
        self.assertEqual(refusal(head), 400)

    def test_trace(self) -> None:
        """
        TRACE has no body (RFC 9110 section 9.3.8).
        """
        for field in ((_LENGTH, b"1"), (_CODING, b"chunked")):
            self.assertEqual(refusal(RequestHead(b"TRACE", b"/", HTTP_1_1, (HOST, field))), 400)
        self.assertEqual(checked((_LENGTH, b"0"), method=b"TRACE").length, NO_BODY)


class PersistenceTests(SynchronousTestCase):
    def test_keepAlive(self) -> None:
        """
        RFC 9112 section 9.3.
        """
        for version, options, keepAlive in (
            (HTTP_1_1, [], True),
            (HTTP_1_1, [b"close"], False),
            (HTTP_1_1, [b"CLOSE"], False),
            (HTTP_1_1, [b"x,\tclose"], False),
            (HTTP_1_1, [b"close", b"close"], False),
            (HTTP_1_1, [b"keep-alive", b"close"], False),
            (HTTP_1_1, [b"closed"], True),
            (HTTP_1_0, [], False),
            (HTTP_1_0, [b"Keep-Alive"], True),
            (HTTP_1_0, [b"x, keep-alive"], True),
            (HTTP_1_0, [b"keep-alive, close"], False),
        ):
            fields = tuple((b"Connection", option) for option in options)
            self.assertEqual(checked(*fields, version=version).keepAlive, keepAlive, options)


class WishTests(SynchronousTestCase):
    def test_continue(self) -> None:
        """
        Only a newer client with a body waits (RFC 9110 section 10.1.1).
        """
        expect, length = (b"Expect", b"100-Continue"), (_LENGTH, b"5")
        self.assertTrue(checked(expect, length).wishes.expectsContinue)
        self.assertTrue(checked(expect, (_CODING, b"chunked")).wishes.expectsContinue)
        self.assertTrue(checked(expect, expect, length).wishes.expectsContinue)
        self.assertFalse(checked(length).wishes.expectsContinue)
        self.assertFalse(checked(expect).wishes.expectsContinue)
        self.assertFalse(checked(expect, length, version=HTTP_1_0).wishes.expectsContinue)

    def test_unknownExpectation(self) -> None:
        for value in (b"200-ok", b"100-continue, x", b"100-continue=1"):
            head = RequestHead(b"POST", b"/", HTTP_1_1, (HOST, (b"Expect", value)))
            self.assertEqual(refusal(head), 417)
            self.assertFalse(
                checked((b"Expect", value), version=HTTP_1_0).wishes.expectsContinue, value
            )

    def test_upgrade(self) -> None:
        """
        Only of a newer client, without a body, and named by Connection (RFC 9110
        section 7.8); HTTP/2 over plain text is not offered.
        """
        connection = (b"Connection", b"Upgrade")
        for fields, upgrade in (
            ((connection, (b"Upgrade", b"websocket")), b"websocket"),
            ((connection, (b"Upgrade", b"h2c, websocket")), b"websocket"),
            ((connection, (b"Upgrade", b"a/1"), (b"upgrade", b"b")), b"a/1, b"),
            ((connection, (b"Upgrade", b"h2c")), None),
            ((connection,), None),
            (((b"Upgrade", b"websocket"),), None),
            ((connection, (b"Upgrade", b"websocket"), (_LENGTH, b"1")), None),
        ):
            self.assertEqual(checked(*fields).wishes.upgrade, upgrade, fields)
        old = checked(connection, (b"Upgrade", b"websocket"), version=HTTP_1_0)
        self.assertIsNone(old.wishes.upgrade)

    def test_maxForwards(self) -> None:
        """
        RFC 9110 section 7.6.2; other methods pass it on as it is.
        """
        field = (b"Max-Forwards", b"7")
        for method in (b"OPTIONS", b"TRACE"):
            request = checked(field, method=method)
            self.assertEqual(request.wishes.maxForwards, 7)
            self.assertEqual(request.passing, b"")
            self.assertIsNone(checked(method=method).wishes.maxForwards)
            for fields in ((field, field), ((b"Max-Forwards", b"x"),), ((b"Max-Forwards", b""),)):
                self.assertEqual(refusal(RequestHead(method, b"/", HTTP_1_1, (HOST, *fields))), 400)
        request = checked(field)
        self.assertIsNone(request.wishes.maxForwards)
        self.assertEqual(request.passing, b"Max-Forwards: 7\r\n")

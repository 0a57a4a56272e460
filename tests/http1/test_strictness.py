"""
How strict we are, beside another strict reader (h11): where one takes a request, or a
chunked body, and the other doesn't, there is a reason, and it is listed here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import h11
from hypothesis import event, given, settings
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.headstrategies import chunkedBodies, requestHeads
from tests.http1.samples import REQUESTS
from twisted_multiserver.http1.framing import ChunkedBody
from twisted_multiserver.http1.heads import BadMessage
from twisted_multiserver.http1.requestreader import RequestReader
from twisted_multiserver.http1.requests import CheckedRequest, Refused
from twisted_multiserver.http1.targets import isHost

CHUNKED_POST = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def ours(data: bytes) -> CheckedRequest | None:
    """
    @return: the request at the beginning; L{None} if it is refused, or not whole.
    """
    try:
        found = RequestReader().receive(data)
    except Refused:
        return None
    return None if found is None else found[0]


def theirs(data: bytes) -> h11.Request | None:
    """
    @return: the same for h11.
    """
    reader = h11.Connection(our_role=h11.SERVER)
    reader.receive_data(data)
    try:
        found = reader.next_event()
    except h11.RemoteProtocolError:
        return None
    return found if isinstance(found, h11.Request) else None


def values(request: h11.Request, name: bytes) -> list[bytes]:
    return [value for key, value in request.headers if key == name]


def _lineEnds(data: bytes, request: h11.Request) -> bool:
    return re.search(rb"(?<!\r)\n|\r(?!\n)", data) is not None


def _fold(data: bytes, request: h11.Request) -> bool:
    return re.search(rb"\r?\n[ \t]", data) is not None


def _control(data: bytes, request: h11.Request) -> bool:
    return any(re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", value) for _, value in request.headers)


def _version(data: bytes, request: h11.Request) -> bool:
    return not request.http_version.startswith(b"1.")


def _target(data: bytes, request: h11.Request) -> bool:
    isAbsolute = re.match(rb"(?i)https?://", request.target)
    isAsterisk = request.method == b"OPTIONS" and request.target == b"*"
    isForm = request.target.startswith(b"/") or isAbsolute or isAsterisk
    return b"#" in request.target or request.method == b"CONNECT" or not isForm


def _host(data: bytes, request: h11.Request) -> bool:
    hosts = values(request, b"host")
    absolute = re.match(rb"(?i)https?://([^/?]*)", request.target)
    named = [absolute[1]] if absolute else []
    # h11 misses it only in HTTP/1.1 itself.
    isMissing = not hosts and request.http_version != b"1.0"
    isNobody = any(authority.partition(b":")[0] == b"" for authority in named)
    isBad = not all(map(isHost, hosts + named))
    return isMissing or isNobody or isBad or len(hosts) > 1


def _lengths(data: bytes, request: h11.Request) -> bool:
    # h11 makes one of several, so that the request itself doesn't tell.
    found = re.findall(rb"(?im)^content-length:([^\r\n]*)", data)
    return len(found) > 1 or any(b"," in value or len(value.strip()) > 18 for value in found)


def _framings(data: bytes, request: h11.Request) -> bool:
    hasCoding = bool(values(request, b"transfer-encoding"))
    hasLength = bool(values(request, b"content-length"))
    return hasCoding and (hasLength or request.http_version == b"1.0")


def _trace(data: bytes, request: h11.Request) -> bool:
    hasCoding = bool(values(request, b"transfer-encoding"))
    return request.method == b"TRACE" and (hasCoding or bool(values(request, b"content-length")))


def _expectation(data: bytes, request: h11.Request) -> bool:
    return any(value.lower() != b"100-continue" for value in values(request, b"expect"))


def _forwards(data: bytes, request: h11.Request) -> bool:
    found = values(request, b"max-forwards")
    return request.method in (b"OPTIONS", b"TRACE") and (
        len(found) > 1 or not all(value.isdigit() for value in found)
    )


# Why we refuse what h11 takes: the rule, whether it may be the reason, and an example.
STRICTER: list[tuple[str, Callable[[bytes, h11.Request], bool], bytes]] = [
    (
        "RFC 9112 section 2.2: a bare LF may be taken for a line's end; two readers would differ",
        _lineEnds,
        b"GET / HTTP/1.1\nHost: a\n\n",
    ),
    (
        "RFC 9112 section 5.2: a server must refuse folded lines, or unfold them",
        _fold,
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    ),
    (
        "RFC 9110 section 5.5: control bytes are no part of a value",
        _control,
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n",
    ),
    (
        "RFC 9110 section 15.6.6: another major version",
        _version,
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    ),
    (
        "RFC 9112 section 3.2: four forms of targets, of which we don't serve CONNECT's",
        _target,
        b"GET a HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    (
        "RFC 9112 section 3.2: Host once, and valid; RFC 9110 section 4.2.4: no user information",
        _host,
        b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    ),
    (
        "RFC 9112 section 6.3 item 5: Content-Length is a number, said once",
        _lengths,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        "RFC 9112 sections 6.1 and 6.3 item 3: two framings, or a coding in HTTP/1.0",
        _framings,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (
        "RFC 9110 section 9.3.8: TRACE has no body",
        _trace,
        b"TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        "RFC 9110 section 10.1.1: an expectation that can't be met is answered with 417",
        _expectation,
        b"GET / HTTP/1.1\r\nHost: a\r\nExpect: a\r\n\r\n",
    ),
    (
        "RFC 9110 section 7.6.2: Max-Forwards is a number",
        _forwards,
        b"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: a\r\n\r\n",
    ),
]


def _emptyLine(data: bytes, request: CheckedRequest) -> bool:
    return data.startswith(b"\r\n")


def _emptyMember(data: bytes, request: CheckedRequest) -> bool:
    codings = [value for key, value in request.fields if key.lower() == b"transfer-encoding"]
    return len(codings) > 1 or any(b"," in value for value in codings)


# Why we take what h11 refuses.
LAXER: list[tuple[str, Callable[[bytes, CheckedRequest], bool], bytes]] = [
    (
        "RFC 9112 section 2.2: an empty line before a request should be overlooked",
        _emptyLine,
        b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    (
        "RFC 9110 section 5.6.1.2: empty members of a list must be overlooked",
        _emptyMember,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n",
    ),
]


class HeadTests(SynchronousTestCase):
    def compare(self, data: bytes) -> str:
        """
        @return: who takes it.
        """
        we, they = ours(data), theirs(data)
        if we is None and they is not None:
            reasons = [rule for rule, isIt, _ in STRICTER if isIt(data, they)]
            self.assertNotEqual(reasons, [], f"refused without a reason: {data!r}")
            return "h11"
        if we is not None and they is None:
            reasons = [rule for rule, isIt, _ in LAXER if isIt(data, we)]
            self.assertNotEqual(reasons, [], f"taken without a reason: {data!r}")
            return "we"
        if we is None or they is None:
            return "nobody"
        # h11 shows codings in lower case.
        fields = [
            (name, value.lower() if name.lower() == b"transfer-encoding" else value)
            for name, value in we.fields
        ]
        self.assertEqual(
            (we.method, we.target, fields),
            (they.method, they.target, list(they.headers.raw_items())),
        )
        return "both"

    def test_real(self) -> None:
        for data in REQUESTS.values():
            self.assertEqual(self.compare(data), "both")

    def test_examples(self) -> None:
        """
        Each rule has a case in which it is the only reason.
        """
        for rule, _, data in STRICTER:
            they = theirs(data)
            assert they is not None, rule
            self.assertIsNone(ours(data), rule)
            self.assertEqual([found for found, isIt, _ in STRICTER if isIt(data, they)], [rule])
        for rule, _, data in LAXER:
            we = ours(data)
            assert we is not None, rule
            self.assertIsNone(theirs(data), rule)
            self.assertEqual([found for found, isIt, _ in LAXER if isIt(data, we)], [rule])

    @settings(deadline=None, max_examples=1000)
    @given(requestHeads())
    def test_mutated(self, data: bytes) -> None:
        event(self.compare(data))


def oursOfBody(data: bytes) -> tuple[bytes, int, bytes] | None:
    """
    @return: a chunked body, the number of its trailers, and what is behind it; L{None} if
        it is refused, or not whole.
    """
    body = ChunkedBody()
    try:
        pieces, rest = body.read(data)
    except BadMessage:
        return None
    return (b"".join(pieces), len(body.trailers), rest) if body.ended else None


def theirsOfBody(data: bytes) -> tuple[bytes, int, bytes] | None:
    """
    @return: the same for h11.
    """
    reader = h11.Connection(our_role=h11.SERVER)
    reader.receive_data(CHUNKED_POST + data)
    assert isinstance(reader.next_event(), h11.Request)
    body = b""
    while True:
        try:
            found = reader.next_event()
        except h11.RemoteProtocolError:
            return None
        if isinstance(found, h11.Data):
            body += bytes(found.data)
        elif isinstance(found, h11.EndOfMessage):
            return body, len(found.headers), reader.trailing_data[0]
        else:
            return None


# Why we refuse a body that h11 takes: the rule, where to see that it may be so, an example.
STRICTER_BODIES: list[tuple[str, bytes, bytes]] = [
    (
        "RFC 9112 section 7.1: no blanks between a size, or an extension, and the line's end",
        rb"[ \t]+\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
    ),
    (
        "RFC 9112 section 7.1.1: no control bytes in an extension",
        rb";[^\r\n]*[\x00-\x08\x0b-\x1f\x7f]|;[^\n]*\r[^\n]",
        b"3;a\x01\r\nabc\r\n0\r\n\r\n",
    ),
    (
        "RFC 9112 section 7.1: large sizes must not overflow anywhere",
        rb"[0-9A-Fa-f]{16}",
        b"0000000000000003\r\nabc\r\n0\r\n\r\n",
    ),
    (
        "RFC 9112 section 2.2: bare line feeds, in trailers",
        rb"[^\r]\n",
        b"0\r\nA: b\n\r\n",
    ),
    (
        "RFC 9112 section 5.2: folded trailers",
        rb"\n[ \t]",
        b"0\r\nA: b\r\n c\r\n\r\n",
    ),
    (
        "RFC 9110 section 5.5: control bytes in trailers",
        rb":[^\n]*[\x00-\x08\x0b-\x1f\x7f]",
        b"0\r\nA: b\x01\r\n\r\n",
    ),
]
LAXER_BODIES: list[tuple[str, bytes, bytes]] = [
    (
        "RFC 9112 section 7.1.1: blanks before an extension's semicolon must be read over",
        rb"[0-9A-Fa-f][ \t]+;",
        b"3 ;a=b\r\nabc\r\n0\r\n\r\n",
    ),
]


class BodyTests(SynchronousTestCase):
    def compare(self, data: bytes) -> str:
        """
        @return: who takes it.
        """
        we, they = oursOfBody(data), theirsOfBody(data)
        if (we is None) == (they is None):
            self.assertEqual(we, they)
            return "nobody" if we is None else "both"
        rules = STRICTER_BODIES if we is None else LAXER_BODIES
        reasons = [rule for rule, pattern, _ in rules if re.search(pattern, data)]
        self.assertNotEqual(reasons, [], f"{'h11' if we is None else 'only we'}: {data!r}")
        return "h11" if we is None else "we"

    def test_examples(self) -> None:
        for _, pattern, data in STRICTER_BODIES:
            self.assertEqual(self.compare(data), "h11", data)
            self.assertIsNotNone(re.search(pattern, data))
        for _, pattern, data in LAXER_BODIES:
            self.assertEqual(self.compare(data), "we", data)
            self.assertIsNotNone(re.search(pattern, data))

    @settings(deadline=None, max_examples=1000)
    @given(chunkedBodies())
    def test_mutated(self, data: bytes) -> None:
        event(self.compare(data))

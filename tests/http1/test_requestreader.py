"""
Reading requests: bytes in pieces in, checked heads or refusals out.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.headstrategies import ODD_BYTES, cuts, pieces, requestHeads
from tests.http1.samples import REQUESTS, head
from tests.http1.test_fastrequests import shown
from twisted_multiserver.http1.heads import HEAD_LIMIT, HTTP_1_0, HTTP_1_1
from twisted_multiserver.http1.requestreader import RequestReader, parseRequest
from twisted_multiserver.http1.requests import TARGET_LIMIT, Refused, checkRequest

GOOD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def readAll(parts: list[bytes]) -> list[object]:
    """
    Read requests without bodies.

    @param parts: the connection's bytes.
    @return: what is seen of the requests, and the status of the refusal, if there is one.
    """
    reader = RequestReader()
    found: list[object] = []
    for part in parts:
        left = part
        while left:
            try:
                one = reader.receive(left)
            except Refused as refused:
                return [*found, refused.status]
            if one is None:
                break
            request, left = one
            found.append(shown(request))
    return [*found, reader.isBegun]


class SplitTests(SynchronousTestCase):
    """
    However the bytes are cut, the result is the same.
    """

    def everywhere(self, data: bytes) -> list[object]:
        """
        @return: what comes of it, whole, in two pieces and byte by byte.
        """
        whole = readAll([data])
        for cut in range(1, len(data)):
            self.assertEqual(readAll(pieces(data, [cut])), whole, (data, cut))
        self.assertEqual(readAll([data[at : at + 1] for at in range(len(data))]), whole, data)
        return whole

    def test_real(self) -> None:
        for data in REQUESTS.values():
            expected = shown(checkRequest(parseRequest(data)))
            self.assertEqual(self.everywhere(data), [expected, False])

    def test_several(self) -> None:
        """
        What is behind a head is the next one.
        """
        found = self.everywhere(GOOD * 2 + head("HEAD /x HTTP/1.0") + GOOD[:7])
        self.assertEqual(len(found), 4)
        self.assertIs(found[-1], True)

    def test_emptyLine(self) -> None:
        """
        One is overlooked before each request (RFC 9112 section 2.2), two aren't.
        """
        data = b"\r\n" + GOOD
        self.assertEqual(len(self.everywhere(data * 3)), 4)
        self.assertEqual(self.everywhere(GOOD + b"\r\n")[-1], False)
        self.assertEqual(self.everywhere(b"\r\n" * 2 + GOOD), [400])
        self.assertEqual(self.everywhere(GOOD + b"\r\n" * 2 + GOOD)[1:], [400])
        self.assertEqual(self.everywhere(b"\n" + GOOD), [400])

    @settings(deadline=None, max_examples=400)
    @given(st.lists(requestHeads(), min_size=1, max_size=3), st.data())
    def test_mutated(self, heads: list[bytes], data: st.DataObject) -> None:
        """
        Requests, or refusals, are the same; only which fault of several is seen first may
        differ.
        """
        joined = b"".join(heads)
        parts = data.draw(cuts(joined))
        whole, cut = readAll([joined]), readAll(parts)
        if isinstance(whole[-1], bool) or isinstance(cut[-1], bool):
            self.assertEqual(cut, whole)
        else:
            self.assertEqual(cut[:-1], whole[:-1])

    @settings(deadline=None, max_examples=200)
    @given(
        st.sampled_from(sorted(REQUESTS.values())),
        st.sampled_from(ODD_BYTES),
        st.integers(0, 1000),
        st.data(),
    )
    def test_oneFault(self, good: bytes, odd: bytes, at: int, data: st.DataObject) -> None:
        """
        A request with one fault is answered with the same status.
        """
        at %= len(good)
        bad = good[:at] + odd + good[at:]
        self.assertEqual(readAll(data.draw(cuts(bad))), readAll([bad]))

    @settings(deadline=None)
    @given(st.binary(max_size=300), st.data())
    def test_garbage(self, garbage: bytes, data: st.DataObject) -> None:
        """
        Whatever comes is read or refused, and nothing else.
        """
        for start in (b"", b"GET ", GOOD[:-2], b"GET / HTTP/1.1\r\nX: "):
            readAll(data.draw(cuts(start + garbage)))


class RefusalTests(SynchronousTestCase):
    """
    What isn't a request, by the grammar of RFC 9112.
    """

    def refused(self, data: bytes, status: int = 400) -> None:
        for parts in ([data], [data[at : at + 1] for at in range(len(data))]):
            self.assertEqual(readAll(parts), [status], data)

    def test_requestLines(self) -> None:
        for line, status in (
            (b"", 400),
            (b"GET", 400),
            (b"GET /", 400),
            (b"GET  / HTTP/1.1", 400),
            (b"GET /  HTTP/1.1", 400),
            (b"GET / HTTP/1.1 ", 400),
            (b" GET / HTTP/1.1", 400),
            (b"GET\t/ HTTP/1.1", 400),
            (b"GET /a b HTTP/1.1", 400),
            (b"GET / http/1.1", 400),
            (b"GET / HTTP/1", 400),
            (b"GET / HTTP/1.10", 400),
            (b"GET / HTTP/11", 400),
            (b"GET / HTTP/x.1", 400),
            (b"G@T / HTTP/1.1", 400),
            (b"G\xe4T / HTTP/1.1", 400),
            (b"GET /\x00 HTTP/1.1", 400),
            (b"GET /\x0b HTTP/1.1", 400),
            (b"GET / HTTP/2.0", 505),
            (b"GET / HTTP/0.9", 505),
            (b"PRI * HTTP/2.0", 505),
            (b"CONNECT a:1 HTTP/1.1", 501),
        ):
            if line:
                self.refused(line + b"\r\nHost: a\r\n\r\n", status)
            else:
                self.refused(b"\r\n\r\nHost: a\r\n\r\n")

    def test_fieldLines(self) -> None:
        for line in (
            b"no colon",
            b": no name",
            b"Name : x",
            b" Name: x",
            b"Na me: x",
            b"Na\x00me: x",
            b"N\xe4me: x",
            b"Name: \x00",
            b"Name: a\rb",
            b"Name: a\nb",
            b"Name: a\x7fb",
            b"Name: a\x0bb",
            b"Name: a\r\n folded",
            b"Name: a\r\n\tfolded",
            b"Name: a\r",
            b"Name: a\n",
        ):
            for place in (b"%b\r\nHost: a\r\n\r\n", b"Host: a\r\n%b\r\n\r\n"):
                self.refused(b"GET / HTTP/1.1\r\n" + place % line)

    def test_bareLineFeeds(self) -> None:
        """
        A line feed alone ends no line (RFC 9112 section 2.2 allows it, section 11.2 tells
        why not to).
        """
        self.refused(b"GET / HTTP/1.1\nHost: a\n\n")
        self.refused(b"GET / HTTP/1.1\r\nHost: a\r\n\n")
        self.refused(b"GET / HTTP/1.1\r\nHost: a\n\r\n")

    def test_early(self) -> None:
        """
        What can't become a request is refused without waiting for the rest.
        """
        for data in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01",
            b"GET / HTTP/1.1\n",
            b"GET /\r\n",
            b"hello\r\n",
            b"GET / HTTP/1.1\r\nX: a\rb",
        ):
            self.assertEqual(readAll([data]), [400], data)
            for cut in range(1, len(data)):
                self.assertEqual(readAll(pieces(data, [cut])), [400], (data, cut))
        self.assertEqual(readAll([b"PRI * HTTP/2.0\r\n"]), [505])

    def test_versions(self) -> None:
        """
        HTTP/1.2 and above are read as HTTP/1.1 (RFC 9110 section 2.5).
        """
        for given_, version in ((b"1.0", HTTP_1_0), (b"1.1", HTTP_1_1), (b"1.9", HTTP_1_1)):
            parsed = parseRequest(b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % given_)
            self.assertEqual(parsed.version, version)

    def test_values(self) -> None:
        """
        Blanks around a value are none of it.
        """
        data = b"GET / HTTP/1.1\r\nHost:\ta \t\r\nX:\r\nY: \t\r\nZ: b  \xe4\tc\r\n\r\n"
        fields = ((b"Host", b"a"), (b"X", b""), (b"Y", b""), (b"Z", b"b  \xe4\tc"))
        self.assertEqual(parseRequest(data).fields, fields)


class LimitTests(SynchronousTestCase):
    @settings(deadline=None)
    @given(st.integers(-4, 4), st.sampled_from([1000, 4096, *range(65533, 65542), 200000]))
    def test_head(self, excess: int, size: int) -> None:
        """
        A head may have exactly so many bytes, however they are cut.
        """
        start = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
        data = start + b"x" * (HEAD_LIMIT + excess - len(start) - 4) + b"\r\n\r\n"
        parts = pieces(data, list(range(size, len(data), size)))
        self.assertEqual(readAll(parts)[-1], 431 if excess > 0 else False)

    def test_target(self) -> None:
        for length, expected in ((TARGET_LIMIT, False), (TARGET_LIMIT + 1, 414), (65000, 414)):
            data = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * (length - 1))
            for size in (1000, 4096, 200000):
                parts = pieces(data, list(range(size, len(data), size)))
                self.assertEqual(readAll(parts)[-1], expected)

    def test_endless(self) -> None:
        """
        A head without an end is given up, not kept.
        """
        for start, piece, status in (
            (b"", b"x" * 1000, 414),
            (b"GET / HTTP/1.1\r\n", b"x" * 1000, 431),
            (b"GET / HTTP/1.1\r\n", b"X: y\r\n", 431),
        ):
            parts = [start, *[piece] * (HEAD_LIMIT // len(piece) + 2)]
            self.assertEqual(readAll([part for part in parts if part]), [status])

"""
Framing of response bodies: what the head says, and the chunked coding.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.http1.framing import (
    BodyReader,
    ChunkedBody,
    CloseBody,
    LengthBody,
    contentLength,
    responseBody,
)
from twisted_multiserver.http1.heads import HTTP_1_0, HTTP_1_1, BadMessage, ResponseHead


def read(body: BodyReader, *pieces: bytes) -> tuple[bytes, bytes]:
    """
    @param body: reads.
    @param pieces: the connection's bytes.
    @return: the body, joined, and what was left behind it.
    """
    whole, rest = b"", b""
    for piece in pieces:
        got, left = body.read(piece)
        assert all(got), "a piece is empty"
        whole, rest = whole + b"".join(got), rest + left
    return whole, rest


def chunked(chunks: list[bytes], trailers: bytes = b"") -> bytes:
    """
    @param chunks: none of them empty.
    @param trailers: lines with their ends.
    @return: the chunked coding.
    """
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return coded + b"0\r\n" + trailers + b"\r\n"


class LengthBodyTests(SynchronousTestCase):
    def test_empty(self) -> None:
        self.assertTrue(LengthBody(0).ended)

    def test_rest(self) -> None:
        """
        What is behind the end is handed back.
        """
        body = LengthBody(5)
        self.assertEqual(body.read(b"hel"), ([b"hel"], b""))
        self.assertFalse(body.ended)
        self.assertEqual(body.read(b"loHTTP"), ([b"lo"], b"HTTP"))
        self.assertTrue(body.ended)


class CloseBodyTests(SynchronousTestCase):
    def test_neverEndsByItself(self) -> None:
        body = CloseBody()
        self.assertEqual(read(body, b"a", b"", b"bc"), (b"abc", b""))
        self.assertFalse(body.ended)
        self.assertTrue(body.endsAtClose)


class ChunkedBodyTests(SynchronousTestCase):
    @given(
        st.lists(st.binary(min_size=1, max_size=40), max_size=5),
        st.sampled_from([b"", b"A: 1\r\n", b"A: 1\r\nB-2:\t x y \r\n"]),
        st.binary(max_size=10),
        st.integers(1, 20),
    )
    def test_anySplit(self, chunks: list[bytes], trailers: bytes, behind: bytes, size: int) -> None:
        """
        Cut into pieces of any size, the body, its trailers and what is behind it
        are the same.
        """
        data = chunked(chunks, trailers) + behind
        body = ChunkedBody()
        whole, rest = b"", b""
        for start in range(0, len(data), size):
            if body.ended:
                rest += data[start : start + size]
                continue
            got, left = read(body, data[start : start + size])
            whole, rest = whole + got, rest + left
        self.assertTrue(body.ended)
        self.assertEqual((whole, rest), (b"".join(chunks), behind))
        self.assertEqual(len(body.trailers), trailers.count(b"\r\n"))

    def test_trailers(self) -> None:
        body = ChunkedBody()
        read(body, b"0\r\nExpires:  now \r\nX:\r\n\r\n")
        self.assertEqual(body.trailers, ((b"Expires", b"now"), (b"X", b"")))

    def test_extensions(self) -> None:
        """
        Chunk extensions are read over.
        """
        self.assertEqual(read(ChunkedBody(), b'3 ;a="b"\r\nabc\r\n0;x\r\n\r\n'), (b"abc", b""))

    def test_malformed(self) -> None:
        for data in (
            b"g\r\n",
            b"\r\n",
            b"-1\r\n",
            b"+3\r\nabc\r\n",
            b"0x3\r\nabc\r\n",
            b" 3\r\nabc\r\n",
            b"3\nabc\r\n0\r\n\r\n",
            b"3\r\nabcd\r\n",
            b"3\r\nabc\n0\r\n\r\n",
            b"3\r\nabc\rX",
            b"3\r\nabcX",
            b"1234567890abcdef\r\n",
            b"3;a=\x00\r\nabc\r\n",
            b"3;a=\nb\r\nabc\r\n",
            b"0\r\nbad\r\n\r\n",
            b"0\r\nbad name: x\r\n\r\n",
            b"0\r\nA: 1\r\n folded\r\n\r\n",
            b"0\r\nA: \x00\r\n\r\n",
            b"0\r\nA: 1\nB: 2\r\n\r\n",
        ):
            with self.assertRaises(BadMessage, msg=data):
                read(ChunkedBody(), data)

    def test_longestLine(self) -> None:
        """
        What is allowed whole is allowed in pieces.
        """
        data = b"3;" + b"x" * 4094 + b"\r\nabc\r\n0\r\n\r\n"
        for cut in range(4090, 4104):
            self.assertEqual(read(ChunkedBody(), data[:cut], data[cut:]), (b"abc", b""))

    def test_longLines(self) -> None:
        """
        A line without an end, or with a far one, is refused, not kept.
        """
        for data in (b"3;" + b"x" * 5000, b"3;" + b"x" * 5000 + b"\r\nabc\r\n0\r\n\r\n"):
            with self.assertRaises(BadMessage):
                read(ChunkedBody(), data)
        with self.assertRaises(BadMessage):
            read(ChunkedBody(), b"0\r\n", *[b"A: %s\r\n" % (b"x" * 1000)] * 20)


class ContentLengthTests(SynchronousTestCase):
    def test_values(self) -> None:
        for values, length in (
            ([], None),
            ([b"0"], 0),
            ([b"12"], 12),
            ([b"12", b"12"], 12),
            ([b"12, 12"], 12),
        ):
            fields = tuple((b"Content-Length", value) for value in values)
            self.assertEqual(contentLength(fields), length, values)

    def test_refused(self) -> None:
        for values in (
            [b""],
            [b"-1"],
            [b"+1"],
            [b"1_0"],
            [b"1.0"],
            [b"0x1"],
            [b"\xb2"],
            [b"1 2"],
            [b"1", b"2"],
            [b"1, 2"],
            [b"9" * 19],
        ):
            fields = tuple((b"content-LENGTH", value) for value in values)
            with self.assertRaises(BadMessage, msg=values):
                contentLength(fields)


class ResponseBodyTests(SynchronousTestCase):
    """
    RFC 9112 section 6.3, as far as it is about responses.
    """

    def body(
        self,
        *fields: tuple[bytes, bytes],
        method: bytes = b"GET",
        status: int = 200,
        version: bytes = HTTP_1_1,
    ) -> BodyReader:
        return responseBody(method, ResponseHead(status, b"", version, fields))

    def test_without(self) -> None:
        """
        An answer to HEAD, a 204 and a 304 have no body, whatever their fields say.
        """
        for fields in (
            (),
            ((b"Content-Length", b"10"),),
            ((b"Transfer-Encoding", b"chunked"),),
        ):
            self.assertTrue(self.body(*fields, method=b"HEAD").ended)
            self.assertTrue(self.body(*fields, status=204).ended)
            self.assertTrue(self.body(*fields, status=304).ended)
            self.assertFalse(self.body(*fields).ended)

    def test_kinds(self) -> None:
        self.assertIsInstance(self.body((b"Transfer-Encoding", b"Chunked")), ChunkedBody)
        self.assertIsInstance(self.body((b"Content-Length", b"1")), LengthBody)
        self.assertIsInstance(self.body(), CloseBody)
        self.assertIsInstance(self.body(version=HTTP_1_0), CloseBody)

    def test_refused(self) -> None:
        coding, length = (b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"3")
        for fields, version in (
            ((coding, length), HTTP_1_1),
            ((coding,), HTTP_1_0),
            ((coding, coding), HTTP_1_1),
            (((b"Transfer-Encoding", b"gzip, chunked"),), HTTP_1_1),
            (((b"Transfer-Encoding", b"identity"),), HTTP_1_1),
            (((b"Transfer-Encoding", b""),), HTTP_1_1),
            (((b"Transfer-Encoding", b"xchunked"),), HTTP_1_1),
            (((b"Transfer-Encoding", b"\x0bchunked"),), HTTP_1_1),
        ):
            with self.assertRaises(BadMessage, msg=fields):
                self.body(*fields, version=version)

    def test_contradictionsOfHeads(self) -> None:
        """
        A head that contradicts itself isn't believed in what else it says, even
        where no body follows.
        """
        with self.assertRaises(BadMessage):
            self.body((b"Content-Length", b"3"), (b"Content-Length", b"4"), method=b"HEAD")

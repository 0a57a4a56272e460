"""
Framing: what the head says, and where a body ends.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.headstrategies import chunkedBodies, cuts
from twisted_multiserver.http1.framing import (
    BodyReader,
    ChunkedBody,
    CloseBody,
    LengthBody,
    UnknownCoding,
    contentLength,
    isChunked,
)
from twisted_multiserver.http1.heads import BadMessage


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
    @settings(deadline=None)
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

    @settings(deadline=None, max_examples=300)
    @given(chunkedBodies(), st.booleans(), st.data())
    def test_mutated(self, data: bytes, fromServer: bool, rest: st.DataObject) -> None:
        """
        However the bytes are cut, it is the same body, or refused.
        """

        def outcome(parts: list[bytes]) -> object:
            body = ChunkedBody(fromServer)
            whole, left = b"", b""
            for part in parts:
                if body.ended:
                    left += part
                    continue
                try:
                    got, more = body.read(part)
                except BadMessage:
                    return "refused"
                whole, left = whole + b"".join(got), left + more
            return whole, left, body.ended, body.trailers

        expected = outcome([data])
        self.assertEqual(outcome(rest.draw(cuts(data))), expected)
        self.assertEqual(outcome([data[at : at + 1] for at in range(len(data))]), expected)

    def test_trailers(self) -> None:
        body = ChunkedBody()
        read(body, b"0\r\nExpires:  now \r\nX:\r\n\r\n")
        self.assertEqual(body.trailers, ((b"Expires", b"now"), (b"X", b"")))

    def test_extensions(self) -> None:
        """
        Chunk extensions are read over.
        """
        self.assertEqual(read(ChunkedBody(), b'3 ;a="b"\r\nabc\r\n0;x\r\n\r\n'), (b"abc", b""))

    def test_extensionsInAll(self) -> None:
        """
        A little of them, or as much as there is of the body, and no more.
        """
        signed = b"40;signature=%b\r\n%b\r\n" % (b"s" * 60, b"x" * 64)
        body = ChunkedBody()
        for _ in range(2000):
            body.read(signed)
        body = ChunkedBody()
        with self.assertRaises(BadMessage):
            for _ in range(100):
                body.read(b"1;%b\r\nx\r\n" % (b"a" * 1000))

    def test_hopeless(self) -> None:
        """
        A line of which nothing good can come is refused before its end is there.
        """
        for data in (
            *(b"5\n", b"5\nhello", b"5\rh", b"x", b"-", b"5x", b"5;a\n", b"f" * 16, b"5;\x00"),
            *(b"0\r\n\n", b"0\r\nX: y\n", b"0\r\nX: y\rz", b"1\r\nabc", b"1\r\na\n"),
        ):
            for pieces in ((data,), tuple(data[at : at + 1] for at in range(len(data)))):
                with self.assertRaises(BadMessage, msg=data):
                    read(ChunkedBody(), *pieces)
        for data in (b"5", b"5 ", b"5;a", b"5;a\r", b"0\r\n\r", b"0\r\nX", b"1\r\na\r"):
            read(ChunkedBody(), *(data[at : at + 1] for at in range(len(data))))

    def test_blanks(self) -> None:
        """
        Some servers fill up the size with blanks; a client that does is refused, since
        others read such a line in another way.
        """
        for data in (b"3 \r\nabc\r\n0\r\n\r\n", b"3\t \r\nabc\r\n0 \r\n\r\n"):
            self.assertEqual(read(ChunkedBody(fromServer=True), data), (b"abc", b""))
            with self.assertRaises(BadMessage):
                read(ChunkedBody(), data)
        for data in (b" 3\r\nabc\r\n", b"\r\n", b"3 x\r\n", b"3\x0b\r\n"):
            with self.assertRaises(BadMessage, msg=data):
                read(ChunkedBody(fromServer=True), data)

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
            ([b"12", b" 12 ,12"], 12),
            ([b"012"], 12),
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


class IsChunkedTests(SynchronousTestCase):
    """
    RFC 9112 section 6.1; an empty member of a list is none (RFC 9110 section 5.6.1.2).
    """

    def chunked(self, *values: bytes) -> bool:
        return isChunked(tuple((b"Transfer-ENCODING", value) for value in values))

    def test_values(self) -> None:
        for values, expected in (
            ([], False),
            ([b"chunked"], True),
            ([b"Chunked"], True),
            ([b"CHUNKED"], True),
            ([b", chunked ,\t"], True),
        ):
            self.assertEqual(self.chunked(*values), expected, values)

    def test_malformed(self) -> None:
        for values in (
            [b""],
            [b","],
            [b"chunked", b"chunked"],
            [b"chunked, chunked"],
            [b"chunked, gzip"],
            [b"chunked", b"identity"],
            [b"\x0bchunked"],
            [b"chunked;q=1"],
            [b"chun ked"],
            [b'"chunked"'],
            [b"\xe4"],
        ):
            with self.assertRaises(BadMessage, msg=values) as caught:
                self.chunked(*values)
            self.assertNotIsInstance(caught.exception, UnknownCoding)

    def test_unknown(self) -> None:
        for values in (
            [b"gzip"],
            [b"identity"],
            [b"xchunked"],
            [b"gzip, chunked"],
            [b"gzip", b"chunked"],
        ):
            with self.assertRaises(UnknownCoding, msg=values):
                self.chunked(*values)

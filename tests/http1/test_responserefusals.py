"""
Reading responses: what is refused, and that it doesn't matter how the bytes come.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.headstrategies import chunkedBodies, cuts, pieces, responseHeads
from tests.http1.test_fastresponses import shown
from tests.http1.test_responsereader import end, feed, reading
from twisted_multiserver.http1.heads import HEAD_LIMIT, BadMessage
from twisted_multiserver.http1.responsereader import INFORMATIONAL_LIMIT, parseResponse
from twisted_multiserver.http1.wholeresponses import readWhole


class RefusalTests(SynchronousTestCase):
    """
    What isn't a response, by the grammar of RFC 9112.
    """

    def refused(self, data: bytes) -> None:
        data += b"\r\n\r\n"
        for parts in ([data], [data[at : at + 1] for at in range(len(data))]):
            with self.assertRaises(BadMessage, msg=data):
                feed(reading(), parts)
        self.assertIsNone(readWhole(data, False))

    def test_statusLines(self) -> None:
        for line in (
            b"",
            b"\r\nHTTP/1.1 200 OK",
            b"http/1.1 200 OK",
            b"HTTP/2 200 OK",
            b"HTTP/1.10 200 OK",
            b"HTTP/1.1  200 OK",
            b"HTTP/1.1\t200 OK",
            b"HTTP/1.1 20 OK",
            b"HTTP/1.1 2000 OK",
            b"HTTP/1.1 099 OK",
            b"HTTP/1.1 600 OK",
            b"HTTP/1.1 200OK",
            b"HTTP/1.1 200 O\x00K",
            b"HTTP/1.1 200 O\rK",
            b"HTTP/1.1 200 O\nK",
            b" HTTP/1.1 200 OK",
            b"SSH-2.0-OpenSSH",
        ):
            self.refused(line)

    def test_fieldLines(self) -> None:
        for line in (
            b"no colon",
            b": no name",
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
        ):
            self.refused(b"HTTP/1.1 200 OK\r\n" + line)

    def test_blanksBehindNames(self) -> None:
        """
        They are removed (RFC 9112 section 5.1), and the field is what it is.
        """
        head = parseResponse(b"HTTP/1.1 200 OK\r\nX-A \t: x\r\nContent-Length : 5")
        self.assertEqual(head.fields, ((b"X-A", b"x"), (b"Content-Length", b"5")))

    def test_framing(self) -> None:
        for line in (
            b"Content-Length: x",
            b"Content-Length: 1\r\nContent-Length: 2",
            b"Content-Length: 1\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: gzip",
        ):
            self.refused(b"HTTP/1.1 200 OK\r\n" + line)

    @settings(deadline=None)
    @given(st.integers(-4, 4), st.sampled_from([1000, 4096, *range(65533, 65542), 200000]))
    def test_headLimit(self, excess: int, size: int) -> None:
        """
        A head may have exactly so many bytes, however they are cut.
        """
        start = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: "
        data = start + b"x" * (HEAD_LIMIT + excess - len(start)) + b"\r\n\r\n"
        parts = pieces(data, list(range(size, len(data), size)))
        if excess > 0:
            with self.assertRaises(BadMessage):
                feed(reading(), parts)
            self.assertIsNone(readWhole(data, False))
        else:
            self.assertEqual(feed(reading(), parts)[-1], end(True))

    def test_endlessHead(self) -> None:
        """
        A head without an end is given up, not kept.
        """
        reader = reading()
        with self.assertRaises(BadMessage):
            for _ in range(HEAD_LIMIT // 1000 + 2):
                reader.receive(b"x" * 1000)

    def test_endlessInformational(self) -> None:
        """
        Interim responses don't go on for ever.
        """
        interim, last = b"HTTP/1.1 102 x\r\n\r\n", b"HTTP/1.1 204 x\r\n\r\n"
        self.assertEqual(feed(reading(), [interim * INFORMATIONAL_LIMIT + last])[-1], end(True))
        with self.assertRaises(BadMessage):
            feed(reading(), [interim * (INFORMATIONAL_LIMIT + 1) + last])


class SplitTests(SynchronousTestCase):
    """
    However the bytes are cut, the events are the same.
    """

    def outcome(self, parts: list[bytes], method: bytes = b"GET") -> list[object]:
        """
        @return: the events, or how it was refused.
        """
        try:
            return feed(reading(method), parts, close=True)
        except BadMessage as bad:
            return [type(bad)]

    @settings(deadline=None, max_examples=400)
    @given(
        responseHeads(),
        st.one_of(st.sampled_from([b"", b"hello", b"hello, world"]), chunkedBodies()),
        st.sampled_from([b"GET", b"HEAD"]),
        st.data(),
    )
    def test_mutated(self, start: bytes, body: bytes, method: bytes, data: st.DataObject) -> None:
        whole = start + body
        expected = self.outcome([whole], method)
        taken = readWhole(whole, method == b"HEAD")
        if taken is not None:
            content = [taken.body] if taken.body else []
            self.assertEqual([shown(taken.head), *content, end(taken.persists)], expected)
        for parts in (data.draw(cuts(whole)), pieces(whole, list(range(1, len(whole))))):
            got = self.outcome(parts, method)
            if got and expected and expected[-1] == end(False):
                # Whether bytes behind the end are seen in time depends on when they come.
                self.assertIsInstance(got.pop(), tuple)
                self.assertEqual(got, expected[:-1])
            else:
                self.assertEqual(got, expected)

    @settings(deadline=None)
    @given(st.binary(max_size=200), st.data())
    def test_garbage(self, garbage: bytes, data: st.DataObject) -> None:
        """
        Whatever comes is refused as a bad message or read, and nothing else.
        """
        for start in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: "):
            whole = start + garbage
            self.outcome(data.draw(cuts(whole)))
            readWhole(whole, False)

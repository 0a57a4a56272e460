"""
Reading responses: scripts of bytes in and events out.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.test_framing import chunked
from twisted_multiserver.http1.heads import HTTP_1_0, HTTP_1_1, BadMessage, ResponseHead
from twisted_multiserver.http1.responses import (
    HEAD_LIMIT,
    EndOfResponse,
    ResponseEvent,
    ResponseReader,
    Truncated,
    readHead,
)


def feed(
    reader: ResponseReader, data: bytes, size: int, close: bool = False
) -> list[ResponseEvent]:
    """
    @param reader: reads.
    @param data: the connection's bytes.
    @param size: of the pieces that they come in.
    @param close: whether the connection ends behind them.
    @return: the events, neighbouring pieces of the body joined.
    """
    events: list[ResponseEvent] = []
    for start in range(0, len(data), size):
        for event in reader.receive(data[start : start + size]):
            if isinstance(event, bytes) and events and isinstance(events[-1], bytes):
                events[-1] += event
            else:
                events.append(event)
    return events + (reader.connectionEnded() if close else [])


def head(
    status: int, *fields: tuple[bytes, bytes], reason: bytes = b"", version: bytes = HTTP_1_1
) -> ResponseHead:
    return ResponseHead(status, reason, version, fields)


class ScriptTests(SynchronousTestCase):
    """
    Whole responses, cut at every place.
    """

    def script(
        self,
        data: bytes,
        *events: ResponseEvent,
        method: bytes = b"GET",
        close: bool = False,
    ) -> None:
        """
        The data gives the events, in whatever pieces it comes.

        @param data: of the connection.
        @param events: in their order.
        @param method: of the request.
        @param close: whether the connection ends behind the data.
        """
        expected = list(events)
        for size in range(1, len(data) + 1):
            reader = ResponseReader(method)
            self.assertEqual(feed(reader, data, size, close), expected, size)
            self.assertTrue(reader.ended)
        for cut in range(len(data)):
            reader = ResponseReader(method)
            got = feed(reader, data[:cut], cut or 1)
            got += feed(reader, data[cut:], len(data), close)
            pieces = [event for event in got if isinstance(event, bytes)]
            rest = [event for event in got if not isinstance(event, bytes)]
            self.assertEqual(rest, [e for e in expected if not isinstance(e, bytes)], cut)
            self.assertEqual(
                b"".join(pieces), b"".join(e for e in expected if isinstance(e, bytes)), cut
            )

    def test_length(self) -> None:
        self.script(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-a:  b \r\n\r\nhello",
            head(200, (b"Content-Length", b"5"), (b"X-a", b"b"), reason=b"OK"),
            b"hello",
            EndOfResponse(True),
        )

    def test_empty(self) -> None:
        self.script(
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            head(200, (b"Content-Length", b"0"), reason=b"OK"),
            EndOfResponse(True),
        )

    def test_chunked(self) -> None:
        self.script(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + chunked([b"hello", b" ", b"world" * 4], b"A: 1\r\n"),
            head(200, (b"Transfer-Encoding", b"chunked"), reason=b"OK"),
            b"hello " + b"world" * 4,
            EndOfResponse(True, ((b"A", b"1"),)),
        )

    def test_untilClose(self) -> None:
        self.script(
            b"HTTP/1.1 200 OK\r\n\r\nhello",
            head(200, reason=b"OK"),
            b"hello",
            EndOfResponse(False),
            close=True,
        )

    def test_answerToHEAD(self) -> None:
        self.script(
            b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n",
            head(200, (b"Content-Length", b"50"), reason=b"OK"),
            EndOfResponse(True),
            method=b"HEAD",
        )

    def test_bodilessStatus(self) -> None:
        for status in (204, 304):
            self.script(
                b"HTTP/1.1 %d X\r\nContent-Length: 50\r\n\r\n" % status,
                head(status, (b"Content-Length", b"50"), reason=b"X"),
                EndOfResponse(True),
            )

    def test_informational(self) -> None:
        """
        Interim responses come before the final one.
        """
        self.script(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            b"HTTP/1.1 404 \r\nContent-Length: 1\r\n\r\nx",
            head(100, reason=b"Continue"),
            head(103, (b"Link", b"</a>"), reason=b"Early Hints"),
            head(404, (b"Content-Length", b"1")),
            b"x",
            EndOfResponse(True),
        )

    def test_oldVersions(self) -> None:
        """
        HTTP/1.0 persists only where it says so.
        """
        length = (b"Content-Length", b"0")
        for fields, reusable in (
            (b"", False),
            (b"Connection: Keep-Alive\r\n", True),
            (b"Connection: x, keep-alive\r\n", True),
        ):
            got = feed(
                ResponseReader(b"GET"),
                b"HTTP/1.0 200 OK\r\n" + fields + b"Content-Length: 0\r\n\r\n",
                999,
            )
            self.assertEqual(got[-1], EndOfResponse(reusable), fields)
        self.script(
            b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            head(200, length, reason=b"OK", version=HTTP_1_0),
            EndOfResponse(False),
        )

    def test_connectionClose(self) -> None:
        for value in (b"close", b"Close", b"keep-alive, close", b"x ,\tclose"):
            data = b"HTTP/1.1 200 OK\r\nConnection: " + value + b"\r\nContent-Length: 0\r\n\r\n"
            self.assertEqual(feed(ResponseReader(b"GET"), data, 999)[-1], EndOfResponse(False))

    def test_shortStatusLine(self) -> None:
        """
        The reason may be missing, and so may the blank before it.
        """
        for line in (b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.9 200 "):
            self.assertEqual(readHead(line), head(200))


class EndTests(SynchronousTestCase):
    """
    What is behind a response's end, or missing before it.
    """

    def test_trailingBytes(self) -> None:
        """
        Bytes that nobody asked for come to nothing, and the connection with them.
        """
        for data in (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 204 OK\r\n\r\n0",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx",
        ):
            reader = ResponseReader(b"GET")
            self.assertEqual(reader.receive(data)[-1], EndOfResponse(False))
            self.assertEqual(reader.receive(b"more"), [])
            self.assertEqual(reader.connectionEnded(), [])

    def test_truncated(self) -> None:
        """
        A connection that ends inside of a response is told as such, wherever.
        """
        for data in (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 OK\r\n\r\n",
        ):
            for cut in range(len(data)):
                reader = ResponseReader(b"GET")
                reader.receive(data[:cut])
                self.assertFalse(reader.ended)
                with self.assertRaises(Truncated):
                    reader.connectionEnded()


class RefusalTests(SynchronousTestCase):
    """
    What isn't a response, by the grammar of RFC 9112.
    """

    def refused(self, data: bytes) -> None:
        for size in (1, len(data) + 4):
            with self.assertRaises(BadMessage, msg=data):
                feed(ResponseReader(b"GET"), data + b"\r\n\r\n", size)

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
        ):
            self.refused(b"HTTP/1.1 200 OK\r\n" + line)

    def test_switchingProtocols(self) -> None:
        """
        Nobody asked for another protocol.
        """
        self.refused(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x")

    def test_framing(self) -> None:
        for line in (
            b"Content-Length: x",
            b"Content-Length: 1\r\nContent-Length: 2",
            b"Content-Length: 1\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: gzip",
        ):
            self.refused(b"HTTP/1.1 200 OK\r\n" + line)

    @given(st.integers(-4, 4), st.sampled_from([1000, 4096, *range(65533, 65542), 200000]))
    def test_headLimit(self, excess: int, size: int) -> None:
        """
        A head may have exactly so many bytes, however they are cut.
        """
        start = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: "
        data = start + b"x" * (HEAD_LIMIT + excess - len(start)) + b"\r\n\r\n"
        reader = ResponseReader(b"GET")
        if excess > 0:
            with self.assertRaises(BadMessage):
                feed(reader, data, size)
        else:
            self.assertEqual(feed(reader, data, size)[-1], EndOfResponse(True))

    def test_endlessHead(self) -> None:
        """
        A head without an end is given up, not kept.
        """
        reader = ResponseReader(b"GET")
        with self.assertRaises(BadMessage):
            for _ in range(HEAD_LIMIT // 1000 + 2):
                reader.receive(b"x" * 1000)

    @given(st.binary(max_size=200), st.integers(1, 50))
    def test_garbage(self, data: bytes, size: int) -> None:
        """
        Whatever comes is refused as a bad message or read, and nothing else.
        """
        for start in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: "):
            try:
                feed(ResponseReader(b"GET"), start + data, size, close=True)
            except BadMessage:
                pass

"""
Reading responses: scripts of bytes in and events out.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.http1.headstrategies import pieces
from tests.http1.samples import RESPONSES
from tests.http1.test_fastresponses import shown
from tests.http1.test_framing import chunked
from twisted_multiserver.http1.heads import (
    HTTP_1_0,
    HTTP_1_1,
    ResponseHead,
)
from twisted_multiserver.http1.responsereader import (
    EndOfResponse,
    ResponseEvent,
    ResponseReader,
    Switched,
    parseResponse,
)
from twisted_multiserver.http1.responses import CheckedResponse, checkResponse
from twisted_multiserver.http1.wholeresponses import readWhole


def plain(event: ResponseEvent) -> object:
    """
    @return: the event as a value that can be compared.
    """
    if isinstance(event, CheckedResponse):
        return shown(event)
    if isinstance(event, EndOfResponse):
        return event.reusable, event.trailers
    if isinstance(event, Switched):
        return shown(event.head), event.rest
    return event


def feed(reader: ResponseReader, parts: list[bytes], close: bool = False) -> list[object]:
    """
    @param reader: reads.
    @param parts: the connection's bytes.
    @param close: whether the connection ends behind them.
    @return: the events, neighbouring pieces of the body joined.
    """
    got: list[ResponseEvent] = []
    for part in parts:
        got += reader.receive(part)
    if close:
        got += reader.connectionEnded()
    events: list[object] = []
    for event in map(plain, got):
        latest = events[-1] if events else None
        if isinstance(event, bytes) and isinstance(latest, bytes):
            events[-1] = latest + event
        else:
            events.append(event)
    return events


def reading(method: bytes = b"GET", upgrade: bytes | None = None) -> ResponseReader:
    """
    @return: a reader that expects a response.
    """
    reader = ResponseReader()
    reader.begin(method, upgrade)
    return reader


def head(
    status: int, *fields: tuple[bytes, bytes], reason: bytes = b"", version: bytes = HTTP_1_1
) -> dict[str, object]:
    """
    @return: a checked head, as a value that can be compared.
    """
    return shown(checkResponse(ResponseHead(status, reason, version, fields)))


def end(reusable: bool, *trailers: tuple[bytes, bytes]) -> tuple[object, ...]:
    """
    @return: an end, as a value that can be compared.
    """
    return reusable, trailers


class ScriptTests(SynchronousTestCase):
    """
    Whole responses, cut at every place.
    """

    def script(
        self,
        data: bytes,
        *events: object,
        method: bytes = b"GET",
        close: bool = False,
        isWhole: bool = False,
    ) -> None:
        """
        The data gives the events, in whatever pieces it comes.

        @param data: of the connection.
        @param events: in their order.
        @param method: of the request.
        @param close: whether the connection ends behind the data.
        @param isWhole: whether it can be taken in one piece.
        """
        expected = list(events)
        for size in range(1, len(data) + 1):
            reader = reading(method)
            parts = pieces(data, list(range(size, len(data), size)))
            self.assertEqual(feed(reader, parts, close), expected, size)
            self.assertTrue(reader.ended)
        for cut in range(1, len(data)):
            self.assertEqual(feed(reading(method), [data[:cut], data[cut:]], close), expected, cut)
        whole = readWhole(data, method == b"HEAD")
        self.assertEqual(whole is not None, isWhole)
        if whole is not None:
            body = [whole.body] if whole.body else []
            self.assertEqual([shown(whole.head), *body, end(whole.persists)], expected)
            self.assertEqual((whole.size, whole.status), (len(whole.body), whole.head.status))

    def test_length(self) -> None:
        self.script(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-a: b\r\n\r\nhello",
            head(200, (b"Content-Length", b"5"), (b"X-a", b"b"), reason=b"OK"),
            b"hello",
            end(True),
            isWhole=True,
        )

    def test_blanks(self) -> None:
        self.script(
            b"HTTP/1.1 200 OK\r\nContent-Length:5\r\nX-a:  b \r\n\r\nhello",
            head(200, (b"Content-Length", b"5"), (b"X-a", b"b"), reason=b"OK"),
            b"hello",
            end(True),
        )

    def test_empty(self) -> None:
        self.script(
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            head(200, (b"Content-Length", b"0"), reason=b"OK"),
            end(True),
            isWhole=True,
        )

    def test_close(self) -> None:
        self.script(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
            head(200, (b"Connection", b"close"), (b"Content-Length", b"1"), reason=b"OK"),
            b"x",
            end(False),
            isWhole=True,
        )

    def test_chunked(self) -> None:
        self.script(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + chunked([b"hello", b" ", b"world" * 4], b"A: 1\r\n"),
            head(200, (b"Transfer-Encoding", b"chunked"), reason=b"OK"),
            b"hello " + b"world" * 4,
            end(True, (b"A", b"1")),
        )

    def test_chunksWithBlanks(self) -> None:
        """
        Servers may fill up sizes with blanks.
        """
        self.script(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2  \r\nab\r\n0 \r\n\r\n",
            head(200, (b"Transfer-Encoding", b"chunked"), reason=b"OK"),
            b"ab",
            end(True),
        )

    def test_untilClose(self) -> None:
        self.script(
            b"HTTP/1.1 200 OK\r\n\r\nhello",
            head(200, reason=b"OK"),
            b"hello",
            end(False),
            close=True,
        )

    def test_answerToHEAD(self) -> None:
        self.script(
            b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n",
            head(200, (b"Content-Length", b"50"), reason=b"OK"),
            end(True),
            method=b"HEAD",
            isWhole=True,
        )
        self.script(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            head(200, (b"Transfer-Encoding", b"chunked"), reason=b"OK"),
            end(True),
            method=b"HEAD",
            isWhole=True,
        )

    def test_bodilessStatus(self) -> None:
        for status in (204, 304):
            self.script(
                b"HTTP/1.1 %d X\r\nContent-Length: 50\r\n\r\n" % status,
                head(status, (b"Content-Length", b"50"), reason=b"X"),
                end(True),
                isWhole=True,
            )
            self.script(
                b"HTTP/1.1 %d X\r\n\r\n" % status,
                head(status, reason=b"X"),
                end(True),
                isWhole=True,
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
            end(True),
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
            data = b"HTTP/1.0 200 OK\r\n" + fields + b"Content-Length: 0\r\n\r\n"
            self.assertEqual(feed(reading(), [data])[-1], end(reusable), fields)
        self.script(
            b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            head(200, length, reason=b"OK", version=HTTP_1_0),
            end(False),
        )

    def test_connectionClose(self) -> None:
        for value in (b"close", b"Close", b"keep-alive, close", b"x ,\tclose"):
            data = b"HTTP/1.1 200 OK\r\nConnection: " + value + b"\r\nContent-Length: 0\r\n\r\n"
            self.assertEqual(feed(reading(), [data])[-1], end(False))

    def test_shortStatusLine(self) -> None:
        """
        The reason may be missing, and so may the blank before it.
        """
        for line in (b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.9 200 "):
            self.assertEqual(parseResponse(line), ResponseHead(200, b"", HTTP_1_1, ()))


class WholeTests(SynchronousTestCase):
    """
    Responses in one piece.
    """

    def test_notWhole(self) -> None:
        """
        What lacks a byte, or has one too many, is left alone, for the other way.
        """
        data = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        for other in (*(data[:size] for size in range(len(data))), data + b"x"):
            self.assertIsNone(readWhole(other, False))
        reader = reading()
        first = feed(reader, [data[:-1]])
        self.assertEqual(first + feed(reader, [data[-1:]]), [first[0], b"hell", b"o", end(True)])

    def test_bodilessWithMore(self) -> None:
        for method, data in (
            (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
            (b"GET", b"HTTP/1.1 304 OK\r\nContent-Length: 1\r\n\r\nx"),
        ):
            self.assertIsNone(readWhole(data, method == b"HEAD"))
            self.assertEqual(feed(reading(method), [data])[-1], end(False))

    def test_otherWays(self) -> None:
        """
        What has no length is not for it.
        """
        for lines in (b"", b"Transfer-Encoding: chunked\r\n"):
            data = b"HTTP/1.1 200 OK\r\n%b\r\n" % lines
            for body in (b"", b"x", b"0\r\n\r\n"):
                self.assertIsNone(readWhole(data + body, False))

    def test_realServers(self) -> None:
        for name, data in RESPONSES.items():
            expected = shown(checkResponse(parseResponse(data[:-4])))
            whole = readWhole(data, True)
            if whole is not None:
                self.assertEqual((shown(whole.head), whole.body), (expected, b""), name)
            self.assertEqual(feed(reading(b"HEAD"), [data])[0], expected, name)

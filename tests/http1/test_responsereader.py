"""
Reading responses: scripts of bytes in and events out.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.headstrategies import chunkedBodies, cuts, pieces, responseHeads
from tests.http1.samples import RESPONSES
from tests.http1.test_fastresponses import shown
from tests.http1.test_framing import chunked
from twisted_multiserver.http1.heads import (
    HTTP_1_0,
    HTTP_1_1,
    BadMessage,
    ResponseHead,
)
from twisted_multiserver.http1.responsereader import (
    HEAD_LIMIT,
    INFORMATIONAL_LIMIT,
    EndOfResponse,
    ResponseEvent,
    ResponseReader,
    Switched,
    Truncated,
    parseResponse,
)
from twisted_multiserver.http1.responses import CheckedResponse, checkResponse


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
        reader = reading(method)
        whole = reader.receiveWhole(data)
        self.assertEqual((whole is not None, reader.ended), (isWhole, isWhole))
        if whole is not None:
            response, body = whole
            taken = [shown(response), *([body] if body else []), end(response.persists)]
            self.assertEqual(taken, expected)

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
            reader = reading()
            self.assertIsNone(reader.receiveWhole(other))
            self.assertFalse(reader.ended)
        reader = reading()
        self.assertIsNone(reader.receiveWhole(data[:-1]))
        first = feed(reader, [data[:-1]])
        self.assertEqual(first + feed(reader, [data[-1:]]), [first[0], b"hell", b"o", end(True)])

    def test_bodilessWithMore(self) -> None:
        for method, data in (
            (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
            (b"GET", b"HTTP/1.1 304 OK\r\nContent-Length: 1\r\n\r\nx"),
        ):
            reader = reading(method)
            self.assertIsNone(reader.receiveWhole(data))
            self.assertEqual(feed(reader, [data])[-1], end(False))

    def test_otherWays(self) -> None:
        """
        What has no length is not for it.
        """
        for lines in (b"", b"Transfer-Encoding: chunked\r\n"):
            data = b"HTTP/1.1 200 OK\r\n%b\r\n" % lines
            for body in (b"", b"x", b"0\r\n\r\n"):
                self.assertIsNone(reading().receiveWhole(data + body))

    def test_realServers(self) -> None:
        for name, data in RESPONSES.items():
            expected = shown(checkResponse(parseResponse(data[:-4])))
            reader = reading(b"HEAD")
            whole = reader.receiveWhole(data)
            if whole is not None:
                self.assertEqual((shown(whole[0]), whole[1]), (expected, b""), name)
            self.assertEqual(feed(reading(b"HEAD"), [data])[0], expected, name)


class SwitchTests(SynchronousTestCase):
    DATA = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"

    def test_switched(self) -> None:
        """
        What is behind the head belongs to the other protocol, and is never lost.
        """
        fields = ((b"Upgrade", b"x"), (b"Connection", b"upgrade"))
        expected = head(101, *fields, reason=b"Switching Protocols")
        self.assertEqual(expected["upgrade"], b"x")
        for rest in (b"", b"HTTP/1.1 200 OK\r\n\r\n"):
            reader = reading(upgrade=b"w, x")
            self.assertEqual(feed(reader, [self.DATA + rest]), [(expected, rest)])
            self.assertTrue(reader.ended)
            self.assertIsNone(reading(upgrade=b"w, x").receiveWhole(self.DATA + rest))
        for cut in range(1, len(self.DATA)):
            parts = [self.DATA[:cut], self.DATA[cut:]]
            self.assertEqual(feed(reading(upgrade=b"w, x"), parts), [(expected, b"")])

    def test_notAsked(self) -> None:
        """
        Nobody asked for another protocol, or for this one (RFC 9110 section 7.8).
        """
        for upgrade in (None, b"y", b"xx", b""):
            with self.assertRaises(BadMessage):
                reading(upgrade=upgrade).receive(self.DATA)
        with self.assertRaises(BadMessage):
            reading(upgrade=b"x").receive(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")

    def test_names(self) -> None:
        """
        Names of protocols are compared without case.
        """
        for upgrade in (b"x", b"X", b"w,X", b"w , x"):
            self.assertEqual(len(feed(reading(upgrade=upgrade), [self.DATA])), 1)

    def test_informationalBefore(self) -> None:
        events = feed(reading(upgrade=b"w, x"), [b"HTTP/1.1 100 x\r\n\r\n" + self.DATA + b"z"])
        self.assertEqual(events[0], head(100, reason=b"x"))
        self.assertEqual(len(events), 2)

    def test_declined(self) -> None:
        """
        A server that doesn't switch answers as ever.
        """
        data = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        self.assertEqual(feed(reading(upgrade=b"w, x"), [data])[-1], end(True))


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
            reader = reading()
            self.assertEqual(feed(reader, [data])[-1], end(False))
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
                reader = reading()
                reader.receive(data[:cut])
                self.assertFalse(reader.ended)
                with self.assertRaises(Truncated):
                    reader.connectionEnded()

    def test_nextOne(self) -> None:
        """
        Each response on a connection is read for itself.
        """
        reader = reading(b"HEAD")
        data = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
        self.assertEqual(feed(reader, [data])[-1], end(True))
        reader.begin(b"GET")
        self.assertFalse(reader.ended)
        self.assertEqual(feed(reader, [data + b"ok"])[1:], [b"ok", end(True)])
        reader.begin(b"GET")
        whole = reader.receiveWhole(data + b"ok")
        assert whole is not None
        self.assertEqual(whole[1], b"ok")
        self.assertEqual(ResponseReader().ended, False)


class RefusalTests(SynchronousTestCase):
    """
    What isn't a response, by the grammar of RFC 9112.
    """

    def refused(self, data: bytes) -> None:
        data += b"\r\n\r\n"
        for parts in ([data], [data[at : at + 1] for at in range(len(data))]):
            with self.assertRaises(BadMessage, msg=data):
                feed(reading(), parts)
        self.assertIsNone(reading().receiveWhole(data))

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
            self.assertIsNone(reading().receiveWhole(data))
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

    def outcome(self, parts: list[bytes], method: bytes = b"GET") -> list[object] | type:
        try:
            return feed(reading(method), parts, close=True)
        except BadMessage as bad:
            return type(bad)

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
        taken = reading(method).receiveWhole(whole)
        if taken is not None:
            response, content = taken
            events = [shown(response), *([content] if content else []), end(response.persists)]
            self.assertEqual(events, expected)
        if isinstance(expected, list) and expected[-1] == end(False):
            # Whether bytes behind the end are seen in time depends on when they come.
            expected = expected[:-1]
        for parts in (data.draw(cuts(whole)), pieces(whole, list(range(1, len(whole))))):
            got = self.outcome(parts, method)
            self.assertEqual(got[: len(expected)] if isinstance(got, list) else got, expected)

    @settings(deadline=None)
    @given(st.binary(max_size=200), st.data())
    def test_garbage(self, garbage: bytes, data: st.DataObject) -> None:
        """
        Whatever comes is refused as a bad message or read, and nothing else.
        """
        for start in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: "):
            whole = start + garbage
            self.outcome(data.draw(cuts(whole)))
            reading().receiveWhole(whole)

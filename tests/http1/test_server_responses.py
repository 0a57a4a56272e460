"""
Responses of a server's connection: framed once, and right for whoever reads them.

An independent reader (h11) is asked what was sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import h11
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.doubles import Conversation, ok
from twisted_multiserver.http1.server import ServerConnection

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
BODY = b"hello"


def understood(
    data: bytes, method: bytes = b"GET", isEnd: bool = False
) -> tuple[list[h11.Event], bytes]:
    """
    @param data: what a client got.
    @param method: of its request.
    @param isEnd: whether the connection ended behind it.
    @return: what it means, with pieces of the body joined, and what is behind it.
    """
    reader = h11.Connection(our_role=h11.CLIENT)
    reader.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    reader.send(h11.EndOfMessage())
    reader.receive_data(data)
    events: list[h11.Event] = []
    while True:
        event = reader.next_event()
        if event is h11.NEED_DATA and isEnd:
            reader.receive_data(b"")
            isEnd = False
            continue
        if isinstance(event, (type, h11.ConnectionClosed)):
            return events, reader.trailing_data[0]
        latest = events[-1] if events else None
        if isinstance(event, h11.Data) and isinstance(latest, h11.Data):
            events[-1] = h11.Data(data=bytes(latest.data) + bytes(event.data))
        else:
            events.append(event)
        if isinstance(event, h11.EndOfMessage):
            return events, reader.trailing_data[0]


@dataclass(frozen=True, slots=True)
class Way:
    """
    One way to answer one request.

    @ivar connection: what the client says of it.
    @ivar length: what the answerer says of the body.
    @ivar isWhole: whether the answer is given in one call.
    """

    version: bytes
    connection: bytes
    method: bytes
    status: int
    length: int | None
    isWhole: bool

    @property
    def request(self) -> bytes:
        option = b"Connection: %b\r\n" % self.connection if self.connection else b""
        return b"%b /x HTTP/%b\r\nHost: a\r\n%b\r\n" % (self.method, self.version, option)

    @property
    def isBodiless(self) -> bool:
        return self.method == b"HEAD" or self.status in (204, 304)

    @property
    def persists(self) -> bool:
        """
        RFC 9112 section 9.3, and 6.3 item 8.
        """
        asked = self.connection != b"close" and (
            self.version == b"1.1" or self.connection == b"keep-alive"
        )
        isEndless = self.version == b"1.0" and self.length is None and not self.isBodiless
        return asked and not isEndless

    @property
    def framing(self) -> list[tuple[bytes, bytes]]:
        """
        RFC 9112 section 6, RFC 9110 section 8.6.
        """
        if self.length is None:
            isChunked = self.version == b"1.1" and not self.isBodiless
            return [(b"transfer-encoding", b"chunked")] if isChunked else []
        if self.status == 204 or (self.isWhole and self.status == 304):
            return []
        return [(b"content-length", b"%d" % self.length)]

    def answer(self, connection: ServerConnection) -> None:
        if self.isWhole:
            connection.sendWhole(self.status, b"X", b"A: b\r\n", BODY)
            return
        connection.sendHead(self.status, b"X", b"A: b\r\n", self.length)
        for at in range(len(BODY)):
            connection.sendBody(BODY[at : at + 1])
        connection.endResponse()


def ways() -> Iterator[Way]:
    """
    @return: all that there are.
    """
    for version, connection, method, status, length in product(
        (b"1.0", b"1.1"),
        (b"", b"close", b"keep-alive"),
        (b"GET", b"HEAD", b"OPTIONS"),
        (200, 204, 304, 404),
        (None, len(BODY)),
    ):
        yield Way(version, connection, method, status, length, False)
        if length is not None:
            yield Way(version, connection, method, status, length, True)


class TableTests(SynchronousTestCase):
    def test_all(self) -> None:
        """
        Every way to answer is read as what it was, and says rightly whether the
        connection goes on; and so it does.
        """
        for way in ways():
            conversation = Conversation()
            conversation.sends(way.request)
            way.answer(conversation.connection)
            events, rest = understood(conversation.sent, way.method, not way.persists)
            response, *body, end = events
            assert isinstance(response, h11.Response)
            self.assertIsInstance(end, h11.EndOfMessage)
            fields = [(name, value) for name, value in response.headers if name != b"a"]
            options = [] if way.persists else [(b"connection", b"close")]
            if way.persists and way.version == b"1.0":
                options = [(b"connection", b"keep-alive")]
            self.assertEqual(fields, [*way.framing, *options], way)
            self.assertEqual((response.status_code, response.reason), (way.status, b"X"))
            self.assertTrue(conversation.sent.startswith(b"HTTP/1.1 "))
            content = b"".join(bytes(one.data) for one in body if isinstance(one, h11.Data))
            self.assertEqual(content, b"" if way.isBodiless else BODY, way)
            self.assertEqual(rest, b"")
            self.assertEqual(conversation.state, "open" if way.persists else "closed", way)
            conversation.responder.onRequest = ok
            conversation.sends(GET)
            self.assertEqual(len(conversation.responder.requests), 2 if way.persists else 1, way)

    def test_oneAfterAnother(self) -> None:
        """
        On one connection each answer is framed for itself, whatever those before it were.
        """
        kinds = [
            Way(b"1.1", b"", method, status, length, False)
            for method in (b"GET", b"HEAD")
            for status in (200, 304)
            for length in (None, len(BODY))
        ]
        for first, second in product(kinds, kinds):
            conversation = Conversation()
            conversation.sends(first.request)
            first.answer(conversation.connection)
            before = len(conversation.sent)
            conversation.sends(second.request)
            second.answer(conversation.connection)
            alone = Conversation()
            alone.sends(second.request)
            second.answer(alone.connection)
            self.assertEqual(conversation.sent[before:], alone.sent, (first, second))

    def test_emptyBody(self) -> None:
        """
        No body is a body too, and an empty piece is not the end of it.
        """
        for length in (0, None):
            conversation = Conversation()
            conversation.sends(GET)
            connection = conversation.connection
            connection.sendHead(200, b"X", b"", length)
            connection.sendBody(b"")
            self.assertEqual(len(conversation.stream.writes), 1)
            connection.endResponse()
            events, rest = understood(conversation.sent)
            self.assertEqual([type(event) for event in events], [h11.Response, h11.EndOfMessage])
            self.assertEqual(rest, b"")
        conversation = Conversation()
        conversation.sends(GET)
        conversation.connection.sendWhole(200, b"X", b"", b"")
        self.assertEqual(conversation.sent, b"HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n")

    def test_trailers(self) -> None:
        """
        They go behind a chunked body; another has no place for them.
        """
        trailers = ((b"A", b"1"), (b"B", b""))
        for version, length, expected in ((b"1.1", None, 2), (b"1.1", 5, 0), (b"1.0", None, 0)):
            conversation = Conversation()
            conversation.sends(b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version)
            conversation.connection.sendHead(200, b"X", b"", length)
            conversation.connection.sendBody(BODY)
            conversation.connection.endResponse(trailers)
            events, rest = understood(conversation.sent, isEnd=True)
            end = events[-1]
            assert isinstance(end, h11.EndOfMessage)
            self.assertEqual(len(end.headers), expected)
            self.assertEqual(rest, b"")


class WrongBodyTests(SynchronousTestCase):
    """
    Bodies that aren't as long as was said.
    """

    def test_tooMuch(self) -> None:
        """
        What is more is dropped, so that it isn't taken for a response; whoever counts so
        is not believed any further.
        """
        for parts in ([BODY + b"HTTP/1.1"], [BODY, b"x"], [b"hel", b"loHTTP/1.1 200", b"x"]):
            conversation = Conversation()
            conversation.sends(GET, GET)
            conversation.connection.sendHead(200, b"X", b"", len(BODY))
            for part in parts:
                conversation.connection.sendBody(part)
            self.assertEqual(conversation.state, "open")
            conversation.connection.endResponse()
            self.assertEqual(conversation.sent, b"HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\nhello")
            self.assertEqual(conversation.state, "closed")
            self.assertEqual(len(conversation.responder.requests), 1)

    def test_tooLittle(self) -> None:
        """
        It is cut, and never ended cleanly (RFC 9112 section 8).
        """
        for parts in ([], [b"hell"]):
            conversation = Conversation()
            conversation.sends(GET)
            conversation.connection.sendHead(200, b"X", b"", len(BODY))
            for part in parts:
                conversation.connection.sendBody(part)
            conversation.connection.endResponse()
            self.assertEqual(conversation.state, "aborted")
            conversation.stream.turn()
            self.assertEqual(conversation.told, ["GET /x"])
            self.assertTrue(conversation.connection.isIdle)

    def test_ofBodiless(self) -> None:
        """
        What is given for an answer without a body is dropped, and nothing is wrong.
        """
        conversation = Conversation()
        conversation.sends(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        conversation.connection.sendHead(200, b"X", b"", 2)
        conversation.connection.sendBody(BODY)
        conversation.connection.endResponse()
        self.assertEqual(conversation.sent, b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n")
        self.assertEqual(conversation.state, "open")

    def test_cut(self) -> None:
        """
        A response that can't be completed is seen to be so, however it is framed.
        """
        for length in (None, 10):
            conversation = Conversation()
            conversation.sends(GET)
            conversation.connection.sendHead(200, b"X", b"", length)
            conversation.connection.sendBody(BODY)
            conversation.connection.cut()
            self.assertEqual(conversation.state, "aborted")
            self.assertTrue(conversation.sent.endswith((BODY, BODY + b"\r\n")))
            conversation.stream.turn()
            self.assertEqual(conversation.told, ["GET /x"])


class InformationalTests(SynchronousTestCase):
    def test_sent(self) -> None:
        conversation = Conversation()
        conversation.sends(GET)
        conversation.connection.sendInformational(103, b"Early Hints", b"Link: </a>\r\n")
        conversation.connection.sendInformational(102, b"", b"")
        ok(conversation.connection, conversation.responder.requests[0])
        events, _ = understood(conversation.sent)
        self.assertEqual(
            [getattr(event, "status_code", None) for event in events], [103, 102, 200, None, None]
        )
        first = events[0]
        assert isinstance(first, h11.InformationalResponse)
        self.assertEqual(list(first.headers), [(b"link", b"</a>")])

    def test_oldClient(self) -> None:
        """
        HTTP/1.0 doesn't know them (RFC 9110 section 15.2).
        """
        conversation = Conversation()
        conversation.sends(b"GET / HTTP/1.0\r\n\r\n")
        conversation.connection.sendInformational(103, b"Early Hints", b"")
        conversation.connection.sendInformational(100, b"Continue", b"")
        self.assertEqual(conversation.sent, b"")

    def test_continueUnasked(self) -> None:
        """
        A client that doesn't wait for 100 isn't told.
        """
        conversation = Conversation()
        conversation.sends(GET)
        conversation.connection.sendInformational(100, b"Continue", b"")
        self.assertEqual(conversation.sent, b"")

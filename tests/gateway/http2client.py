"""
An HTTP/2 client on a memory stream, and one backend behind the gateway.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TypeVar

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived, StreamReset
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.doubles import FakeStream, Stage
from twisted_multiserver.gateway.accesslog import AccessLog
from twisted_multiserver.gateway.http2 import HTTP2Connection, MakesStream
from twisted_multiserver.gateway.http2logged import LoggedHTTP2Stream
from twisted_multiserver.gateway.http2stream import HTTP2Stream
from twisted_multiserver.http1.connections import ServerConnections, ServerLimits
from twisted_multiserver.http1.forwarding import ClientView
from twisted_multiserver.http1.requests import CheckedRequest

E = TypeVar("E", bound=Event)


class HTTP2Case(SynchronousTestCase):
    """
    One client connection, one backend.

    @cvar limits: what clients may take.
    @cvar log: gets a line for each request, if there is one.
    """

    limits = ServerLimits()
    log: AccessLog | None = None

    def setUp(self) -> None:
        self.stage = Stage()
        self.backend = self.stage.add("a")
        self.connections = ServerConnections(
            self.limits, self.stage.clock.seconds, self.stage.distribution.sweep
        )
        self.connect()

    def connect(self, stream: FakeStream | None = None) -> None:
        """
        A client connects.

        @param stream: the gateway's end.
        """
        makeStream: MakesStream = HTTP2Stream
        if self.log is not None:
            makeStream = partial(LoggedHTTP2Stream, accessLog=self.log)
        self.stream = stream or FakeStream()
        self.events: list[Event] = []
        self.client = H2Connection(
            H2Configuration(
                client_side=True,
                header_encoding=None,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self.served = HTTP2Connection(
            self.stream, self.connections, self.stage.distribution, self.whoIs, makeStream
        )
        self.client.initiate_connection()
        self.flush()

    def whoIs(self, request: CheckedRequest) -> ClientView:
        return ClientView("192.0.2.7", True, b"here:443")

    def flush(self) -> None:
        """
        The client's bytes arrive, and what the gateway says to them.
        """
        data = self.client.data_to_send()
        if data and self.stream.state == "open":
            self.stream.receives(data)
        self.hear()

    def hear(self) -> None:
        """
        The gateway's bytes arrive.
        """
        sent, self.stream.sent = self.stream.sent, b""
        if sent:
            self.events += self.client.receive_data(sent)

    def ask(
        self,
        method: bytes = b"GET",
        *fields: tuple[bytes, bytes],
        path: bytes = b"/",
        end: bool = True,
        flush: bool = True,
    ) -> int:
        """
        @return: the stream of a request.
        """
        return self.askRaw(
            [
                (b":method", method),
                (b":scheme", b"https"),
                (b":authority", b"example.com"),
                (b":path", path),
                *fields,
            ],
            end,
            flush,
        )

    def askRaw(
        self, fields: Iterable[tuple[bytes, bytes]], end: bool = True, flush: bool = True
    ) -> int:
        number = self.client.get_next_available_stream_id()
        self.client.send_headers(number, list(fields), end_stream=end)
        if flush:
            self.flush()
        return number

    def upload(self, number: int, data: bytes, end: bool = False) -> int:
        """
        Send as much as the window lets.

        @return: how much that was, in bytes.
        """
        sent = 0
        while data:
            room = min(self.client.local_flow_control_window(number), 16384)
            piece, data = data[:room], data[room:]
            if not piece:
                break
            self.client.send_data(number, piece, end_stream=end and not data)
            sent += len(piece)
        self.flush()
        return sent

    def answers(self, data: bytes) -> None:
        """
        The backend answers on its latest connection.
        """
        self.stage.stream("a").receives(data)
        self.hear()

    def all(self, number: int, kind: type[E]) -> list[E]:
        """
        @return: what was heard of a stream.
        """
        return [
            event
            for event in self.events
            if isinstance(event, kind) and getattr(event, "stream_id", None) == number
        ]

    def fields(self, number: int) -> dict[bytes, bytes]:
        """
        @return: the response's head; empty without one.
        """
        heads = self.all(number, ResponseReceived)
        return dict(heads[0].headers) if heads else {}

    def status(self, number: int) -> int | None:
        value = self.fields(number).get(b":status")
        return None if value is None else int(value)

    def body(self, number: int) -> bytes:
        return b"".join(event.data for event in self.all(number, DataReceived))

    def reset(self, number: int) -> int | None:
        """
        @return: the code with which a stream was reset; L{None} if it wasn't.
        """
        resets = self.all(number, StreamReset)
        return int(resets[0].error_code) if resets else None

    def advance(self, seconds: float) -> None:
        """
        Time passes.
        """
        for _ in range(int(seconds * 2)):
            self.stage.clock.advance(0.5)
        self.hear()

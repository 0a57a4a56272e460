"""
Clients' connections to a Site, in memory, on each kind of channel: twisted.web's for HTTP/1.1
and for HTTP/2, and that of children.  What clients see is told alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.settings import SettingCodes
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.python.failure import Failure
from twisted.web.server import Site

from tests.child.siteclient import Client


@dataclass(frozen=True)
class Reply:
    """
    What a client has of a response.

    @ivar isWhole: whether that is all of it.
    """

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes
    isWhole: bool

    def field(self, name: bytes) -> list[bytes]:
        return [value for each, value in self.fields if each.lower() == name]

    @property
    def cookie(self) -> bytes:
        """
        What the browser would send.
        """
        (line,) = (value for value in self.field(b"set-cookie") if value.startswith(b"sid="))
        return line.partition(b";")[0]


class Lane:
    """
    A connection.

    @cvar isHTTP2: whether that is what is spoken.
    """

    isHTTP2: ClassVar[bool] = False

    def ask(
        self,
        method: bytes,
        target: bytes,
        fields: list[tuple[bytes, bytes]],
        body: bytes | None = None,
    ) -> None:
        raise NotImplementedError

    def turn(self) -> None:
        """
        Do what an event loop would do.
        """

    def replies(self) -> list[Reply]:
        """
        @return: all responses that have begun.
        """
        raise NotImplementedError

    def leave(self) -> None:
        raise NotImplementedError

    def isOpen(self) -> bool:
        raise NotImplementedError


class HTTP1Lane(Lane):
    """
    What both have in common.
    """

    def __init__(self) -> None:
        self._methods: list[bytes] = []

    def ask(
        self,
        method: bytes,
        target: bytes,
        fields: list[tuple[bytes, bytes]],
        body: bytes | None = None,
    ) -> None:
        self._methods.append(method)
        if body is not None:
            fields = [*fields, (b"content-length", b"%d" % len(body))]
        lines = b"".join(b"%b: %b\r\n" % field for field in fields)
        head = b"%b %b HTTP/1.1\r\nHost: h\r\n%b\r\n" % (method, target, lines)
        self._deliver(head + (body or b""))

    def _deliver(self, data: bytes) -> None:
        raise NotImplementedError

    def _sent(self) -> bytes:
        raise NotImplementedError

    def replies(self) -> list[Reply]:
        found, rest = [], self._sent()
        for method in self._methods:
            if b"\r\n\r\n" not in rest:
                break
            reply, rest = _parse(method, rest)
            found.append(reply)
        return found


def _parse(method: bytes, sent: bytes) -> tuple[Reply, bytes]:
    head, _, rest = sent.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    fields = [(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    named = {name.lower(): value for name, value in fields}
    status = int(first.split(b" ")[1])
    body, isWhole = b"", False
    if method == b"HEAD" or status in (204, 304):
        isWhole = True
    elif b"chunked" in named.get(b"transfer-encoding", b""):
        while b"\r\n" in rest and not isWhole:
            size, _, more = rest.partition(b"\r\n")
            length = int(size, 16)
            body, rest, isWhole = body + more[:length], more[length + 2 :], length == 0
    else:
        length = int(named[b"content-length"])
        body, rest = rest[:length], rest[length:]
        isWhole = len(body) == length
    return Reply(status, fields, body, isWhole), rest


class FullTransport(StringTransportWithDisconnection):
    """
    Tells its producer to pause whenever something is written, if it is full.
    """

    isFull = False

    def write(self, data: bytes) -> None:
        super().write(data)
        if self.isFull and data:
            producer: Any = self.producer
            producer.pauseProducing()

    def writeSequence(self, data: list[bytes]) -> None:
        self.write(b"".join(data))


class StockLane(HTTP1Lane):
    """
    HTTPChannel.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.transport: Any = FullTransport(peerAddress=IPv4Address("TCP", "192.0.2.1", 4321))
        self._protocol: Any = site.buildProtocol(None)
        self.transport.protocol = self._protocol
        self._protocol.makeConnection(self.transport)

    def _deliver(self, data: bytes) -> None:
        self._protocol.dataReceived(data)

    def _sent(self) -> bytes:
        sent: bytes = self.transport.value()
        return sent

    def leave(self) -> None:
        # As a transport does.
        if self.transport.producer is not None:
            self.transport.producer.stopProducing()
        self.transport.connected = False
        self._protocol.connectionLost(Failure(ConnectionLost()))

    def stall(self) -> None:
        """
        The client takes no more.
        """
        self.transport.isFull = True

    def read(self) -> None:
        """
        The client takes more.
        """
        self.transport.isFull = False
        self.transport.producer.resumeProducing()

    def isOpen(self) -> bool:
        return bool(self.transport.connected)


class CoreLane(HTTP1Lane):
    """
    The channel of children.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.client = Client(site)

    def _deliver(self, data: bytes) -> None:
        self.client.sends(data)

    def turn(self) -> None:
        self.client.reactor.advance(0)
        if self.client.stream.state != "lost":
            self.client.stream.turn()

    def _sent(self) -> bytes:
        return self.client.stream.sent

    def leave(self) -> None:
        self.client.stream.ends(clean=False)

    def stall(self) -> None:
        self.client.stream.room = 0

    def read(self) -> None:
        self.client.stream.takes(10**9)

    def isOpen(self) -> bool:
        return self.client.stream.state == "open"


class HTTP2Lane(Lane):
    """
    H2Stream.
    """

    isHTTP2 = True

    def __init__(self, site: Site) -> None:
        transport: Any = StringTransportWithDisconnection(
            peerAddress=IPv4Address("TCP", "192.0.2.1", 4321)
        )
        transport.negotiatedProtocol = b"h2"
        self._transport = transport
        self._protocol: Any = site.buildProtocol(None)
        transport.protocol = self._protocol
        self._protocol.makeConnection(transport)
        self._state = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._state.initiate_connection()
        self._events: list[Event] = []
        self._streams: list[int] = []
        self._flush()

    def _flush(self) -> None:
        self._protocol.dataReceived(self._state.data_to_send())

    def ask(
        self,
        method: bytes,
        target: bytes,
        fields: list[tuple[bytes, bytes]],
        body: bytes | None = None,
    ) -> None:
        assert body is None, "for HTTP/1.1 only"
        stream = self._state.get_next_available_stream_id()
        self._streams.append(stream)
        self._state.send_headers(
            stream,
            [
                (b":method", method),
                (b":scheme", b"http"),
                (b":authority", b"h"),
                (b":path", target),
                *((name.lower(), value) for name, value in fields),
            ],
            end_stream=True,
        )
        self._flush()

    def stall(self) -> None:
        """
        The client grants no window to streams that are yet to come.
        """
        self._state.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
        self._flush()

    def read(self) -> None:
        self._state.increment_flow_control_window(2**20)
        self._state.increment_flow_control_window(2**20, self._streams[-1])
        self._flush()

    def turn(self) -> None:
        data: bytes = self._transport.value()
        if data and self._transport.connected:
            self._transport.clear()
            for event in self._state.receive_data(data):
                self._events.append(event)
                if isinstance(event, DataReceived) and event.flow_controlled_length:
                    self._state.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
            self._flush()

    def replies(self) -> list[Reply]:
        self.turn()
        found = []
        for stream in self._streams:
            mine: Any = [
                event
                for event in self._events
                if getattr(event, "stream_id", None) == stream
                and not isinstance(event, WindowUpdated)
            ]
            heads = [event for event in mine if isinstance(event, ResponseReceived)]
            if not heads:
                continue
            fields = [(bytes(name), bytes(value)) for name, value in heads[0].headers or ()]
            body = b"".join(event.data for event in mine if isinstance(event, DataReceived))
            isWhole = any(isinstance(event, StreamEnded) for event in mine)
            found.append(Reply(int(fields[0][1]), fields[1:], body, isWhole))
        return found

    def leave(self) -> None:
        self._transport.connected = False
        self._protocol.connectionLost(Failure(ConnectionLost()))

    def isOpen(self) -> bool:
        return not any(isinstance(event, StreamReset) for event in self._events)

    @property
    def reset(self) -> list[int]:
        """
        The codes of streams that were reset.
        """
        self.turn()
        return [
            int(event.error_code or 0) for event in self._events if isinstance(event, StreamReset)
        ]

"""
L{twisted_multiserver.gateway.http2}: what concerns a whole connection.
"""

from __future__ import annotations

from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, StreamEnded
from hyperframe.frame import HeadersFrame, PingFrame, SettingsFrame

from tests.gateway.doubles import OK, FakeStream
from tests.gateway.http2client import HTTP2Case
from twisted_multiserver.gateway.http2state import STREAMS, WINDOW
from twisted_multiserver.http1.connections import ServerLimits


class ConnectionCase(HTTP2Case):
    def goaway(self) -> ConnectionTerminated | None:
        """
        @return: the latest.
        """
        found = [event for event in self.events if isinstance(event, ConnectionTerminated)]
        return found[-1] if found else None


class Narrow(FakeStream):
    """
    Takes one write at a time.
    """

    def write(self, data: bytes) -> None:
        super().write(data)
        self.buffered = True


class ConnectionTests(ConnectionCase):
    def test_parallel(self) -> None:
        """
        As many requests as are allowed, answered in another order.
        """
        numbers = [self.ask() for _ in range(STREAMS)]
        for stream in reversed(self.stage.dialers["a"].streams):
            stream.receives(OK)
        self.hear()
        self.assertEqual({self.status(number) for number in numbers}, {200})
        self.assertEqual(self.stage.distribution.open, 0)

    def test_tooMany(self) -> None:
        """
        Who asks for more than was allowed is sent away.
        """
        for _ in range(STREAMS):
            self.ask(flush=False)
        extra = HeadersFrame(2 * STREAMS + 1, flags=["END_HEADERS", "END_STREAM"])
        extra.data = self.client.encoder.encode(
            [(":method", "GET"), (":scheme", "https"), (":authority", "x"), (":path", "/")]
        )
        self.stream.receives(self.client.data_to_send() + extra.serialize())
        self.hear()
        self.assertIsNotNone(self.goaway())
        self.assertEqual((self.stage.distribution.open, self.stream.state), (0, "closed"))

    def test_fair(self) -> None:
        """
        Large responses share the connection frame by frame.
        """
        self.client.increment_flow_control_window(1 << 20)
        first, second = self.ask(), self.ask()
        self.stream.buffered = True
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"
        for stream in self.stage.dialers["a"].streams:
            stream.receives(head + b"x" * 60_000)
        self.stream.buffered = False
        self.client.ping(b"12345678")
        self.flush()
        ends = [event.stream_id for event in self.events if isinstance(event, StreamEnded)]
        data = [event.stream_id for event in self.events if isinstance(event, DataReceived)]
        self.assertEqual(data[:4], [first, second, first, second])
        self.assertEqual(ends, [first, second])

    def test_fairWhenNarrow(self) -> None:
        """
        The same if the transport takes one frame at a time.
        """
        self.connect(Narrow())
        numbers = [self.ask() for _ in range(3)]
        assert self.stream.user is not None
        for stream in self.stage.dialers["a"].streams:
            stream.receives(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000)
        while not any(isinstance(event, StreamEnded) for event in self.events):
            self.stream.buffered = False
            self.stream.user.streamDrained()
            self.hear()
        data = [event.stream_id for event in self.events if isinstance(event, DataReceived)]
        self.assertEqual(data[:4], [*numbers, numbers[0]])

    def test_onlyWhatCanBeSentIsTried(self) -> None:
        """
        A client without a window costs nothing as long as it says nothing.
        """
        self.ask()
        self.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"a" * 70_000)
        calls = self.stage.clock.getDelayedCalls()
        self.assertEqual(len(calls), 1, "only the sweep's")

    def test_uploadsAreIndependent(self) -> None:
        """
        However many wait for a backend, one more has its window.
        """
        for _ in range(STREAMS - 1):
            number = self.ask(b"POST", end=False)
            self.stage.stream("a").buffered = True
            self.assertEqual(self.upload(number, b"x" * WINDOW), WINDOW)
        number = self.ask(b"POST", end=False)
        self.assertEqual(self.upload(number, b"x" * 60_000, end=True), 60_000)
        self.answers(OK)
        self.assertEqual(self.status(number), 200)

    def test_neverCloses(self) -> None:
        """
        A client that doesn't close its side is cut.
        """
        self.advance(76)
        self.assertEqual(self.stream.state, "closed")
        self.stream.state = "open"
        self.advance(61)
        self.assertEqual(self.stream.state, "aborted")

    def test_slowHead(self) -> None:
        """
        A head must be there within its budget, drop by drop or not.
        """
        self.flush()
        self.ask(flush=False)
        for byte in self.client.data_to_send()[:-1]:
            if self.stream.state == "open":
                self.stream.receives(bytes([byte]))
                self.advance(1)
        self.assertEqual(self.stream.state, "closed")
        self.assertLess(self.stage.clock.seconds(), 12)
        self.assertEqual(self.stage.dialers["a"].streams, [])

    def test_nonsense(self) -> None:
        """
        What isn't HTTP/2 ends the connection, and what was open on it.
        """
        self.ask()
        self.stream.receives(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.hear()
        self.assertEqual((self.stream.state, self.stage.distribution.open), ("closed", 0))
        goaway = self.goaway()
        assert goaway is not None
        self.assertEqual(goaway.error_code, ErrorCodes.FRAME_SIZE_ERROR)

    def test_wrongFrame(self) -> None:
        """
        A frame that must not be there.
        """
        self.ask()
        # A CONTINUATION of nothing.
        self.stream.receives(bytes([0, 0, 4, 9, 4, 0, 0, 0, 1]) + bytes(4))
        self.hear()
        goaway = self.goaway()
        assert goaway is not None
        self.assertEqual(goaway.error_code, ErrorCodes.PROTOCOL_ERROR)
        self.assertEqual((self.stream.state, self.stage.distribution.open), ("closed", 0))

    def test_wrongLength(self) -> None:
        """
        A body that isn't as long as was said never ends for a backend as if it were.
        """
        number = self.ask(b"POST", (b"content-length", b"5"), end=False)
        self.client.send_data(number, b"abc", end_stream=True)
        self.flush()
        backend = self.stage.stream("a")
        self.assertEqual((backend.state, self.stream.state), ("aborted", "closed"))

    def test_clientLeaves(self) -> None:
        """
        GOAWAY of a client.
        """
        self.ask()
        self.client.close_connection()
        self.flush()
        self.assertEqual((self.stream.state, self.stage.distribution.open), ("closed", 0))

    def test_resetInTheSamePiece(self) -> None:
        """
        A request that is taken back at once never goes to a backend.
        """
        number = self.ask(flush=False)
        self.client.reset_stream(number)
        self.flush()
        self.assertEqual(self.stage.dialers["a"].streams, [])
        other = self.ask()
        self.answers(OK)
        self.assertEqual(self.status(other), 200)

    def test_resetsWithoutEnd(self) -> None:
        """
        CVE-2023-44487; those of some seconds are forgotten.
        """
        for _ in range(1000):
            self.client.reset_stream(self.ask(flush=False))
            self.flush()
        self.assertEqual(self.stream.state, "open")
        self.advance(1)
        for _ in range(40):
            if self.stream.state == "open":
                self.client.reset_stream(self.ask(flush=False))
                self.flush()
        goaway = self.goaway()
        assert goaway is not None
        self.assertEqual(goaway.error_code, ErrorCodes.ENHANCE_YOUR_CALM)
        self.assertEqual(self.stage.distribution.open, 0)

    def test_repliesWithoutEnd(self) -> None:
        """
        Who asks for replies and takes none is cut (CVE-2019-9512, CVE-2019-9515).
        """
        for frame in (PingFrame(0, opaque_data=b"12345678"), SettingsFrame(0)):
            self.connect()
            data = frame.serialize() * 100
            for _ in range(100):
                self.stream.receives(data)
            self.assertEqual(self.stream.state, "open")
            self.stream.buffered = True
            for _ in range(100):
                if self.stream.state == "open":
                    self.stream.receives(data)
            self.assertEqual(self.stream.state, "aborted")
            self.stream.ends(False)

    def test_drain(self) -> None:
        """
        Streams that are open finish; later ones are refused such that a client may ask
        again elsewhere; then it closes.
        """
        drained: list[None] = []
        number = self.ask(b"POST", end=False)
        self.connections.drain(lambda: drained.append(None))
        # As the frame comes, since h2's clients stop at it too.
        self.assertIn(b"\x00\x00\x08\x07\x00" + bytes(7) + bytes([number]), self.stream.sent)
        self.stream.sent = b""
        later = self.ask()
        self.assertEqual(self.reset(later), ErrorCodes.REFUSED_STREAM)
        self.assertEqual(self.stream.state, "open")
        self.upload(number, b"x", end=True)
        self.answers(OK)
        self.assertEqual((self.status(number), self.stream.state), (200, "closed"))
        self.assertEqual(drained, [])
        self.stream.ends(True)
        self.assertEqual(drained, [None])

    def test_drainIdle(self) -> None:
        """
        At once; and a connection that comes too late too.
        """
        self.connections.drain(lambda: None)
        self.assertEqual(self.stream.state, "closed")
        self.hear()
        self.assertIsNotNone(self.goaway())
        self.connect()
        self.assertEqual(self.stream.state, "closed")

    def test_abort(self) -> None:
        self.ask()
        self.connections.abort()
        self.assertEqual(self.stream.state, "aborted")
        self.stream.ends(False)
        self.assertEqual(self.stage.distribution.open, 0)

    def test_nothingIsKept(self) -> None:
        """
        Of streams that are over, and of connections.
        """
        for _ in range(50):
            self.ask()
            self.answers(OK)
        self.stream.ends(True)
        for stream in self.stage.dialers["a"].streams:
            stream.ends(True)
        self.advance(1)
        self.assertEqual(self.stage.clock.getDelayedCalls(), [])


class IdleTests(ConnectionCase):
    limits = ServerLimits(idle=20)

    def test_idle(self) -> None:
        """
        Closed after the idle budget, whatever else is said; not while a request is open.
        """
        self.ask()
        self.advance(50)
        self.answers(OK)
        self.advance(15)
        self.client.ping(b"12345678")
        self.flush()
        self.assertEqual(self.stream.state, "open")
        self.advance(6)
        goaway = self.goaway()
        assert goaway is not None
        self.assertEqual((goaway.error_code, self.stream.state), (0, "closed"))

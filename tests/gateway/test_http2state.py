"""
L{twisted_multiserver.gateway.http2state}: what is relied on of the h2 library.
"""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import Event, RequestReceived
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.gateway.http2state import STREAMS, WINDOW, FrameLengths, newState

Fields = list[tuple[bytes, bytes]]


class StateTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.state = newState()
        self.client = H2Connection(
            H2Configuration(
                client_side=True,
                header_encoding=None,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self.client.initiate_connection()
        self.client.receive_data(self.state.data_to_send())

    def received(self, fields: Fields) -> Fields:
        """
        @return: the fields of a request as the state gives them.
        """
        self.client.send_headers(1, fields, end_stream=True)
        events: list[Event] = self.state.receive_data(self.client.data_to_send())
        (request,) = [event for event in events if isinstance(event, RequestReceived)]
        self.assertIsNotNone(request.stream_ended)
        return [(name, value) for name, value in request.headers]

    def test_judgesNothing(self) -> None:
        """
        Whatever the fields are, they come as they were sent.
        """
        fields = [
            (b"Upper", b"x"),
            (b":path", b"relative"),
            (b":path", b""),
            (b"connection", b"close"),
            (b"a b", b"\r\nx: y"),
            (b":odd", b" x "),
        ]
        self.assertEqual(self.received(fields), fields)

    def test_joinsCookies(self) -> None:
        fields = [(b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2")]
        self.assertEqual(self.received(fields), [(b"x", b"y"), (b"cookie", b"a=1; b=2")])

    def test_readsLargeHeads(self) -> None:
        """
        Those that are refused are read.
        """
        fields = [(b"x", b"y" * 100_000)]
        self.assertEqual(self.received(fields), fields)

    def test_windows(self) -> None:
        """
        The connection's has room for every stream's.
        """
        self.assertEqual(self.client.outbound_flow_control_window, STREAMS * WINDOW)
        self.assertEqual(self.client.remote_settings.initial_window_size, WINDOW)
        self.assertEqual(self.client.remote_settings.max_concurrent_streams, STREAMS)


class FrameLengthsTests(SynchronousTestCase):
    def verdicts(self, length: int, pieces: int) -> list[bool]:
        """
        @return: what is said of a preface, a frame of 5 bytes, and the header of a frame,
            which come in pieces.
        """
        lengths = FrameLengths()
        data = b"p" * 24 + b"\x00\x00\x05" + bytes(6) + b"x" * 5
        data += length.to_bytes(3, "big") + bytes(6)
        return [lengths.areGood(data[at : at + pieces]) for at in range(0, len(data), pieces)]

    def test_lengths(self) -> None:
        """
        However the bytes come; known with the last one of the header.
        """
        for pieces in range(1, 60):
            self.assertTrue(all(self.verdicts(16384, pieces)))
            *before, last = self.verdicts(16385, pieces)
            self.assertEqual((all(before), last), (True, False), pieces)

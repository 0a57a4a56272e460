"""
An HTTP/2 client on a blocking socket, and the certificate that it needs.
"""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event

from tests.integration.twistdharness import PATIENCE

E = TypeVar("E", bound=Event)


def writeCertificate(path: Path) -> None:
    """
    Write a key and a certificate of its own.

    @param path: of a PEM file.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )


class HTTP2Client:
    """
    One connection.

    @ivar state: the protocol's.
    @ivar events: all that were heard.
    """

    def __init__(self, port: int) -> None:
        """
        @param port: on 127.0.0.1.
        """
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        # As all clients do.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(plain)
        if self._socket.selected_alpn_protocol() != "h2":
            raise AssertionError("the gateway doesn't speak HTTP/2")
        self.state = H2Connection(H2Configuration(client_side=True))
        self.events: list[Event] = []
        self.state.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self._socket.sendall(self.state.data_to_send())

    def ask(self, method: str = "GET", path: str = "/", end: bool = True) -> int:
        """
        @return: the stream of a request.
        """
        number = self.state.get_next_available_stream_id()
        fields = [
            (":method", method),
            (":path", path),
            (":scheme", "https"),
            (":authority", "example.com"),
        ]
        self.state.send_headers(number, fields, end_stream=end)
        self.flush()
        return number

    def upload(self, number: int, data: bytes, at: int = 0) -> int:
        """
        Send a body as far as its window reaches.

        @param number: of the stream.
        @param data: the body.
        @param at: where to begin.
        @return: up to where it was sent.
        """
        while at < len(data):
            room = min(self.state.local_flow_control_window(number), 16384)
            if room <= 0:
                break
            piece = data[at : at + room]
            at += len(piece)
            self.state.send_data(number, piece, end_stream=at == len(data))
        self.flush()
        return at

    def isSilentFor(self, seconds: float) -> bool:
        """
        @param seconds: how long to listen.
        @return: whether nothing came.
        """
        self._socket.settimeout(seconds)
        try:
            self.hear()
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(PATIENCE)
        return False

    def receive(self) -> bytes:
        """
        @return: what comes next, as it is; empty at the end.
        """
        return self._socket.recv(65536)

    def hear(self) -> bool:
        """
        Read once, and give windows back.

        @return: whether the connection goes on.
        """
        data = self.receive()
        for event in self.state.receive_data(data) if data else ():
            self.events.append(event)
            if isinstance(event, DataReceived):
                self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self.flush()
        return bool(data)

    def until(self, number: int, *kinds: type[E]) -> E:
        """
        @return: the first event of one of these kinds on a stream.
        """
        while True:
            for event in self.events:
                if isinstance(event, kinds) and getattr(event, "stream_id", None) == number:
                    return event
            if not self.hear():
                raise AssertionError(f"the connection ended: {self.events}")

    def body(self, number: int) -> bytes:
        return b"".join(
            event.data
            for event in self.events
            if isinstance(event, DataReceived) and event.stream_id == number
        )

    def close(self) -> None:
        self._socket.close()

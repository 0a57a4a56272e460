"""
HTTP/2 clients, where the Site has twisted[http2].
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h2.config
import h2.connection
import h2.events
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.twistdharness import PATIENCE, Twistd

_INTERNAL_ERROR = 2


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


class HTTP2Tests(SynchronousTestCase):
    """
    A real master behind TLS, a real client, a scripted backend.
    """

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ms-"))
        self.addCleanup(shutil.rmtree, self.folder)
        writeCertificate(self.folder / "server.pem")

    def answering(self, answer: bytes) -> str:
        """
        @param answer: to the one request that comes; then the connection ends.
        @return: the endpoint of such a server.
        """
        path = os.path.join(self.folder, "backend")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while b"\r\n\r\n" not in connection.recv(65536, socket.MSG_PEEK):
                    pass
                connection.recv(65536)
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return f"unix:{path}"

    def ask(self, answer: bytes) -> list[h2.events.Event]:
        """
        @param answer: the backend's.
        @return: what an HTTP/2 client sees, up to the stream's end.
        """
        pem = self.folder / "server.pem"
        twistd = Twistd(
            self,
            f"--listen=ssl:0:interface=127.0.0.1:privateKey={pem}:certKey={pem}",
            f"--backend={self.answering(answer)}",
        )
        port = int(twistd.waitForLog(r"ready: https://127\.0\.0\.1:(\d+)/")[1])
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        events: list[h2.events.Event] = []
        with (
            socket.create_connection(("127.0.0.1", port), PATIENCE) as plain,
            context.wrap_socket(plain) as client,
        ):
            self.assertEqual(client.selected_alpn_protocol(), "h2")
            connection.initiate_connection()
            fields = [
                (":method", "GET"),
                (":path", "/"),
                (":scheme", "https"),
                (":authority", "example.com"),
            ]
            connection.send_headers(1, fields, end_stream=True)
            client.sendall(connection.data_to_send())
            ends = (h2.events.StreamEnded, h2.events.StreamReset)
            while not any(isinstance(event, ends) for event in events):
                data = client.recv(65536)
                self.assertTrue(data, "the connection ended")
                events += connection.receive_data(data)
                client.sendall(connection.data_to_send())
        return events

    def test_whole(self) -> None:
        """
        A response arrives and its stream ends.
        """
        events = self.ask(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        body = b"".join(event.data for event in events if isinstance(event, h2.events.DataReceived))
        self.assertEqual(body, b"ok")
        self.assertIsInstance(events[-1], h2.events.StreamEnded)

    def test_cut(self) -> None:
        """
        A body that ends early resets the stream with INTERNAL_ERROR.
        """
        events = self.ask(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
        (reset,) = [event for event in events if isinstance(event, h2.events.StreamReset)]
        self.assertEqual(reset.error_code, _INTERNAL_ERROR)

"""
HTTP/2 clients behind TLS: of a foreign Site with the gateway in it, which twisted.web serves,
and of a Site of ours.
"""

from __future__ import annotations

import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ClientEndpoint,
    connectProtocol,
    wrapClientTLS,
)
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS
from twisted.python.failure import Failure
from twisted.web.server import Site

from tests.gateway.sockets import OK, Door, SocketCase, reactor
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.resource import GatewayResource
from twisted_multiserver.gateway.serving import GatewayFactory
from twisted_multiserver.gateway.site import MultiserverSite
from twisted_multiserver.http1.connections import ServerLimits
from twisted_multiserver.http1.trust import TrustedProxies


def selfSigned() -> PrivateCertificate:
    """
    @return: a certificate for C{localhost}, with its key.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made: PrivateCertificate = PrivateCertificate.loadPEM(certificate.public_bytes(pem) + private)
    return made


class Client(Protocol):
    """
    An HTTP/2 client.

    @ivar body: what was received on all streams.
    @ivar left: fires when the connection has ended.
    """

    transport: Any

    def __init__(self) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self.left: Deferred[None] = Deferred()
        self.body = b""
        self._awaited: dict[tuple[int, type[Event]], Deferred[Any]] = {}

    def connectionMade(self) -> None:
        self.h2.initiate_connection()
        self._flush()

    def dataReceived(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            if isinstance(event, DataReceived):
                self.body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            stream = getattr(event, "stream_id", None)
            if stream is not None and (stream, type(event)) in self._awaited:
                self._awaited.pop((stream, type(event))).callback(event)
        self._flush()

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.left.callback(None)

    def ask(self, *fields: tuple[bytes, bytes]) -> int:
        """
        @param fields: beyond the necessary.
        @return: the stream of a GET request.
        """
        stream = self.h2.get_next_available_stream_id()
        head = [
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":authority", b"localhost:8443"),
            (b":path", b"/x?y"),
            *fields,
        ]
        self.h2.send_headers(stream, head, end_stream=True)
        self._flush()
        return stream

    def reset(self, stream: int) -> None:
        self.h2.reset_stream(stream, ErrorCodes.CANCEL)
        self._flush()

    def hears(self, stream: int, kind: type[Event]) -> Deferred[Any]:
        """
        @return: fires with the next event of a kind on a stream.
        """
        heard: Deferred[Any] = Deferred()
        self._awaited[stream, kind] = heard
        return heard

    def _flush(self) -> None:
        self.transport.write(self.h2.data_to_send())


class ForeignSiteTests(SocketCase):
    door: Door

    async def client(self) -> Client:
        """
        @return: a client of a Site with one backend.
        """
        self.door = self.listenUNIX("a")
        certificate = selfSigned()
        endpoint = SSL4ServerEndpoint(reactor, 0, certificate.options(), interface="127.0.0.1")
        port = await endpoint.listen(self.site())
        self.addCleanup(port.stopListening)
        options = optionsForClientTLS(
            "localhost",
            trustRoot=Certificate.loadPEM(certificate.dumpPEM()),
            acceptableProtocols=[b"h2"],
        )
        plain = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        client: Client = await connectProtocol(wrapClientTLS(options, plain), Client())
        self.addCleanup(self.leave, client)
        return client

    def leave(self, client: Client) -> Deferred[None]:
        if not client.left.called:
            client.transport.abortConnection()
        return client.left

    async def test_response(self) -> None:
        """
        As with HTTP/1.1: Host is the authority, the scheme is told, cookies are one
        field again; no hop-by-hop field comes back.
        """
        client = await self.client()
        stream = client.ask((b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"x-real-ip", b"6.6.6.6"))
        answered, ended = client.hears(stream, ResponseReceived), client.hears(stream, StreamEnded)
        backend = await self.door.entered.get()
        head = await backend.head()
        self.assertTrue(head.startswith(b"GET /x?y HTTP/1.1\r\nHost: localhost:8443\r\n"))
        self.assertIn(b"\r\ncookie: a=1; b=2\r\n", head.lower())
        self.assertIn(b"\r\nX-Forwarded-Proto: https\r\n", head)
        self.assertIn(b"\r\nVia: 2 twisted_multiserver\r\n", head)
        self.assertNotIn(b"6.6.6.6", head)
        backend.transport.write(OK.replace(b"\r\n\r\n", b"\r\nKeep-Alive: 5\r\nServer: x\r\n\r\n"))
        fields = (await answered).headers
        await ended
        self.assertEqual(client.body, b"ok")
        self.assertIn((b":status", b"200"), fields)
        self.assertIn((b"server", b"x"), fields)
        names = {name for name, _ in fields}
        self.assertFalse(names & {b"keep-alive", b"connection", b"transfer-encoding"})

    async def test_cut(self) -> None:
        """
        A response that will never be whole is no success: INTERNAL_ERROR; the other
        streams of the connection live on.
        """
        client = await self.client()
        cut, whole = client.ask(), client.ask()
        reset, ended = client.hears(cut, StreamReset), client.hears(whole, StreamEnded)
        began = client.hears(cut, ResponseReceived)
        first, second = await self.door.entered.get(), await self.door.entered.get()
        await first.head()
        await second.head()
        first.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\nab")
        await began
        first.transport.loseConnection()
        self.assertEqual((await reset).error_code, ErrorCodes.INTERNAL_ERROR)
        second.transport.write(OK)
        await ended
        self.assertIn(b"ok", client.body)

    async def test_clientCancels(self) -> None:
        """
        A stream that its client resets: the upstream connection is ended, before and
        inside of the response.
        """
        client = await self.client()
        (backend,) = self.distribution.pool.backends()
        for number, part in enumerate(
            (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\nab"), 1
        ):
            stream = client.ask()
            began = client.hears(stream, ResponseReceived)
            talk = await self.door.entered.get()
            await talk.head()
            if part:
                talk.transport.write(part)
                await began
            client.reset(stream)
            await talk.ended
            self.assertEqual(backend.statistics.outcomes[Outcome.clientGone], number)
            self.assertEqual(backend.inFlight, 0)

    async def test_connectionLost(self) -> None:
        """
        All streams of a connection that ends are given up.
        """
        client = await self.client()
        client.ask(), client.ask()
        talks = [await self.door.entered.get() for _ in range(2)]
        for talk in talks:
            await talk.head()
            talk.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\nab")
        client.transport.abortConnection()
        for talk in talks:
            await talk.ended
        self.assertEqual(self.distribution.pool.backends()[0].inFlight, 0)


class OwnSiteTests(ForeignSiteTests):
    """
    The same, and what a foreign Site can't do.
    """

    def site(self) -> Site:
        serving = GatewayFactory(
            self.distribution, self.adopter, ServerLimits(), TrustedProxies(["127.0.0.1"])
        )
        return MultiserverSite(serving, GatewayResource(self.distribution), 75.0)

    async def test_trustedProxy(self) -> None:
        """
        A proxy that is believed says who the client is.
        """
        client = await self.client()
        client.ask((b"x-forwarded-for", b"192.0.2.9"), (b"x-forwarded-host", b"www.example"))
        head = await (await self.door.entered.get()).head()
        self.assertIn(b"\r\nX-Forwarded-For: 192.0.2.9\r\n", head)
        self.assertIn(b"\r\nX-Forwarded-Host: www.example\r\n", head)

    async def test_interim(self) -> None:
        """
        Interim responses and trailers come through.
        """
        client = await self.client()
        stream = client.ask()
        hinted = client.hears(stream, InformationalResponseReceived)
        trailed = client.hears(stream, TrailersReceived)
        backend = await self.door.entered.get()
        await backend.head()
        backend.transport.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        self.assertIn((b"link", b"</x>"), (await hinted).headers)
        backend.transport.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n"
        )
        self.assertEqual((await trailed).headers, [(b"x-sum", b"1")])

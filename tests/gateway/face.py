"""
The resource face in a real Site, on memory transports.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import address
from twisted.internet.testing import EventLoggingObserver, StringTransport
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource, Resource
from twisted.web.server import Site

from tests.gateway.doubles import Stage
from twisted_multiserver.gateway.resource import GatewayResource


class FaceCase(SynchronousTestCase):
    """
    One client, one backend.

    @cvar fallback: the gateway's.
    """

    fallback: IResource | None = None

    def setUp(self) -> None:
        self.logged = EventLoggingObserver()
        globalLogPublisher.addObserver(self.logged)
        self.addCleanup(globalLogPublisher.removeObserver, self.logged)
        self.stage = Stage()
        self.backend = self.stage.add("a")
        self.connect()

    def connect(self, path: bytes | None = None, transport: Any = None) -> None:
        """
        A client connects to a Site with the gateway at a path.
        """
        resource: IResource = GatewayResource(self.stage.distribution, self.fallback)
        if path is not None:
            root = Resource()
            root.putChild(path, resource)
            resource = root
        self.transport: Any = transport or StringTransport()
        site = Site(resource, reactor=self.stage.clock)
        self.channel: Any = site.buildProtocol(address.IPv4Address("TCP", "10.0.0.9", 1))
        self.channel.makeConnection(self.transport)

    def send(self, *lines: bytes, body: bytes = b"", host: bool = True) -> bytes:
        """
        @return: what the backend has got on its latest connection.
        """
        self.transport.clear()
        streams = self.stage.dialers["a"].streams
        before = len(streams[-1].sent) if streams else 0
        fields = [b"Host: x"] if host else []
        self.channel.dataReceived(b"\r\n".join([lines[0], *fields, *lines[1:], b"", body]))
        return streams[-1].sent[before:] if streams else b""

    def answer(self, data: bytes) -> tuple[bytes, list[bytes], bytes]:
        """
        The backend answers.

        @return: the status line that the client gets, the field lines, the body.
        """
        self.stage.stream("a").receives(data)
        return self.received()

    def received(self) -> tuple[bytes, list[bytes], bytes]:
        head, _, body = self.transport.value().partition(b"\r\n\r\n")
        status, *fields = head.split(b"\r\n")
        return status, fields, body

"""
Clients behind a PROXY header: who they are is known only when they ask.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory

from tests.gateway.sockets import OK, SocketCase, reactor
from twisted_multiserver.gateway.serving import GatewayFactory
from twisted_multiserver.http1.connections import ServerLimits
from twisted_multiserver.http1.trust import TrustedProxies


class ProxyHeaderTests(SocketCase):
    async def seen(self, trusted: list[str]) -> bytes:
        """
        @return: what the backend gets of a client at 192.0.2.7, which says it is another.
        """
        door = self.listenUNIX("a")
        factory = GatewayFactory(
            self.distribution, self.adopter, ServerLimits(), TrustedProxies(trusted)
        )
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = await endpoint.listen(HAProxyWrappingFactory(factory))
        self.addCleanup(port.stopListening)
        client = await self.connect(port)
        client.transport.write(
            b"PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\n"
            b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"
        )
        backend = await door.entered.get()
        head: bytes = await backend.head()
        backend.transport.write(OK)
        await client.until(lambda data: data.endswith(b"ok"))
        return head

    def check(self, trusted: list[str], address: bytes) -> Deferred[None]:
        async def checked() -> None:
            self.assertIn(b"\r\nX-Forwarded-For: %b\r\n" % address, await self.seen(trusted))

        return Deferred.fromCoroutine(checked())

    def test_address(self) -> Deferred[None]:
        """
        It is the one of the header; what sent that is nobody.
        """
        return self.check(["127.0.0.1"], b"192.0.2.7")

    def test_trusted(self) -> Deferred[None]:
        """
        It may be that of a proxy that is believed.
        """
        return self.check(["192.0.2.7"], b"6.6.6.6")

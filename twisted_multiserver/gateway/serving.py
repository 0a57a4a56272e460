"""
Serving clients: the gateway as a protocol factory, for any endpoint.

A connection becomes a stream (L{twisted_multiserver.streams.adopting}) with one
L{ClientSide<twisted_multiserver.gateway.downstream.ClientSide>} on it.  Behind TLS a client
may have chosen HTTP/2: then it is one
L{HTTP2Connection<twisted_multiserver.gateway.http2.HTTP2Connection>}.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHandshakeListener,
    IProtocolNegotiationFactory,
    ISSLTransport,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, ServerFactory
from zope.interface import implementer

from twisted_multiserver.gateway.accesslog import AccessLog
from twisted_multiserver.gateway.clientview import clientView
from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.downstream import ClientSide, WhoIs
from twisted_multiserver.gateway.http2 import HTTP2Connection, MakesStream
from twisted_multiserver.gateway.http2logged import LoggedHTTP2Stream
from twisted_multiserver.gateway.http2stream import HTTP2Stream
from twisted_multiserver.gateway.logged import LoggedClientSide
from twisted_multiserver.http1.connections import ServerConnections, ServerLimits
from twisted_multiserver.http1.forwarding import ClientView
from twisted_multiserver.http1.requests import CheckedRequest
from twisted_multiserver.http1.trust import TrustedProxies
from twisted_multiserver.streams.adopting import Adopter, StreamProtocol
from twisted_multiserver.streams.streams import Stream
from twisted_multiserver.streams.transportstream import TransportStream

_HTTP2 = b"h2"


@implementer(IHandshakeListener)
class ClientProtocol(StreamProtocol):
    """
    A client's connection; behind TLS it waits until it is known what the client speaks.
    """

    def connectionMade(self) -> None:
        """
        The transport is there.
        """
        if not isTLS(self.transport):
            super().connectionMade()

    def handshakeCompleted(self) -> None:
        """
        The client's choice is known.
        """
        super().connectionMade()


@implementer(IProtocolNegotiationFactory)
class GatewayFactory(ServerFactory):
    """
    Serves clients of a distribution.

    @ivar adopter: makes streams.
    """

    noisy = False

    def __init__(
        self,
        distribution: Distribution,
        adopter: Adopter,
        limits: ServerLimits,
        trusted: TrustedProxies,
        accessLog: AccessLog | None = None,
    ) -> None:
        """
        @param distribution: takes the requests.
        @param adopter: makes streams.
        @param limits: what clients may take.
        @param trusted: proxies that are believed.
        @param accessLog: gets a line for each request.
        """
        self._distribution = distribution
        self._trusted = trusted
        self._accessLog = accessLog
        self.adopter = adopter
        self._connections = ServerConnections(limits, distribution.seconds, adopter.sweep)

    def acceptableProtocols(self) -> list[bytes]:
        """
        @return: what a client behind TLS may choose, the best first.
        """
        return [_HTTP2, b"http/1.1"]

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """
        @param addr: the client's.
        @return: what becomes a client's side.
        """
        return ClientProtocol(self.adopter, self.streamMade)

    def streamMade(self, stream: Stream, transport: Any) -> None:
        """
        Serve a client.

        @param stream: its connection.
        @param transport: the same, as Twisted has it.
        """
        if isinstance(stream, TransportStream) and ITCPTransport.providedBy(transport):
            # What is written in two pieces must not wait for an acknowledgement.
            transport.setTcpNoDelay(True)
        if isTLS(transport) and transport.negotiatedProtocol == _HTTP2:
            self._http2StreamMade(stream, transport)
            return
        view = viewOf(transport)
        whoIs: WhoIs | None = None
        if isinstance(stream, TransportStream):
            # Behind a PROXY header the peer is known only after it.
            whoIs = _Later(transport, self._trusted).whoIs
        elif self._trusted.trusts(view.address):
            whoIs = self._trusted.believedView
        if self._accessLog is None:
            ClientSide(stream, self._connections, self._distribution, view, whoIs)
        else:
            LoggedClientSide(
                stream, self._connections, self._distribution, view, whoIs, self._accessLog
            )

    def _http2StreamMade(self, stream: Stream, transport: Any) -> None:
        makeStream: MakesStream = HTTP2Stream
        if self._accessLog is not None:
            makeStream = partial(LoggedHTTP2Stream, accessLog=self._accessLog)
        HTTP2Connection(
            stream,
            self._connections,
            self._distribution,
            _Later(transport, self._trusted).client,
            makeStream,
        )

    def drain(self) -> Deferred[None]:
        """
        Close idle connections now and the others behind their present request.

        @return: fires when none is left.
        """
        drained: Deferred[None] = Deferred()
        self._connections.drain(lambda: drained.callback(None))
        return drained

    def abort(self) -> None:
        """
        Cut all connections.
        """
        self._connections.abort()


class _Later:
    """
    A client that is known only when it asks.
    """

    __slots__ = ("_transport", "_trusted")

    def __init__(self, transport: Any, trusted: TrustedProxies) -> None:
        self._transport = transport
        self._trusted = trusted

    def whoIs(self, view: ClientView, request: CheckedRequest) -> ClientView:
        return self.client(request)

    def client(self, request: CheckedRequest) -> ClientView:
        return self._trusted.believedView(viewOf(self._transport), request)


def viewOf(transport: Any) -> ClientView:
    """
    Tell what is known of a client at this moment.

    @param transport: its connection, as Twisted has it.
    @return: the client's side of its requests.
    """
    return clientView(transport.getPeer(), transport.getHost(), isTLS(transport))


def isTLS(transport: Any) -> bool:
    """
    @param transport: a connection, as Twisted has it.
    @return: whether it is secure.
    """
    return ISSLTransport.providedBy(transport)

"""
A Site whose connections can be drained.

Strategy: each connection counts the requests that have begun on it and not ended, so
that a stop can close the idle ones at once, and the others as soon as they have
answered and what was written has gone out.  The Site itself isn't changed, since it may
be listening somewhere else too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IProtocolNegotiationFactory
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.iweb import INonQueuedRequestFactory
from twisted.web.server import Request, Site
from zope.interface import alsoProvides, implementer

RequestMaker = Callable[..., Request]


class _RequestFactory:
    """
    Makes the requests of one connection and tells it of each.
    """

    def __init__(self, make: RequestMaker, connection: DrainingConnection) -> None:
        self._connection = connection
        self._make = make

    def __call__(self, *args: Any, **keywords: Any) -> Request:
        """
        Make a request.
        """
        request = self._make(*args, **keywords)
        self._connection.exchangeStarted(request)
        return request


class DrainingConnection(ProtocolWrapper):
    """
    One connection.

    @ivar exchanges: how many requests on it have begun and not ended.
    """

    factory: DrainingFactory
    exchanges = 0

    def exchangeStarted(self, request: Request) -> None:
        """
        A request has begun to arrive.

        @param request: the new request.
        """
        self.exchanges += 1
        request.notifyFinish().addBoth(self._exchangeEnded)

    def _exchangeEnded(self, _result: object) -> None:
        self.exchanges -= 1
        self.closeIfIdle()

    def closeIfIdle(self) -> None:
        """
        While its factory drains: close, once what was written has gone out.
        """
        if self.factory.draining and not self.exchanges and self.transport is not None:
            # HTTPChannel is the transport's producer, and a transport that has one
            # doesn't close.
            self.unregisterProducer()  # type: ignore[no-untyped-call]
            self.loseConnection()  # type: ignore[no-untyped-call]


@implementer(IProtocolNegotiationFactory)
class DrainingFactory(WrappingFactory[DrainingConnection]):
    """
    Serves a Site.

    @ivar draining: whether connections end with their exchanges.
    """

    protocol = DrainingConnection
    noisy = False

    def __init__(self, site: Site) -> None:
        """
        @param site: what is served.
        """
        super().__init__(site)  # type: ignore[no-untyped-call]
        self.draining = False
        self._empty: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> DrainingConnection:
        """
        Make the protocol of one connection.

        @param addr: the peer's.
        @return: the site's protocol, wrapped.
        """
        connection = super().buildProtocol(addr)
        channel: Any = connection.wrappedProtocol
        given = channel.requestFactory
        channel.requestFactory = _RequestFactory(self.requestMaker(given), connection)
        if INonQueuedRequestFactory.providedBy(given):
            alsoProvides(channel.requestFactory, INonQueuedRequestFactory)
        return connection

    def acceptableProtocols(self) -> list[bytes]:
        """
        What TLS clients may choose from: HTTP/2 among them, where it is installed.

        @return: as the site has it.
        """
        site: IProtocolNegotiationFactory = self.wrappedFactory
        protocols: list[bytes] = site.acceptableProtocols()
        return protocols

    def requestMaker(self, make: RequestMaker) -> RequestMaker:
        """
        What makes requests: for subclasses to change.

        @param make: what the site would take.
        @return: the same.
        """
        return make

    def unregisterProtocol(self, p: DrainingConnection) -> None:
        """
        A connection has ended.

        @param p: the connection.
        """
        super().unregisterProtocol(p)  # type: ignore[no-untyped-call]
        if not self.protocols and self._empty is not None:
            empty, self._empty = self._empty, None
            empty.callback(None)

    def drain(self) -> Deferred[None]:
        """
        Close each connection as soon as it carries no exchange.

        @return: fires when there is none left.
        """
        self.draining = True
        for connection in list(self.protocols):
            connection.closeIfIdle()
        if not self.protocols:
            return succeed(None)
        self._empty = Deferred()
        return self._empty

    def abort(self) -> None:
        """
        Cut every connection.
        """
        for connection in list(self.protocols):
            connection.abortConnection()

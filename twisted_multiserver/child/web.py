"""
Serving resources and sites on the private entrance.

A Site is served as it is: its own log, its own requests.  What belongs to the entrance
is put around each of its connections, never into the Site, which may be listening
somewhere else too: the client's view, and no idle timeout, since the master alone decides
how long a kept-alive connection waits.

The entrance knows which connections carry an exchange, so that a stop can close the idle
ones at once and the others as soon as they have answered.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.http import Request as HTTPRequest
from twisted.web.iweb import INonQueuedRequestFactory
from twisted.web.resource import IResource
from twisted.web.server import Request, Site
from zope.interface import alsoProvides

from twisted_multiserver.child.clientview import viewing
from twisted_multiserver.child.listener import Listener
from twisted_multiserver.child.reactors import IChildReactor


class QuietSite(Site):
    """
    The Site around a resource: the master writes the access log.
    """

    noisy = False

    def startFactory(self) -> None:
        """
        Open no log, and keep no clock for it.
        """

    def stopFactory(self) -> None:
        """
        There is no log to close.
        """

    def log(self, request: HTTPRequest) -> None:
        """
        Say nothing of a finished request.
        """


class _RequestFactory:
    """
    Makes the requests of one connection and tells it of each.
    """

    def __init__(self, make: Callable[..., Request], connection: Connection) -> None:
        self._connection = connection
        self._viewed = isinstance(make, type)
        self._make = viewing(make) if isinstance(make, type) else make
        if INonQueuedRequestFactory.providedBy(make):
            alsoProvides(self, INonQueuedRequestFactory)

    def __call__(self, *args: Any, **keywords: Any) -> Request:
        """
        Make a request.
        """
        request = self._make(*args, **keywords)
        if not self._viewed:
            # Made by a function of the user's, so its class is known only now.
            request.__class__ = viewing(type(request))
        self._connection.exchangeStarted(request)
        return request


class Connection(ProtocolWrapper):
    """
    One connection from the master.

    @ivar exchanges: how many requests on it have begun and not ended.
    """

    factory: Entrance
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
        While the entrance drains: close, once what was written has gone out.
        """
        if self.factory.draining and not self.exchanges and self.transport is not None:
            # HTTPChannel is the transport's producer, and a transport that has one
            # doesn't close.
            self.unregisterProducer()  # type: ignore[no-untyped-call]
            self.loseConnection()  # type: ignore[no-untyped-call]


class Entrance(WrappingFactory[Connection]):
    """
    The private entrance to a site.

    @ivar draining: whether connections end with their exchanges.
    """

    protocol = Connection
    noisy = False

    def __init__(self, site: Site) -> None:
        super().__init__(site)  # type: ignore[no-untyped-call]
        self.draining = False
        self._empty: Deferred[None] | None = None

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        """
        Make the protocol of one connection.
        """
        connection = super().buildProtocol(addr)
        channel: Any = connection.wrappedProtocol
        channel.requestFactory = _RequestFactory(channel.requestFactory, connection)
        channel.timeOut = None
        return connection

    def unregisterProtocol(self, p: Connection) -> None:
        """
        A connection has ended.
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


class WebServing:
    """
    A site being served.
    """

    def __init__(self, reactor: IChildReactor, entrance: socket.socket, site: Site) -> None:
        """
        @param reactor: what to serve with.
        @param entrance: a listening UNIX socket; closed at the end.
        @param site: what to serve.
        """
        self._reactor = reactor
        self._entrance = Entrance(site)
        self._listener = Listener(reactor, entrance, self._entrance)
        self._listener.startListening()

    async def stop(self, budget: float) -> None:
        """
        Accept no more, and let the exchanges in flight finish.

        @param budget: how long they may take, in seconds; then they are cut.
        """
        self._listener.stopListening()
        drained = self._entrance.drain()
        deadline = self._reactor.callLater(budget, self._entrance.abort)
        await drained
        if deadline.active():
            deadline.cancel()


def siteFor(reactor: IChildReactor, resource: IResource) -> Site:
    """
    Put a site around a resource.

    @param reactor: its clock.
    @param resource: the root of the site.
    """
    return QuietSite(resource, reactor=reactor)  # type: ignore[no-untyped-call]

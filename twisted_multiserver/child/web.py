"""
Serving resources and sites.

A Site is served as it is: its own log, its own requests.  What belongs to the entrance
is put around each of its connections, never into the Site, which may be listening
somewhere else too: the strict core, the client's view, and no idle timeout on a private
entrance, since the master alone decides how long a kept-alive connection waits.
"""

from __future__ import annotations

import socket
from math import inf
from types import MethodType
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.web.http import HTTPFactory
from twisted.web.http import Request as HTTPRequest
from twisted.web.iweb import INonQueuedRequestFactory
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from twisted_multiserver.child.channel import Served, WebChannel
from twisted_multiserver.child.clientview import viewing
from twisted_multiserver.child.listener import Listener
from twisted_multiserver.child.reactors import IChildReactor
from twisted_multiserver.draining import DrainingConnection, DrainingFactory, RequestMaker
from twisted_multiserver.http1.connections import ServerConnections, ServerLimits
from twisted_multiserver.http1.plainrequests import matchForwarded
from twisted_multiserver.streams.adopting import Adopter, StreamProtocol
from twisted_multiserver.streams.polling import makePoller
from twisted_multiserver.streams.streams import Stream
from twisted_multiserver.streams.sweep import Sweep


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


class CoreEntrance:
    """
    An entrance where the strict core reads.
    """

    def __init__(self, reactor: IChildReactor, site: Site, isPrivate: bool) -> None:
        """
        @param reactor: what to serve with.
        @param site: what to serve.
        @param isPrivate: whether it is the master's alone, who decides how long a
            kept-alive connection waits.
        """
        self._reactor = reactor
        sweep = Sweep(reactor)
        limits = ServerLimits(idle=inf if isPrivate else site.timeOut or inf)
        self._connections = ServerConnections(limits, reactor.seconds, sweep, matchForwarded)
        self._adopter = Adopter(makePoller(reactor), sweep)
        make = site.requestFactory
        self._served = Served(
            site,
            _maker(make),
            () if INonQueuedRequestFactory.providedBy(make) else (0,),
            lambda call: reactor.callLater(0, call),
        )

    def accepted(self, connection: socket.socket, address: Any) -> None:
        """
        @param connection: to be served.
        @param address: of its client, as accept(2) tells it.
        """
        peer, host = (
            _address(connection.family, each) for each in (address, connection.getsockname())
        )
        stream = self._adopter.ofSocket(connection)
        if stream is not None:
            self.serve(stream, peer, host)
            return
        factory = Factory.forProtocol(
            lambda: StreamProtocol(self._adopter, lambda stream, _: self.serve(stream, peer, host))
        )
        _adopt(self._reactor, connection, factory)

    def serve(self, stream: Stream, peer: IAddress, host: IAddress) -> None:
        """
        @param stream: a connection.
        @param peer: the client's address.
        @param host: the address that it came to.
        """
        WebChannel(stream, self._connections, self._served, peer, host)

    def drain(self) -> Deferred[None]:
        """
        Close idle connections now, and the others behind their present request.

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


class ForeignEntrance(DrainingFactory):
    """
    An entrance to a site that has a protocol of its own, in which nothing is changed but
    that requests see their client, and that the master alone ends a connection.
    """

    def __init__(self, reactor: IChildReactor, site: Site, isPrivate: bool) -> None:
        """
        @param reactor: what to serve with.
        @param site: what to serve.
        @param isPrivate: whether it is the master's alone.
        """
        super().__init__(site)
        self._reactor = reactor
        self._isPrivate = isPrivate

    def accepted(self, connection: socket.socket, address: Any) -> None:
        """
        @param connection: to be served.
        @param address: of its client, as accept(2) tells it.
        """
        _adopt(self._reactor, connection, self)

    def buildProtocol(self, addr: IAddress | None) -> DrainingConnection:
        """
        Make the protocol of one connection.
        """
        connection = super().buildProtocol(addr)
        if self._isPrivate:
            channel: Any = connection.wrappedProtocol
            channel.timeOut = None
        return connection

    def requestMaker(self, make: RequestMaker) -> RequestMaker:
        """
        Make requests that see their client.
        """
        return _maker(make)


def hasOurProtocol(site: Site) -> bool:
    """
    @param site: the user's.
    @return: whether its connections are twisted.web's own, in whose place ours are.
    """
    kind = type(site)
    return kind.buildProtocol is Site.buildProtocol and site.protocol == (
        MethodType(HTTPFactory.protocol, site)
    )


def _address(family: int, name: Any) -> IAddress:
    """
    @param family: of a socket.
    @param name: of one of its ends.
    """
    if family == socket.AF_UNIX:
        return UNIXAddress(None)
    return (IPv6Address if family == socket.AF_INET6 else IPv4Address)("TCP", name[0], name[1])


def _adopt(reactor: IChildReactor, connection: socket.socket, factory: Any) -> None:
    with connection:
        # It declares a ServerFactory, and asks for no more than the interface.
        reactor.adoptStreamConnection(connection.fileno(), connection.family, factory)


def _maker(make: RequestMaker) -> RequestMaker:
    return viewing(make) if isinstance(make, type) else _viewed(make)


def _viewed(make: RequestMaker) -> RequestMaker:
    def made(*args: Any, **keywords: Any) -> Request:
        request = make(*args, **keywords)
        # Made by a function of the user's, so its class is known only now.
        request.__class__ = viewing(type(request))
        return request

    return made


class WebServing:
    """
    A site being served.
    """

    def __init__(self, reactor: IChildReactor, entrance: socket.socket, site: Site) -> None:
        """
        @param reactor: what to serve with.
        @param entrance: a listening socket; closed at the end.
        @param site: what to serve.
        """
        self._reactor = reactor
        self._site = site
        serving = CoreEntrance if hasOurProtocol(site) else ForeignEntrance
        self._entrance = serving(reactor, site, entrance.family == socket.AF_UNIX)
        self._listener = Listener(reactor, entrance, self._entrance.accepted)
        site.doStart()
        self._listener.startListening()

    def busyThreads(self) -> tuple[int, int]:
        """
        See L{Serving<twisted_multiserver.child.stopping.Serving>}.
        """
        return 0, 0

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
        self._site.doStop()


def siteFor(reactor: IChildReactor, resource: IResource) -> Site:
    """
    Put a site around a resource.

    @param reactor: its clock.
    @param resource: the root of the site.
    """
    return QuietSite(resource, reactor=reactor)  # type: ignore[no-untyped-call]

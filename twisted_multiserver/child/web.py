"""
Serving resources and sites on the private entrance.

A Site is served as it is: its own log, its own requests.  What belongs to the entrance
is put around each of its connections, never into the Site, which may be listening
somewhere else too: the client's view, and no idle timeout, since the master alone decides
how long a kept-alive connection waits.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from twisted_multiserver.child.clientview import viewing
from twisted_multiserver.child.listener import Listener
from twisted_multiserver.child.reactors import IChildReactor
from twisted_multiserver.draining import DrainingConnection, DrainingFactory, RequestMaker


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


class Entrance(DrainingFactory):
    """
    The private entrance to a site.
    """

    def buildProtocol(self, addr: IAddress | None) -> DrainingConnection:
        """
        Make the protocol of one connection.
        """
        connection = super().buildProtocol(addr)
        channel: Any = connection.wrappedProtocol
        channel.timeOut = None
        return connection

    def requestMaker(self, make: RequestMaker) -> RequestMaker:
        """
        Make requests that see their client.
        """
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
        @param entrance: a listening UNIX socket; closed at the end.
        @param site: what to serve.
        """
        self._reactor = reactor
        self._entrance = Entrance(site)
        self._listener = Listener(reactor, entrance, self._entrance)
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


def siteFor(reactor: IChildReactor, resource: IResource) -> Site:
    """
    Put a site around a resource.

    @param reactor: its clock.
    @param resource: the root of the site.
    """
    return QuietSite(resource, reactor=reactor)  # type: ignore[no-untyped-call]

"""
The private entrance: the client's view and the drain, in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from tests.gateway.doubles import FakeStream
from twisted_multiserver.child.channelrequest import ChannelRequestMixin
from twisted_multiserver.child.clientview import ClientViewMixin, viewing
from twisted_multiserver.child.web import CoreEntrance, QuietSite


class Held(Resource):
    """
    Leaves every request unfinished.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []

    def render_GET(self, request: Request) -> int:
        self.requests.append(request)
        return NOT_DONE_YET


GET = b"GET /a/b HTTP/1.1\r\nHost: h\r\n\r\n"
FORWARDED = (
    b"GET /a/b HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 192.0.2.1\r\n"
    b"X-Forwarded-Proto: https\r\nX-Forwarded-Host: outer:444\r\n"
    b"X-Forwarded-Prefix: /p/q\r\n\r\n"
)


class Connection(FakeStream):
    """
    A client's connection; its end is told at once.
    """

    @property
    def connected(self) -> bool:
        return self.state == "open"

    def close(self) -> None:
        super().close()
        self._tell(True)

    def abort(self) -> None:
        super().abort()
        self._tell(False)

    def _tell(self, clean: bool) -> None:
        user, self.user = self.user, None
        if user is not None:
            user.connectionLost(clean)


class EntranceCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.root = Held()
        self.reactor: Any = MemoryReactorClock()
        self.enter(QuietSite(self.root, reactor=Clock()))

    def enter(self, site: Site, isPrivate: bool = True) -> None:
        self.entrance = CoreEntrance(self.reactor, site, isPrivate)

    def connect(self, address: IAddress | None = None) -> Connection:
        address = UNIXAddress(None) if address is None else address
        connection = Connection()
        self.entrance.serve(connection, address, address)
        return connection


class ViewTests(EntranceCase):
    """
    Trust belongs to the entrance.
    """

    def seen(self, address: IAddress | None = None) -> Request:
        self.connect(address).receives(FORWARDED)
        return self.root.requests[-1]

    def test_unixSocket(self) -> None:
        """
        Over the UNIX socket, the fields are the master's.
        """
        request = self.seen()
        self.assertEqual(request.getClientAddress(), IPv4Address("TCP", "192.0.2.1", 0))
        self.assertEqual(request.getHost(), IPv4Address("TCP", "outer", 444))
        self.assertEqual(request.prePathURL(), b"https://outer:444/p/q")
        self.assertEqual(request.prepath, [b"p", b"q"])
        self.assertEqual(request.postpath, [b"a", b"b"])

    def test_anyOther(self) -> None:
        """
        Over anything else, they are anybody's and mean nothing.
        """
        address = IPv4Address("TCP", "198.51.100.1", 5)
        request = self.seen(address)
        self.assertEqual(request.getClientAddress(), address)
        self.assertFalse(request.isSecure())
        self.assertEqual(request.getHeader(b"host"), b"inner")
        self.assertEqual(request.prepath, [])

    def test_siteIsUntouched(self) -> None:
        """
        The Site's own request factory and timeout are as they were, for its other ports.
        """
        site = Site(self.root, reactor=Clock())
        self.enter(site)
        self.seen()
        self.assertIs(site.requestFactory, Request)
        self.assertEqual(site.timeOut, 60)
        channel = site.buildProtocol(IPv4Address("TCP", "198.51.100.1", 5))
        assert channel is not None
        self.assertIs(channel.requestFactory, Request)

    def test_prefixOnlyOnce(self) -> None:
        """
        What an application assigns to prepath later is whole.
        """
        request = self.seen()
        request.prepath = [b"x"]
        self.assertEqual(request.prePathURL(), b"https://outer:444/x")

    def test_oneClassForEach(self) -> None:
        """
        A request class gets one subclass, whatever the number of connections.
        """

        class Own(Request):
            pass

        self.assertIs(viewing(Own), viewing(Own))
        self.assertEqual(viewing(Own).__mro__[1:4], (ClientViewMixin, ChannelRequestMixin, Own))

    def test_noIdleTimeout(self) -> None:
        """
        The master alone decides how long a connection is idle.
        """
        for isPrivate, state in ((True, "open"), (False, "closed")):
            self.enter(QuietSite(self.root, reactor=Clock()), isPrivate)
            connection = self.connect()
            self.reactor.pump([0.25] * 1000)
            self.assertEqual(connection.state, state)


class DrainTests(EntranceCase):
    """
    Connections end with their exchanges.
    """

    def drain(self) -> Deferred[None]:
        return self.entrance.drain()

    def test_noConnections(self) -> None:
        self.successResultOf(self.drain())

    def test_idle(self) -> None:
        """
        Idle connections are closed at once, also those that were busy before.
        """
        fresh, used = self.connect(), self.connect()
        used.receives(GET)
        self.root.requests[0].finish()
        self.assertTrue(used.connected)
        self.successResultOf(self.drain())
        self.assertFalse(fresh.connected or used.connected)

    def test_busy(self) -> None:
        """
        A busy connection is closed when its exchange is over, and has all of it.
        """
        connection = self.connect()
        connection.receives(GET)
        draining = self.drain()
        self.assertNoResult(draining)
        self.assertTrue(connection.connected)
        self.root.requests[0].write(b"all of it")
        self.root.requests[0].finish()
        self.assertFalse(connection.connected)
        self.assertIn(b"all of it\r\n0\r\n\r\n", connection.sent)
        self.successResultOf(draining)

    def test_bodyStillComing(self) -> None:
        """
        A request that is still arriving is in flight.
        """
        connection = self.connect()
        connection.receives(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n")
        draining = self.drain()
        self.assertNoResult(draining)
        connection.receives(b"xy")
        self.assertIn(b"405", connection.sent)
        self.assertFalse(connection.connected)
        self.successResultOf(draining)

    def test_clientLeaves(self) -> None:
        """
        A client that leaves ends its exchange.
        """
        connection = self.connect()
        connection.receives(GET)
        self.root.requests[0].notifyFinish().addErrback(lambda _reason: None)
        draining = self.drain()
        connection.ends(clean=True)
        self.successResultOf(draining)

    def test_abort(self) -> None:
        """
        What outlasts its time is cut.
        """
        connection = self.connect()
        connection.receives(GET)
        draining = self.drain()
        self.entrance.abort()
        self.assertFalse(connection.connected)
        self.successResultOf(draining)

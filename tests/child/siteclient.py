"""
A client of a site on the core, in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IPushProducer
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface import implementer

from tests.http1.doubles import FakeStream
from twisted_multiserver.child.web import CoreEntrance, QuietSite

PEER = IPv4Address("TCP", "192.0.2.1", 4321)
HOST = IPv4Address("TCP", "192.0.2.2", 80)


def get(
    method: bytes = b"GET", target: bytes = b"/", version: bytes = b"1.1", more: bytes = b""
) -> bytes:
    """
    @return: a request without a body.
    """
    return b"%b %b HTTP/%b\r\nHost: h\r\n%b\r\n" % (method, target, version, more)


def post(body: bytes, more: bytes = b"") -> bytes:
    """
    @return: a request with a body.
    """
    return b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), more, body)


class Called(Resource):
    """
    Calls what the test gives.
    """

    isLeaf = True

    def __init__(self, call: Callable[[Request], Any]) -> None:
        super().__init__()
        self._call = call

    def render(self, request: Request) -> Any:
        return self._call(request)


class Client:
    """
    A client of a site.
    """

    def __init__(self, site: Site) -> None:
        self.site: Any = site
        reactor: Any = MemoryReactorClock()
        self.reactor = reactor
        self.entrance = CoreEntrance(reactor, site, False)
        self.stream = FakeStream()
        self.entrance.serve(self.stream, PEER, HOST)

    def sends(self, *pieces: bytes) -> None:
        self.stream.sends(*pieces)
        # Whatever was asked for a later turn.
        self.reactor.advance(0)

    @property
    def head(self) -> list[bytes]:
        """
        The lines of the last response, without those that twisted.web always adds.
        """
        head = self.stream.sent.rpartition(b"HTTP/1.")[2].partition(b"\r\n\r\n")[0]
        status, *lines = head.split(b"\r\n")
        shown = sorted(line for line in lines if not line.startswith((b"Date:", b"Server:")))
        return [status[2:], *shown]

    @property
    def body(self) -> bytes:
        """
        What follows the head.
        """
        return self.stream.sent.partition(b"\r\n\r\n")[2]


class ChannelCase(SynchronousTestCase):
    def serve(self, call: Callable[[Request], Any], requestFactory: Any = None) -> Client:
        site = QuietSite(Called(call))
        if requestFactory is not None:
            site.requestFactory = requestFactory
        return Client(site)

    def keep(self, requestFactory: Any = None) -> tuple[Client, list[Any]]:
        """
        @return: a client, and the requests that wait for an answer.
        """
        kept: list[Any] = []

        def call(request: Request) -> int:
            kept.append(request)
            return NOT_DONE_YET

        return self.serve(call, requestFactory), kept


@implementer(IPushProducer)
class Pushing:
    """
    Writes down what it is told.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")

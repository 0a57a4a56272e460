"""
What a request costs at a Site, in one process and over connections in memory: CPU, as the
difference to a Site without sessions.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from twisted_multiserver.interfaces import ISessionData
from twisted_multiserver.sessions.policy import SessionPolicy
from twisted_multiserver.sessions.site import SynchronizedSite
from twisted_multiserver.testing import MemorySynchronizer

_REQUESTS = 2000
_PEER = IPv4Address("TCP", "192.0.2.1", 4321)


class Page(Resource):
    """
    Does something with the session, or nothing.
    """

    isLeaf = True

    def __init__(self, use: Callable[[Any], object] | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._use = use

    def render_GET(self, request: Request) -> bytes:
        """
        Answer.
        """
        if self._use is not None:
            self._use(ISessionData(request.getSession()))
        request.setHeader(b"content-length", b"2")
        return b"ok"


class Lane:
    """
    A Site, and a client that asks it the same again and again.

    @ivar costs: of a request, in microseconds, one for each round.
    """

    def __init__(self, name: str, site: Site, request: bytes) -> None:
        self.name = name
        self._site = site
        self._request = request
        self.costs: list[float] = []

    def round(self) -> None:
        """
        Ask.
        """
        channel: Any = self._site.buildProtocol(_PEER)
        transport = StringTransport(peerAddress=_PEER)
        channel.makeConnection(transport)
        since = time.process_time()
        for _ in range(_REQUESTS):
            channel.dataReceived(self._request)
            assert transport.value().startswith(b"HTTP/1.1 200")
            transport.clear()
        self.costs.append((time.process_time() - since) / _REQUESTS * 1e6)
        channel.connectionLost(None)


def requests(rounds: int) -> dict[str, float]:
    """
    @param rounds: how many.
    @return: the median cost of a request beyond that of a Site without sessions, in
        microseconds, by what it does.
    """
    clock = Clock()
    store = MemorySynchronizer(time.time)

    def site(use: Callable[[Any], object] | None) -> Site:
        return SynchronizedSite(Page(use), store, SessionPolicy(optOut=("/static",)), reactor=clock)

    def write(session: Any) -> None:
        session["n"] = session.get("n", 0) + 1

    opening = site(write)
    channel: Any = opening.buildProtocol(_PEER)
    transport = StringTransport(peerAddress=_PEER)
    channel.makeConnection(transport)
    channel.dataReceived(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    cookie = transport.value().partition(b"Set-Cookie: ")[2].partition(b";")[0]
    plain = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    shown = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + cookie + b"\r\n\r\n"
    below = shown.replace(b"GET /", b"GET /static/x", 1)
    lanes = [
        Lane("no sessions", Site(Page(None), reactor=clock), plain),
        Lane("no cookie", site(None), plain),
        Lane("no sessions, a cookie", Site(Page(None), reactor=clock), shown),
        # The path, too, costs twisted.web something by itself.
        Lane("no sessions, a path", Site(Page(None), reactor=clock), below),
        Lane("path without sessions", site(None), below),
        Lane("a cookie, untouched", site(None), shown),
        Lane("a cookie, read", site(lambda session: session.get("n")), shown),
        Lane("a cookie, written", site(write), shown),
    ]
    bases = {
        "no sessions": lanes[0],
        "no cookie": lanes[0],
        "no sessions, a path": lanes[3],
        "path without sessions": lanes[3],
    }
    for _ in range(rounds):
        for lane in lanes:
            lane.round()
    print(f"\nCPU of a request, {rounds} rounds of {_REQUESTS}, the store in memory\n")
    print(f"{'':<24} {'us':>8} {'more':>8}")
    found = {}
    for lane in lanes:
        base = bases.get(lane.name, lanes[2])
        more = statistics.median(a - b for a, b in zip(lane.costs, base.costs, strict=True))
        found[lane.name] = more
        print(f"{lane.name:<24} {statistics.median(lane.costs):>8.1f} {more:>8.1f}")
    return found

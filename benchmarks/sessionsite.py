"""
A page whose path says what it does with the session: C{/read}, C{/write}; anything else
leaves it alone.

Served by a master (C{--app=benchmarks.sessionsite:page}), or by itself, in a process that
prints its port::

    python -m benchmarks.sessionsite            a Site without sessions
    python -m benchmarks.sessionsite URI        one with sessions in that store
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from twisted_multiserver.interfaces import ISessionData
from twisted_multiserver.sessions.policy import SessionPolicy
from twisted_multiserver.sessions.site import SynchronizedSite
from twisted_multiserver.sessions.uri import synchronizerFromURI

EXCEPT = "/static"


class Page(Resource):
    """
    Does what its path says.
    """

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        """
        Answer.
        """
        path = request.path
        if path == b"/read":
            ISessionData(request.getSession()).get("n")
        elif path == b"/write":
            session: Any = ISessionData(request.getSession())
            session["n"] = session.get("n", 0) + 1
        request.setHeader(b"content-length", b"2")
        return b"ok"


def page() -> Resource:
    """
    @return: for C{--app}.
    """
    return Page()  # type: ignore[no-untyped-call]


class PlainSite(Site):
    """
    Without sessions.
    """

    def log(self, request: HTTPRequest) -> None:
        """
        Say nothing.
        """


class SessionSite(SynchronizedSite):
    """
    With sessions.
    """

    def log(self, request: HTTPRequest) -> None:
        """
        Say nothing.
        """


async def _site(uris: list[str]) -> Site:
    if not uris:
        return PlainSite(page())  # type: ignore[no-untyped-call]
    store = synchronizerFromURI(uris[0], reactor)
    await store.start()
    return SessionSite(page(), store, SessionPolicy(optOut=(EXCEPT,)))


def main(uris: list[str]) -> None:
    """
    @param uris: the URI of the store; none for no sessions.
    """
    core: Any = reactor

    def listen(site: Site) -> None:
        port = core.listenTCP(0, site, backlog=512, interface="127.0.0.1")
        print(port.getHost().port, flush=True)

    core.callWhenRunning(lambda: Deferred.fromCoroutine(_site(uris)).addCallback(listen))
    core.run()


if __name__ == "__main__":
    main(sys.argv[1:])

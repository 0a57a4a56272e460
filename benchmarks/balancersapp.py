"""
The applications that L{benchmarks.balancersreal} serves, in children of which one is
hogged.

Both wait as for a database and then render a small page: one with twisted.web, without
blocking the event loop; one by WSGI, in a thread.  In the child of slot 0 a thread
computes without an end, as an export or a report may do; it holds the interpreter's lock
for 5 ms at a time (sys.getswitchinterval).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_multiserver.child.identity import current

# Seconds that a request waits; rows of the page.
_WAIT = 0.01
_ROWS = 200


def _compute() -> None:
    while True:
        sum(range(1000))


def _hog() -> None:
    identity = current()
    if identity is not None and identity.slot == 0:
        Thread(target=_compute, daemon=True).start()


def _page() -> bytes:
    rows = "".join(f"<li>{row}: {row * row}</li>" for row in range(_ROWS))
    return f"<ul>{rows}</ul>".encode()


class Page(Resource):
    """
    The page by twisted.web.
    """

    isLeaf = True

    def __init__(self, reactor: IReactorTime) -> None:
        """
        @param reactor: waits.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor

    def render_GET(self, request: Request) -> int:
        """
        Answer later.
        """
        wait = self._reactor.callLater(_WAIT, self._answer, request)

        def clientGone(reason: Failure) -> None:
            if wait.active():
                wait.cancel()

        request.notifyFinish().addErrback(clientGone)
        return NOT_DONE_YET

    def _answer(self, request: Request) -> None:
        request.write(_page())
        request.finish()


def resource(reactor: IReactorTime) -> Page:
    """
    A factory.

    @param reactor: the child's.
    @return: the root.
    """
    return Page(reactor)


def wsgi(environ: dict[str, Any], startResponse: Callable[..., Any]) -> list[bytes]:
    """
    The page by WSGI.
    """
    time.sleep(_WAIT)
    body = _page()
    startResponse("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(body)))])
    return [body]


_hog()

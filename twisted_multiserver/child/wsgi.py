"""
WSGI applications (PEP 3333), on a thread pool of their own.

The pool is not the reactor's: a slow application must not starve name lookups, and its
size is the application's concurrency.  It is stopped while the reactor still runs, since
a thread that is writing waits for the reactor.

twisted.web reads the whole body before the application is called.  A chunked body
therefore has a length by then, and the application is told it: PEP 3333 knows bodies
with a Content-Length only.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.threadpool import ThreadPool
from twisted.web.server import Request
from twisted.web.wsgi import WSGIResource

from twisted_multiserver.child.reactors import IChildReactor
from twisted_multiserver.child.web import WebServing, siteFor
from twisted_multiserver.sessions.requestsession import Sessions
from twisted_multiserver.sessions.wsgi import WSGISessions, wrapWSGI

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class WSGIRoot(WSGIResource):
    """
    The resource that is a WSGI application.
    """

    def render(self, request: Request) -> int:
        """
        Call the application in a thread.
        """
        fields = request.requestHeaders
        if fields.hasHeader(b"transfer-encoding"):
            body = request.content
            assert body is not None  # until the request is finished
            length = body.seek(0, 2)
            body.seek(0)
            fields.removeHeader(b"transfer-encoding")
            fields.setRawHeaders(b"content-length", [b"%d" % length])
        rendered: int = super().render(request)  # type: ignore[no-untyped-call]
        return rendered


def amongOthers(application: Application) -> Application:
    """
    Tell the application that it has siblings, which WSGIResource denies.

    @param application: the user's.
    @return: an application.
    """

    def called(environ: Environ, startResponse: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.multiprocess"] = True
        return application(environ, startResponse)

    return called


class WSGIServing:
    """
    A WSGI application being served.
    """

    def __init__(
        self,
        reactor: IChildReactor,
        entrance: socket.socket,
        application: Application,
        threads: int,
        sessions: Sessions | None = None,
    ) -> None:
        """
        @param reactor: what to serve with.
        @param entrance: a listening UNIX socket; closed at the end.
        @param application: what to serve.
        @param threads: how many requests it answers at once.
        @param sessions: those of this process; L{None} for none.
        """
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=threads, name="wsgi")
        self._pool.start()
        if sessions is not None:
            application = wrapWSGI(application, reactor)
        leaf = WSGIRoot(  # type: ignore[no-untyped-call]
            reactor, self._pool, amongOthers(application)
        )
        root = leaf if sessions is None else WSGISessions(leaf, sessions)
        self._web = WebServing(reactor, entrance, siteFor(reactor, root))

    def busyThreads(self) -> tuple[int, int]:
        """
        See L{Serving<twisted_multiserver.child.stopping.Serving>}.
        """
        return len(self._pool.working), self._pool.max

    async def stop(self, budget: float) -> None:
        """
        Accept no more, let the exchanges in flight finish, and end the threads.

        A thread that never returns keeps this waiting: the master's stack dump then
        tells where it hangs.

        @param budget: how long exchanges may take, in seconds; then they are cut.
        """
        await self._web.stop(budget)
        stopped: Deferred[None] = Deferred()

        def join() -> None:
            self._pool.stop()
            self._reactor.callFromThread(stopped.callback, None)

        Thread(target=join, name="wsgi stop", daemon=True).start()
        await stopped

"""
ASGI applications, through uvicorn's protocol classes on Twisted's asyncio reactor.

The process stays ours: the reactor runs the loop, signals and the exit status are the
child's, and the socket is the one that the master passed.  uvicorn's Server is used for
what it knows of connections and lifespan, and its C{serve()}, which takes the signals,
is never called.

Only the private entrance trusts the forwarded fields: this Config is for it alone.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from twisted.internet.defer import Deferred

from twisted_multiserver.child.asgiscope import ASGIApplication, WatchedApplication, lifespanFailure

# The kernel takes its own maximum for it, as the master did; uvicorn would set 2048.
_BACKLOG = 65535
# The master alone decides how long a kept-alive connection waits; in seconds.
_KEEP_ALIVE = 86400
# uvicorn's Date field has a resolution of seconds.
_TICK = 1.0


class _Server(uvicorn.Server):
    """
    uvicorn's Server, waiting for an event instead of polling for signals.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopAsked = asyncio.Event()

    async def main_loop(self) -> None:
        """
        Keep the Date field right until the server is to stop.
        """
        while not self.stopAsked.is_set():
            await self.on_tick(0)
            try:
                await asyncio.wait_for(self.stopAsked.wait(), _TICK)
            except TimeoutError:
                pass


class ASGIServing:
    """
    An ASGI application being served.
    """

    def __init__(self, server: _Server, entrance: socket.socket) -> None:
        """
        @param server: started.
        @param entrance: what it listens on; closed at the end.
        """
        self._server = server
        self._entrance = entrance
        self._ticking = asyncio.ensure_future(server.main_loop())

    def busyThreads(self) -> tuple[int, int]:
        """
        See L{Serving<twisted_multiserver.child.stopping.Serving>}.
        """
        return 0, 0

    async def stop(self, budget: float) -> None:
        """
        Accept no more, let the exchanges in flight finish, and end the lifespan.

        @param budget: how long exchanges may take, in seconds; then they are cut.
        """
        await Deferred.fromFuture(asyncio.ensure_future(self._shutdown(budget)))

    async def _shutdown(self, budget: float) -> None:
        self._server.stopAsked.set()
        await self._ticking
        # Only ever given to asyncio.wait_for, which takes fractions too.
        self._server.config.timeout_graceful_shutdown = budget  # type: ignore[assignment]
        await self._server.shutdown(sockets=[self._entrance])


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    # What uvicorn says of a failing startup goes to the master, with its reason.
    def nothing(record: logging.LogRecord) -> bool:
        return False

    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)


async def _start(application: ASGIApplication, entrance: socket.socket) -> ASGIServing:
    watched = WatchedApplication(application)
    config = uvicorn.Config(
        watched,
        interface="asgi3",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=True,
        forwarded_allow_ips="*",
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        workers=1,
    )
    server = _Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    with _silent(logging.getLogger("uvicorn.error")):
        try:
            await server.startup(sockets=[entrance])
        except SystemExit:
            # uvicorn's way to say that the lifespan did not start.
            raise watched.failure or lifespanFailure("") from None
    return ASGIServing(server, entrance)


async def serveASGI(application: ASGIApplication, entrance: socket.socket) -> ASGIServing:
    """
    Start an application's lifespan and serve it.

    @param application: what to serve.
    @param entrance: a listening UNIX socket.
    @return: the application being served.
    @raise BootFailure: if its lifespan did not start.
    """
    return await Deferred.fromFuture(asyncio.ensure_future(_start(application, entrance)))

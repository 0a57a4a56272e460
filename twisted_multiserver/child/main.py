"""
The composition of a child that serves an application::

    load      the object, by name: nothing else has been imported yet
    choose    the reactor, which depends on the object's kind
    build     what is served; factories need the running reactor
    serve     on the descriptor that the master passed
    ready     tell the master; the watchdog's beats begin, and the reports of the load

Whatever fails before C{ready} is a boot failure and ends the process at once.
"""

from __future__ import annotations

import faulthandler
import os
import socket
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_multiserver.child.application import Kind, judge
from twisted_multiserver.child.bootfailure import EXIT_CRASHED, BootFailure, leave, report
from twisted_multiserver.child.building import Found, build
from twisted_multiserver.child.control import ControlChannel
from twisted_multiserver.child.identity import Identity, assume
from twisted_multiserver.child.load import LoadReporter
from twisted_multiserver.child.loading import load
from twisted_multiserver.child.notify import Notifier, beatInterval
from twisted_multiserver.child.output import beginOutput
from twisted_multiserver.child.reactors import IChildReactor, asyncioReactor, defaultReactor
from twisted_multiserver.child.spec import Application, Spec
from twisted_multiserver.child.stopping import Serving, Stopping
from twisted_multiserver.contract import HTTP_FD

if TYPE_CHECKING:
    from twisted_multiserver.sessions.requestsession import Sessions


def find(application: Application) -> tuple[Found, IChildReactor]:
    """
    Find the application and the reactor it needs.

    @param application: what the master asks for.
    @return: the object that the name leads to, and the reactor, not yet running.
    @raise BootFailure: if there is no such application.
    """
    name, demanded = application.name, application.kind
    if demanded == Kind.asgi.value:
        # First of all: its modules may import the reactor.
        reactor = asyncioReactor(name)
        candidate = load(name)
        return Found(name, demanded, judge(name, candidate, demanded), candidate), reactor
    candidate = load(name)
    kind = judge(name, candidate, demanded)
    reactor = asyncioReactor(name) if kind is Kind.asgi else defaultReactor()
    return Found(name, demanded, kind, candidate), reactor


async def serve(
    found: Found, reactor: IChildReactor, threads: int, sessions: Sessions | None = None
) -> Serving:
    """
    Serve an application on the descriptor that the master passed.

    @param found: an application, not a factory.
    @param reactor: running.
    @param threads: the size of a WSGI application's thread pool.
    @param sessions: of the application; L{None} if it has none.
    @return: the application being served.
    """
    entrance = socket.socket(fileno=HTTP_FD)
    # Each kind brings its own imports; none pays for another's.
    if found.kind is Kind.asgi:
        from twisted_multiserver.child.asgi import serveASGI

        application = found.application
        if sessions is not None:
            from twisted_multiserver.sessions.asgi import wrapASGI

            application = wrapASGI(application, sessions)
        return await serveASGI(application, entrance)
    if found.kind is Kind.wsgi:
        from twisted_multiserver.child.wsgi import WSGIServing

        return WSGIServing(reactor, entrance, found.application, threads, sessions)
    from twisted_multiserver.child.web import WebServing, siteFor

    site = found.application if found.kind is Kind.site else siteFor(reactor, found.application)
    if sessions is not None:
        from twisted_multiserver.sessions.site import synchronize

        site = synchronize(site, sessions)
    return WebServing(reactor, entrance, site)


class Child:
    """
    A child on its way from the running reactor to its end.
    """

    def __init__(
        self,
        reactor: IChildReactor,
        found: Found,
        spec: Spec,
        controlFd: int | None,
        environ: Mapping[str, str],
    ) -> None:
        """
        @param reactor: about to run.
        @param found: what to build and serve.
        @param spec: what the master asks.
        @param controlFd: the control channel, if there is one.
        @param environ: tells of the notify socket and the watchdog.
        """
        self._reactor = reactor
        self._found = found
        self._spec = spec
        self._controlFd = controlFd
        self._control: ControlChannel | None = None
        self._notifier = Notifier(reactor, environ.get("NOTIFY_SOCKET"), beatInterval(environ))
        self._stopping = Stopping(reactor, self._notifier, spec.stopBudget)

    def start(self) -> None:
        """
        Begin, as soon as the reactor runs.
        """
        self._stopping.watch()
        if self._controlFd is not None:
            self._control = ControlChannel(
                self._reactor,
                socket.socket(fileno=self._controlFd),
                {
                    "drain": lambda _message: self._notifier.stopping(),
                    "dump": lambda _message: faulthandler.dump_traceback(all_threads=True),
                },
                self._stopping.masterGone,
            )
        # asyncio's loop runs one turn later than the reactor says it does.
        self._reactor.callLater(0, self._boot)

    def _boot(self) -> None:
        Deferred.fromCoroutine(self._serve()).addErrback(self._failed)

    async def _serve(self) -> None:
        assert self._spec.application is not None
        application = await build(self._found, self._reactor)
        if self._stopping.begun:
            return
        asked, sessions = self._spec.application.sessions, None
        if asked is not None:
            from twisted_multiserver.child.sessions import openSessions

            sessions = await openSessions(self._reactor, asked)
            self._stopping.closesAfterwards(sessions.synchronizer.stop)
        threads = self._spec.application.threads
        serving = await serve(application, self._reactor, threads, sessions)
        self._stopping.served(serving)
        if not self._stopping.begun:
            self._tellPlaces(serving)
            self._notifier.ready()
            self._reportLoad(serving)

    def _tellPlaces(self, serving: Serving) -> None:
        _, threads = serving.busyThreads()
        if self._control is not None and threads:
            self._control.tell("places", count=threads)

    def _reportLoad(self, serving: Serving) -> None:
        control, interval = self._control, self._spec.loadInterval
        if control is not None and interval is not None:

            def tell(lag: float, busyThreads: int, threads: int) -> None:
                control.tell("load", lag=lag, busyThreads=busyThreads, threads=threads)

            LoadReporter(self._reactor, interval, serving.busyThreads, tell).start()

    def _failed(self, reason: Failure) -> None:
        error = reason.value
        assert error is not None
        if not isinstance(error, BootFailure):
            error = BootFailure.raisedBy(f"{self._found.name}: booting", error, EXIT_CRASHED)
        report(error, self._controlFd)
        leave(error.status)


def run(spec: Spec, controlFd: int | None) -> int:
    """
    Serve the spec's application until the child stops.

    @param spec: what the master asks; it names an application.
    @param controlFd: the control channel, if there is one.
    @return: the exit status.
    @raise BootFailure: if there is no such application.
    """
    beginOutput()
    assume(
        Identity(
            slot=spec.slot,
            generation=spec.generation,
            incarnation=spec.incarnation,
            pid=os.getpid(),
            bornAt=time.time(),
            previous=spec.previous,
            stateFolder=spec.stateFolder,
        )
    )
    assert spec.application is not None
    found, reactor = find(spec.application)
    reactor.callWhenRunning(Child(reactor, found, spec, controlFd, os.environ).start)
    reactor.run()
    return 0

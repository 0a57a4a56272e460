"""
The master: joins the parts.

This is the composition root, the only place where supervision (processes) and the
gateway (requests) are brought together.  It decides nothing by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import (
    IStreamClientEndpoint,
)
from twisted.web.resource import IResource
from twisted.web.server import Site

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.leastlag import REPORT_INTERVAL
from twisted_multiserver.balancing.policy import Policy
from twisted_multiserver.balancing.roundrobin import RoundRobin
from twisted_multiserver.config import MasterConfig
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.faces import Faces
from twisted_multiserver.faces import Reactor as FacesReactor
from twisted_multiserver.gateway.circumstances import Counts
from twisted_multiserver.gateway.serving import GatewayFactory
from twisted_multiserver.poolevents import PoolEvents
from twisted_multiserver.sessions.provision import SessionProvision
from twisted_multiserver.supervision._iobserver import ILifecycleObserver
from twisted_multiserver.supervision.budgets import Budgets
from twisted_multiserver.supervision.command import (
    CommandProgram,
    checkPath,
    checkWords,
    entranceOf,
)
from twisted_multiserver.supervision.counting import LifecycleCounter, LifecycleCounts
from twisted_multiserver.supervision.crash import Crash
from twisted_multiserver.supervision.folders import RuntimeFolder
from twisted_multiserver.supervision.observers import Observers
from twisted_multiserver.supervision.program import ApplicationProgram, Program, functionName
from twisted_multiserver.supervision.renewing import renewed
from twisted_multiserver.supervision.spawning import Reactor as SupervisionReactor
from twisted_multiserver.supervision.supervisor import Supervisor
from twisted_multiserver.supervision.wear import Limits
from twisted_multiserver.supervision.whencrashed import CrashNotifier
from twisted_multiserver.traffic import ChildTraffic


class Reactor(FacesReactor, SupervisionReactor):
    """
    What a master asks of the reactor.
    """


class Multiserver(Service):
    """
    A master: spawns children, watches and replaces them, and distributes
    requests over them and over servers that it did not start.

    It works from the moment it is made.  As a service (under twistd, or by
    C{setServiceParent}) it stops with its parent; used by itself it stops with
    the reactor.
    """

    def __init__(
        self,
        reactor: Reactor,
        balancer: Policy | None = None,
        config: MasterConfig | None = None,
        stateFolder: str | None = None,
    ) -> None:
        """
        @param reactor: the reactor.
        @param balancer: an L{ILoadBalancer<twisted_multiserver.interfaces.ILoadBalancer>}
            that nobody else uses; L{None} for L{RoundRobin}.
        @param config: limits and budgets; L{None} for the defaults.
        @param stateFolder: told to the children, for what must survive a restart;
            L{None} for none, and no sessions then unless C{config} says where.
        """
        self._reactor = reactor
        self._config = config or MasterConfig()
        self._faces = Faces(reactor, RoundRobin() if balancer is None else balancer, self._config)
        self._needsLoad = bool(getattr(balancer, "needsLoad", False))
        self._stateFolder = stateFolder
        self._sessions = SessionProvision(reactor, self._config, stateFolder)
        self._crashes = CrashNotifier(reactor)
        self._counter = LifecycleCounter()
        self._observers = Observers(self._crashes, self._counter)
        self._pool = self._faces.distribution.pool
        self._pool.observe(PoolEvents(self._observers.tell))
        self._supervisor: Supervisor | None = None

    def spawn(
        self,
        application: str | Callable[..., object],
        count: int = 1,
        respawn: bool = True,
        kind: str = "auto",
        threads: int | None = None,
        limits: Mapping[str, tuple[int, int]] | None = None,
        uid: int | None = None,
        gid: int | None = None,
    ) -> Deferred[None]:
        """
        Start children that run an application.

        @param application: a name (C{"pkg.mod.attr"} or C{"pkg.mod:attr"}), or a
            function that can be imported by its module and name: a factory.
        @param count: how many children.
        @param respawn: whether a child that ends is replaced.
        @param kind: C{"auto"}, C{"resource"}, C{"site"}, C{"factory"}, C{"wsgi"}
            or C{"asgi"}.
        @param threads: of the thread pool of a WSGI application; L{None} for the
            configured number.
        @param limits: resource limits of the children, C{{"NOFILE": (soft, hard)}}.
        @param uid: the user that the children run as.
        @param gid: the group that the children run as.
        @return: fires when all are ready; fails with
            L{BootFailed<twisted_multiserver.BootFailed>} if none became ready at its
            first boot, or one never does; with
            L{StoreUnavailable<twisted_multiserver.StoreUnavailable>} if the sessions' store
            can't be reached.
        @raise ConfigError: if C{application} is a function that a child can't
            import, C{count} is less than 1, or the sessions can't be had.
        """
        if count < 1:
            raise ConfigError(f"spawn: count is {count}, it must be at least 1")
        program = ApplicationProgram(
            name=application if isinstance(application, str) else functionName(application),
            kind=kind,
            threads=self._config.threads if threads is None else threads,
            chdir=self._config.chdir,
            limits=dict(limits or {}),
            uid=uid,
            gid=gid,
            sessions=self.prepareSessions(),
        )
        spawned = self._supervise().spawn(program, count, respawn, self._config.spares)
        return self._sessions.startBeside(spawned)

    def prepareSessions(self) -> Mapping[str, object] | None:
        """
        Make ready the store of the applications' sessions now, instead of with the first
        child: for a caller that wants to hear early what is wrong with it.

        @return: what children are told of it; L{None} if there are to be no sessions.
        @raise ConfigError: if it can't be had.
        """
        return self._sessions.prepare()

    def spawnCommand(
        self,
        argv: Sequence[str],
        count: int = 1,
        respawn: bool = True,
        entrance: str = "auto",
        readyPath: str = "/",
        limits: Mapping[str, tuple[int, int]] | None = None,
        uid: int | None = None,
        gid: int | None = None,
    ) -> Deferred[None]:
        """
        Start children that run a program which is an HTTP server itself.

        @param argv: its command line, a list of words; no shell takes part.
            C{"{socket}"} in a word is replaced by the path at which it is to bind a UNIX
            socket, C{"{port}"} by a port of 127.0.0.1; without these it gets a listening
            socket as descriptor 3, as from systemd.
        @param count: how many children.
        @param respawn: whether a child that ends is replaced.
        @param entrance: C{"port"} if it listens at the port that C{PORT} names; else
            C{"auto"}.
        @param readyPath: a child is ready when it answers a GET of this path, whatever
            the answer is.
        @param limits: see L{spawn}.
        @param uid: see L{spawn}.
        @param gid: see L{spawn}.
        @return: see L{spawn}.
        @raise ConfigError: if it can't be a command line, or C{count} is less than 1.
        """
        source = "spawnCommand"
        if count < 1:
            raise ConfigError(f"{source}: count is {count}, it must be at least 1")
        if entrance not in ("auto", "port"):
            raise ConfigError(f"{source}: the entrance is {entrance!r}, it must be auto or port")
        checkWords(argv, source)
        checkPath(readyPath, source)
        program = CommandProgram(
            argv=tuple(argv),
            entrance=entranceOf(argv, entrance == "port", source),
            readyPath=readyPath,
            chdir=self._config.chdir,
            limits=dict(limits or {}),
            uid=uid,
            gid=gid,
        )
        return self._supervise().spawn(program, count, respawn, self._config.spares)

    def prepare(self) -> None:
        """
        Start what watches over children now instead of with the first child: for a
        caller that gives up rights before it spawns any.
        """
        self._supervise().prepare()

    def reload(self, config: MasterConfig | None = None) -> Deferred[None]:
        """
        Replace all children by new ones, which load the code as it is now, without
        losing a request.

        A reload that is asked for while one runs follows it, once for all who asked.

        @param config: what children run from now on, if that has changed, and how many
            they are; only its reloadable options are looked at.
        @return: fires when the new children serve alone; the old ones may still be
            finishing what they have.  Fails with
            L{ReloadFailed<twisted_multiserver.ReloadFailed>} if one did not boot: the
            others of the old ones stay.
        @raise ConfigError: if the configuration can't be used.
        """
        supervisor = self._supervise()
        if config is None:
            return supervisor.reload(surge=self._config.surge)
        sessions = self._sessions.spec

        def renew(program: Program) -> Program:
            return renewed(program, config, sessions)

        for program in supervisor.programs():
            renew(program)
        reloaded = supervisor.reload(renew, config.surge)
        if config.children is not None and config.children != self._config.children:
            count = config.children
            reloaded.addCallback(lambda _: supervisor.scale(count))
        self._config = replace(self._config, surge=config.surge, children=config.children)
        return reloaded

    def scale(self, count: int) -> Deferred[None]:
        """
        Have another number of children.

        @param count: how many, at least 1.
        @return: fires when those that come are ready and those that go have finished what
            they had, and are gone; fails as L{spawn}.
        @raise ConfigError: if C{count} is less than 1, or there isn't exactly one program
            that was spawned.
        """
        if count < 1:
            raise ConfigError(f"scale: count is {count}, it must be at least 1")
        return self._supervise().scale(count)

    def drain(self, name: str) -> Deferred[None]:
        """
        Let a backend get no new requests.

        @param name: of the backend, as C{"child 2"}, or its address.
        @return: fires when nothing is in flight there.
        @raise ConfigError: if there is none of that name.
        """
        backend = next(
            (each for each in self.backends() if name in (each.name, each.address)), None
        )
        if backend is None:
            raise ConfigError(f"drain: there is no backend {name!r}")
        drained: Deferred[None] = Deferred()
        self._pool.drain(backend, lambda: drained.callback(None))
        return drained

    def addBackend(
        self, endpoint: IStreamClientEndpoint, weight: int = 1, limit: int | None = None
    ) -> Backend:
        """
        Distribute requests over a server that was not started here, too.

        @param endpoint: where it listens.
        @param weight: its share relative to the others, at least 1.
        @param limit: how many requests it gets at once; L{None} for no limit.
        @return: an L{IBackend<twisted_multiserver.interfaces.IBackend>}.
        @raise AlreadyInPool: if there is a backend at that address.
        @raise BadWeight: if the weight is no whole number from 1.
        @raise BadLimit: if the limit is no whole number from 1.
        """
        return self._faces.addBackend(endpoint, weight, limit)

    def whenCrashed(self) -> Deferred[Crash]:
        """
        Be told of the next crash.

        @return: a fresh C{Deferred} for each call.  Crashes are told one in each
            reactor turn, so that calling again when it fires misses none.
        """
        return self._crashes.whenCrashed()

    def addObserver(self, observer: ILifecycleObserver) -> None:
        """
        Tell an observer of all that happens: to children, by reloads, to backends.

        @param observer: an
            L{ILifecycleObserver<twisted_multiserver.interfaces.ILifecycleObserver>}.
        """
        self._observers.add(observer)

    def backends(self) -> tuple[Backend, ...]:
        """
        @return: all backends with their states and counters, draining ones too.
        """
        return self._pool.backends()

    def counts(self) -> Counts:
        """
        @return: what was decided in times of trouble, for all backends, so far; it goes on
            counting.
        """
        return self._faces.distribution.circumstances.counts

    def lifecycleCounts(self) -> LifecycleCounts:
        """
        @return: what has happened to children so far; it goes on counting.
        """
        return self._counter.counts

    def resource(self, fallback: IResource | None = None) -> IResource:
        """
        Make a resource that forwards every request at and below it.

        @param fallback: renders the requests that no backend can take; L{None} for
            a short page with 503.
        @return: a resource for any Site, at any path.
        """
        return self._faces.resource(fallback)

    def gateway(self) -> GatewayFactory:
        """
        Make the fast face: serves clients of any endpoint.

        @return: an L{IProtocolFactory<twisted.internet.interfaces.IProtocolFactory>}.
        @raise ConfigError: if the access log can't be opened.
        """
        return self._faces.gateway()

    def reopenLogs(self) -> None:
        """
        Open the access log anew, since its file was moved away.
        """
        self._faces.reopenLogs()

    def site(self) -> Site:
        """
        Make a Site of twisted.web that serves as L{gateway} does, for whatever takes one.

        @return: the site; its resource is as L{resource} makes it.
        """
        return self._faces.site()

    def stopService(self) -> Deferred[None]:
        """
        Let exchanges finish and stop all children.

        @return: fires when nothing is left; each call gets its own.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        return self._stop()

    def _stop(self) -> Deferred[None]:
        parts = [self._faces.stop()]
        if self._supervisor is not None:
            parts.append(self._supervisor.stop())
        return gatherResults(parts).addCallback(lambda _: self._sessions.stop())

    def _supervise(self) -> Supervisor:
        if self._supervisor is None:
            self._supervisor = Supervisor(
                self._reactor,
                ChildTraffic(self._reactor, self._faces.distribution, self._faces.adopter),
                Budgets(
                    boot=self._config.bootBudget,
                    run=self._config.runBudget,
                    drain=self._config.drainBudget,
                    stop=self._config.stopBudget,
                ),
                RuntimeFolder(),
                self._stateFolder,
                loadInterval=REPORT_INTERVAL if self._needsLoad else None,
                wear=Limits(self._config.maxRequests, self._config.maxAge, self._config.maxRss),
                observers=self._observers,
            )
            self._reactor.addSystemEventTrigger("before", "shutdown", self._stop)
        return self._supervisor

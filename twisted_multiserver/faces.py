"""
The faces: where requests come in, and all that they share, as one configuration says.

The gateway is the fast one, the resource is for a Site of the user's own, and the site is for
whatever takes one.
"""

from __future__ import annotations

from random import random

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorCore, IReactorFDSet, IStreamClientEndpoint
from twisted.logger import Logger
from twisted.web.resource import IResource
from twisted.web.server import Site

from twisted_multiserver.balancing.backend import Backend, BackendKind
from twisted_multiserver.balancing.policy import Policy
from twisted_multiserver.config import MasterConfig
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.gateway.accessline import FORMATS
from twisted_multiserver.gateway.accesslog import AccessLog, logFileOpener
from twisted_multiserver.gateway.connections import GatewayBudgets
from twisted_multiserver.gateway.dial import addressOf, dialerFor
from twisted_multiserver.gateway.distribution import Buffering, Distribution
from twisted_multiserver.gateway.healthchecks import HealthChecks, HealthPlan
from twisted_multiserver.gateway.resource import GatewayResource
from twisted_multiserver.gateway.serving import GatewayFactory
from twisted_multiserver.gateway.site import MultiserverSite
from twisted_multiserver.http1.connections import ServerLimits
from twisted_multiserver.http1.trust import BadNetwork, TrustedProxies
from twisted_multiserver.streams.adopting import Adopter
from twisted_multiserver.streams.polling import makePoller
from twisted_multiserver.traffic import Reactor as TrafficReactor


class Reactor(IReactorCore, TrafficReactor, IReactorFDSet):
    """
    What the faces ask of the reactor.
    """


class Faces:
    """
    See the module.

    @ivar distribution: of the requests of all faces.
    @ivar adopter: makes streams of connections.
    """

    def __init__(self, reactor: Reactor, policy: Policy, config: MasterConfig) -> None:
        """
        @param reactor: the reactor.
        @param policy: chooses among the backends.
        @param config: limits and budgets.
        @raise ConfigError: if the trusted proxies can't be read.
        """
        self._reactor = reactor
        self._config = config
        self.distribution = Distribution(
            reactor,
            policy,
            GatewayBudgets(
                connect=config.connectBudget,
                firstByte=config.firstByteBudget,
                stall=config.stallBudget,
                queue=config.queueBudget,
                farewell=min(10.0, config.drainBudget / 2),
                queueLimit=config.queueLimit,
            ),
            Logger(namespace="twisted_multiserver.gateway"),
            Buffering[config.bufferRequest],
        )
        self.adopter = Adopter(makePoller(reactor), self.distribution.sweep)
        self._checks: HealthChecks | None = None
        if config.healthPath is not None:
            plan = HealthPlan(
                config.healthPath,
                config.healthStatus,
                config.healthInterval,
                config.healthBudget,
                config.healthRise,
                config.healthFall,
            )
            self._checks = HealthChecks(self.distribution, plan, random)
        self._accessLog: AccessLog | None = None
        try:
            self._trusted = TrustedProxies(config.trustedProxy)
        except BadNetwork as error:
            raise ConfigError(f"--trusted-proxy: {error}") from error

    def addBackend(
        self, endpoint: IStreamClientEndpoint, weight: int, limit: int | None
    ) -> Backend:
        """
        See L{Multiserver.addBackend<twisted_multiserver.master.Multiserver.addBackend>}.
        """
        address = addressOf(endpoint)
        backend = Backend(address, BackendKind.remote, weight=weight, limit=limit)
        dialer = dialerFor(self._reactor, endpoint, self._config.connectBudget, self.adopter)
        self.distribution.add(backend, dialer)
        return backend

    def resource(self, fallback: IResource | None) -> IResource:
        """
        See L{Multiserver.resource<twisted_multiserver.master.Multiserver.resource>}.
        """
        return GatewayResource(self.distribution, fallback, self._config.maxBody, self._trusted)

    def gateway(self) -> GatewayFactory:
        """
        See L{Multiserver.gateway<twisted_multiserver.master.Multiserver.gateway>}.
        """
        config = self._config
        limits = ServerLimits(
            head=config.headBudget,
            idle=config.idleBudget,
            stall=config.stallBudget,
            body=config.maxBody,
        )
        if config.accessLog is not None and self._accessLog is None:
            self._accessLog = AccessLog(
                self._reactor,
                logFileOpener(config.accessLog),
                FORMATS[config.accessLogFormat],
            )
            # Not with the service: clients that are cut last have their lines too.
            self._reactor.addSystemEventTrigger("after", "shutdown", self._accessLog.close)
        return GatewayFactory(
            self.distribution, self.adopter, limits, self._trusted, self._accessLog
        )

    def site(self) -> Site:
        """
        See L{Multiserver.site<twisted_multiserver.master.Multiserver.site>}.
        """
        return MultiserverSite(self.gateway(), self.resource(None), self._config.idleBudget)

    def reopenLogs(self) -> None:
        """
        Open the access log anew, since its file was moved away.
        """
        if self._accessLog is not None:
            self._accessLog.reopen()

    def stop(self) -> Deferred[None]:
        """
        Let exchanges come to their ends.

        @return: fires when none is open, at the latest after the drain budget: what is still
            in flight then is cut by the end of its connections.
        """
        if self._checks is not None:
            self._checks.stop()
        self.distribution.stop()
        quiet: Deferred[None] = Deferred()
        self.distribution.whenQuiet(lambda: quiet.callback(None))
        quiet.addTimeout(self._config.drainBudget, self._reactor)
        quiet.addErrback(lambda failure: failure.trap(TimeoutError) and None)
        return quiet

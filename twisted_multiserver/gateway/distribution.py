"""
Distribution: what all exchanges share.

It joins the pool (who is there), the policy (who takes it), the connections (how
to reach it) and the queue of those that wait.  Each face of the gateway begins
its exchanges here.

Invariants: waiting exchanges are asked again in the order in which they came
(FIFO), in a reactor turn of their own, so that a change in several steps (a child
is removed, then expected) is seen as one; a failing policy harms one request.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_multiserver.balancing.backend import Backend, BackendState
from twisted_multiserver.balancing.base import BasePolicy
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.policy import Policy
from twisted_multiserver.balancing.pool import Pool
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.gateway.connections import Connections, GatewayBudgets
from twisted_multiserver.gateway.dial import Dialer
from twisted_multiserver.gateway.exchange import Exchange
from twisted_multiserver.streams.sweep import Sweep

_ADMITTED: Final = BackendState.admitted
_OK: Final = Outcome.ok


class Distribution:
    """
    Distributes requests over the backends of one pool.

    @ivar pool: the backends.
    @ivar policy: chooses among them.
    @ivar budgets: how long things may take.
    @ivar hiddenCookie: the name of a cookie that is between the policy and clients.
    @ivar needsHead: whether the policy wants to know the request's head.
    @ivar policyListens: whether the policy wants to hear how its choices ended.
    @ivar open: how many exchanges are open.
    @ivar connections: to the backends, those that only finish what they have among them.
    @ivar sweep: watches deadlines.
    @ivar seconds: the clock.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, policy: Policy, budgets: GatewayBudgets) -> None:
        """
        @param clock: the reactor.
        @param policy: chooses.
        @param budgets: how long things may take.
        """
        self.pool = Pool(clock.seconds)
        self.policy = policy
        self.budgets = budgets
        self.hiddenCookie: bytes | None = getattr(policy, "affinityCookie", None)
        self.needsHead = "head" in policy.needs
        self.policyListens = getattr(type(policy), "exchangeFinished", None) is not (
            BasePolicy.exchangeFinished
        )
        self.sweep = Sweep(clock)
        self.seconds = clock.seconds
        self._clock = clock
        self.connections: dict[Backend, Connections] = {}
        self._waiting: dict[Exchange, None] = {}
        self._wake: IDelayedCall | None = None
        self.open = 0
        self._whenQuiet: list[Deferred[None]] = []
        self.pool.observe(self)

    def add(self, backend: Backend, dialer: Dialer) -> None:
        """
        Let a backend be chosen.

        @param backend: one that is not in the pool.
        @param dialer: reaches it.
        @raise AlreadyInPool: if its address is.
        """
        connections = Connections(backend, dialer, self._clock, self.sweep, self.budgets)
        self.connections[backend] = connections
        try:
            self.pool.admit(backend)
        except BaseException:
            del self.connections[backend]
            raise

    def ended(self) -> None:
        """
        An exchange has had its end.
        """
        self.open -= 1
        if not self.open:
            waiting, self._whenQuiet = self._whenQuiet, []
            for quiet in waiting:
                quiet.callback(None)

    def whenQuiet(self) -> Deferred[None]:
        """
        @return: fires when no exchange is open.
        """
        quiet: Deferred[None] = Deferred()
        if self.open:
            self._whenQuiet.append(quiet)
        else:
            quiet.callback(None)
        return quiet

    @property
    def isWaiting(self) -> bool:
        """
        Whether an exchange waits for the pool to change.
        """
        return bool(self._waiting)

    def watch(self, exchange: Exchange) -> None:
        """
        @param exchange: is told when its deadline has passed, and of nothing else.
        """
        self.sweep.watch(exchange)

    def wait(self, exchange: Exchange) -> None:
        """
        @param exchange: goes on when the pool changes or its deadline has passed.
        """
        self._waiting[exchange] = None
        self.sweep.watch(exchange)

    def stopWaiting(self, exchange: Exchange) -> None:
        """
        @param exchange: doesn't wait any more, if it did.
        """
        self._waiting.pop(exchange, None)
        self.sweep.forget(exchange)

    def finished(
        self, backend: Backend, exchange: Exchange, info: RequestInfo, outcome: Outcome
    ) -> None:
        """
        A choice has had its end.

        @param backend: the policy's choice.
        @param exchange: for which it was chosen.
        @param info: with which the policy was asked.
        @param outcome: how it ended.
        """
        # Only of a failure it matters when it was.
        backend.finish(exchange, outcome, 0.0 if outcome is _OK else self.seconds())
        self.chosenEnded(backend, info, outcome)

    def chosenEnded(self, backend: Backend, info: RequestInfo, outcome: Outcome) -> None:
        """
        A backend has finished what it was chosen for.

        @param backend: the policy's choice.
        @param info: with which the policy was asked.
        @param outcome: how it ended.
        """
        if self._waiting:
            self.poolChanged()
        if backend.state is not _ADMITTED:
            self.pool.exchangeEnded(backend)
            self._forgetIfUnused(backend)
        if self.policyListens:
            self.tellPolicy(backend, info, outcome)

    def tellPolicy(self, backend: Backend, info: RequestInfo, outcome: Outcome) -> None:
        """
        Tell the policy how a choice of its own ended.

        @param backend: the choice.
        @param info: with which the policy was asked.
        @param outcome: how it ended.
        """
        try:
            self.policy.exchangeFinished(backend, info, outcome)
        except Exception:  # the user's own code
            self._log.failure("the balancer failed in exchangeFinished")

    def backendAdmitted(self, backend: Backend) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        try:
            self.policy.backendAdmitted(backend)
        except Exception:  # the user's own code
            self._log.failure("the balancer failed in backendAdmitted")

    def backendRemoved(self, backend: Backend) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        self.connections[backend].closeIdle()
        try:
            self.policy.backendRemoved(backend)
        except Exception:  # the user's own code
            self._log.failure("the balancer failed in backendRemoved")

    def backendGone(self, backend: Backend) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        self.connections[backend].backendDied()
        self._forgetIfUnused(backend)

    def poolChanged(self) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        if self._waiting and self._wake is None:
            self._wake = self._clock.callLater(0, self._wakeWaiting)

    def _wakeWaiting(self) -> None:
        self._wake = None
        for exchange in tuple(self._waiting):
            if exchange in self._waiting:
                exchange.goOn()

    def _forgetIfUnused(self, backend: Backend) -> None:
        if backend.state is BackendState.removed and not backend.inFlight:
            self.connections.pop(backend, None)

"""
Distribution: what all exchanges share.

It joins the pool (who is there), the policy (who takes it), the connections (how
to reach it) and the queue of those that wait.  Each face of the gateway begins
its exchanges here.

Invariants: whoever waits is told of every change that may help it; a failing policy harms
one request.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Final

from twisted_multiserver.balancing.backend import Backend, BackendState
from twisted_multiserver.balancing.base import BasePolicy
from twisted_multiserver.balancing.openexchange import Lost, OpenExchange
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.policy import Policy
from twisted_multiserver.balancing.pool import Pool
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.gateway.circumstances import Circumstances
from twisted_multiserver.gateway.connections import Connections, GatewayBudgets
from twisted_multiserver.gateway.dialer import Dialer
from twisted_multiserver.gateway.ejecting import Ejecting
from twisted_multiserver.gateway.journal import Journal
from twisted_multiserver.gateway.queue import ExchangeQueue, Waiting
from twisted_multiserver.gateway.tunnels import GOING_AWAY, SERVICE_RESTART, Tunnels
from twisted_multiserver.streams.sweep import Sweep

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

_OK: Final = Outcome.ok
_LEAVING: Final = frozenset({BackendState.draining, BackendState.removed})


class Buffering(Enum):
    """
    Which requests go on only when all of their bodies are there.
    """

    auto = "those for backends with few places"
    always = "all"
    never = "none"


class Distribution:
    """
    Distributes requests over the backends of one pool.

    @ivar pool: the backends.
    @ivar policy: chooses among them.
    @ivar budgets: how long things may take.
    @ivar log: is told of what isn't as it should be.
    @ivar hiddenCookie: the name of a cookie that is between the policy and clients.
    @ivar needsHead: whether the policy wants to know the request's head.
    @ivar policyListens: whether the policy wants to hear how its choices ended.
    @ivar circumstances: what the plans of all exchanges look at.
    @ivar buffersRequests: whether a request goes on only when all of its body is there.
    @ivar isCalm: whether nobody wants to hear how exchanges end at calm backends.
    @ivar open: how many exchanges are open.
    @ivar tunnels: WebSockets to the backends.
    @ivar connections: to the backends, those that only finish what they have among them.
    @ivar sweep: watches deadlines.
    @ivar seconds: the clock.
    """

    def __init__(
        self,
        clock: IReactorTime,
        policy: Policy,
        budgets: GatewayBudgets,
        log: Journal,
        buffering: Buffering = Buffering.auto,
    ) -> None:
        """
        @param clock: the reactor.
        @param policy: chooses.
        @param budgets: how long things may take.
        @param log: is told of what isn't as it should be.
        @param buffering: which requests must be whole before they go on.
        """
        self.pool = Pool(clock.seconds)
        self.policy = policy
        self.budgets = budgets
        self.log = log
        self.hiddenCookie: bytes | None = getattr(policy, "affinityCookie", None)
        self.needsHead = "head" in policy.needs
        self.policyListens = getattr(type(policy), "exchangeFinished", None) is not (
            BasePolicy.exchangeFinished
        )
        self.sweep = Sweep(clock)
        self.seconds = clock.seconds
        self._clock = clock
        self._buffering = buffering
        self.buffersRequests = buffering is Buffering.always
        self.connections: dict[Backend, Connections] = {}
        self._queue = ExchangeQueue(clock, self.sweep, budgets.queueLimit)
        self.circumstances = Circumstances(
            self.pool, self._queue, budgets.queue, clock.seconds, random.random
        )
        self._ejecting = Ejecting(self.circumstances, self.sweep, log)
        self.tunnels = Tunnels(clock, budgets.farewell, random.random)
        self._isStopping = False
        self.isCalm = not self.policyListens
        self.open = 0
        self._whenQuiet: list[Callable[[], None]] = []
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
                quiet()

    def whenQuiet(self, quiet: Callable[[], None]) -> None:
        """
        @param quiet: called when no exchange is open.
        """
        if self.open:
            self._whenQuiet.append(quiet)
        else:
            quiet()

    def stop(self) -> None:
        """
        What has no end of its own must come to one.
        """
        self._isStopping = True
        self.tunnels.leaveAll()

    def settle(self) -> None:
        """
        The pool, the queue, or what is suspected has changed.
        """
        if self._buffering is Buffering.auto:
            # Only who has few places suffers from requests that come slowly.
            admissible = self.pool.admissible
            self.buffersRequests = any(backend.limit is not None for backend in admissible)
        self.circumstances.settle(self.buffersRequests)
        self.isCalm = self.circumstances.isCalm and not self.policyListens

    def watch(self, exchange: Waiting) -> None:
        """
        @param exchange: is told when its deadline has passed, and of nothing else.
        """
        self.sweep.watch(exchange)

    def wait(self, exchange: Waiting, inLine: bool) -> None:
        """
        @param exchange: goes on when the pool changes or its deadline has passed.
        @param inLine: whether it waits for a backend to take one more.
        """
        self._queue.add(exchange, inLine)
        self.settle()

    def stopWaiting(self, exchange: Waiting) -> None:
        """
        @param exchange: doesn't wait any more, if it did.
        """
        if self._queue.isEmpty:
            self.sweep.forget(exchange)
        else:
            self._queue.remove(exchange)
            self.settle()

    def crashed(self, backend: Backend, lost: tuple[Lost, ...]) -> None:
        """
        A child has crashed.

        @param backend: it is removed already.
        @param lost: what was in flight there; what still is has not failed yet.
        """
        backend.hasCrashed = True
        for each in lost:
            if each.until is not None and each.wasRead:
                self._suspect(each.fingerprint, each.signature, each.since, each.until)
        self.settle()

    def _suspect(self, fingerprint: bytes, signature: bytes, since: float, until: float) -> None:
        if fingerprint:
            self.circumstances.quarantine.crashed(fingerprint, since, until, signature)

    def finished(
        self, backend: Backend, exchange: OpenExchange, info: RequestInfo, outcome: Outcome
    ) -> None:
        """
        A choice has had its end.

        @param backend: the policy's choice.
        @param exchange: for which it was chosen.
        @param info: with which the policy was asked.
        @param outcome: how it ended.
        """
        # Only of a failure it matters when it was.
        now = 0.0 if outcome is _OK else self.seconds()
        backend.finish(exchange, outcome, now)
        if backend.hasCrashed and outcome.wasRead:
            self._suspect(exchange.fingerprint, exchange.signature, exchange.sentAt, now)
            self.settle()
        self.chosenEnded(backend, exchange, info, outcome)

    def chosenEnded(
        self, backend: Backend, exchange: OpenExchange, info: RequestInfo, outcome: Outcome
    ) -> None:
        """
        A backend has finished what it was chosen for.

        @param backend: the policy's choice.
        @param exchange: for which it was chosen.
        @param info: with which the policy was asked.
        @param outcome: how it ended.
        """
        if outcome is not _OK or not backend.isCalm:
            self._ejecting.judge(backend, outcome)
        if exchange.isAlone:
            exchange.isAlone = self.circumstances.hasLoner = False
            self.settle()
        quarantine = self.circumstances.quarantine
        if outcome is _OK and quarantine.suspects:
            quarantine.succeeded(exchange.fingerprint)
            self.settle()
        self._wakeWaiting()
        if backend.state in _LEAVING:
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
            self.log.failure("the balancer failed in exchangeFinished")

    def backendAdmitted(self, backend: Backend) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        self.circumstances.admitted(backend)
        try:
            self.policy.backendAdmitted(backend)
        except Exception:  # the user's own code
            self.log.failure("the balancer failed in backendAdmitted")

    def backendRemoved(self, backend: Backend) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        self.connections[backend].closeIdle()
        if backend.state is BackendState.draining:
            self.tunnels.leave(backend, GOING_AWAY if self._isStopping else SERVICE_RESTART)
        try:
            self.policy.backendRemoved(backend)
        except Exception:  # the user's own code
            self.log.failure("the balancer failed in backendRemoved")

    def backendGone(self, backend: Backend) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        self.circumstances.gone(backend)
        self._ejecting.forget(backend)
        self.connections[backend].backendDied()
        self._forgetIfUnused(backend)

    def poolChanged(self) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        self.settle()
        self._wakeWaiting()

    def _wakeWaiting(self) -> None:
        self._queue.wakeSoon(lambda: self.circumstances.hasPlace)

    def _forgetIfUnused(self, backend: Backend) -> None:
        if backend.state is BackendState.removed and not backend.inFlight:
            self.connections.pop(backend, None)

"""
Active health checks: backends are asked how they are, and those that don't answer well get no
requests until they do.

Strategy: each backend is asked by itself, some time behind the end of its last check, the first
time at a random moment, so that not all are asked at once.

Invariants: at most one check of a backend is open; nothing is asked of one that is draining or
gone; never more than half of the backends are out (the pool sees to that, and what it doesn't
allow is asked for again at the next bad check).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from twisted.logger import Logger

from twisted_multiserver.balancing.backend import Backend, BackendState
from twisted_multiserver.balancing.healthcount import HealthCount
from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.healthcheck import HealthCheck

REASON = "health checks"
# How far the time between two checks may be from what was asked for.
_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class HealthPlan:
    """
    How backends are checked.

    @ivar path: what is asked for.
    @ivar statuses: the lowest and the highest that are good.
    @ivar interval: between two checks, in seconds.
    @ivar budget: for the answer, in seconds.
    @ivar rise: so many good ones in a row, and a backend is back.
    @ivar fall: so many bad ones in a row, and it is out.
    """

    path: str
    statuses: tuple[int, int] = (200, 399)
    interval: float = 5.0
    budget: float = 5.0
    rise: int = 2
    fall: int = 3


class HealthChecks:
    """
    Checks the backends of a distribution; an observer of its pool.
    """

    def __init__(
        self, distribution: Distribution, plan: HealthPlan, random: Callable[[], float]
    ) -> None:
        """
        @param distribution: its backends are checked from now on.
        @param plan: how.
        @param random: gives numbers from 0 to 1.
        """
        self._distribution = distribution
        self._plan = plan
        self._random = random
        self._checked: dict[Backend, _Checked] = {}
        distribution.pool.observe(self)

    def stop(self) -> None:
        """
        Check no more.
        """
        for backend in tuple(self._checked):
            self._checked.pop(backend).stop()

    def backendAdmitted(self, backend: Backend) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        if backend not in self._checked:
            first = self._random() * self._plan.interval
            checked = _Checked(self._distribution, self._plan, backend, self._random, first)
            self._checked[backend] = checked

    def backendRemoved(self, backend: Backend) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        if backend.state is not BackendState.ejected:
            self.backendGone(backend)

    def backendGone(self, backend: Backend) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        checked = self._checked.pop(backend, None)
        if checked is not None:
            checked.stop()

    def poolChanged(self) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """


class _Checked:
    """
    One backend.

    @ivar deadline: when it is checked next, in seconds of the clock.
    """

    _log = Logger()

    def __init__(
        self,
        distribution: Distribution,
        plan: HealthPlan,
        backend: Backend,
        random: Callable[[], float],
        first: float,
    ) -> None:
        """
        @param distribution: has the backend.
        @param plan: how it is checked.
        @param backend: which.
        @param random: gives numbers from 0 to 1.
        @param first: when, in seconds from now.
        """
        self._distribution = distribution
        self._plan = plan
        self._backend = backend
        self._random = random
        self._count = HealthCount(plan.rise, plan.fall)
        self._check: HealthCheck | None = None
        self.deadline = distribution.seconds() + first
        distribution.sweep.watch(self)

    def stop(self) -> None:
        """
        Ask no more.
        """
        self._distribution.sweep.forget(self)
        if self._check is not None:
            self._check.stop()

    def overdue(self) -> None:
        """
        See L{Timed<twisted_multiserver.streams.sweep.Timed>}.
        """
        self.deadline = inf
        plan, distribution = self._plan, self._distribution
        # It may be over before it is here.
        self._check = HealthCheck(
            distribution.connections[self._backend].dialer,
            _headFor(self._backend, plan.path),
            plan.statuses,
            distribution.sweep,
            plan.budget,
            self._over,
        )

    def _over(self, reason: str | None) -> None:
        backend = self._backend
        self._check = None
        pause = self._plan.interval * (1 + _JITTER * (2 * self._random() - 1))
        self.deadline = self._distribution.seconds() + pause
        if reason is not None:
            backend.statistics.failedChecks += 1
        pool = self._distribution.pool
        if self._count.note(reason is None):
            if pool.readmit(backend, REASON):
                self._log.info("{backend} is healthy and gets requests again", backend=backend.name)
        elif not pool.isOutFor(backend, REASON) and pool.eject(backend, REASON):
            self._log.warn(
                "{backend} gets no requests: {fall} health checks in a row went wrong,"
                " the last one: {reason}",
                backend=backend.name,
                fall=self._plan.fall,
                reason=reason,
            )


def _headFor(backend: Backend, path: str) -> bytes:
    kind, _, place = backend.address.partition(":")
    host = "localhost" if kind == "unix" else place
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: twisted_multiserver (health check)\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii")

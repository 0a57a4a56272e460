"""
The plan of one exchange: what to do next, decided purely.

Strategy: whoever carries the exchange reports what happened and gets back a
decision; the plan holds the rules and no connection.

Rules (for readers: docs/discussion/what-happens-to-a-request.md):
    - a backend that failed this exchange isn't tried again;
    - a request is tried at most L{MAX_TRIES} times, each try being one to which
      a byte of the request may have gone;
    - it may be repeated (a) always while no byte was sent; (b) for our own
      children on UNIX sockets, whose kernel tells by a reset that the request
      was not read to its end, with any method while no byte of a body was sent;
      (c) else only GET and HEAD without a body (RFC 9110 section 9.2.2);
    - nothing is repeated once a response has begun for the client;
    - a request waits as long as a backend is expected, up to the queue budget.

Invariants: every sequence of reports ends in exactly one Answer, Cut, or a
response; the plan never names a backend that the pool doesn't admit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from twisted_multiserver.balancing.backend import Backend, BackendState
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.pool import Pool

MAX_TRIES = 3

# A child that failed an exchange is probably dead, and its exit will be seen in a
# moment: so long (in seconds) a request waits for it to become "expected".
_SUSPICION = 0.5

# A backlog may empty itself without an exchange of ours that ends: so often (in
# seconds) a request that found only full ones knocks again.
_BUSY_PAUSE = 0.5

_REPEATABLE = frozenset({b"GET", b"HEAD"})


@dataclass(slots=True)
class Choose:
    """
    Ask the policy.

    @ivar backends: those that may be chosen, at least one.
    """

    backends: tuple[Backend, ...]


@dataclass(slots=True)
class Send:
    """
    Send the request.

    @ivar backend: to which.
    @ivar fresh: on a connection that carried nothing before.
    """

    backend: Backend
    fresh: bool = False


@dataclass(slots=True)
class Wait:
    """
    Wait for the pool to change.

    @ivar until: ask again then at the latest, in seconds of the plan's clock.
    """

    until: float


@dataclass(slots=True)
class Answer:
    """
    Answer the client ourselves.

    @ivar status: 500, 502, 503 or 504.
    @ivar reason: for people, one line.
    """

    status: int
    reason: str


@dataclass(slots=True)
class Cut:
    """
    Cut the client's connection, since its response can't be completed.

    @ivar reason: for people, one line.
    """

    reason: str


Decision: TypeAlias = Choose | Send | Wait | Answer | Cut


@dataclass(slots=True)
class Progress:
    """
    How far a try had come when it failed.

    @ivar reusedConnection: the connection had carried requests before.
    @ivar bodySent: a byte of the request's body was sent.
    @ivar responseStarted: the client was sent a part of the response.
    """

    reusedConnection: bool = False
    bodySent: bool = False
    responseStarted: bool = False


class ExchangePlan:
    """
    Plans one exchange.
    """

    __slots__ = (
        "_busy",
        "_deadline",
        "_hasBody",
        "_lastOutcome",
        "_method",
        "_pool",
        "_queueBudget",
        "_seconds",
        "_suspectUntil",
        "_tried",
        "_tries",
    )

    def __init__(
        self,
        pool: Pool,
        method: bytes,
        hasBody: bool,
        queueBudget: float,
        seconds: Callable[[], float],
    ) -> None:
        """
        @param pool: where backends come from.
        @param method: the request's method.
        @param hasBody: whether a body goes with it.
        @param queueBudget: how long it may wait in all, in seconds.
        @param seconds: the clock.
        """
        self._pool = pool
        self._method = method
        self._hasBody = hasBody
        self._queueBudget = queueBudget
        self._seconds = seconds
        self._tried: set[Backend] = set()
        self._busy: set[Backend] = set()
        self._tries = 0
        self._deadline: float | None = None
        self._suspectUntil = 0.0
        self._lastOutcome: Outcome | None = None

    @property
    def isRetry(self) -> bool:
        """
        Whether a backend had this exchange and failed it.
        """
        return self._lastOutcome is not None

    def begin(self) -> Decision:
        """
        Decide at the start, and again whenever a wait has ended.
        """
        self._busy.clear()
        return self._next()

    def chosen(self, backend: Backend) -> Decision:
        """
        The policy has chosen.

        @param backend: one of those that it was shown.
        """
        if backend.state is not BackendState.admitted:
            return self._next()
        return Send(backend)

    def noneSuits(self) -> Decision:
        """
        The policy wants none of them now.
        """
        return self._wait(Answer(503, "no backend was found suitable in time"), willChange=True)

    def failed(self, backend: Backend, outcome: Outcome, progress: Progress) -> Decision:
        """
        A try has failed.

        @param backend: where.
        @param outcome: how.
        @param progress: how far it had come.
        """
        if progress.responseStarted:
            return Cut(f"{backend.name}: {outcome.value}")
        if outcome is Outcome.busy:
            self._busy.add(backend)
            return self._next()
        self._lastOutcome = outcome
        self._tries += not outcome.nothingSent
        if not self._mayRepeat(backend, outcome, progress):
            return self._blame(f"{backend.name}: {outcome.value}")
        isThere = backend.state is BackendState.admitted
        if progress.reusedConnection and isThere and backend.kind.closesIdle:
            # The server may just have closed an idle connection: the same one, anew.
            return Send(backend, fresh=True)
        self._tried.add(backend)
        self._suspectUntil = self._seconds() + _SUSPICION
        return self._next()

    def _mayRepeat(self, backend: Backend, outcome: Outcome, progress: Progress) -> bool:
        if outcome.nothingSent:
            return True
        if self._tries >= MAX_TRIES or outcome.isTimeout or outcome is Outcome.badResponse:
            return False
        unread = outcome is Outcome.resetUnread and backend.tellsUnread
        if unread and not progress.bodySent:
            return True
        return self._method in _REPEATABLE and not self._hasBody

    def _next(self) -> Decision:
        backends = self._pool.admissible
        if self._tried or self._busy:
            left = self._tried | self._busy
            backends = tuple(backend for backend in backends if backend not in left)
        if backends:
            return Choose(backends)
        if self._lastOutcome is not None:
            otherwise = self._blame(f"no backend is left: {self._lastOutcome.value}")
        else:
            otherwise = Answer(503, "there is no backend")
        return self._wait(otherwise)

    def _wait(self, otherwise: Answer, willChange: bool = False) -> Decision:
        now = self._seconds()
        if self._deadline is None:
            self._deadline = now + self._queueBudget
        if now >= self._deadline:
            return Answer(503, "no backend became ready in time")
        if self._busy:
            return Wait(min(self._deadline, now + _BUSY_PAUSE))
        if self._pool.isExpecting or willChange:
            return Wait(self._deadline)
        if now < self._suspectUntil and any(
            backend.kind.isOurs and backend.state is BackendState.admitted
            for backend in self._tried
        ):
            return Wait(min(self._deadline, self._suspectUntil))
        return otherwise

    def _blame(self, reason: str) -> Answer:
        timeout = self._lastOutcome is not None and self._lastOutcome.isTimeout
        return Answer(504 if timeout else 502, reason)

"""
The plan of one exchange: what to do next, decided purely.

Strategy: whoever carries the exchange reports what happened and gets back a
decision; the plan holds the rules and no connection.

Rules (for readers: docs/discussion/what-happens-to-a-request.md):
    - a backend that failed this exchange isn't tried again;
    - a request is tried at most L{MAX_TRIES} times, each try being one of which
      the backend may have read a byte;
    - it may be repeated (a) always while no byte was sent; (b) for our own
      children on UNIX sockets, whose kernel tells by a reset that the request
      was not read to its end, with any method while no byte of a body was sent;
      (c) else only idempotent methods (RFC 9110 section 9.2.2), if there is no
      body or it is still there;
    - nothing is repeated once a response has begun for the client;
    - what isn't the death of a child of ours (timeouts, what a server elsewhere
      does) is repeated within the budget for retries;
    - a request waits as long as a backend is expected or all have as much as
      they take, up to the queue budget, behind those that came before it;
    - one that two children have died with is tried a third time while no other
      such one is: what kills goes elsewhere together with those that were in
      flight with it, and would take them along each time;
    - one that has killed children is refused, unless it is being tried already;
      as long as its like is, which may yet succeed, it waits for the outcome.

Invariants: every sequence of reports ends in exactly one Answer, Cut, or a
response; the plan never names a backend that the pool doesn't admit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from twisted_multiserver.balancing.backend import Backend, BackendState
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.circumstances import Circumstances

MAX_TRIES = 3
# Also of those that no child has read.
_MAX_SENDS = 10

# A child that failed an exchange is probably dead, and its exit will be seen in a
# moment: so long (in seconds) a request waits for it to become "expected".
_SUSPICION = 0.5

# A backlog may empty itself without an exchange of ours that ends: so often (in
# seconds) a request that found only full ones knocks again.
_BUSY_PAUSE = 0.5

# How a connection ends before a response, and how the death of a process shows there.
_ENDS = frozenset({Outcome.resetUnread, Outcome.resetRead, Outcome.eofBeforeHead})
_DEATHS = _ENDS | {Outcome.cut}

_IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})


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
    @ivar alone: while no other request is sent so.
    """

    backend: Backend
    fresh: bool = False
    alone: bool = False


@dataclass(slots=True)
class Wait:
    """
    Wait for the pool to change.

    @ivar until: ask again then at the latest, in seconds of the plan's clock.
    @ivar inLine: wait for a backend to take one more, behind those who do so already.
    """

    until: float
    inLine: bool = False


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
    @ivar isUnsent: the connection had ended before the first byte of the request.
    @ivar bodySent: a byte of the request's body was sent.
    @ivar bodyLost: what was sent of the body isn't there any more.
    @ivar responseStarted: the client was sent a part of the response.
    """

    reusedConnection: bool = False
    bodySent: bool = False
    bodyLost: bool = False
    responseStarted: bool = False
    isUnsent: bool = False


class ExchangePlan:
    """
    Plans one exchange.
    """

    __slots__ = (
        "_busy",
        "_circumstances",
        "_deadline",
        "_deaths",
        "_fingerprint",
        "_lastOutcome",
        "_method",
        "_sends",
        "_signature",
        "_suspectUntil",
        "_tried",
        "_tries",
    )

    def __init__(
        self,
        circumstances: Circumstances,
        method: bytes,
        fingerprint: Callable[[], bytes],
        signature: Callable[[], bytes],
    ) -> None:
        """
        @param circumstances: of all exchanges.
        @param method: the request's method.
        @param fingerprint: gives the request's; empty if that isn't known.
        @param signature: gives the request's.
        """
        self._circumstances = circumstances
        self._method = method
        self._fingerprint = fingerprint
        self._signature = signature
        self._tried: set[Backend] = set()
        self._busy: set[Backend] = set()
        self._tries = 0
        self._sends = 0
        # Of children that had read it.
        self._deaths = 0
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
        Decide at the start.
        """
        if self._circumstances.queue.hasLine:
            return self._wait(Answer(503, "there is no backend"), isFull=True)
        return self.goOn()

    def goOn(self) -> Decision:
        """
        Decide again, when a wait has ended.
        """
        self._busy.clear()
        quarantine = self._circumstances.quarantine
        if not self._tries and quarantine.suspects and quarantine.holds(self._fingerprint()):
            return self._heldUp()
        return self._next()

    def _heldUp(self) -> Decision:
        """
        Children have crashed with such a request.
        """
        refusal = Answer(503, "quarantined: children have crashed with this request in flight")
        if self._circumstances.isBeingTried(self._fingerprint()):
            # It may yet turn out to be innocent.
            return self._wait(refusal, willChange=True)
        if self._circumstances.quarantine.mayTry(self._fingerprint(), self._signature()):
            return self._next()
        self._circumstances.counts.quarantined += 1
        return refusal

    def chosen(self, backend: Backend) -> Decision:
        """
        The policy has chosen.

        @param backend: one of those that it was shown.
        """
        # It may have changed while the policy thought about it.
        if backend.state is not BackendState.admitted or backend.isFull:
            return self._next()
        if self._deaths < MAX_TRIES - 1:
            return Send(backend)
        if self._circumstances.hasLoner:
            return self._wait(self._blame("it was in flight at too many deaths"), willChange=True)
        return Send(backend, alone=True)

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
        # What a child was given that was dead, or about to die, it has not tried.
        nothingSent = outcome.nothingSent or progress.isUnsent
        isUntried = outcome is Outcome.resetUnread and backend.tellsUnread
        self._tries += not (nothingSent or isUntried)
        self._sends += not nothingSent
        self._deaths += backend.kind.isOurs and outcome.wasRead
        blame = self._blame(f"{backend.name}: {outcome.value}")
        if not self._mayRepeat(backend, outcome, progress):
            return blame
        isThere = backend.state is BackendState.admitted and backend.kind.closesIdle
        decision: Decision
        if progress.reusedConnection and isThere and outcome in _ENDS:
            # The server may just have closed an idle connection: the same one, anew.
            decision = Send(backend, fresh=True)
        else:
            self._tried.add(backend)
            if outcome in _DEATHS or outcome is Outcome.connectRefused:
                self._suspectUntil = self._circumstances.seconds() + _SUSPICION
            decision = self._next()
        isRepeated = isinstance(decision, Choose | Send) and not nothingSent
        if isRepeated and not self._isGranted(backend, outcome):
            return blame
        return decision

    def _mayRepeat(self, backend: Backend, outcome: Outcome, progress: Progress) -> bool:
        if outcome.nothingSent or (progress.isUnsent and not progress.bodyLost):
            return True
        if self._tries >= MAX_TRIES or self._sends >= _MAX_SENDS:
            return False
        if outcome is Outcome.badResponse:
            return False
        unread = outcome is Outcome.resetUnread and backend.tellsUnread
        if unread and not progress.bodySent:
            return True
        return self._method in _IDEMPOTENT and not progress.bodyLost

    def _isGranted(self, backend: Backend, outcome: Outcome) -> bool:
        isOurDead = backend.kind.isOurs and outcome in _DEATHS
        if isOurDead or self._circumstances.retries.take():
            return True
        self._circumstances.counts.retriesRefused += 1
        return False

    def _next(self) -> Decision:
        left = self._tried | self._busy
        backends = self._circumstances.choosable(left)
        if backends:
            return Choose(backends)
        if self._lastOutcome is not None:
            otherwise = self._blame(f"no backend is left: {self._lastOutcome.value}")
        else:
            otherwise = Answer(503, "there is no backend")
        return self._wait(otherwise, isFull=self._circumstances.isFullBesides(left))

    def _wait(
        self, otherwise: Answer, willChange: bool = False, isFull: bool = False
    ) -> Wait | Answer:
        circumstances = self._circumstances
        now = circumstances.seconds()
        deadline = now + circumstances.queueBudget if self._deadline is None else self._deadline
        wait = self._reasonToWait(now, deadline, willChange, isFull)
        if wait is None:
            return otherwise
        if self._deadline is None:
            if circumstances.queue.isFull:
                circumstances.counts.queueFull += 1
                return Answer(503, "the queue is full")
            circumstances.counts.queued += 1
            self._deadline = deadline
        if now >= deadline:
            circumstances.counts.overdue += 1
            return Answer(503, "no backend became ready in time")
        return wait

    def _reasonToWait(
        self, now: float, deadline: float, willChange: bool, isFull: bool
    ) -> Wait | None:
        if isFull:
            return Wait(deadline, inLine=True)
        if self._busy:
            return Wait(min(deadline, now + _BUSY_PAUSE))
        if self._circumstances.pool.isExpecting or willChange:
            return Wait(deadline)
        if now < self._suspectUntil and any(
            backend.kind.isOurs and backend.state is BackendState.admitted
            for backend in self._tried
        ):
            return Wait(min(deadline, self._suspectUntil))
        return None

    def _blame(self, reason: str) -> Answer:
        timeout = self._lastOutcome is not None and self._lastOutcome.isTimeout
        return Answer(504 if timeout else 502, reason)

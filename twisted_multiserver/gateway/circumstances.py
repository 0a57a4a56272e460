"""
The circumstances of all exchanges: what their plans look at beside the exchange itself.

Strategy: as long as nothing is wrong, none of it is looked at: L{Circumstances.direct} then
holds the backends that any request may go to, and is empty when a plan has to decide.

Invariants: C{direct} is the pool's own tuple, so that a policy may keep what it computed for
it; with nobody in line, no suspect request, no limit and no backend that was just readmitted,
it is all that there is.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Final, Protocol

from twisted_multiserver.balancing.backend import Backend, BackendState
from twisted_multiserver.balancing.openexchange import OpenExchange
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.pool import Pool
from twisted_multiserver.balancing.quarantine import Quarantine
from twisted_multiserver.balancing.retrybudget import RetryBudget

_ADMITTED: Final = BackendState.admitted
# What a process that dies does to its connections is no news of its health.
_TELLS_OF_THE_LIVING: Final = frozenset(
    {Outcome.connectTimeout, Outcome.firstByteTimeout, Outcome.stalled, Outcome.badResponse}
)


class Queue(Protocol):
    """
    The exchanges that wait.

    @ivar isFull: whether no more may wait.
    @ivar hasLine: whether one waits until a backend takes it.
    @ivar isEmpty: whether none waits.
    """

    @property
    def isFull(self) -> bool:
        """
        See the attribute.
        """

    @property
    def hasLine(self) -> bool:
        """
        See the attribute.
        """

    @property
    def isEmpty(self) -> bool:
        """
        See the attribute.
        """

    def tried(self) -> Iterable[OpenExchange]:
        """
        @return: those that a backend had already.
        """


@dataclass(slots=True)
class Counts:
    """
    What was decided in times of trouble.

    @ivar queued: exchanges that had to wait.
    @ivar queueFull: exchanges that were refused since too many waited.
    @ivar overdue: exchanges that had waited long enough.
    @ivar retriesRefused: retries that the budget didn't allow.
    @ivar quarantined: requests that were refused since they had killed children.
    @ivar ejections: how often a backend was put out.
    """

    queued: int = 0
    queueFull: int = 0
    overdue: int = 0
    retriesRefused: int = 0
    quarantined: int = 0
    ejections: int = 0


class Circumstances:
    """
    See the module.

    @ivar direct: those to choose from for any request; empty if a plan has to decide.
    @ivar isCalm: whether the end of an exchange at a calm backend is no news to anybody.
    @ivar hasLoner: whether a request is tried that others must not be tried beside.
    @ivar pool: all backends.
    @ivar queue: who waits.
    @ivar queueBudget: how long one may, in seconds.
    @ivar retries: how many there may be.
    @ivar quarantine: requests that kill.
    @ivar counts: what was decided.
    @ivar seconds: the clock.
    """

    def __init__(
        self,
        pool: Pool,
        queue: Queue,
        queueBudget: float,
        seconds: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        """
        @param pool: all backends.
        @param queue: who waits.
        @param queueBudget: how long one may, in seconds.
        @param seconds: the clock.
        @param random: gives numbers from 0 to 1.
        """
        self.direct: tuple[Backend, ...] = ()
        self.isCalm = True
        self.hasLoner = False
        self.pool = pool
        self.queue = queue
        self.queueBudget = queueBudget
        self.seconds = seconds
        self.retries = RetryBudget(seconds, self._requests)
        self.quarantine = Quarantine(seconds)
        self.counts = Counts()
        self._random = random
        self._slow: set[Backend] = set()
        self._requestsOfGone = 0

    def settle(self, buffersRequests: bool = False) -> None:
        """
        Something has changed.

        @param buffersRequests: whether requests wait for their bodies.
        """
        self._slow = {backend for backend in self._slow if backend.health.share(self.seconds()) < 1}
        isSuspicious = bool(self.quarantine.suspects) or self.hasLoner
        self.isCalm = self.queue.isEmpty and not isSuspicious
        admissible = self.pool.admissible
        isPlain = (
            not buffersRequests
            and not self._slow
            and not self.queue.hasLine
            and not self.quarantine.suspects
            and all(backend.limit is None for backend in admissible)
        )
        self.direct = admissible if isPlain else ()

    def choosable(self, besides: Container[Backend] = ()) -> tuple[Backend, ...]:
        """
        @param besides: those that don't come into question.
        @return: those to choose from at this moment.
        """
        admissible = self.pool.admissible
        chosen = tuple(each for each in admissible if not each.isFull and each not in besides)
        if self._slow:
            now = self.seconds()
            warm = tuple(
                each
                for each in chosen
                if each not in self._slow or self._random() < each.health.share(now)
            )
            chosen = warm or chosen
        return admissible if len(chosen) == len(admissible) else chosen

    def isFullBesides(self, besides: Container[Backend]) -> bool:
        """
        @param besides: those that don't come into question.
        @return: whether one of the others could be chosen if it weren't full.
        """
        return any(each.isFull and each not in besides for each in self.pool.admissible)

    @property
    def hasPlace(self) -> bool:
        """
        Whether a backend takes an exchange now.
        """
        return any(not each.isFull for each in self.pool.admissible)

    def isBeingTried(self, fingerprint: bytes) -> bool:
        """
        @param fingerprint: of a request.
        @return: whether one like it is in flight, or waits for its next try.
        """
        inFlight = (each for backend in self.pool.backends() for each in backend.openExchanges())
        return any(each.fingerprint == fingerprint for each in chain(inFlight, self.queue.tried()))

    def admitted(self, backend: Backend) -> None:
        """
        @param backend: may be chosen from now on.
        """
        if backend.health.isSlow:
            self._slow.add(backend)

    def gone(self, backend: Backend) -> None:
        """
        @param backend: is in the pool no more.
        """
        self._slow.discard(backend)
        self._requestsOfGone += backend.statistics.requests

    def judge(self, backend: Backend, outcome: Outcome) -> bool:
        """
        Note what an exchange tells of a backend.

        @param backend: one that had it.
        @param outcome: how it ended.
        @return: whether the backend has failed too often in a row.
        """
        if outcome is Outcome.ok:
            backend.succeeded()
            return False
        tells = not backend.kind.isOurs or outcome in _TELLS_OF_THE_LIVING
        if not outcome.isFailure or not tells or backend.state is not _ADMITTED:
            return False
        return backend.failed()

    def _requests(self) -> int:
        return self._requestsOfGone + sum(
            backend.statistics.requests for backend in self.pool.backends()
        )

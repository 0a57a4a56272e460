"""
A backend: one address that requests can be forwarded to.

Invariants: a backend is known by its canonical address and never by its slot,
since the next incarnation in a slot is another backend; C{inFlight} is the number
of open exchanges, always, since a counter that drifts becomes a permanent 503;
C{isCalm} holds what would else be asked at each exchange.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from twisted_multiserver.balancing.ejection import Health
from twisted_multiserver.balancing.openexchange import Lost, OpenExchange, lostOf
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.statistics import Statistics

_OK: Final = Outcome.ok


class BackendKind(Enum):
    """
    Whose server answers at an address.
    """

    child = "a child running --app, on a UNIX socket of its own"
    program = "a child running a program"
    remote = "a server that was not started here"

    @property
    def isOurs(self) -> bool:
        """
        Whether its death is seen and it is replaced.
        """
        return self is not BackendKind.remote

    @property
    def closesIdle(self) -> bool:
        """
        Whether it may close an idle connection of its own accord.
        """
        return self is not BackendKind.child


class BackendState(Enum):
    """
    What may be done with a backend of the pool.
    """

    admitted = "may be chosen"
    ejected = "fails, and gets no requests for a while"
    draining = "finishes what is in flight"
    removed = "gone"


class BadWeight(ValueError):
    """
    A weight must be a whole number from 1.
    """


class BadLimit(ValueError):
    """
    A limit must be a whole number from 1.
    """


@dataclass(frozen=True, slots=True)
class LoadReport:
    """
    What a child tells of its load.

    @ivar lag: how late its event loop is, in seconds.
    @ivar busyThreads: threads of its pool that work for a request.
    @ivar threads: all threads of its pool; 0 if it has none for requests.
    @ivar reportedAt: seconds of C{time.monotonic}.
    """

    lag: float
    busyThreads: int
    threads: int
    reportedAt: float


class LoadWatcher(Protocol):
    """
    Follows the loads of backends.
    """

    def loadChanged(self, backend: Backend) -> None:
        """
        @param backend: has another number of exchanges in flight.
        """


class Backend:
    """
    One backend with its open exchanges and its counters.

    @ivar address: the canonical address, C{"unix:/run/x"} or C{"tcp:host:port"}.
    @ivar name: what people call it, C{"child 2"} or the address.
    @ivar kind: whose server it is.
    @ivar slot: the child's place, L{None} if it is no child.
    @ivar weight: its share, relative to the others, at least 1.
    @ivar limit: how many exchanges it takes at once; L{None} for no limit.
    @ivar hasCrashed: whether its process has died, and nobody had asked it to.
    @ivar isCalm: whether it is admitted and nothing speaks against it.
    @ivar health: what the outcomes tell of it.
    @ivar inFlight: exchanges assigned and not finished.
    @ivar load: what it last told of its load; L{None} if it tells nothing.
    @ivar watchers: are told of each change of C{inFlight}.
    @ivar statistics: what was counted.
    """

    __slots__ = (
        "_lost",
        "_open",
        "_state",
        "address",
        "hasCrashed",
        "health",
        "inFlight",
        "isCalm",
        "kind",
        "limit",
        "load",
        "name",
        "slot",
        "statistics",
        "watchers",
        "weight",
    )

    def __init__(
        self,
        address: str,
        kind: BackendKind,
        name: str = "",
        slot: int | None = None,
        weight: int = 1,
        limit: int | None = None,
    ) -> None:
        """
        @param address: the canonical address.
        @param kind: whose server it is.
        @param name: for people; the address if empty.
        @param slot: the child's place.
        @param weight: its share, at least 1.
        @param limit: how many exchanges it takes at once; L{None} for no limit.
        @raise BadWeight: if it is none.
        @raise BadLimit: if it is none.
        """
        if limit is not None and (type(limit) is not int or limit < 1):
            raise BadLimit(f"the limit is {limit!r}, it must be a whole number from 1")
        if type(weight) is not int or weight < 1:
            raise BadWeight(f"the weight is {weight!r}, it must be a whole number from 1")
        self.address = address
        self.kind = kind
        self.name = name or address
        self.slot = slot
        self.weight = weight
        self.limit = limit
        self.health = Health()
        self._state = BackendState.admitted
        self.hasCrashed = False
        self.isCalm = True
        self.inFlight = 0
        self.load: LoadReport | None = None
        self.watchers: list[LoadWatcher] = []
        self.statistics = Statistics()
        self._open: dict[OpenExchange, None] = {}
        self._lost: list[Lost] = []

    def __repr__(self) -> str:
        return f"<Backend {self.name} {self.state.name} {self.inFlight} in flight>"

    @property
    def state(self) -> BackendState:
        """
        What may be done with it.
        """
        return self._state

    @state.setter
    def state(self, state: BackendState) -> None:
        self._state = state
        self.isCalm = state is BackendState.admitted and self.health.isSpotless

    @property
    def isFull(self) -> bool:
        """
        Whether it takes no more for now.
        """
        return self.limit is not None and self.inFlight >= self.limit

    def succeeded(self) -> None:
        """
        It has given a whole response.
        """
        self.health.succeeded()
        self.state = self._state

    def failed(self) -> bool:
        """
        It has failed an exchange.

        @return: whether it has done so too often in a row.
        """
        self.isCalm = False
        return self.health.failed()

    @property
    def tellsUnread(self) -> bool:
        """
        Whether a connection that it leaves with unread bytes ends by a reset, and one
        that it has read to its end doesn't: so do UNIX sockets, and nobody is between.
        """
        return self.kind.isOurs and self.address.startswith("unix:")

    def begin(self, exchange: OpenExchange, isRetry: bool = False) -> None:
        """
        Assign an exchange.

        @param exchange: it counts as in flight until L{finish}.
        @param isRetry: whether another backend had it before.
        """
        self._open[exchange] = None
        self.inFlight += 1
        statistics = self.statistics
        statistics.requests += 1
        if isRetry:
            statistics.retries += 1
        if self.watchers:
            self._tellWatchers()

    def finish(self, exchange: OpenExchange, outcome: Outcome, now: float) -> None:
        """
        End an exchange, exactly once for each L{begin}.

        @param exchange: as given to L{begin}.
        @param outcome: how it ended.
        @param now: seconds of the caller's clock.
        """
        del self._open[exchange]
        self.inFlight -= 1
        if self.watchers:
            self._tellWatchers()
        if outcome is _OK:
            self.statistics.whole += 1
            return
        self.statistics.failed[outcome] += 1
        if outcome.isFailure and self.kind.isOurs:
            # A dead child's sockets end before its exit is seen: keep for the Crash.
            self._lost = [*self._lost[-99:], lostOf(exchange, now, outcome.wasRead)]

    def finishWhole(self, exchange: OpenExchange, seconds: float, sent: int, received: int) -> None:
        """
        End an exchange well, whose response came at once: as L{finish} does, in one step.

        @param exchange: as given to L{begin}.
        @param seconds: from the choice of the backend to the response.
        @param sent: bytes of the request.
        @param received: bytes of the response's body.
        """
        del self._open[exchange]
        self.inFlight -= 1
        if self.watchers:
            self._tellWatchers()
        self.statistics.wholeResponse(seconds, sent, received)

    def _tellWatchers(self) -> None:
        for watcher in self.watchers:
            watcher.loadChanged(self)

    def openExchanges(self) -> tuple[OpenExchange, ...]:
        """
        List what is in flight, oldest first.
        """
        return tuple(self._open)

    def inFlightAtDeath(self, now: float, within: float) -> tuple[Lost, ...]:
        """
        Tell what a death at this moment takes along.

        @param now: seconds of the caller's clock.
        @param within: how far back, in seconds, a failed exchange is laid to it.
        @return: exchanges in flight or just lost.
        """
        lost = [each for each in self._lost if each.until is None or now - each.until <= within]
        return (*lost, *(lostOf(exchange) for exchange in self._open))

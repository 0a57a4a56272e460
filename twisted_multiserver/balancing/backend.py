"""
A backend: one address that requests can be forwarded to.

Invariants: a backend is known by its canonical address and never by its slot,
since the next incarnation in a slot is another backend; C{inFlight} is the number
of open exchanges, always, since a counter that drifts becomes a permanent 503.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.statistics import Statistics


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


class BackendState(Enum):
    """
    What may be done with a backend of the pool.
    """

    admitted = "may be chosen"
    draining = "finishes what is in flight"
    removed = "gone"


class OpenExchange(Protocol):
    """
    What a backend knows of an exchange that is assigned to it.

    @ivar description: method and target, for people.
    """

    @property
    def description(self) -> str:
        """
        What a log line calls it.
        """


class Backend:
    """
    One backend with its open exchanges and its counters.

    @ivar address: the canonical address, C{"unix:/run/x"} or C{"tcp:host:port"}.
    @ivar name: what people call it, C{"child 2"} or the address.
    @ivar kind: whose server it is.
    @ivar slot: the child's place, L{None} if it is no child.
    @ivar weight: its share, relative to the others, at least 1.
    @ivar state: what may be done with it.
    @ivar inFlight: exchanges assigned and not finished.
    @ivar statistics: what was counted.
    """

    __slots__ = (
        "_lost",
        "_open",
        "address",
        "inFlight",
        "kind",
        "name",
        "slot",
        "state",
        "statistics",
        "weight",
    )

    def __init__(
        self,
        address: str,
        kind: BackendKind,
        name: str = "",
        slot: int | None = None,
        weight: int = 1,
    ) -> None:
        """
        @param address: the canonical address.
        @param kind: whose server it is.
        @param name: for people; the address if empty.
        @param slot: the child's place.
        @param weight: its share, at least 1.
        """
        self.address = address
        self.kind = kind
        self.name = name or address
        self.slot = slot
        self.weight = weight
        self.state = BackendState.admitted
        self.inFlight = 0
        self.statistics = Statistics()
        self._open: dict[OpenExchange, None] = {}
        self._lost: list[tuple[float, str]] = []

    def __repr__(self) -> str:
        return f"<Backend {self.name} {self.state.name} {self.inFlight} in flight>"

    def begin(self, exchange: OpenExchange, isRetry: bool = False) -> None:
        """
        Assign an exchange.

        @param exchange: it counts as in flight until L{finish}.
        @param isRetry: whether another backend had it before.
        """
        self._open[exchange] = None
        self.inFlight += 1
        self.statistics.requests += 1
        self.statistics.retries += isRetry

    def finish(self, exchange: OpenExchange, outcome: Outcome, now: float) -> None:
        """
        End an exchange, exactly once for each L{begin}.

        @param exchange: as given to L{begin}.
        @param outcome: how it ended.
        @param now: seconds of the caller's clock.
        """
        del self._open[exchange]
        self.inFlight -= 1
        self.statistics.outcomes[outcome] += 1
        if outcome.isFailure and self.kind.isOurs:
            # A dead child's sockets end before its exit is seen: keep for the Crash.
            self._lost = [*self._lost[-99:], (now, exchange.description)]

    def openExchanges(self) -> tuple[OpenExchange, ...]:
        """
        List what is in flight, oldest first.
        """
        return tuple(self._open)

    def inFlightAtDeath(self, now: float, within: float) -> tuple[str, ...]:
        """
        Tell what a death at this moment takes along.

        @param now: seconds of the caller's clock.
        @param within: how far back, in seconds, a failed exchange is laid to it.
        @return: descriptions of exchanges in flight or just lost.
        """
        lost = [description for at, description in self._lost if now - at <= within]
        return (*lost, *(exchange.description for exchange in self._open))

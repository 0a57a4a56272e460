"""
Every policy under the same requests, simulated.

Strategy: discrete events, no real time and no process.  Requests arrive at random
(a Poisson process) at L{LOAD} of what all backends together could do; a backend has one
worker, which takes them in order.  The policies are the real ones: they see real
backends, whose exchanges begin and finish, times to first byte, and load reports, on a
clock that is the simulation's.

Invariant: a seed gives the same figures each time, and the policies of one seed meet the
same requests, which arrive at the same times and need as much work.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from twisted_multiserver.balancing.affinity import Affinity
from twisted_multiserver.balancing.backend import Backend, LoadReport
from twisted_multiserver.balancing.consistenthash import ConsistentHash
from twisted_multiserver.balancing.leastconnections import LeastConnections
from twisted_multiserver.balancing.leastlag import REPORT_INTERVAL, LeastLag
from twisted_multiserver.balancing.leastlatency import LeastLatency
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.policy import Policy
from twisted_multiserver.balancing.poweroftwochoices import PowerOfTwoChoices
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.balancing.roundrobin import RoundRobin
from twisted_multiserver.balancing.stickysession import StickySession
from twisted_multiserver.balancing.weightedroundrobin import WeightedRoundRobin
from twisted_multiserver.testing import MadeExchange, makeBackend, makeRequest

BACKENDS = 4
CLIENTS = 400
# Of the capacity of all backends.
LOAD = 0.7
# Seconds: of work for a request on average, and of a whole run.
WORK = 0.01
DURATION = 60.0
SEEDS = tuple(range(1, 6))

# Seconds: how late an event loop is on average if nothing hogs it; and from, to if so.
_FREE_LAG = 0.0001
_HOGGED_LAG = (0.005, 0.015)


@dataclass(frozen=True, slots=True)
class Situation:
    """
    What is the matter with the first backend.

    @ivar name: the column's head.
    @ivar slowness: how many times longer its work takes.
    @ivar isHogged: whether its event loop lags, at each request, and says so.
    @ivar weights: what an operator who knows gives the backends.
    """

    name: str
    slowness: float = 1.0
    isHogged: bool = False
    weights: tuple[int, ...] = (1,) * BACKENDS

    @property
    def capacity(self) -> float:
        """
        Requests per second that all backends together could answer.
        """
        late = sum(_HOGGED_LAG) / 2 if self.isHogged else 0.0
        return (BACKENDS - 1) / WORK + 1 / (WORK * self.slowness + late)


SITUATIONS = (
    Situation("four equal"),
    Situation("one 4 x slower", slowness=4.0, weights=(1, 4, 4, 4)),
    Situation("one hogged", slowness=6.0, isHogged=True),
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """
    One request to come.

    @ivar at: when, in seconds.
    @ivar client: who sends it.
    @ivar work: what it takes a free backend, in seconds.
    @ivar late: what a hogged one adds, in seconds.
    """

    at: float
    client: int
    work: float
    late: float


@dataclass(frozen=True, slots=True)
class Figures:
    """
    Response times of one policy in one situation, in seconds.
    """

    p50: float
    p99: float


def arrivals(situation: Situation, seed: int, duration: float) -> list[Arrival]:
    """
    @param situation: tells how much can be asked.
    @param seed: of the draws.
    @param duration: in seconds.
    @return: all requests of a run.
    """
    draw = random.Random(f"{seed} {situation.name}")
    rate, now, found = LOAD * situation.capacity, 0.0, []
    while (now := now + draw.expovariate(rate)) < duration:
        client, work = draw.randrange(CLIENTS), draw.expovariate(1 / WORK)
        found.append(Arrival(now, client, work, draw.uniform(*_HOGGED_LAG)))
    return found


class Run:
    """
    One policy under the requests of one seed.
    """

    def __init__(
        self,
        make: Callable[[random.Random, Callable[[], float]], Policy],
        situation: Situation,
        seed: int,
        isWeighted: bool,
    ) -> None:
        """
        @param make: the policy, of a source of draws and a clock.
        @param situation: what is the matter.
        @param seed: of the draws.
        @param isWeighted: whether the operator's weights are given to the backends.
        """
        self._draw = random.Random(f"{seed} policy")
        self._now = 0.0
        self._situation = situation
        self._policy = make(self._draw, lambda: self._now)
        weights = situation.weights if isWeighted else (1,) * BACKENDS
        self._backends = tuple(
            makeBackend(f"child {slot}", weight=weight) for slot, weight in enumerate(weights)
        )
        self._free = dict.fromkeys(self._backends, 0.0)
        self._cookies: dict[int, bytes] = {}
        # When, a number that makes no two equal, and what happens.
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._times: list[float] = []

    def play(self, requests: Sequence[Arrival]) -> Figures:
        """
        @param requests: in the order of their arrival.
        @return: how long they took.
        """
        for slot, backend in enumerate(self._backends):
            self._policy.backendAdmitted(backend)
            self._report(backend, REPORT_INTERVAL * slot / BACKENDS)
        for arrival in requests:
            self._advance(arrival.at)
            self._arrive(arrival)
        while len(self._times) < len(requests):
            self._step()
        cuts = statistics.quantiles(self._times, n=100)
        return Figures(cuts[49], cuts[98])

    def _advance(self, until: float) -> None:
        while self._events[0][0] <= until:
            self._step()
        self._now = until

    def _step(self) -> None:
        self._now, _, happen = heappop(self._events)
        happen()

    def _at(self, when: float, happen: Callable[[], None]) -> None:
        heappush(self._events, (when, next(self._numbers), happen))

    def _isHogged(self, backend: Backend) -> bool:
        return self._situation.isHogged and backend is self._backends[0]

    def _report(self, backend: Backend, when: float, before: float = 0.0) -> None:
        # As a child does it (child/load.py): a peak fades by half.
        def tell() -> None:
            if self._isHogged(backend):
                lag = self._draw.uniform(*_HOGGED_LAG)
            else:
                lag = self._draw.expovariate(1 / _FREE_LAG)
            lag = max(lag, before / 2)
            backend.load = LoadReport(lag, 0, 0, self._now)
            self._report(backend, self._now + REPORT_INTERVAL, lag)

        self._at(when, tell)

    def _arrive(self, arrival: Arrival) -> None:
        request = self._requestOf(arrival.client)
        choice = self._policy.choose(request, self._backends)
        if isinstance(choice, Affinity):
            self._cookies[arrival.client] = choice.cookie.partition(b";")[0]
            choice = choice.backend
        assert isinstance(choice, Backend)
        backend, exchange = choice, MadeExchange()
        backend.begin(exchange)
        work = arrival.work
        if backend is self._backends[0]:
            work *= self._situation.slowness
        if self._isHogged(backend):
            work += arrival.late
        self._free[backend] = max(self._free[backend], self._now) + work

        def finish() -> None:
            took = self._now - arrival.at
            self._times.append(took)
            backend.statistics.firstByte(took)
            backend.finish(exchange, Outcome.ok, self._now)
            self._policy.exchangeFinished(backend, request, Outcome.ok)

        self._at(self._free[backend], finish)

    def _requestOf(self, client: int) -> RequestInfo:
        cookie = self._cookies.get(client)
        fields = [(b"Host", b"www.example.com")]
        if cookie is not None:
            fields.append((b"Cookie", cookie))
        return makeRequest(clientAddress=f"192.0.{client // 250}.{client % 250}", fields=fields)


POLICIES: Mapping[str, Callable[[random.Random, Callable[[], float]], Policy]] = {
    "round-robin": lambda draw, clock: RoundRobin(),
    "weighted-round-robin": lambda draw, clock: WeightedRoundRobin(),
    "least-connections": lambda draw, clock: LeastConnections(draw.choice),
    "power-of-two": lambda draw, clock: PowerOfTwoChoices(draw.random),
    "least-latency": lambda draw, clock: LeastLatency(draw.random, clock),
    "least-lag": lambda draw, clock: LeastLag(draw.choice, draw.random, clock),
    "consistent-hash": lambda draw, clock: ConsistentHash(),
    "sticky": lambda draw, clock: StickySession(LeastConnections(draw.choice), b"simulated key"),
}


def simulate(
    name: str, situation: Situation, seeds: Sequence[int], duration: float = DURATION
) -> Figures:
    """
    @param name: of a policy.
    @param situation: what is the matter.
    @param seeds: of the runs.
    @param duration: of each, in seconds.
    @return: the medians over the runs.
    """
    runs = [
        Run(POLICIES[name], situation, seed, name.startswith("weighted")).play(
            arrivals(situation, seed, duration)
        )
        for seed in seeds
    ]
    return Figures(
        statistics.median(run.p50 for run in runs), statistics.median(run.p99 for run in runs)
    )


def row(name: str, seeds: Sequence[int] = SEEDS, duration: float = DURATION) -> str:
    """
    @param name: of a policy.
    @param seeds: of the runs.
    @param duration: of each, in seconds.
    @return: its p50 and p99 in every situation, in Markdown.
    """
    cells = [name]
    for situation in SITUATIONS:
        figures = simulate(name, situation, seeds, duration)
        cells += [f"{figures.p50 * 1000:,.0f}", f"{figures.p99 * 1000:,.0f}"]
    return f"| {' | '.join(cells)} |"


def table(seeds: Sequence[int] = SEEDS, duration: float = DURATION) -> str:
    """
    @param seeds: of the runs.
    @param duration: of each, in seconds.
    @return: the rows of all policies under their heads, in Markdown.
    """
    # Two columns each.
    heads = [f"{situation.name}: p50 | p99" for situation in SITUATIONS]
    lines = [f"| ms | {' | '.join(heads)} |", "|---|" + "--:|" * (2 * len(SITUATIONS))]
    return "\n".join(lines + [row(name, seeds, duration) for name in POLICIES])

"""
What a choice costs: microseconds of C{choose} for each policy and 2 to 1,000 backends.

Nothing else runs: no request, no process.  All cases take turns in each round, and the
medians over the rounds are printed.  The backends differ in what they have in flight,
have answered before, and have told a load.
"""

from __future__ import annotations

import gc
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from time import monotonic, perf_counter_ns

from twisted_multiserver.balancing.affinity import Affinity
from twisted_multiserver.balancing.backend import Backend, LoadReport
from twisted_multiserver.balancing.consistenthash import ConsistentHash
from twisted_multiserver.balancing.leastconnections import LeastConnections
from twisted_multiserver.balancing.leastlag import LeastLag
from twisted_multiserver.balancing.leastlatency import LeastLatency
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.policy import Policy
from twisted_multiserver.balancing.poweroftwochoices import PowerOfTwoChoices
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.balancing.roundrobin import RoundRobin
from twisted_multiserver.balancing.stickysession import StickySession
from twisted_multiserver.balancing.weightedroundrobin import WeightedRoundRobin
from twisted_multiserver.testing import MadeExchange, makeBackend, makeRequest

SIZES = (2, 10, 128, 1000)
ROUNDS = 15
_CALLS = 2000

# What the table is held against: upper bounds in microseconds for 2 and for 128
# backends, for a key that isn't remembered, and how much dearer 1,000 may be than 10.
_ASKED = {2: 2.0, 128: 10.0}
_ASKED_OF_MISS = 40.0
_ASKED_RATIO = 1.5
_SCALING = ("round-robin", "least-connections", "power-of-two")

Act = Callable[[RequestInfo], object]
Requests = Iterator[RequestInfo]


@dataclass
class Case:
    """
    One cell of the table.

    @ivar act: what is timed.
    @ivar requests: what it is called with.
    @ivar costs: microseconds per call, one for each round.
    """

    act: Act
    requests: Requests
    costs: list[float] = field(default_factory=list)

    @property
    def cost(self) -> float:
        """
        The median over the rounds, in microseconds.
        """
        return statistics.median(self.costs)

    def run(self) -> None:
        """
        Take one turn.
        """
        act, requests = self.act, list(islice(self.requests, _CALLS))
        gc.disable()
        started = perf_counter_ns()
        for request in requests:
            act(request)
        self.costs.append((perf_counter_ns() - started) / _CALLS / 1e3)
        gc.enable()


def same() -> Requests:
    """
    @return: one request again and again.
    """
    request = makeRequest()
    while True:
        yield request


def fresh() -> Requests:
    """
    @return: requests of clients that were never seen.
    """
    for number in count():
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        yield RequestInfo(address, False, None)


def pinned(policy: Policy, backends: tuple[Backend, ...]) -> Requests:
    """
    @param policy: gives the cookie.
    @param backends: one of which the cookie names.
    @return: a request that has it, again and again.
    """
    affinity = policy.choose(makeRequest(), backends)
    assert isinstance(affinity, Affinity)
    request = makeRequest(fields=((b"Cookie", affinity.cookie.partition(b";")[0]),))
    while True:
        yield request


def someBackends(size: int) -> tuple[Backend, ...]:
    """
    @param size: how many.
    @return: backends with unequal loads.
    """
    draw = random.Random(size)
    backends = tuple(makeBackend(f"b{each}", draw.randrange(6)) for each in range(size))
    for backend in backends:
        backend.load = LoadReport(draw.uniform(0, 0.002), draw.randrange(6), 10, monotonic())
    return backends


def admitted(policy: Policy, size: int) -> tuple[Backend, ...]:
    """
    @param policy: gets them.
    @param size: how many.
    @return: backends that it knows and that have answered.
    """
    backends = someBackends(size)
    for backend in backends:
        policy.backendAdmitted(backend)
        backend.statistics.firstByte(0.01)
    return backends


def choosing(make: Callable[[], Policy], requests: Callable[[], Requests], size: int) -> Case:
    """
    @param make: a policy.
    @param requests: what it is asked with.
    @param size: of the set.
    @return: C{choose} alone.
    """
    policy = make()
    backends = admitted(policy, size)
    choose = policy.choose
    return Case(lambda request: choose(request, backends), requests())


def stickyHit(size: int) -> Case:
    """
    @param size: of the set.
    @return: a client that has a cookie.
    """
    policy = StickySession()
    backends = admitted(policy, size)
    choose = policy.choose
    return Case(lambda request: choose(request, backends), pinned(policy, backends))


def wholeExchange(size: int) -> Case:
    """
    @param size: of the set.
    @return: C{choose}, and C{begin} and C{finish}, which keep the index.
    """
    policy = LeastConnections()
    backends = admitted(policy, size)
    exchange = MadeExchange()

    def act(request: RequestInfo) -> None:
        backend = policy.choose(request, backends)
        backend.begin(exchange)
        backend.finish(exchange, Outcome.ok, 0.0)

    return Case(act, same())


def beginAndFinish(indexed: bool, size: int) -> Case:
    """
    @param indexed: whether an index of least-connections watches.
    @param size: of the set.
    @return: C{begin} and C{finish} of one backend, without a choice.
    """
    policy = LeastConnections()
    backends = admitted(policy, size)
    exchange, backend = MadeExchange(), backends[-1]
    if indexed:
        # It is made for a set that is shown twice, and watches the backends then.
        for _ in range(2):
            policy.choose(makeRequest(), backends)

    def act(request: RequestInfo) -> None:
        backend.begin(exchange)
        backend.finish(exchange, Outcome.ok, 0.0)

    return Case(act, same())


ROWS: dict[str, Callable[[int], Case]] = {
    "round-robin": lambda size: choosing(RoundRobin, same, size),
    "weighted-round-robin": lambda size: choosing(WeightedRoundRobin, same, size),
    "least-connections": lambda size: choosing(LeastConnections, same, size),
    "power-of-two": lambda size: choosing(PowerOfTwoChoices, same, size),
    "least-latency": lambda size: choosing(LeastLatency, same, size),
    "least-lag": lambda size: choosing(LeastLag, same, size),
    "consistent-hash, hit": lambda size: choosing(ConsistentHash, same, size),
    "consistent-hash, miss": lambda size: choosing(ConsistentHash, fresh, size),
    "sticky, with a cookie": stickyHit,
    "sticky, without": lambda size: choosing(StickySession, same, size),
    "least-connections, choose + begin + finish": wholeExchange,
    "begin + finish, with the index": lambda size: beginAndFinish(True, size),
    "begin + finish, without": lambda size: beginAndFinish(False, size),
}


def table(cases: dict[str, dict[int, Case]]) -> str:
    """
    @param cases: by row and size.
    @return: the table, in Markdown.
    """
    lines = [
        "| us | " + " | ".join(f"{size:,}" for size in SIZES) + " | 1,000 : 10 |",
        "|---|" + "--:|" * (len(SIZES) + 1),
    ]
    for name, row in cases.items():
        cells = [f"{row[size].cost:.2f}" for size in SIZES]
        lines.append(f"| {name} | {' | '.join(cells)} | {_ratio(row):.2f} |")
    return "\n".join(lines)


def verdict(cases: dict[str, dict[int, Case]]) -> str:
    """
    @param cases: by row and size.
    @return: what is dearer than asked; one line each.
    """
    dear = []
    for name, row in cases.items():
        if "begin" in name:
            continue
        for size, most in _ASKED.items():
            bound = _ASKED_OF_MISS if "miss" in name else most
            if row[size].cost > bound:
                dear.append(f"{name}, {size} backends: {row[size].cost:.2f} us, not {bound:g}")
        if name in _SCALING and _ratio(row) > _ASKED_RATIO:
            dear.append(f"{name}: 1,000 are {_ratio(row):.2f} x 10, not {_ASKED_RATIO:g}")
    return "\n".join(["Dearer than asked:", *dear]) if dear else "All as cheap as asked."


def _ratio(row: dict[int, Case]) -> float:
    pairs = zip(row[1000].costs, row[10].costs, strict=True)
    return statistics.median(many / few for many, few in pairs)


def main() -> None:
    """
    Run all rounds and print the table.
    """
    cases = {name: {size: make(size) for size in SIZES} for name, make in ROWS.items()}
    everyCase = [case for row in cases.values() for case in row.values()]
    for case in everyCase:
        case.run()
        case.costs.clear()
    for _ in range(ROUNDS):
        for case in everyCase:
            case.run()
    print(f"choose, medians over {ROUNDS} rounds of {_CALLS:,} calls\n")
    print(table(cases))
    print(f"\n{verdict(cases)}")


if __name__ == "__main__":
    main()

"""
What becomes of the ratio to HAProxy when there is more of everything, and of memory:
C{python -m benchmarks.growth}, or C{python -m benchmarks.gateway --growth}.

With heads as browsers send them: at 32 connections, with many idle ones open besides, with
256 and 1,000 busy ones, and again after some million requests.  Memory is resident size: of
each idle connection, beyond that of the same proxy started anew, and what those millions
added.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.idleconnections import IdleConnections
from benchmarks.proxies import Backend, Running, startProxy
from benchmarks.rounds import Contender, oneRound, processes, summary, table, turns
from benchmarks.sidebyside import (
    BROWSER,
    addCommonOptions,
    course,
    installed,
    raiseDescriptorLimit,
    write,
)

# Who takes part where nobody is named.
USUAL = ("HAProxy", "multiserver")
BUSY = (256, 1000)

# Descriptors that a process needs besides those of its idle connections.
_SPARE = 500


@dataclass
class Memory:
    """
    Resident bytes of a proxy.

    @ivar name: of the proxy.
    @ivar empty: started anew.
    @ivar idle: how many connections are then opened, used once, and kept.
    @ivar full: with them.
    @ivar failures: how many of these connections it closed, or didn't answer.
    @ivar before: of another one, after all other loads, before the millions of requests.
    @ivar after: after these.
    """

    name: str
    empty: int
    idle: int
    full: int
    failures: int
    before: int = 0
    after: int = 0


def residentBytes(pid: int) -> int:
    """
    @param pid: of a process.
    @return: the resident size of it and of its descendants.
    """
    total = 0
    for each in processes(pid):
        for line in Path(f"/proc/{each}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


class _Course:
    """
    Measures in front of one backend.
    """

    def __init__(self, running: Sequence[Running], options: argparse.Namespace) -> None:
        self._running = running
        self._options = options
        self.found: dict[str, list[Contender]] = {}

    def compete(
        self, title: str, connections: int, idle: Sequence[IdleConnections] = ()
    ) -> list[Contender]:
        """
        All rounds, in front of idle connections or not.

        @param title: of the figures.
        @param connections: the busy ones.
        @param idle: those of each proxy; these are used once before each turn.
        @return: the contenders with their figures.
        """
        contenders = [proxy.contender() for proxy in self._running]
        waiting = {each.name: those for each, those in zip(contenders, idle, strict=False)}

        def prepare(contender: Contender) -> None:
            if contender.name in waiting:
                contender.failures += waiting[contender.name].refresh()

        print(f"\n{title}", flush=True)
        options = self._options
        turns(contenders, options.rounds, connections, options.seconds, BROWSER, prepare)
        print(table(contenders), flush=True)
        self.found[title] = contenders
        return contenders

    def besides(self, connections: int, idle: int) -> None:
        """
        All rounds, with idle connections open at all proxies.

        @param connections: the busy ones.
        @param idle: how many are idle, at each.
        """
        with ExitStack() as stack:
            clients = [IdleConnections(stack, proxy, idle) for proxy in self._running]
            self.compete(f"{connections} connections, {idle:,} idle besides", connections, clients)

    def after(self, connections: int, millions: float, memory: Sequence[Memory]) -> None:
        """
        All rounds, after many requests to each.

        @param connections: kept alive.
        @param millions: of requests.
        @param memory: gets what it takes.
        """
        spent = []
        print(f"\n{millions:g} million requests to each ...", flush=True)
        for proxy, sizes in zip(self._running, memory, strict=True):
            sizes.before = residentBytes(proxy.pid)
            contender, left = proxy.contender(), millions * 1e6
            while left > 0:
                answered = oneRound(contender, connections, 5, BROWSER)
                if not answered:
                    break
                left -= answered
            sizes.after = residentBytes(proxy.pid)
            spent.append(contender)
        contenders = self.compete(
            f"{connections} connections, after {millions:g} million requests", connections
        )
        for contender, before in zip(contenders, spent, strict=True):
            contender.failures += before.failures


def idleMemory(name: str, backend: Backend, count: int) -> Memory:
    """
    @param name: of a proxy.
    @param backend: what is behind it.
    @param count: of idle connections.
    @return: what they take in a proxy that is started for it.
    """
    with ExitStack() as stack:
        proxy = startProxy(stack, name, backend)
        empty = residentBytes(proxy.pid)
        clients = IdleConnections(stack, proxy, count)
        failures = clients.refresh()
        return Memory(name, empty, count, residentBytes(proxy.pid), failures)


def measure(
    names: Sequence[str], options: argparse.Namespace
) -> tuple[dict[str, list[Contender]], list[Memory]]:
    """
    Measure all.

    @param names: of the proxies.
    @param options: see L{addOptions}.
    @return: the contenders with their figures, by title, and their memory.
    """
    most, few = raiseDescriptorLimit() - _SPARE, options.connections
    print(f"{options.rounds} rounds of {options.seconds:g} s")
    with course() as (stack, backend):
        memory = [idleMemory(name, backend, min(options.memory, most)) for name in names]
        runs = _Course([startProxy(stack, name, backend) for name in names], options)
        runs.compete(f"{few} connections", few)
        runs.besides(few, min(options.idle, most))
        for busy in BUSY:
            runs.compete(f"{busy:,} connections", busy)
        runs.after(few, options.millions, memory)
    print("\n" + _ratios(runs.found))
    print("\n" + _sizes(memory, options.millions))
    return runs.found, memory


def _ratios(found: dict[str, list[Contender]]) -> str:
    summaries = {title: summary(contenders) for title, contenders in found.items()}
    names = [figures.name for figures in next(iter(summaries.values()))]
    lines = [f"{'ratio':48}" + "".join(f"{name:>22}" for name in names)]
    for title, group in summaries.items():
        lines.append(f"{title:48}" + "".join(f"{figures.ratio:22.2f}" for figures in group))
    return "\n".join(lines)


def _sizes(memory: Sequence[Memory], millions: float) -> str:
    lines = [
        f"{'memory':22}{'empty':>12}{'idle connections':>18}{'each':>12}{'failed':>8}"
        f"{'loaded':>12}{f'{millions:g} million later':>22}"
    ]
    for sizes in memory:
        each = (sizes.full - sizes.empty) / sizes.idle
        lines.append(
            f"{sizes.name:22}{_mib(sizes.empty):>12}{sizes.idle:18,}{each:10.0f} B"
            f"{sizes.failures:8}{_mib(sizes.before):>12}{_mib(sizes.after):>22}"
        )
    return "\n".join(lines)


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def addOptions(parser: argparse.ArgumentParser) -> None:
    """
    @param parser: gets the options of the growth.
    """
    parser.add_argument("--idle", type=int, default=5000, help="connections besides (growth)")
    parser.add_argument("--memory", type=int, default=10000, help="idle connections (growth)")
    parser.add_argument("--millions", type=float, default=1, help="of requests (growth)")


def run(options: argparse.Namespace) -> None:
    """
    Measure, print the tables, and write what was asked for.

    @param options: see L{addOptions}.
    """
    names = installed(options.only or USUAL)
    found, memory = measure(names, options)
    write(
        options,
        names,
        {title: summary(contenders) for title, contenders in found.items()},
        failed=sum(sizes.failures for sizes in memory),
        memory=[asdict(sizes) for sizes in memory],
    )


def main() -> None:
    """
    C{python -m benchmarks.growth}.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    addCommonOptions(parser)
    addOptions(parser)
    run(parser.parse_args())


if __name__ == "__main__":
    main()

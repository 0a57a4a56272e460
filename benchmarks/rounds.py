"""
Alternating rounds: what every benchmark does.

All contenders are alive at once and take turns, A B C A B C, so that whatever else
the machine does falls on all of them.  Reported are medians of the per-round ratios
to the first contender, with their spread, and CPU microseconds per request of the
contender's process, from /proc/PID/schedstat.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


class Failed(Exception):
    """
    A round had errors, so that its figure means nothing.
    """


@dataclass
class Contender:
    """
    A running server.

    @ivar name: for people.
    @ivar pid: of the process whose CPU time counts.
    @ivar url: what is asked for.
    @ivar costs: CPU microseconds per request, one for each round.
    @ivar rates: requests per second, one for each round.
    """

    name: str
    pid: int
    url: str
    costs: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


def cpuSeconds(pid: int) -> float:
    """
    @param pid: of a process.
    @return: what all its threads have run so far, in seconds.
    """
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def oneRound(
    contender: Contender, connections: int, seconds: float, script: str | None = None
) -> None:
    """
    Load a contender once with wrk.

    @param contender: gets the figures.
    @param connections: kept alive.
    @param seconds: how long.
    @param script: for wrk, in Lua; L{None} for the same plain head again and again.
    @raise Failed: if a request failed.
    """
    before = cpuSeconds(contender.pid)
    output = subprocess.run(
        [
            *("taskset", "-c", str(max(os.sched_getaffinity(0)))),
            *("wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s"),
            *(() if script is None else ("-s", script)),
            contender.url,
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    spent = cpuSeconds(contender.pid) - before
    counted = re.search(r"(\d+) requests in", output)
    if counted is None or "Non-2xx" in output or "Socket errors" in output:
        raise Failed(f"{contender.name}:\n{output}")
    requests = int(counted[1])
    contender.costs.append(spent / requests * 1e6)
    contender.rates.append(requests / seconds)


def compete(
    contenders: Sequence[Contender],
    rounds: int = 9,
    connections: int = 32,
    seconds: float = 2,
    script: str | None = None,
) -> str:
    """
    Run all rounds.

    @param contenders: the first is what the others are compared with.
    @param rounds: how many.
    @param connections: kept alive.
    @param seconds: of each turn.
    @param script: see L{oneRound}.
    @return: a table.
    @raise Failed: if a request failed.
    """
    for contender in contenders:
        oneRound(contender, connections, 1, script)
        contender.costs.clear()
        contender.rates.clear()
    for _ in range(rounds):
        for contender in contenders:
            oneRound(contender, connections, seconds, script)
    lines = [
        f"{rounds} rounds of {seconds:g} s, {connections} connections",
        f"{'':28}{'CPU us/request':>16}{'ratio':>8}{'spread':>14}{'requests/s':>12}",
    ]
    for figures in summary(contenders):
        lines.append(
            f"{figures.name:28}{figures.cost:16.1f}{figures.ratio:8.2f}"
            f"{figures.least:8.2f}-{figures.most:.2f}{figures.rate:12.0f}"
        )
    return "\n".join(lines)


@dataclass(frozen=True)
class Figures:
    """
    What came of one contender.

    @ivar name: of the contender.
    @ivar cost: the median of CPU microseconds per request.
    @ivar ratio: the median of the per-round ratios to the first contender's cost.
    @ivar least: the lowest of these.
    @ivar most: the highest of these.
    @ivar rate: the median of requests per second.
    """

    name: str
    cost: float
    ratio: float
    least: float
    most: float
    rate: float


def summary(contenders: Sequence[Contender]) -> list[Figures]:
    """
    @param contenders: the first is what the others are compared with.
    @return: their figures.
    """
    found = []
    for contender in contenders:
        ratios = [
            mine / first for mine, first in zip(contender.costs, contenders[0].costs, strict=True)
        ]
        found.append(
            Figures(
                contender.name,
                statistics.median(contender.costs),
                statistics.median(ratios),
                min(ratios),
                max(ratios),
                statistics.median(contender.rates),
            )
        )
    return found

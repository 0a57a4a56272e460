"""
Alternating rounds: what every benchmark does.

All contenders are alive at once and take turns, A B C A B C, so that whatever else
the machine does falls on all of them.  Reported are medians of the per-round ratios
to the first contender, with their spread, CPU microseconds per request of the
contender's processes, from /proc/PID/schedstat, and failures: a fast proxy that drops
requests, or that answers by itself, is broken.
"""

from __future__ import annotations

import math
import os
import re
import statistics
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path


class Failed(Exception):
    """
    Requests failed, so that the figures mean nothing.
    """


@dataclass
class Contender:
    """
    A running server.

    @ivar name: for people.
    @ivar pid: of the process whose CPU time counts, with that of its descendants.
    @ivar url: what is asked for.
    @ivar costs: CPU microseconds per request, one for each round; nan for one in which
        nothing was answered.
    @ivar rates: requests per second, one for each round.
    @ivar failures: how many requests failed in all rounds.
    @ivar served: how many requests the server behind it has had; L{None} if there is none.
    """

    name: str
    pid: int
    url: str
    costs: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    failures: int = 0
    served: Callable[[], int] | None = None


def processes(pid: int) -> list[int]:
    """
    @param pid: of a process.
    @return: it and its descendants, such as the worker of nginx.
    """
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*"):
            # It may end meanwhile.
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, (task / "children").read_text().split())
    return found


def cpuSeconds(pid: int) -> float:
    """
    @param pid: of a process.
    @return: what all threads of it and of its descendants have run so far, in seconds.
    """
    spent = 0
    for each in processes(pid):
        for task in Path(f"/proc/{each}/task").glob("*"):
            with suppress(FileNotFoundError, ProcessLookupError):
                spent += int((task / "schedstat").read_text().split()[0])
    return spent / 1e9


def failures(output: str) -> int:
    """
    @param output: of wrk.
    @return: how many requests failed, as far as wrk can tell.
    """
    sockets = re.search(r"Socket errors: (.*)", output)
    answers = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    counts = re.findall(r"\d+", sockets[1]) if sockets else []
    return sum(map(int, counts)) + (int(answers[1]) if answers else 0)


def oneRound(
    contender: Contender, connections: int, seconds: float, script: str | None = None
) -> int:
    """
    Load a contender once with wrk.

    @param contender: gets the figures.
    @param connections: kept alive.
    @param seconds: how long.
    @param script: for wrk, in Lua; L{None} for the same plain head again and again.
    @return: how many requests were answered.
    """
    served = contender.served or (lambda: 0)
    before, servedBefore = cpuSeconds(contender.pid), served()
    output = subprocess.run(
        [
            *("taskset", "-c", str(max(os.sched_getaffinity(0)))),
            *("wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s"),
            *(() if script is None else ("-s", script)),
            contender.url,
        ],
        check=False,
        capture_output=True,
        text=True,
    ).stdout
    spent = cpuSeconds(contender.pid) - before
    counted = re.search(r"(\d+) requests in", output)
    requests = int(counted[1]) if counted else 0
    contender.failures += failures(output) if requests else max(1, failures(output))
    if contender.served is not None:
        # wrk can't tell an answer that the contender made up.
        contender.failures += max(0, requests - (served() - servedBefore))
    contender.costs.append(spent / requests * 1e6 if requests else math.nan)
    contender.rates.append(requests / seconds)
    return requests


def turns(
    contenders: Sequence[Contender],
    rounds: int = 9,
    connections: int = 32,
    seconds: float = 2,
    script: str | None = None,
    prepare: Callable[[Contender], object] = lambda contender: None,
) -> None:
    """
    Run all rounds, whatever fails.

    @param contenders: get the figures.
    @param rounds: how many.
    @param connections: kept alive.
    @param seconds: of each turn.
    @param script: see L{oneRound}.
    @param prepare: called before each turn.
    """
    for contender in contenders:
        prepare(contender)
        oneRound(contender, connections, 1, script)
        contender.costs.clear()
        contender.rates.clear()
    for _ in range(rounds):
        for contender in contenders:
            prepare(contender)
            oneRound(contender, connections, seconds, script)


def table(contenders: Sequence[Contender]) -> str:
    """
    @param contenders: after their rounds.
    @return: their figures, for people.
    """
    lines = [
        f"{'':28}{'CPU us/request':>16}{'ratio':>8}{'spread':>14}{'requests/s':>12}{'failed':>8}"
    ]
    for figures in summary(contenders):
        spread = f"{figures.least:.2f}-{figures.most:.2f}"
        lines.append(
            f"{figures.name:28}{figures.cost:16.1f}{figures.ratio:8.2f}"
            f"{spread:>14}{figures.rate:12.0f}{figures.failures:8}"
        )
    return "\n".join(lines)


def compete(
    contenders: Sequence[Contender],
    rounds: int = 9,
    connections: int = 32,
    seconds: float = 2,
    script: str | None = None,
) -> str:
    """
    Run all rounds; nothing may fail.

    @param contenders: the first is what the others are compared with.
    @param rounds: how many.
    @param connections: kept alive.
    @param seconds: of each turn.
    @param script: see L{oneRound}.
    @return: a table.
    @raise Failed: if a request failed.
    """
    turns(contenders, rounds, connections, seconds, script)
    figures = f"{rounds} rounds of {seconds:g} s, {connections} connections\n{table(contenders)}"
    if any(contender.failures for contender in contenders):
        raise Failed(figures)
    return figures


@dataclass(frozen=True)
class Figures:
    """
    What came of one contender; nan where nothing did.

    @ivar name: of the contender.
    @ivar cost: the median of CPU microseconds per request.
    @ivar ratio: the median of the per-round ratios to the first contender's cost.
    @ivar least: the lowest of these.
    @ivar most: the highest of these.
    @ivar rate: the median of requests per second.
    @ivar failures: how many requests failed.
    """

    name: str
    cost: float
    ratio: float
    least: float
    most: float
    rate: float
    failures: int = 0


def summary(contenders: Sequence[Contender]) -> list[Figures]:
    """
    @param contenders: the first is what the others are compared with.
    @return: their figures.
    """
    found = []
    for contender in contenders:
        pairs = zip(contender.costs, contenders[0].costs, strict=True)
        ratios = _known([mine / first for mine, first in pairs])
        found.append(
            Figures(
                contender.name,
                statistics.median(_known(contender.costs)),
                statistics.median(ratios),
                min(ratios),
                max(ratios),
                statistics.median(contender.rates),
                contender.failures,
            )
        )
    return found


def _known(values: Sequence[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)] or [math.nan]

"""
A master as a proxy, beside HAProxy, nginx, Caddy and twisted.web's ReverseProxyResource:
C{python -m benchmarks.gateway}, or C{make bench}.

All of them stand in front of the same nginx, on the same UNIX socket, each with one
thread, and are loaded in turns: with plain heads, and with heads as browsers send them,
no two alike.  Proxies are pinned to the first processor, load and server to the second.
The first one, HAProxy without any work on fields, is what the others are compared with.
What isn't installed is left out and named.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from benchmarks.chart import chart
from benchmarks.proxies import PROXIES, startBackend, startProxy
from benchmarks.rounds import Contender, compete, summary

_PEERS = Path(__file__).parent / "peers"
SITUATIONS = {"plain": None, "browser": str(_PEERS / "browser.lua")}


def measure(
    names: list[str], rounds: int, seconds: float, connections: int
) -> dict[str, list[Contender]]:
    """
    Measure all situations.

    @param names: of the proxies.
    @param rounds: how many turns each has.
    @param seconds: of each turn.
    @param connections: kept alive.
    @return: the contenders with their figures, by situation.
    """
    found: dict[str, list[Contender]] = {}
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="ms-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        backend = startBackend(stack, folder)
        running = [startProxy(stack, folder, name, backend) for name in names]
        for situation, script in SITUATIONS.items():
            contenders = [Contender(*each) for each in running]
            print(f"\n{situation} heads", flush=True)
            print(compete(contenders, rounds, connections, seconds, script), flush=True)
            found[situation] = contenders
    return found


def main() -> None:
    """
    Measure, print the tables, and write what was asked for.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each turn")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--svg", type=Path, help="draw the medians here")
    options = parser.parse_args()
    if shutil.which("wrk") is None or shutil.which("nginx") is None:
        sys.exit("wrk and nginx are needed (Debian packages)")
    names = [name for name, proxy in PROXIES.items() if shutil.which(proxy.program)]
    for missing in sorted(set(PROXIES) - set(names)):
        print(f"not installed, left out: {missing}")
    found = measure(names, options.rounds, options.seconds, options.connections)
    figures = {situation: summary(contenders) for situation, contenders in found.items()}
    if options.json:
        table = {name: [asdict(each) for each in all_] for name, all_ in figures.items()}
        options.json.write_text(json.dumps(table, indent=2) + "\n")
    if options.svg:
        options.svg.write_text(chart(figures))


if __name__ == "__main__":
    main()

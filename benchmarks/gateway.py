"""
A master as a proxy, beside HAProxy, nginx, Caddy and twisted.web's ReverseProxyResource:
C{python -m benchmarks.gateway}, or C{make bench}.

All of them stand in front of the same nginx, on the same UNIX socket, each with one
thread, and are loaded in turns.  Proxies are pinned to the first processor, load and server
to the second.  The first one, HAProxy without any work on fields, is what the others are
compared with.  What isn't installed is left out and named.  With C{--growth} it is
L{benchmarks.growth} that runs, with the same options.

The situations:

    plain       the same small head again and again
    browser     heads as browsers send them, no two alike; those of the answers differ too
    odd         heads that are valid but unusual, which a shortcut may not take
    upload      a POST of 1 KiB
    cookie      a cookie of 4 KiB
    names       names that no proxy knows, Connection before Host
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks import growth
from benchmarks.proxies import PROXIES, startProxy
from benchmarks.rounds import Contender, summary, table, turns
from benchmarks.sidebyside import (
    BROWSER,
    PEERS,
    addCommonOptions,
    course,
    installed,
    listOf,
    write,
)

SITUATIONS = {
    "plain": None,
    "browser": BROWSER,
    **{name: str(PEERS / f"{name}.lua") for name in ("odd", "upload", "cookie", "names")},
}


def measure(
    names: Sequence[str],
    situations: Sequence[str],
    rounds: int,
    seconds: float,
    connections: int,
) -> dict[str, list[Contender]]:
    """
    Measure all situations.

    @param names: of the proxies.
    @param situations: of L{SITUATIONS}.
    @param rounds: how many turns each has.
    @param seconds: of each turn.
    @param connections: kept alive.
    @return: the contenders with their figures, by situation.
    """
    found: dict[str, list[Contender]] = {}
    with course() as (stack, backend):
        running = [startProxy(stack, name, backend) for name in names]
        print(f"{rounds} rounds of {seconds:g} s, {connections} connections")
        for situation in situations:
            contenders = [proxy.contender() for proxy in running]
            print(f"\n{situation}", flush=True)
            turns(contenders, rounds, connections, seconds, SITUATIONS[situation])
            print(table(contenders), flush=True)
            found[situation] = contenders
    return found


def parser() -> argparse.ArgumentParser:
    """
    @return: what reads the command line.
    """
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    addCommonOptions(options)
    options.add_argument(
        "--situations", type=listOf(SITUATIONS), default=list(SITUATIONS), help="these: A,B"
    )
    options.add_argument("--growth", action="store_true", help="measure that instead")
    growth.addOptions(options)
    return options


def main() -> None:
    """
    Measure, print the tables, and write what was asked for.
    """
    options = parser().parse_args()
    if options.growth:
        growth.run(options)
        return
    names = installed(options.only or list(PROXIES))
    found = measure(names, options.situations, options.rounds, options.seconds, options.connections)
    write(options, names, {name: summary(each) for name, each in found.items()})


if __name__ == "__main__":
    main()

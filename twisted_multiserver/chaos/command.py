"""
The command line of C{python -m twisted_multiserver chaos}.
"""

from __future__ import annotations

import argparse
import random
import sys
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater, react

from twisted_multiserver.chaos.clients import Clients
from twisted_multiserver.chaos.faults import Killer, childrenOf
from twisted_multiserver.chaos.master import NotStarted, StartedMaster
from twisted_multiserver.chaos.tally import report


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def parser() -> argparse.ArgumentParser:
    """
    @return: of the command line.
    """
    made = argparse.ArgumentParser(
        prog="python -m twisted_multiserver chaos",
        description="Load a master while its children are killed, and tell what the clients saw."
        " The exit status is 0 if no request failed, and 1 if one did.",
    )
    which = made.add_mutually_exclusive_group(required=True)
    which.add_argument("--app", help="start a master that runs this application")
    which.add_argument("--pid", type=_count, help="try the running master with this process id")
    made.add_argument("--url", help="where the running master serves")
    made.add_argument("--path", default="/", help="what is asked for (default: /)")
    made.add_argument("--children", type=_count, default=4, help="how many (default: 4)")
    made.add_argument("--clients", type=_count, default=50, help="how many (default: 50)")
    made.add_argument(
        "--rate", type=_positive, default=200.0, help="requests per second (default: 200)"
    )
    made.add_argument(
        "--kill-every", type=_positive, default=2.0, help="seconds (default: 2)", metavar="S"
    )
    made.add_argument(
        "--for", type=_positive, default=30.0, dest="duration", help="seconds (default: 30)"
    )
    made.add_argument("--seed", type=int, default=0, help="whom chance chooses (default: 0)")
    return made


def optionsOf(arguments: list[str]) -> argparse.Namespace:
    """
    @param arguments: of the command line.
    @return: what they say.
    @raise SystemExit: if they can't be followed.
    """
    made = parser()
    options = made.parse_args(arguments)
    if not options.path.startswith("/"):
        made.error(f"--path: {options.path!r} must begin with /")
    if options.pid is None and options.url is not None:
        made.error("--url goes with --pid: a master that is started here tells its own")
    if options.pid is not None:
        if options.url is None or urlsplit(options.url).scheme != "http":
            made.error("--pid needs --url, where that master serves: http://HOST:PORT/")
        if not childrenOf(options.pid):
            made.error(f"--pid: process {options.pid} has no children")
    return options


async def _try(reactor: Any, options: argparse.Namespace) -> int:
    chance = random.Random(options.seed)
    master = None
    if options.pid is None:
        master = StartedMaster()
        url = await master.start(
            reactor,
            [
                f"--app={options.app}",
                f"--children={options.children}",
                "--listen=tcp:0:interface=127.0.0.1",
                "--sessions=none",
            ],
        )
    else:
        url = options.url.encode()
    target = url.rstrip(b"/") + options.path.encode()
    clients = Clients(reactor, target, options.clients, options.rate, chance.random)
    killer = Killer(master.pid if master is not None else options.pid, chance.choice)
    killing = LoopingCall(killer.strike)
    killing.clock = reactor
    clients.start()
    killing.start(options.kill_every, now=False)
    await deferLater(reactor, options.duration)
    killing.stop()
    await clients.stop()
    orphans = killer.orphans()
    if master is not None:
        await master.stop()
        orphans = killer.orphans()
    print(report(clients.tally, options.duration, killer.counts, orphans), end="", flush=True)
    return 1 if clients.tally.errors or orphans else 0


def main(arguments: list[str]) -> None:
    """
    Run the command.

    @param arguments: behind its name.
    @raise SystemExit: with its exit status.
    """
    options = optionsOf(arguments)

    async def run(reactor: Any) -> None:
        try:
            status = await _try(reactor, options)
        except NotStarted as error:
            print(error, file=sys.stderr)
            status = 1
        raise SystemExit(status)

    react(lambda reactor: Deferred.fromCoroutine(run(reactor)))

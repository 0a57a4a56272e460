"""
What sessions cost, and what they lose: C{python -m benchmarks.sessions}.

    stores    one caller: a load and a commit of a session of 5 fields of 100 bytes, beside the
              driver's own best raw call, alternating, on real servers (L{sessionstores})
    requests  CPU of a request at a Site in one process: without sessions, without a cookie,
              below a path without sessions, read only, and with a write (L{sessionrequests})
    sites     a request at a Site in a process of its own and behind a master, with a real
              store: p50, p99 and CPU, as ratios to the same without sessions (L{sessionsites};
              needs wrk)
    losses    4 processes that set fields of their own in one session, through HTTP: updates
              that are lost, here and with Flask-Session and Django's cached_db
              (L{sessionlosses}; needs flask-session, redis and django)

Needs redis-server, memcached and the mongod that the tests need.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from benchmarks.sessionlosses import losses
from benchmarks.sessionrequests import requests
from benchmarks.sessionsites import sites
from benchmarks.sessionstores import stores

PARTS = ("stores", "requests", "sites", "losses")


def main(arguments: list[str]) -> None:
    """
    @param arguments: of the command line.
    """
    parser = argparse.ArgumentParser(description="What sessions cost, and what they lose.")
    parser.add_argument("--only", default=",".join(PARTS), help="these parts: A,B")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=300, help="in each round")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args(arguments)
    wanted = options.only.split(",")
    found: dict[str, Any] = {}

    async def run(reactor: Any) -> None:
        if "stores" in wanted:
            found["stores"] = await stores(reactor, options.rounds, options.calls)
        if "requests" in wanted:
            found["requests"] = requests(options.rounds)
        if "sites" in wanted:
            found["sites"] = await sites(options.rounds)
        if "losses" in wanted:
            found["losses"] = await losses(reactor)
        if options.json is not None:
            options.json.write_text(json.dumps(found, indent=1) + "\n")

    react(lambda reactor: Deferred.fromCoroutine(run(reactor)))


if __name__ == "__main__":
    main(sys.argv[1:])

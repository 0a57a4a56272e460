"""
What clients see of a master whose children are ended in all ways, beside others that are treated
alike.  The exit status is 1 if anything isn't as it must be, and the last lines say what.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from chaos.course import Course
from chaos.haproxy import PROGRAM, HAProxy
from chaos.peers import Peer
from chaos.running import NotStarted, Refused
from chaos.scenario import Pace, Scenario, Subject
from chaos.seen import Row
from chaos.table import head, line
from chaos.tables import TABLES, Table


def parser() -> argparse.ArgumentParser:
    """
    @return: of the command line.
    """
    made = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    made.add_argument("--short", action="store_true", help="less, and for fewer seconds")
    made.add_argument("--seed", type=int, default=0, help="of all chance (default: 0)")
    made.add_argument("--clients", type=int, default=200, help="(default: 200)")
    made.add_argument(
        "--rate", type=float, default=300.0, help="requests per second, of all (default: 300)"
    )
    made.add_argument("--tables", default="", help="those whose names contain this")
    made.add_argument("--rows", default="", help="those whose names contain this")
    made.add_argument("--servers", default="", help="those whose names contain this")
    made.add_argument("--json", type=Path, help="write the rows there, too")
    made.add_argument("--logs", type=Path, help="keep the servers' logs in this folder")
    return made


def _missing(subject: Subject, scenario: Scenario) -> str:
    server = subject.server
    if isinstance(server, type) and issubclass(server, Peer) and not server.isInstalled():
        return server.module
    if isinstance(server, type) and issubclass(server, HAProxy) and not shutil.which(PROGRAM):
        return "haproxy"
    if scenario.needs is not None and not shutil.which(scenario.needs):
        return scenario.needs
    return ""


def _chosen(table: Table, options: argparse.Namespace) -> list[tuple[Scenario, Subject]]:
    if options.short and not (options.tables or options.rows or options.servers):
        return table.briefCells(options.seed)
    return [
        (scenario, subject)
        for scenario, subject in table.cells()
        if options.tables in table.name
        and options.rows in scenario.name
        and options.servers in subject.name
    ]


class Told:
    """
    Tells the rows.

    @ivar rows: of all tables, by their names.
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}

    def begin(self, table: Table) -> None:
        """
        @param table: whose rows follow.
        """
        self.rows[table.name] = []
        print(f"\n{head(table.name)}", flush=True)

    def tell(self, row: Row) -> None:
        """
        @param row: of the last table.
        """
        list(self.rows.values())[-1].append(row)
        print(line(row), flush=True)
        for reason, count in row.reasons.most_common():
            print(f"    {count} x {reason}", flush=True)

    def unmet(self) -> list[str]:
        """
        @return: the cells that aren't what they must be, for people.
        """
        return [each for rows in self.rows.values() for row in rows for each in row.unmet()]


async def _run(reactor: Any, options: argparse.Namespace) -> int:
    pace = Pace(options.clients, options.rate, options.seed, options.short, options.logs)
    if options.logs:
        options.logs.mkdir(parents=True, exist_ok=True)
    told, failed = Told(), []
    for table in TABLES:
        chosen = _chosen(table, options)
        if chosen:
            told.begin(table)
        for scenario, subject in chosen:
            missing = _missing(subject, scenario)
            if missing:
                print(f"{scenario.name}, {subject.name}: left out, {missing} is not installed")
                continue
            try:
                told.tell(await Course(reactor, scenario, subject, pace).run())
            except (NotStarted, Refused) as error:
                failed.append(f"{subject.name}, {scenario.name}: {error}")
    if options.json:
        rows = {name: [row.facts() for row in rows] for name, rows in told.rows.items()}
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    failed += told.unmet()
    for each in failed:
        print(each, file=sys.stderr)
    return 1 if failed else 0


def main() -> None:
    """
    @raise SystemExit: with 1 if anything isn't as it must be.
    """
    options = parser().parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    async def run(reactor: Any) -> None:
        raise SystemExit(await _run(reactor, options))

    react(lambda reactor: Deferred.fromCoroutine(run(reactor)))

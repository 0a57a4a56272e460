"""
What the benchmarks of the gateway have in common: their options, who takes part, and what
becomes of the figures.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks.chart import chart
from benchmarks.proxies import PROXIES, Backend, startBackend
from benchmarks.rounds import Figures

PEERS = Path(__file__).parent / "peers"
# Heads as browsers send them, no two alike.
BROWSER = str(PEERS / "browser.lua")

# How each says which one it is.
_VERSIONS = {"haproxy": "-v", "nginx": "-v", "caddy": "version"}


def addCommonOptions(parser: argparse.ArgumentParser) -> None:
    """
    @param parser: gets the options that all have.
    """
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each turn")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--only", type=listOf(PROXIES), help="these proxies: A,B")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--svg", type=Path, help="draw the medians here")


def listOf(choices: Collection[str]) -> Callable[[str], list[str]]:
    """
    @param choices: what may be named.
    @return: a type for argparse: names with commas between, whatever their case.
    """

    def parse(text: str) -> list[str]:
        wanted = {word.strip().lower() for word in text.split(",")}
        unknown = wanted - {choice.lower() for choice in choices}
        if unknown:
            raise argparse.ArgumentTypeError(
                f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(choices)}"
            )
        return [choice for choice in choices if choice.lower() in wanted]

    return parse


def installed(wanted: Sequence[str]) -> list[str]:
    """
    @param wanted: proxies.
    @return: those that can take part; what is missing is said, and without what is needed
        for anything the process ends.
    """
    if shutil.which("wrk") is None or shutil.which("nginx") is None:
        sys.exit("wrk and nginx are needed (Debian packages)")
    names = [name for name in wanted if shutil.which(PROXIES[name].program)]
    for missing in sorted(set(wanted) - set(names)):
        print(f"not installed, left out: {missing}")
    return names or sys.exit("nobody is left")


def raiseDescriptorLimit() -> int:
    """
    @return: how many descriptors this process, and those that it starts, may have now.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextmanager
def course() -> Iterator[tuple[ExitStack, Backend]]:
    """
    The server behind all proxies.

    @return: what ends the proxies that are started, and the server.
    """
    raiseDescriptorLimit()
    with ExitStack() as stack:
        # Short: it is part of the paths of UNIX sockets.
        folder = Path(tempfile.mkdtemp(prefix="ms-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield stack, startBackend(stack, folder)


def conditions(options: argparse.Namespace, names: Sequence[str]) -> dict[str, object]:
    """
    @param options: of the run.
    @param names: of the proxies.
    @return: what somebody who reads the figures later should know.
    """
    programs = {
        Path(PROXIES[name].program).name: _version(PROXIES[name].program)
        for name in names
        if PROXIES[name].program in _VERSIONS
    }
    return {
        "rounds": options.rounds,
        "seconds": options.seconds,
        "connections": options.connections,
        "processors": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "pythonOptimized": "--enable-optimizations"
        in (sysconfig.get_config_var("CONFIG_ARGS") or ""),
        **programs,
    }


def _version(program: str) -> str:
    ran = subprocess.run([program, _VERSIONS[program]], check=False, capture_output=True, text=True)
    return (ran.stdout + ran.stderr).splitlines()[0].strip()


def write(
    options: argparse.Namespace,
    names: Sequence[str],
    figures: Mapping[str, Sequence[Figures]],
    failed: int = 0,
    **more: object,
) -> None:
    """
    Write what was asked for, and end the process: with 1 if anything failed.

    @param options: of the run.
    @param names: of the proxies.
    @param figures: by title.
    @param failed: how many requests failed besides those in the figures.
    @param more: for the JSON.
    """
    if options.json:
        table = {
            title: [{key: _orNull(value) for key, value in asdict(each).items()} for each in group]
            for title, group in figures.items()
        }
        report = {"conditions": conditions(options, names), "figures": table, **more}
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    if options.svg:
        options.svg.write_text(chart(figures))
    failed += sum(each.failures for group in figures.values() for each in group)
    if failed:
        sys.exit(f"\n{failed} requests failed: see above whose")


def _orNull(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value

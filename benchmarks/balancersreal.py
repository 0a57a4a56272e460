"""
Policies with real children, one of which is hogged, and HAProxy beside them.

Strategy: one C{twistd multiserver} with four children.  Each request names the policy
that is to choose for it, and HAProxy forwards to the same four children by their own
sockets.  So all contenders meet the same processes in the same run; they take turns,
and the medians over the rounds are printed.

Needs wrk and haproxy (Debian packages).
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.balancersmaster import COMPARED, KNOWING, POLICY_HEADER
from benchmarks.proxies import freePort
from benchmarks.resourceface import start
from benchmarks.rounds import Failed

CHILDREN = 4
APPLICATIONS = ("resource", "wsgi")
ROUNDS = 15
SECONDS = 2
# Each has one request at a time.  The hog takes one processor for itself; on a machine
# with two, more requests would measure the queue for the other one.
CONNECTIONS = 4
# What the others' p99 is compared with.
REFERENCE = "HAProxy leastconn"

_PATIENCE = 60.0

_HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    maxconn 1000
"""
_PROXY = """
listen {balance}
    bind 127.0.0.1:{port}
    balance {balance}
"""


@dataclass
class Contender:
    """
    A way to the children.

    @ivar name: for people.
    @ivar url: what is asked for.
    @ivar header: sent with each request, if any.
    @ivar p50: milliseconds, one for each round.
    @ivar p99: milliseconds, one for each round.
    @ivar rates: requests per second, one for each round.
    """

    name: str
    url: str
    header: str | None = None
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def run(self) -> None:
        """
        Take one turn.

        @raise Failed: if a request failed.
        """
        headers = [] if self.header is None else ["-H", self.header]
        output = subprocess.run(
            [
                *("wrk", "--latency", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s"),
                *headers,
                self.url,
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        requests = re.search(r"(\d+) requests in", output)
        if requests is None or "Non-2xx" in output or "Socket errors" in output:
            raise Failed(f"{self.name}:\n{output}")
        self.p50.append(_percentile(output, 50))
        self.p99.append(_percentile(output, 99))
        self.rates.append(int(requests[1]) / SECONDS)


def _percentile(output: str, percent: int) -> float:
    found = re.search(rf"^ +{percent}% +([\d.]+)(us|ms|s)$", output, re.MULTILINE)
    if found is None:
        raise Failed(f"wrk told no latency:\n{output}")
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


def startMaster(stack: ExitStack, folder: Path, application: str) -> str:
    """
    @param stack: ends it.
    @param folder: for its sockets and its log.
    @param application: one of L{APPLICATIONS}.
    @return: its URL, once it is ready.
    @raise Failed: if it never is.
    """
    log = folder / "log"
    output = stack.enter_context(log.open("w"))
    master = start(
        stack,
        [
            *(sys.executable, str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile="),
            *("multiserver", "--listen=tcp:0:interface=127.0.0.1", f"--children={CHILDREN}"),
            f"--app=benchmarks.balancersapp:{application}",
            *("--balancer=benchmarks.balancersmaster:ByHeader", f"--state-dir={folder / 'state'}"),
            f"--chdir={Path(__file__).parent.parent}",
        ],
        env={**os.environ, "RUNTIME_DIRECTORY": str(folder)},
        stdout=output,
        stderr=output,
    )
    deadline = time.monotonic() + _PATIENCE
    while master.poll() is None and time.monotonic() < deadline:
        ready = re.search(r"ready: (http://\S+)", log.read_text())
        if ready is not None:
            return ready[1]
        time.sleep(0.1)
    raise Failed(f"the master never was ready:\n{log.read_text()}")


def startHAProxy(stack: ExitStack, folder: Path) -> list[Contender]:
    """
    @param stack: ends it.
    @param folder: where the children's sockets are, and its configuration goes.
    @return: one contender for each of its policies.
    @raise Failed: if the children can't be found.
    """
    sockets = sorted(folder.glob("multiserver-*/c-*"))
    if len(sockets) != CHILDREN:
        raise Failed(f"{CHILDREN} children, but the sockets {sockets}")
    servers = "".join(f"    server c{n} unix@{path}\n" for n, path in enumerate(sockets))
    configuration, contenders = _HAPROXY, []
    for balance in ("roundrobin", "leastconn"):
        port = freePort()
        configuration += _PROXY.format(balance=balance, port=port) + servers
        contenders.append(Contender(f"HAProxy {balance}", f"http://127.0.0.1:{port}/"))
    path = folder / "haproxy.cfg"
    path.write_text(configuration)
    start(stack, ["haproxy", "-db", "-f", str(path)], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    return contenders


def table(contenders: list[Contender]) -> str:
    """
    @param contenders: with their figures.
    @return: medians over the rounds, in Markdown.
    """
    (reference,) = (each for each in contenders if each.name == REFERENCE)
    lines = [
        f"| ms | p50 | p99 | p99 : {REFERENCE} (from - to) | requests/s |",
        "|---|--:|--:|--:|--:|",
    ]
    for each in contenders:
        ratios = [mine / other for mine, other in zip(each.p99, reference.p99, strict=True)]
        lines.append(
            f"| {each.name} | {statistics.median(each.p50):.1f} | {statistics.median(each.p99):.1f}"
            f" | {statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})"
            f" | {statistics.median(each.rates):.0f} |"
        )
    return "\n".join(lines)


def run(application: str) -> str:
    """
    Run all rounds.

    @param application: one of L{APPLICATIONS}.
    @return: the table.
    @raise Failed: if a request failed.
    """
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="ms-"))
        stack.callback(shutil.rmtree, folder)
        url = startMaster(stack, folder, application)
        contenders = [
            Contender(name, url, f"{POLICY_HEADER}: {name}") for name in (*COMPARED, KNOWING)
        ]
        contenders += startHAProxy(stack, folder)
        for _ in range(ROUNDS):
            for contender in contenders:
                contender.run()
        return table(contenders)

"""
What a request costs at a Site, with a real store (Redis) and over real connections: CPU
of the servers, under load, and how long one client waits.

All lanes take turns: the Site in one process, and as a child behind a master, each with and
without sessions.  Differences to the lane without sessions are medians of those of each
round; L{sessionrequests} tells the small ones better.  Of what one client waits, the ratios
are those of the figures of all rounds.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

from benchmarks.resourceface import start
from benchmarks.rounds import Contender, Failed, oneRound
from benchmarks.sessionmaster import Master
from benchmarks.sessionsite import EXCEPT
from tests.stores.redisserver import RedisServer

CONNECTIONS = 32
SECONDS = 1.0
ASKED = 200

BELOW = f"{EXCEPT}/x"

# What is asked for, by the name of the lane, and whether with the cookie.
LANES = {
    "no cookie": ("/", False),
    "path without sessions": (BELOW, True),
    "a cookie, untouched": ("/", True),
    "a cookie, read": ("/read", True),
    "a cookie, written": ("/write", True),
}


@dataclass
class Lane:
    """
    One kind of request to one server.

    @ivar contender: the server, and the CPU that each round cost.
    @ivar base: the lane that it is compared to; L{None} for that itself.
    @ivar script: for wrk.
    @ivar request: what one client asks.
    @ivar times: that client waited, in seconds.
    """

    contender: Contender
    base: Lane | None
    script: str
    request: bytes
    times: list[float] = field(default_factory=list)


def ask(port: int, request: bytes, count: int) -> list[float]:
    """
    @param port: of 127.0.0.1.
    @param request: to be sent again and again on one connection.
    @param count: how often.
    @return: how long each answer took, in seconds.
    @raise Failed: if one isn't what it should be.
    """
    times = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            since = time.perf_counter()
            client.sendall(request)
            answer = b""
            while not answer.endswith(b"\r\n\r\nok"):
                piece = client.recv(65536)
                if not piece:
                    raise Failed(f"{request!r} is answered {answer!r}")
                answer += piece
            times.append(time.perf_counter() - since)
            if not answer.startswith(b"HTTP/1.1 200 "):
                raise Failed(f"{request!r} is answered {answer!r}")
    return times


def cookieOf(port: int) -> str:
    """
    @param port: of a server of L{sessionsite} with sessions.
    @return: a new session's cookie.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET /write HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head = answer.decode("latin-1").lower()
    start_ = head.index("set-cookie: ") + len("set-cookie: ")
    return answer.decode("latin-1")[start_:].partition(";")[0]


def figures(lane: Lane) -> dict[str, float]:
    """
    @param lane: after its rounds.
    @return: C{cpu} of a request, what it is C{more} than in the lane that this one is compared
        to, and how long one client waits, C{p50} and C{p99}, all in microseconds; the ratios
        of these to that lane.
    """
    base = lane.base or lane
    pairs = list(zip(lane.contender.costs, base.contender.costs, strict=True))
    found = {
        "cpu": statistics.median(lane.contender.costs),
        "more": statistics.median(mine - theirs for mine, theirs in pairs),
        "cpuRatio": statistics.median(mine / theirs for mine, theirs in pairs),
    }
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        found[name] = _quantile(lane.times, share) * 1e6
        found[f"{name}Ratio"] = found[name] / (_quantile(base.times, share) * 1e6)
    return found


class Track:
    """
    The lanes to a server without sessions and to the same with them.
    """

    def __init__(self, name: str, folder: Path, plain: Contender, withSessions: Contender) -> None:
        """
        @param name: of the track.
        @param folder: for scripts.
        @param plain: without sessions; its URL ends with the port.
        @param withSessions: the other one.
        """
        self.name = name
        self._folder = folder
        cookie = cookieOf(_port(withSessions))
        nothing = self._lane("no sessions", plain, "/", None, None)
        # Reading the field costs twisted.web something by itself, and so does the path.
        shown = self._lane("no sessions, a cookie", plain, "/", cookie, None)
        below = self._lane("no sessions, a path", plain, BELOW, cookie, None)
        self.lanes = [nothing, shown, below]
        for kind, (path, hasCookie) in LANES.items():
            base = below if path == BELOW else shown if hasCookie else nothing
            with_ = cookie if hasCookie else None
            self.lanes.append(self._lane(kind, withSessions, path, with_, base))

    def _lane(
        self, kind: str, server: Contender, path: str, cookie: str | None, base: Lane | None
    ) -> Lane:
        script = self._folder / f"{self.name} {kind}.lua".replace(" ", "-")
        line = "" if cookie is None else f"Cookie: {cookie}\r\n"
        script.write_text("" if cookie is None else f'wrk.headers["Cookie"] = "{cookie}"\n')
        return Lane(
            Contender(kind, server.pid, f"{server.url}{path}"),
            base,
            str(script),
            f"GET {path} HTTP/1.1\r\nHost: a\r\n{line}\r\n".encode(),
        )

    def turn(self) -> None:
        """
        All lanes, once.
        """
        for lane in self.lanes:
            oneRound(lane.contender, CONNECTIONS, SECONDS, lane.script)
            lane.times += ask(_port(lane.contender), lane.request, ASKED)

    def table(self) -> dict[str, dict[str, float]]:
        """
        @return: all figures, which are printed, too.
        @raise Failed: if a request failed.
        """
        print(
            f"{self.name:<24}{'CPU us':>9}{'more':>8}{'ratio':>7}"
            f"{'p50 us':>9}{'ratio':>7}{'p99 us':>9}{'ratio':>7}"
        )
        found = {}
        for lane in self.lanes:
            each = found[lane.contender.name] = figures(lane)
            print(
                f"{lane.contender.name:<24}"
                f"{each['cpu']:>9.1f}{each['more']:>8.1f}{each['cpuRatio']:>7.2f}"
                f"{each['p50']:>9.0f}{each['p50Ratio']:>7.2f}"
                f"{each['p99']:>9.0f}{each['p99Ratio']:>7.2f}"
            )
        print(flush=True)
        if any(lane.contender.failures for lane in self.lanes):
            raise Failed(f"{self.name}: requests failed")
        return found


def _quantile(times: list[float], share: float) -> float:
    return sorted(times)[int(len(times) * share)]


def _port(server: Contender) -> int:
    return int(server.url.split(":")[2].partition("/")[0])


def _inOneProcess(stack: ExitStack, *words: str) -> Contender:
    command = [sys.executable, "-m", "benchmarks.sessionsite", *words]
    server = start(stack, command, stdout=subprocess.PIPE)
    assert server.stdout is not None
    return Contender("", server.pid, f"http://127.0.0.1:{int(server.stdout.readline())}")


def _behindMaster(stack: ExitStack, store: str) -> Contender:
    options = ["--app=benchmarks.sessionsite:page", "--children=1", f"--sessions={store}"]
    if store != "none":
        options.append(f"--session-except={EXCEPT}")
    master = Master(options, str(Path(__file__).parents[1]), "")
    port = stack.enter_context(master)
    return Contender("", master.pid, f"http://127.0.0.1:{port}")


def _measured(rounds: int, store: str) -> dict[str, Any]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        tracks = [
            Track("in one process", folder, _inOneProcess(stack), _inOneProcess(stack, store)),
            Track(
                "behind a master",
                folder,
                _behindMaster(stack, "none"),
                _behindMaster(stack, store),
            ),
        ]
        for track in tracks:
            track.turn()
            for lane in track.lanes:
                lane.contender.costs.clear()
                lane.times.clear()
        for _ in range(rounds):
            for track in tracks:
                track.turn()
        print(
            f"\nA request, sessions in Redis, {rounds} rounds: CPU under {CONNECTIONS} connections,"
            " and what one client waits\n"
        )
        return {track.name: track.table() for track in tracks}


async def sites(rounds: int) -> dict[str, Any]:
    """
    @param rounds: how many.
    @return: figures by track and lane.
    """
    server = RedisServer()
    await server.start()
    try:
        found: dict[str, Any] = await deferToThread(_measured, rounds, server.uri())
        return found
    finally:
        await server.stop()

"""
What the death of a child does to a master with many idle connections:
C{python -m benchmarks.idlekills}.

A client asks the master for what it answers by itself (C{OPTIONS *} with C{Max-Forwards: 0}),
again and again: how long that takes is how long the loop stood still.  Meanwhile thousands of
connections are open, others are served by the children, and one of these is killed each second.
First the same is measured for some seconds without a death.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from benchmarks.sessionmaster import Master
from twisted_multiserver.chaos.faults import childrenOf

_ASK_MASTER = b"OPTIONS * HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n"
_ASK_CHILD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
_CHILDREN = 4
_QUIET = 5.0
# What happens so shortly behind a kill is laid to it, in seconds.
_AROUND = 0.5


class Asking(threading.Thread):
    """
    A client that asks as long as it is let.

    @ivar asked: when, and how long the answer took, in seconds.
    @ivar failures: how many weren't what they should be.
    """

    def __init__(self, port: int, request: bytes, pause: float) -> None:
        """
        @param port: of the master.
        @param request: what it asks.
        @param pause: between two requests, in seconds.
        """
        super().__init__(daemon=True)
        self._port = port
        self._request = request
        self._pause = pause
        self._isOver = False
        self.asked: list[tuple[float, float]] = []
        self.failures = 0

    def run(self) -> None:
        """
        Ask.
        """
        with opened(self._port) as client:
            while not self._isOver:
                since = time.monotonic()
                client.sendall(self._request)
                if not client.recv(65536).startswith(b"HTTP/1.1 200 "):
                    self.failures += 1
                    return
                self.asked.append((since, time.monotonic() - since))
                time.sleep(self._pause)

    def end(self) -> None:
        """
        Ask no more.
        """
        self._isOver = True
        self.join()


def opened(port: int) -> socket.socket:
    """
    @param port: of the master.
    @return: a connection to it.
    """
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def told(name: str, waits: list[float]) -> None:
    """
    Print a line.

    @param name: of the line.
    @param waits: in seconds.
    """
    waits = sorted(waits)
    p50, p99 = (waits[len(waits) * part // 100] * 1000 for part in (50, 99))
    print(f"{name:<22}{len(waits):>8}{p50:>10.2f}{p99:>10.2f}{waits[-1] * 1000:>10.2f}")


def measure(port: int, master: int, count: int, seconds: int) -> int:
    """
    @param port: of the master.
    @param master: its process id.
    @param count: of idle connections.
    @param seconds: how long children are killed.
    @return: how many requests failed, and idle connections were lost.
    """
    print(f"{count} idle connections, {_CHILDREN} children, one killed each second")
    idle = [opened(port) for _ in range(count)]
    loop = Asking(port, _ASK_MASTER, 0.001)
    served = [Asking(port, _ASK_CHILD, 0.01) for _ in range(4)]
    for client in (loop, *served):
        client.start()
    time.sleep(_QUIET)
    kills: list[float] = []
    for _ in range(seconds):
        kills.append(time.monotonic())
        os.kill(random.choice(childrenOf(master)), signal.SIGKILL)
        time.sleep(1.0)
    for client in (loop, *served):
        client.end()
    print(f"{'the loop stood still':<22}{'asked':>8}{'p50 ms':>10}{'p99 ms':>10}{'most ms':>10}")
    told("without a death", [took for since, took in loop.asked if since < kills[0] - _AROUND])
    told(
        "within 0.5 s of one",
        [took for at, took in loop.asked if any(-0.05 < at - kill < _AROUND for kill in kills)],
    )
    lost = 0
    for connection in idle:
        connection.sendall(_ASK_CHILD)
        lost += not connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.close()
    failures = sum(client.failures for client in (loop, *served))
    print(
        f"requests {sum(len(each.asked) for each in served)}, failed {failures}, idle lost {lost}"
    )
    return failures + lost


def main(arguments: list[str]) -> None:
    """
    @param arguments: of the command line.
    """
    parser = argparse.ArgumentParser(description="What a death does beside idle connections.")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--for", type=int, default=20, dest="seconds", help="seconds of kills")
    options = parser.parse_args(arguments)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    words = ["--app=benchmarks.sessionsite:page", f"--children={_CHILDREN}", "--sessions=none"]
    master = Master(words, str(Path(__file__).parents[1]), "")
    with master as port:
        failed = measure(port, master.pid, options.connections, options.seconds)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])

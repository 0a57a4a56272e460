"""
How long a spawn stalls the reactor: C{python -m benchmarks.spawning}.

Both ways that Twisted has are measured in turns, with few and with many open
descriptors, and with much memory: posix_spawn(3), which looks at each descriptor first,
and fork(2), whose cost grows with the memory.  The last column is what
L{twisted_multiserver.supervision.spawning} does.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import time

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from twisted_multiserver.supervision.spawning import spawn

ROUNDS = 15
SITUATIONS = ((0, 0), (500, 0), (1000, 0), (10000, 0), (0, 300), (10000, 300))


class Ending(ProcessProtocol):
    """
    Waits for a process.
    """

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def processEnded(self, reason: Failure) -> None:
        """
        @param reason: how.
        """
        self.ended.callback(None)


async def stall(way: str) -> float:
    """
    @param way: C{"posix_spawn"}, C{"fork"} or C{"ours"}.
    @return: how long the call took, in milliseconds.
    """
    ending, argv = Ending(), ["/bin/true"]
    begun = time.perf_counter()
    if way == "ours":
        spawn(IReactorProcess(reactor), ending, argv, {}, {0: "w", 1: "r", 2: "r"})
    else:
        path = "/proc/self/cwd" if way == "fork" else None
        IReactorProcess(reactor).spawnProcess(ending, argv[0], argv, {}, path)
    taken = time.perf_counter() - begun
    await ending.ended
    return taken * 1000


async def measure() -> None:
    """
    Print the table.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ways = ("posix_spawn", "fork", "ours")
    print(f"median / maximum of {ROUNDS} rounds, ms; {sys.version.split()[0]}")
    print(f"{'descriptors':>12} {'MiB more':>9}", *(f"{way:>16}" for way in ways))
    for count, mebibytes in SITUATIONS:
        ballast = bytearray(os.urandom(1 << 20) * mebibytes)
        held = [os.open(os.devnull, os.O_RDONLY) for _ in range(count)]
        figures: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(ROUNDS):
            for way in ways:
                figures[way].append(await stall(way))
        for descriptor in held:
            os.close(descriptor)
        cells = [f"{statistics.median(figures[way]):.1f} / {max(figures[way]):.1f}" for way in ways]
        print(f"{count:>12} {len(ballast) >> 20:>9}", *(f"{cell:>16}" for cell in cells))


def main() -> None:
    """
    Measure, and end.
    """
    done = ensureDeferred(measure())
    done.addErrback(lambda failure: failure.printTraceback())
    done.addBoth(lambda _: reactor.callLater(0, reactor.stop))
    reactor.run()


if __name__ == "__main__":
    main()

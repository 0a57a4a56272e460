"""
Spawning, so that it doesn't stall the reactor.

Rule: Twisted spawns by posix_spawn(3), whatever the size of this process, but looks at
every open descriptor first; or by fork(2), whose cost grows with this process's memory.
With many descriptors open the first is the slower one by far (docs/decisions/0004).
Being given another folder to start in makes Twisted fork, so it is given another name of
the one that it is in.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from twisted.internet.interfaces import (
    IProcessProtocol,
    IReactorFDSet,
    IReactorProcess,
    IReactorTCP,
    IReactorTime,
    IReactorUNIX,
)

# Open descriptors, from which on fork(2) stalls for less (benchmarks/spawning.py).
_MANY = 500

_HERE = "/proc/self/cwd"


class Reactor(IReactorTime, IReactorProcess, IReactorTCP, IReactorFDSet, IReactorUNIX):
    """
    What supervision asks of the reactor.
    """


def _hasManyDescriptors() -> bool:
    # The lowest free number: none is wasted, so it is about how many there are.
    lowest = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.close(lowest)
    return lowest >= _MANY


def spawn(
    reactor: IReactorProcess,
    protocol: IProcessProtocol,
    argv: Sequence[str],
    environment: Mapping[str, str],
    descriptors: Mapping[int, int | str],
) -> None:
    """
    Start a process.

    @param reactor: in whose thread this is called.
    @param protocol: is told of it.
    @param argv: its command line, the program's absolute path first.
    @param environment: all of it.
    @param descriptors: as C{childFDs} of C{spawnProcess}.
    @raise OSError: if it can't be started.
    """
    reactor.spawnProcess(
        protocol,
        os.fsencode(argv[0]),
        [os.fsencode(word) for word in argv],
        {os.fsencode(name): os.fsencode(value) for name, value in environment.items()},
        path=_HERE if _hasManyDescriptors() else None,
        childFDs=descriptors,
    )

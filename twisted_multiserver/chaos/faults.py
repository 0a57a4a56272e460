"""
What is done to the children of a master.

Children are found in /proc: the processes that the master has started, its warden left out,
which looks after what they leave.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence

from twisted_multiserver.supervision.processes import commandOf

_WARDEN = "wardenprocess.py"


def childrenOf(pid: int) -> list[int]:
    """
    @param pid: of a master.
    @return: the processes of its children that run.
    """
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            listed = [int(word) for word in file.read().split()]
    except OSError:
        return []
    return [child for child in listed if isRunning(child) and _WARDEN not in commandOf(child)]


def isRunning(pid: int) -> bool:
    """
    @param pid: of a process.
    @return: whether it is there, and no zombie.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in b"ZX"
    except OSError:
        return False


class Killer:
    """
    Kills a child again and again.

    @ivar counts: what was done, how often.
    """

    def __init__(self, master: int, choose: Callable[[Sequence[int]], int]) -> None:
        """
        @param master: its pid.
        @param choose: one of several processes.
        """
        self._master = master
        self._choose = choose
        self._seen: set[int] = set()
        self.counts: Counter[str] = Counter()

    def strike(self) -> None:
        """
        Kill one of the children, if there is any.
        """
        children = childrenOf(self._master)
        self._seen.update(children)
        if not children:
            return
        try:
            os.kill(self._choose(children), signal.SIGKILL)
        except ProcessLookupError:
            # It has ended by itself meanwhile.
            return
        self.counts["kill -9"] += 1

    def orphans(self) -> int:
        """
        @return: how many of the children that were seen run, and aren't the master's any
            more.
        """
        kept = set(childrenOf(self._master))
        return sum(isRunning(pid) for pid in self._seen - kept)

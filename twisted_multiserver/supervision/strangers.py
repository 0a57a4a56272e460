"""
As process 1: the dead whom nobody else buries.

In a container the master is often process 1, to whom the kernel gives every orphan.
Its zombies must be waited for, or they fill the process table.

Rule: a zombie is a stranger's if it lived in another session than ours and the reactor
doesn't know it; a process that something else in this process has started (with
C{subprocess}, say) lives in our own session and is left to it.
"""

from __future__ import annotations

import os

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.process import reapProcessHandlers

# Seconds.
_INTERVAL = 1.0


def zombieStrangers() -> list[int]:
    """
    @return: dead children of this process that nobody will wait for.
    """
    found = []
    own, session = str(os.getpid()).encode(), os.getsid(0)
    for name in os.listdir("/proc"):
        if not name.isdecimal() or int(name) in reapProcessHandlers:
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                # The name before it may have blanks and parentheses.
                fields = file.read().rpartition(b") ")[2].split(None, 4)
        except OSError:
            continue
        if fields[0] == b"Z" and fields[1] == own and int(fields[3]) != session:
            found.append(int(name))
    return found


class Undertaker:
    """
    Looks for zombies once in a while.
    """

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: the reactor.
        """
        self._clock = clock
        self._timer: IDelayedCall | None = None

    def start(self) -> None:
        """
        Begin, if this is process 1.
        """
        if os.getpid() == 1 and self._timer is None:
            self._look()

    def stop(self) -> None:
        """
        Look no more.
        """
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _look(self) -> None:
        for pid in zombieStrangers():
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
        self._timer = self._clock.callLater(_INTERVAL, self._look)

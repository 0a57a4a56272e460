"""
What the log says of a crash, and of what comes next.
"""

from __future__ import annotations

from typing import Final

from twisted.logger import Logger

from twisted_multiserver.supervision.crash import Crash

_log: Final = Logger()


def logCrash(crash: Crash, delay: float | None = None, isSuspended: bool = False) -> None:
    """
    @param crash: how a child ended.
    @param delay: in so many seconds its successor starts; L{None} if none does for it.
    @param isSuspended: whether its slot is given up for a while.
    """
    _log.error(
        "{child} crashed: generation {generation}, pid {pid}, {how} after {uptime:.1f} s"
        "{reason}; {next}",
        child=crash.child,
        generation=crash.generation,
        pid=crash.pid,
        how=crash.description,
        uptime=crash.uptime,
        reason=f" ({crash.reason})" if crash.reason else "",
        next="no respawn" if delay is None else f"respawning in {delay:.1f} s",
    )
    if isSuspended and delay is not None:
        _log.error(
            "{child} is suspended: it failed to boot too often; a try each {delay:g} s",
            child=crash.child,
            delay=delay,
        )

"""
Children that are killed.
"""

from __future__ import annotations

import os
import signal

from chaos.course import Course
from chaos.running import CHILDREN
from chaos.scenario import Scenario

# So many children are left, at least: where boots take longer than the pause between kills, they
# would end one after the other, and a request with them.
_LEFT = 2


async def nothing(course: Course) -> None:
    """
    Nothing, so that the others can be told from it.
    """
    await course.pause(course.seconds)


async def _each(course: Course, interval: float, isBusiest: bool, left: int) -> None:
    for _ in range(round(course.seconds / interval)):
        ready = await course.whenReady(left + 1)
        if ready:
            chosen = course.chance.choice(sorted(ready))
            course.kill(max(ready, key=lambda pid: ready[pid]) if isBusiest else chosen)
        await course.pause(interval)


async def anyChild(course: Course) -> None:
    """
    Any child, each second.
    """
    await _each(course, 1.0, isBusiest=False, left=_LEFT)


async def busiest(course: Course) -> None:
    """
    The child with the most requests in flight, each second.
    """
    await _each(course, 1.0, isBusiest=True, left=_LEFT)


async def often(course: Course) -> None:
    """
    The same, twice as often, if one is left.
    """
    await _each(course, 0.5, isBusiest=True, left=1)


async def allChildren(course: Course) -> None:
    """
    All children at once, each four seconds.  They are stopped before, so that none of them takes
    what another one leaves.
    """
    for _ in range(max(1, round(course.seconds / 4.0))):
        ready = await course.whenReady(CHILDREN)
        for pid in ready:
            os.kill(pid, signal.SIGSTOP)
        for pid in ready:
            course.kill(pid)
        await course.pause(4.0)


NOTHING = Scenario("nothing", nothing, (10.0, 3.0))
ANY = Scenario("kill -9, any, each 1 s", anyChild, (30.0, 4.0))
BUSIEST = Scenario("kill -9, busiest, each 1 s", busiest, (30.0, 4.0))
OFTEN = Scenario("kill -9, busiest, each 0.5 s", often, (30.0, 3.0), budget=None)
ALL = Scenario("kill -9, all at once", allChildren, (12.0, 4.0))

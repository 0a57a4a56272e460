"""
Children that are replaced, and more or fewer of them.
"""

from __future__ import annotations

from chaos.course import Course
from chaos.running import CHILDREN, Refused
from chaos.scenario import Scenario

_BROKEN = "raise RuntimeError('the new code')\n"


async def reload(course: Course) -> None:
    """
    Five times in a row; twice in the short form.
    """
    for _ in range(round(course.seconds)):
        await course.server.reload()
        course.faults += 1


async def broken(course: Course) -> None:
    """
    With code that doesn't boot, and with code that does again.
    """
    course.write(_BROKEN)
    try:
        await course.server.reload()
    except Refused:
        course.faults += 1
    course.write()
    await course.pause(1.0)
    await course.server.reload()
    course.faults += 1


async def scale(course: Course) -> None:
    """
    To twice as many, and to a quarter of these.
    """
    await course.master.command("scale", count=CHILDREN * 2)
    course.master.events.want(CHILDREN * 2)
    await course.pause(course.seconds / 2)
    course.master.events.want(CHILDREN // 2)
    await course.master.command("scale", count=CHILDREN // 2)
    await course.pause(course.seconds / 2)
    course.faults = 2


RELOAD = Scenario("reload, again and again", reload, (5.0, 2.0))
BROKEN = Scenario("reload that doesn't boot", broken)
SCALE = Scenario("scale 4 -> 8 -> 2", scale, (6.0, 2.0))

"""
Children that end, hang or grow by themselves, and requests that make them.
"""

from __future__ import annotations

import signal

from twisted.internet.defer import Deferred, gatherResults

from chaos.clients import Asked
from chaos.course import Course
from chaos.pages import Page
from chaos.running import CHILDREN
from chaos.scenario import Scenario
from chaos.served.poison import POISON

_RUN_BUDGET = 2.0
# The stacks of a child that hangs are asked for before it is killed.
_DUMP = 1.5
# A limit that children reach some seconds after their start.
_MAX_RSS = "96M"
_LEAK = "150"
_POSTERS = 200
# Seconds; at least, for the children that are left are one or two.
_POISON_EVERY = 1.5


async def inTheMiddle(course: Course) -> None:
    """
    Each second a child ends within a response: one that is held, or one that is streamed.
    """
    for number in range(round(course.seconds)):
        await course.whenReady(CHILDREN - 1)
        isStreamed = bool(number % 2)

        def suits(page: Page, isStreamed: bool = isStreamed) -> bool:
            return page.isStreamed == isStreamed

        asked = Asked(
            "GET",
            course.load.page(suits).path,
            course.load.identity(),
            fields=(("X-Fault", f"exit={number}"),),
        )
        course.load.exchanges.append(await course.ask(asked))
        course.faults += 1
        await course.pause(1.0)


async def hang(course: Course) -> None:
    """
    The child with the most requests in flight is stopped by SIGSTOP.
    """
    for _ in range(max(1, round(course.seconds / 6.0))):
        ready = await course.server.ready()
        pid = max(ready, key=lambda pid: ready[pid])
        course.kill(pid, signal.SIGSTOP)
        await course.gone(pid, course.seconds)
        await course.pause(1.0)


async def leak(course: Course) -> None:
    """
    Each request leaves something behind.
    """
    await course.pause(course.seconds)
    course.faults = course.master.events.draining + len(course.master.events.deaths)


async def _poison(course: Course, method: str, body: bytes, field: str) -> None:
    page = course.load.page(lambda page: not page.isStreamed and page.wait > 0)
    fields = (("X-Fault", field),)
    for _ in range(max(3, round(course.seconds / _POISON_EVERY))):
        await course.whenReady(CHILDREN)
        identity = course.load.identity()
        exchange = await course.ask(Asked(method, page.path, identity, body, fields))
        course.faults += 1
        course.forgiven += exchange.got.status == 503
        await course.pause(_POISON_EVERY)


async def poisonBody(course: Course) -> None:
    """
    A POST whose body ends whoever reads it, of a page that many others post to.
    """
    await _poison(course, "POST", POISON, "")


async def poisonField(course: Course) -> None:
    """
    A GET with a field that ends whoever reads it, of a page that many others ask for.
    """
    await _poison(course, "GET", b"", "poison")


async def slowPosters(course: Course) -> None:
    """
    Clients that send a byte now and then.
    """

    async def post() -> None:
        asked = Asked(
            "POST",
            course.load.page(lambda page: True).path,
            course.load.identity(),
            b"slow" * 5,
            slowness=course.seconds,
        )
        course.load.exchanges.append(await course.ask(asked))

    posting: list[Deferred[None]] = []
    for _ in range(_POSTERS):
        posting.append(Deferred.fromCoroutine(post()))
        await course.pause(0.001)
    course.faults = _POSTERS
    await gatherResults(posting)


IN_THE_MIDDLE = Scenario("exit within a response", inTheMiddle, (20.0, 4.0))
HANG = Scenario(
    "hang (SIGSTOP)",
    hang,
    (18.0, 4.0),
    options=(f"--run-budget={_RUN_BUDGET}",),
    budget=_RUN_BUDGET + _DUMP,
)
LEAK = Scenario(
    "leak, until --max-rss",
    leak,
    (20.0, 6.0),
    options=(f"--max-rss={_MAX_RSS}",),
    variables=(("CHAOS_LEAK", _LEAK),),
)
POISON_BODY = Scenario("poison in a body", poisonBody, (15.0, 4.5))
POISON_FIELD = Scenario("poison in a field", poisonField, (15.0, 4.5))
POSTERS = Scenario("200 slow posters", slowPosters, (10.0, 4.0))

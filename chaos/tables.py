"""
Which tables there are: who is tried, and what is done to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice, product

from chaos import crashes, kills, others, reloads
from chaos.haproxy import CarefulHAProxy, HAProxy
from chaos.mastered import Master
from chaos.peers import Granian, Gunicorn, Uvicorn
from chaos.scenario import KINDS, Scenario, Subject


@dataclass(frozen=True, slots=True)
class Table:
    """
    A table.

    @ivar name: of it.
    @ivar subjects: who is tried.
    @ivar scenarios: what is done.
    @ivar brief: of these, what is done in the short form to all, and what to one after the
        other in turns.
    """

    name: str
    subjects: tuple[Subject, ...]
    scenarios: tuple[Scenario, ...]
    brief: tuple[tuple[Scenario, ...], tuple[Scenario, ...]] = ((), ())

    def cells(self) -> list[tuple[Scenario, Subject]]:
        """
        @return: all that is done, and to whom.
        """
        return list(product(self.scenarios, self.subjects))

    def briefCells(self, seed: int) -> list[tuple[Scenario, Subject]]:
        """
        @param seed: decides whose turn it is first.
        @return: what is done in the short form.
        """
        toAll, inTurns = self.brief
        turns = islice(cycle(self.subjects), seed % 3, None)
        return [*product(toAll, self.subjects), *zip(inTurns, turns, strict=False)]


TABLES = (
    Table(
        "masters",
        tuple(Subject(kind, kind, Master) for kind in KINDS),
        (
            kills.NOTHING,
            kills.ANY,
            kills.BUSIEST,
            kills.OFTEN,
            kills.ALL,
            crashes.IN_THE_MIDDLE,
            crashes.HANG,
            crashes.LEAK,
            crashes.POISON_BODY,
            crashes.POISON_FIELD,
            crashes.POSTERS,
            reloads.RELOAD,
            reloads.BROKEN,
            reloads.SCALE,
            others.RESETS,
            others.FREEZE,
            others.DEGRADED,
        ),
        (
            (kills.BUSIEST,),
            (
                kills.ALL,
                crashes.IN_THE_MIDDLE,
                crashes.HANG,
                crashes.LEAK,
                crashes.POISON_BODY,
                reloads.RELOAD,
                crashes.POSTERS,
                reloads.BROKEN,
                others.RESETS,
                reloads.SCALE,
                others.FREEZE,
                others.DEGRADED,
            ),
        ),
    ),
    Table(
        "haproxy",
        (
            *(Subject(f"HAProxy, {kind}", kind, HAProxy) for kind in KINDS),
            Subject("HAProxy, POSTs once", "twisted.web", CarefulHAProxy),
        ),
        (
            kills.NOTHING,
            kills.ANY,
            kills.ALL,
            crashes.IN_THE_MIDDLE,
            crashes.HANG,
            crashes.POISON_BODY,
            reloads.RELOAD,
            reloads.BROKEN,
        ),
    ),
    Table(
        "peers",
        (
            Subject("gunicorn", "WSGI", Gunicorn),
            Subject("uvicorn", "ASGI", Uvicorn),
            Subject("granian", "ASGI", Granian),
        ),
        (kills.NOTHING, kills.ANY, kills.ALL, reloads.RELOAD, reloads.BROKEN),
    ),
)

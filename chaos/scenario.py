"""
What is done, to whom, and how much is asked meanwhile.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos.mastered import Master
from chaos.running import Server

if TYPE_CHECKING:
    from chaos.course import Course

# What each kind of child serves.
KINDS = {
    "twisted.web": ("web", "resource"),
    "WSGI": ("wsgi", "application"),
    "ASGI": ("asgi", "application"),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """
    Who is tried.

    @ivar name: in the table.
    @ivar kind: of the application, one of L{KINDS}.
    @ivar server: makes it.
    """

    name: str
    kind: str
    server: Callable[[Any, Path, str], Server]

    @property
    def isOurs(self) -> bool:
        """
        Whether it has to keep what is promised.
        """
        return self.server is Master


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    What is done.

    @ivar name: of the row.
    @ivar strike: does it.
    @ivar seconds: how long, in the long form and in the short one.
    @ivar options: of the master.
    @ivar variables: of its environment.
    @ivar budget: what a request may have to wait, in seconds, besides that for the queue;
        L{None} if no cell of the row is bound.
    @ivar visits: the share of requests that use a session.
    @ivar countsVisits: whether these count.
    @ivar prepare: what is done before the server is started; gives further options of it.
    @ivar needs: a program that must be installed.
    """

    name: str
    strike: Callable[[Course], Awaitable[None]]
    seconds: tuple[float, float] = (10.0, 3.0)
    options: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    budget: float | None = 0.0
    visits: float = 0.0
    countsVisits: bool = False
    prepare: Callable[[Course], Awaitable[Sequence[str]]] | None = None
    needs: str | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """
    How much is asked.

    @ivar clients: how many there are.
    @ivar rate: requests per second, of all together.
    @ivar seed: of all chance.
    @ivar isShort: whether rows take their shorter time.
    @ivar logs: where logs are kept; L{None}: nowhere.
    """

    clients: int = 200
    rate: float = 300.0
    seed: int = 0
    isShort: bool = False
    logs: Path | None = None

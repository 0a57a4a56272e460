"""
The sweep: deadlines without a timer for each.

Whoever has a deadline keeps it in an attribute, so that moving it on every read
costs an assignment; one timer looks at all of them, a few times a second, and
only while there are any.  A deadline is thus met up to L{INTERVAL} late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

INTERVAL = 0.25


class Timed(Protocol):
    """
    Something with a deadline.

    @ivar deadline: in seconds of the reactor's clock; infinite for none.
    """

    deadline: float

    def overdue(self) -> None:
        """
        The deadline has passed: called once for each sweep that finds it so.
        """


class Sweep:
    """
    Looks at all deadlines.
    """

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: the reactor.
        """
        self._clock = clock
        self._timed: dict[Timed, None] = {}
        self._call: IDelayedCall | None = None

    def seconds(self) -> float:
        """
        The clock, in seconds.
        """
        return self._clock.seconds()

    def watch(self, timed: Timed) -> None:
        """
        @param timed: is looked at until L{forget}.
        """
        self._timed[timed] = None
        if self._call is None:
            self._call = self._clock.callLater(INTERVAL, self._look)

    def forget(self, timed: Timed) -> None:
        """
        @param timed: isn't looked at any more, if it was.
        """
        self._timed.pop(timed, None)

    def _look(self) -> None:
        now = self._clock.seconds()
        self._call = self._clock.callLater(INTERVAL, self._look) if self._timed else None
        for timed in [timed for timed in self._timed if timed.deadline <= now]:
            if timed in self._timed:
                timed.overdue()

"""
The load that a child reports, for policies that look at it.

Strategy: a timer that is late shows how late everything else is; so the event loop's lag
is measured by the very calls that report it.  A peak is reported as it is, and fades by
half at each report after it, so that one that falls between two looks of the master's is
not lost.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime


class LoadReporter:
    """
    Reports until the process ends.
    """

    def __init__(
        self,
        clock: IReactorTime,
        interval: float,
        busyThreads: Callable[[], tuple[int, int]],
        tell: Callable[[float, int, int], None],
    ) -> None:
        """
        @param clock: the reactor.
        @param interval: between two reports, in seconds.
        @param busyThreads: gives the threads that work for a request, and all of them.
        @param tell: takes the lag in seconds, and what C{busyThreads} gave.
        """
        self._clock = clock
        self._interval = interval
        self._busyThreads = busyThreads
        self._tell = tell
        self._lag = 0.0
        self._due = 0.0

    def start(self) -> None:
        """
        Begin.
        """
        self._next()

    def _next(self) -> None:
        self._due = self._clock.seconds() + self._interval
        self._clock.callLater(self._interval, self._report)

    def _report(self) -> None:
        lag = max(self._clock.seconds() - self._due, 0.0)
        self._lag = max(lag, self._lag / 2)
        self._tell(self._lag, *self._busyThreads())
        self._next()

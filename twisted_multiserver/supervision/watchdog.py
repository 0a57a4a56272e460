"""
The watchdog: whether a child's event loop runs.

Rule: an application of ours beats from the moment it is ready; another program is
watched from its first beat on, if it ever beats (sd_watchdog_enabled(3)).

Invariant: a stall of the master itself is blamed on no child.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Watchdog:
    """
    Watches one child.
    """

    def __init__(
        self,
        clock: IReactorTime,
        budget: float,
        hear: Callable[[], None],
        overdue: Callable[[], None],
    ) -> None:
        """
        @param clock: the reactor.
        @param budget: between two beats, in seconds.
        @param hear: hears beats that have arrived and were not read yet.
        @param overdue: called once, if there is no beat in time.
        """
        self._clock = clock
        self._budget = budget
        self._hear = hear
        self._overdue = overdue
        self._isOn = False
        self._hasBeaten = False
        self._lastBeat = 0.0
        self._timer: IDelayedCall | None = None

    def start(self, mustBeat: bool) -> None:
        """
        The child is ready.

        @param mustBeat: whether it is known to beat.
        """
        self._isOn = True
        self._lastBeat = self._clock.seconds()
        if mustBeat or self._hasBeaten:
            self._look()

    def beat(self) -> None:
        """
        There is a sign of life.
        """
        self._hasBeaten = True
        self._lastBeat = self._clock.seconds()
        if self._isOn and self._timer is None:
            self._look()

    def stop(self) -> None:
        """
        It may do what it wants.
        """
        self._isOn = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _look(self) -> None:
        """
        Look again when the budget is over at the earliest.
        """
        now = self._clock.seconds()
        if self._timer is not None and now - self._timer.getTime() > self._budget:
            # The master itself was stopped, and can't tell who else was.
            self._lastBeat = now
        # Timers come before sockets: after a stall, beats are waiting to be read.
        self._hear()
        if not self._isOn:
            return
        left = self._lastBeat + self._budget - now
        if left <= 0:
            self.stop()
            self._overdue()
        else:
            self._timer = self._clock.callLater(left, self._look)

"""
The clock of a store's server, as far as it is known.

Rule: a change that was given up must not be done any more.  A server that was frozen, or a
network that was, has it still, and would do it behind others that were acknowledged meanwhile,
and so undo them.  So each change says until when it may be done, by the server's own clock.

Strategy: the server's time is learned from answers that came quickly.  By the time of the
answer it is past, so that what is made of it is rather too early than too late: then a change
is refused that could have been done, which is told, corrected and tried again.

Invariant: without a quick answer nothing is known, and no change is refused.
"""

from __future__ import annotations

from collections.abc import Callable

# An answer that took longer says little of the present, in seconds.
_QUICK = 0.25


class ServerClock:
    """
    How far the server's clock is ahead of ours.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        """
        @param seconds: our clock.
        """
        self._seconds = seconds
        self._lead: float | None = None

    def now(self) -> float:
        """
        @return: seconds of our clock.
        """
        return self._seconds()

    def told(self, server: float, askedAt: float) -> None:
        """
        The server has told its time.

        @param server: in seconds.
        @param askedAt: when it was asked, in seconds of our clock.
        """
        now = self._seconds()
        if now - askedAt <= _QUICK:
            self._lead = server - now
        elif self._lead is not None and not server - now <= self._lead <= server - askedAt:
            # One of the clocks was set.
            self._lead = None

    def serverTime(self, ours: float) -> float | None:
        """
        @param ours: seconds of our clock.
        @return: the same moment by the server's clock, or a little before it; L{None} if
            that isn't known.
        """
        return None if self._lead is None else ours + self._lead

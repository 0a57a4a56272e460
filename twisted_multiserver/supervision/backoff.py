"""
When a child that ended is started again.

Rule: the first time at once, then after 0.1 s, doubling up to 10 s, each +-20 % at
random so that slots don't march in step; from the beginning again after a life that
was ready for at least 1 s.  After 8 boots in a row that never got ready the slot is
suspended: it tries once every 30 s.
Source: PM2's exponential backoff restart delay, with jitter and a shorter start.
"""

from __future__ import annotations

from collections.abc import Callable

FIRST = 0.1
MOST = 10.0
JITTER = 0.2
HEALTHY = 1.0
BOOTS_BEFORE_SUSPENSION = 8
SUSPENDED = 30.0


class Backoff:
    """
    The backoff of one slot.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        """
        @param random: gives numbers from 0 up to 1.
        """
        self._random = random
        self._respawns = 0
        self._failedBoots = 0

    @property
    def isSuspended(self) -> bool:
        """
        Whether it failed to boot too often in a row.
        """
        return self._failedBoots >= BOOTS_BEFORE_SUSPENSION

    def ended(self, readyFor: float | None) -> float:
        """
        A life has ended.

        @param readyFor: for how long it was ready, in seconds; L{None} if it never
            was.
        @return: after how many seconds to start the next.
        """
        if readyFor is None:
            self._failedBoots += 1
        else:
            self._failedBoots = 0
            if readyFor >= HEALTHY:
                self._respawns = 0
        if self.isSuspended:
            return SUSPENDED
        # Bounded, since 2.0 ** 1024 is an error.
        doublings = min(self._respawns - 1, 32)
        self._respawns += 1
        if doublings < 0:
            return 0.0
        spread: float = 1 + JITTER * (2 * self._random() - 1)
        return float(min(FIRST * 2.0**doublings, MOST) * spread)

"""
When a row of health checks means something.

Rule: so many bad ones in a row, and a backend is unhealthy; so many good ones, and it is healthy
again.  One of the other kind between them begins the row anew.
"""

from __future__ import annotations


class HealthCount:
    """
    Counts the checks of one backend.

    @ivar isHealthy: what they mean by now.
    """

    __slots__ = ("_fall", "_inARow", "_rise", "isHealthy")

    def __init__(self, rise: int, fall: int) -> None:
        """
        @param rise: so many good ones make it healthy.
        @param fall: so many bad ones make it unhealthy.
        """
        self._rise = rise
        self._fall = fall
        self._inARow = 0
        self.isHealthy = True

    def note(self, isGood: bool) -> bool:
        """
        @param isGood: whether a check was.
        @return: whether it is healthy by now.
        """
        if isGood is self.isHealthy:
            self._inARow = 0
            return self.isHealthy
        self._inARow += 1
        if self._inARow >= (self._rise if isGood else self._fall):
            self._inARow = 0
            self.isHealthy = isGood
        return self.isHealthy

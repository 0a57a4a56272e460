"""
A circuit breaker: a store that doesn't answer isn't asked for a while, so that requests
fail at once instead of after a deadline each.

Strategy: after some failures in a row it is open; a while later one caller may probe; its
success closes it.
"""

from __future__ import annotations

from collections.abc import Callable


class CircuitBreaker:
    """
    Decides whether the store is asked.

    @ivar failures: how many there were in a row.
    """

    def __init__(
        self, seconds: Callable[[], float], threshold: int = 5, pause: float = 1.0
    ) -> None:
        """
        @param seconds: the clock.
        @param threshold: how many failures in a row open it.
        @param pause: from opening to the next probe, in seconds.
        """
        self._seconds = seconds
        self._threshold = threshold
        self._pause = pause
        self._probeAt = 0.0
        self.failures = 0

    @property
    def state(self) -> str:
        """
        For people: C{"closed"}, C{"open"} or C{"half-open"}.
        """
        if self.failures < self._threshold:
            return "closed"
        return "open" if self._seconds() < self._probeAt else "half-open"

    def admits(self) -> bool:
        """
        Ask before each operation; with C{True} its outcome must be told.

        @return: whether the store is to be asked.
        """
        if self.failures < self._threshold:
            return True
        now = self._seconds()
        if now < self._probeAt:
            return False
        # The others wait for what becomes of this one.
        self._probeAt = now + self._pause
        return True

    def succeeded(self) -> None:
        """
        The store has answered, whatever it said.
        """
        self.failures = 0

    def failed(self) -> None:
        """
        The store has not answered.
        """
        self.failures += 1
        if self.failures >= self._threshold:
            self._probeAt = self._seconds() + self._pause

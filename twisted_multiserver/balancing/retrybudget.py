"""
How many retries a time of trouble may add to the load.

Rule: of the last 10 seconds' requests a fifth may be retried, and 10 a second always.  With
many backends in trouble each retry is one more request for those that are left; without a
bound that is how the last ones fall.  Source: Finagle's and Envoy's retry budgets.

Retries after the death of a child of ours aren't counted: they are few, and bounded by the
tries of each exchange.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

WINDOW = 10
SHARE = 0.2
ALWAYS_PER_SECOND = 10


class RetryBudget:
    """
    Counts the retries of all exchanges.
    """

    def __init__(self, seconds: Callable[[], float], requests: Callable[[], int]) -> None:
        """
        @param seconds: the clock.
        @param requests: tells how many requests there were so far, in all.
        """
        self._seconds = seconds
        self._requests = requests
        # Second, requests until it began, retries in it; the oldest first.
        self._counts: deque[list[int]] = deque()

    def take(self) -> bool:
        """
        Ask before a retry.

        @return: whether it may be done; then it is counted.
        """
        now, total = int(self._seconds()), self._requests()
        while self._counts and self._counts[0][0] <= now - WINDOW:
            self._counts.popleft()
        if not self._counts or self._counts[-1][0] != now:
            self._counts.append([now, total, 0])
        present = self._counts[-1]
        recent = total - self._counts[0][1]
        retries = sum(count for _, _, count in self._counts)
        if present[2] < ALWAYS_PER_SECOND or retries < SHARE * recent:
            present[2] += 1
            return True
        return False

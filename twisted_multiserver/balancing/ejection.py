"""
Passive ejection: a backend that keeps failing gets no requests for a while.

Rule: after so many failures in a row, with no success between them, it is out for 5 seconds,
the second time in a row for 10, and so on up to 5 minutes; so many successes after it has
come back count as having recovered.  Never more than half of the backends are out: when all
seem to fail, it is something else that fails.  One that has come back gets its share of the
requests over some seconds, not at once.

Source: Envoy's outlier detection, nginx's max_fails and slow_start.
"""

from __future__ import annotations

FAILURES = 5
PAUSE = 5.0
LONGEST = 300.0
RECOVERED = 10
SLOW_START = 10.0
_LEAST_SHARE = 0.1


class Health:
    """
    What the outcomes tell of one backend.

    @ivar ejections: how many in a row it has not recovered from.
    """

    __slots__ = ("_failures", "_readmittedAt", "_successes", "ejections")

    def __init__(self) -> None:
        self._failures = 0
        self._successes = 0
        self.ejections = 0
        self._readmittedAt: float | None = None

    @property
    def isSpotless(self) -> bool:
        """
        Whether nothing speaks against it, so that a success is no news.
        """
        return not self._failures and not self.ejections

    def succeeded(self) -> None:
        """
        It has given a whole response.
        """
        self._failures = 0
        if self.ejections:
            self._successes += 1
            if self._successes >= RECOVERED:
                self.ejections = 0

    def failed(self) -> bool:
        """
        It has failed an exchange.

        @return: whether it has done so too often in a row.
        """
        self._failures += 1
        self._successes = 0
        return self._failures >= FAILURES

    def eject(self) -> float:
        """
        Put it out.

        @return: for how long, in seconds.
        """
        self.ejections += 1
        self._failures = self._successes = 0
        return min(PAUSE * self.ejections, LONGEST)

    def readmit(self, now: float) -> None:
        """
        Take it back.

        @param now: seconds of the clock.
        """
        self._readmittedAt = now

    @property
    def isSlow(self) -> bool:
        """
        Whether it came back a short while ago.
        """
        return self._readmittedAt is not None

    def share(self, now: float) -> float:
        """
        @param now: seconds of the clock.
        @return: how much of its share of the requests it gets, above 0 and at most 1.
        """
        if self._readmittedAt is None:
            return 1.0
        passed = now - self._readmittedAt
        if passed >= SLOW_START:
            self._readmittedAt = None
            return 1.0
        return max(_LEAST_SHARE, passed / SLOW_START)


def mayEject(out: int, all_: int) -> bool:
    """
    The panic rule.

    @param out: how many backends are out already.
    @param all_: how many there are, with these.
    @return: whether another one may be put out.
    """
    return 2 * (out + 1) <= all_

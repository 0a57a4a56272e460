"""
Statistics: what is counted of each backend.

Counters are plain attributes, since they are written on every request and read
once in a while.  Time to first byte is kept twice: as an exponentially weighted
moving average for policies, and as a histogram for people.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.peakaverage import PeakAverage

# Upper bounds in seconds; one more bucket takes what is slower.
FIRST_BYTE_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_EWMA_WEIGHT = 0.1


class Statistics:
    """
    The counters of one backend.

    @ivar requests: exchanges begun.
    @ivar whole: exchanges ended well.
    @ivar failed: exchanges ended otherwise, by L{Outcome}.
    @ivar retries: exchanges that came here after another backend had failed.
    @ivar failedChecks: health checks that went wrong.
    @ivar bytesSent: request bytes sent to the backend.
    @ivar bytesReceived: response bytes received from it.
    @ivar firstByteAverage: moving average of the time to first byte, in seconds;
        L{None} before the first.
    @ivar firstBytePeak: an average that follows peaks, if a policy has put one here.
    @ivar firstByteHistogram: how many fell into each bucket of
        L{FIRST_BYTE_BOUNDS}, the last one beyond them.
    """

    __slots__ = (
        "bytesReceived",
        "bytesSent",
        "failed",
        "failedChecks",
        "firstByteAverage",
        "firstByteHistogram",
        "firstBytePeak",
        "requests",
        "retries",
        "whole",
    )

    def __init__(self) -> None:
        self.requests = 0
        self.whole = 0
        self.failed: Counter[Outcome] = Counter()
        self.retries = 0
        self.failedChecks = 0
        self.bytesSent = 0
        self.bytesReceived = 0
        self.firstByteAverage: float | None = None
        self.firstBytePeak: PeakAverage | None = None
        self.firstByteHistogram = [0] * (len(FIRST_BYTE_BOUNDS) + 1)

    def firstByte(self, seconds: float) -> None:
        """
        Note a time to first byte.

        @param seconds: from the choice of the backend to the response's head.
        """
        self.firstByteHistogram[bisect_left(FIRST_BYTE_BOUNDS, seconds)] += 1
        self._average(seconds)

    def _average(self, seconds: float) -> None:
        before = self.firstByteAverage
        self.firstByteAverage = (
            seconds if before is None else before + _EWMA_WEIGHT * (seconds - before)
        )
        if self.firstBytePeak is not None:
            self.firstBytePeak.add(seconds)

    def wholeResponse(self, seconds: float, sent: int, received: int) -> None:
        """
        Note an exchange that ended well, with a response that came at once.

        @param seconds: see L{firstByte}.
        @param sent: bytes of the request.
        @param received: bytes of the response's body.
        """
        self.whole += 1
        self.bytesSent += sent
        self.bytesReceived += received
        self.firstByteHistogram[bisect_left(FIRST_BYTE_BOUNDS, seconds)] += 1
        before = self.firstByteAverage
        if before is None or self.firstBytePeak is not None:
            self._average(seconds)
        else:
            self.firstByteAverage = before + _EWMA_WEIGHT * (seconds - before)

    @property
    def outcomes(self) -> Counter[Outcome]:
        """
        Exchanges ended, by L{Outcome}.
        """
        ended = Counter(self.failed)
        if self.whole:
            ended[Outcome.ok] = self.whole
        return ended

    @property
    def failures(self) -> int:
        """
        Exchanges whose end speaks against the backend.
        """
        return sum(count for outcome, count in self.failed.items() if outcome.isFailure)

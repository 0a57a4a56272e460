"""
Least latency: the one whose answer is likely to begin first.

Rule: of two backends drawn at random, the one with the lower cost, which is the
peak-sensitive average of its time to first byte, times one more than its exchanges in
flight, relative to its weight.  One that never answered yet is tried by one request at
a time.  A failed exchange counts as an answer after a second, so that a backend that
refuses quickly doesn't look like a quick one.
Source: Finagle's and Linkerd's "P2C + Peak EWMA".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import inf
from time import monotonic

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.base import BasePolicy
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.peakaverage import PeakAverage
from twisted_multiserver.balancing.poweroftwochoices import drawTwo
from twisted_multiserver.balancing.request import RequestInfo

# Seconds; and a floor, so that an average that has faded away still counts exchanges.
_FAILURE = 1.0
_LEAST = 0.000_1


class LeastLatency(BasePolicy):
    """
    Takes the quicker of two backends.
    """

    def __init__(
        self,
        draw: Callable[[], float] = random.random,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """
        @param draw: gives a number from 0 to below 1.
        @param clock: seconds.
        """
        self._draw = draw
        self._clock = clock

    def choose(self, request: RequestInfo, backends: Sequence[Backend]) -> Backend:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.choose}.
        """
        drawn = drawTwo(backends, self._draw)
        if drawn is None:
            return backends[0]
        first, second = drawn
        return second if self._cost(second) < self._cost(first) else first

    def backendAdmitted(self, backend: Backend) -> None:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.backendAdmitted}.
        """
        self._average(backend)

    def exchangeFinished(self, backend: Backend, request: RequestInfo, outcome: Outcome) -> None:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.exchangeFinished}.
        """
        if outcome.isFailure:
            self._average(backend).add(_FAILURE)

    def _average(self, backend: Backend) -> PeakAverage:
        average = backend.statistics.firstBytePeak
        if average is None:
            average = backend.statistics.firstBytePeak = PeakAverage(self._clock)
        return average

    def _cost(self, backend: Backend) -> float:
        latency = self._average(backend).value()
        if latency is None:
            return inf if backend.inFlight else 0.0
        return max(latency, _LEAST) * (backend.inFlight + 1) / backend.weight

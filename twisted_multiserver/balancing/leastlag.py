"""
Least lag: the child whose event loop runs freely.

Rule: the backend with the lowest cost, which is the lag of its event loop (in steps of
L{_STEP}, so that idle ones are equals, and one more), squared, times one more than what
it has to do, relative to its weight; ties at random.  What it has to do is the larger of
its exchanges in flight and, under WSGI, its busy threads.  With all threads busy a
request waits in the child, whatever the loop says: that counts as L{_FULL}.
A backend that reports nothing counts by its exchanges alone.

A child tells its lag each L{REPORT_INTERVAL}; one that is silent for longer lags for as
long as it is silent.  Of many backends L{_SAMPLE} are drawn at random and compared, so
that the cost of a choice is bounded.
Source: ours, made for Python: one thread that computes holds the interpreter for 5 ms
at a time (sys.getswitchinterval), which no count of connections shows.  By the square a
child that is hogged so costs nine times what an idle one does, and not three times: it
gets a request when every other has nine.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import inf
from time import monotonic

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.base import BasePolicy
from twisted_multiserver.balancing.request import RequestInfo

# Seconds.
REPORT_INTERVAL = 0.1
_STEP = 0.002
_FULL = 0.05
_SAMPLE = 8


class LeastLag(BasePolicy):
    """
    Takes the backend whose event loop lags least for what it has to do.

    @cvar needsLoad: children are asked to report their load.
    """

    needsLoad = True

    def __init__(
        self,
        pick: Callable[[Sequence[Backend]], Backend] = random.choice,
        draw: Callable[[], float] = random.random,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """
        @param pick: breaks a tie.
        @param draw: gives a number from 0 to below 1.
        @param clock: seconds, the one that reports are stamped with.
        """
        self._pick = pick
        self._draw = draw
        self._clock = clock

    def choose(self, request: RequestInfo, backends: Sequence[Backend]) -> Backend:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.choose}.
        """
        count = len(backends)
        if count > _SAMPLE:
            # One that is drawn twice does no harm.
            backends = [backends[int(self._draw() * count)] for _ in range(_SAMPLE)]
        now = self._clock()
        least, ties = inf, []
        for backend in backends:
            cost = _cost(backend, now)
            if cost < least:
                least, ties = cost, [backend]
            elif cost == least:
                ties.append(backend)
        return ties[0] if len(ties) == 1 else self._pick(ties)


def _cost(backend: Backend, now: float) -> float:
    load, work, lag = backend.load, backend.inFlight, 0.0
    if load is not None:
        silence = now - load.reportedAt - 2 * REPORT_INTERVAL
        lag = max(load.lag, silence)
        if load.threads:
            work = max(work, load.busyThreads)
            if load.busyThreads >= load.threads:
                lag += _FULL
    steps = int(lag / _STEP) + 1
    return steps * steps * (work + 1) / backend.weight

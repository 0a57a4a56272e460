"""
An index of backends by their load, for policies that want the least loaded of many.

Strategy: backends of equal load share a bucket; a heap holds the loads that have one.
A change moves one backend from a bucket to another, so that neither a change nor a
question depends on how many backends there are.

Invariant: the index is right as long as it hears of each change; a backend tells those
that watch it.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from twisted_multiserver.balancing.backend import Backend


class LoadIndex:
    """
    Who is least loaded among some backends: exchanges in flight relative to the weight.
    """

    def __init__(self, backends: Sequence[Backend]) -> None:
        """
        @param backends: watched until L{close}.
        """
        self._loads: dict[Backend, float] = {}
        self._places: dict[Backend, int] = {}
        self._buckets: dict[float, list[Backend]] = {}
        self._heap: list[float] = []
        for backend in backends:
            self._enter(backend)
            backend.watchers.append(self)

    def least(self) -> Sequence[Backend]:
        """
        @return: all that have the least, at least one; not to be changed.
        """
        while not self._buckets[self._heap[0]]:
            del self._buckets[heappop(self._heap)]
        return self._buckets[self._heap[0]]

    def loadChanged(self, backend: Backend) -> None:
        """
        See L{LoadWatcher<twisted_multiserver.balancing.backend.LoadWatcher>}.
        """
        bucket = self._buckets[self._loads[backend]]
        last = bucket.pop()
        if last is not backend:
            place = self._places[backend]
            bucket[place] = last
            self._places[last] = place
        self._enter(backend)

    def close(self) -> None:
        """
        Watch no more.
        """
        for backend in self._loads:
            backend.watchers.remove(self)

    def _enter(self, backend: Backend) -> None:
        load = backend.inFlight / backend.weight
        bucket = self._buckets.get(load)
        if bucket is None:
            bucket = self._buckets[load] = []
            heappush(self._heap, load)
        self._loads[backend] = load
        self._places[backend] = len(bucket)
        bucket.append(backend)

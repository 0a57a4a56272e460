"""
Least connections: whoever has least to do.

Rule: one of those with the fewest exchanges in flight, relative to their weight;
ties are broken at random.
Source: HAProxy's leastconn.  It breaks ties in turn; at random is better where
several masters share backends, since in turn they herd onto the same one.

Few backends are looked at one by one; many are kept in an index, which is made when
the set is another and follows each backend's load from then on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import inf

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.base import BasePolicy
from twisted_multiserver.balancing.loadindex import LoadIndex
from twisted_multiserver.balancing.request import RequestInfo

# From here on the index costs less than looking (benchmarks/choosing.py).
_MANY = 8


class LeastConnections(BasePolicy):
    """
    Takes the backend with the fewest exchanges in flight.
    """

    def __init__(self, pick: Callable[[Sequence[Backend]], Backend] = random.choice) -> None:
        """
        @param pick: breaks a tie.
        """
        self._pick = pick
        self._indexed: Sequence[Backend] | None = None
        self._index: LoadIndex | None = None
        self._shown: Sequence[Backend] | None = None

    def choose(self, request: RequestInfo, backends: Sequence[Backend]) -> Backend:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.choose}.
        """
        ties: Sequence[Backend]
        if len(backends) < _MANY:
            ties = _least(backends)
        elif self._index is not None and backends is self._indexed:
            ties = self._index.least()
        else:
            ties = self._leastOfMany(backends)
        return ties[0] if len(ties) == 1 else self._pick(ties)

    def backendRemoved(self, backend: Backend) -> None:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.backendRemoved}.
        """
        self._forgetIndex()

    def _leastOfMany(self, backends: Sequence[Backend]) -> Sequence[Backend]:
        # A set that is shown once (a retry leaves out who failed) is worth no index.
        if backends is not self._shown:
            self._shown = backends
            return _least(backends)
        self._forgetIndex()
        self._indexed, self._index = backends, LoadIndex(backends)
        return self._index.least()

    def _forgetIndex(self) -> None:
        if self._index is not None:
            self._index.close()
        self._indexed = self._index = None


def _least(backends: Sequence[Backend]) -> list[Backend]:
    least, ties = inf, []
    for backend in backends:
        load = backend.inFlight / backend.weight
        if load < least:
            least, ties = load, [backend]
        elif load == least:
            ties.append(backend)
    return ties

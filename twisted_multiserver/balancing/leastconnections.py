"""
Least connections: whoever has least to do.

Rule: one of those with the fewest exchanges in flight, relative to their weight;
ties are broken at random.
Source: HAProxy's leastconn.  It breaks ties in turn; at random is better where
several masters share backends, since in turn they herd onto the same one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.request import RequestInfo


class LeastConnections:
    """
    Takes the backend with the fewest exchanges in flight.
    """

    needs: frozenset[str] = frozenset()

    def __init__(self, pick: Callable[[Sequence[Backend]], Backend] = random.choice) -> None:
        """
        @param pick: breaks a tie.
        """
        self._pick = pick

    def choose(self, request: RequestInfo, backends: Sequence[Backend]) -> Backend:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.choose}.
        """
        least = min([backend.inFlight / backend.weight for backend in backends])
        ties = [backend for backend in backends if backend.inFlight / backend.weight == least]
        return ties[0] if len(ties) == 1 else self._pick(ties)

    def backendAdmitted(self, backend: Backend) -> None:
        """
        The backend itself counts what is in flight.
        """

    def backendRemoved(self, backend: Backend) -> None:
        """
        The backend itself counts what is in flight.
        """

    def exchangeFinished(self, backend: Backend, request: RequestInfo, outcome: Outcome) -> None:
        """
        The backend itself counts what is in flight.
        """

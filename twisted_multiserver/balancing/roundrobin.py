"""
Round robin: each in its turn.

Rule: backends are taken in the order of the set, one after the other, so that
over any run of choices from one set no two differ by more than one.
Source: the oldest rule of all; for servers, DNS round robin (RFC 1794).

It needs no state about load, so it is the default; where requests differ much in
time, least-connections spreads work better.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.base import BasePolicy
from twisted_multiserver.balancing.request import RequestInfo


class RoundRobin(BasePolicy):
    """
    Takes backends in turn.
    """

    def __init__(self) -> None:
        self._turn = 0

    def choose(self, request: RequestInfo, backends: Sequence[Backend]) -> Backend:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.choose}.
        """
        turn = self._turn % len(backends)
        self._turn = turn + 1
        return backends[turn]

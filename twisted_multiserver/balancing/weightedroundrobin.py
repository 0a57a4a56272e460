"""
Weighted round robin: in turn, each as often as its weight says.

Rule: at each choice every backend's credit grows by its weight; the one with the most
is taken and pays the sum of all weights.  Over a turn (as many choices as that sum)
each is taken exactly as often as its weight says, and the turns of a heavy one are
spread between the others': weights 5, 1, 1 give A A B A C A A.
Source: nginx's smooth weighted round robin (ngx_http_upstream_round_robin.c, 2012).

Credits stay when the set changes, so that a backend that comes and goes harms nobody's
share; they are centred then, so that a newcomer (credit 0) neither waits nor floods.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.base import BasePolicy
from twisted_multiserver.balancing.request import RequestInfo


class _Account:
    """
    What one backend is owed.
    """

    __slots__ = ("backend", "credit", "weight")

    def __init__(self, backend: Backend) -> None:
        """
        @param backend: whose account.
        """
        self.backend = backend
        self.weight = backend.weight
        self.credit = 0


class WeightedRoundRobin(BasePolicy):
    """
    Takes backends in turn, by their weights.
    """

    def __init__(self) -> None:
        self._accounts: dict[Backend, _Account] = {}
        self._backends: Sequence[Backend] = ()
        self._shown: list[_Account] = []
        self._total = 0

    def choose(self, request: RequestInfo, backends: Sequence[Backend]) -> Backend:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.choose}.
        """
        if backends is not self._backends:
            self._show(backends)
        best = self._shown[0]
        most = best.credit + best.weight
        for account in self._shown:
            credit = account.credit = account.credit + account.weight
            if credit > most:
                best, most = account, credit
        best.credit = most - self._total
        return best.backend

    def backendRemoved(self, backend: Backend) -> None:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.backendRemoved}.
        """
        self._accounts.pop(backend, None)

    def _show(self, backends: Sequence[Backend]) -> None:
        self._backends = backends
        known = [self._accounts[backend] for backend in backends if backend in self._accounts]
        centre = sum(account.credit for account in known) // len(known) if known else 0
        for account in known:
            account.credit -= centre
        self._shown = [
            self._accounts.setdefault(backend, _Account(backend)) for backend in backends
        ]
        self._total = sum(account.weight for account in self._shown)

"""
Weighted round robin: in turn, each as often as its weight says.

Rule: at each choice every backend's credit grows by its share of all weights; the one
with the most is taken and pays one.  Over a turn (as many choices as the sum of the
weights) each is taken exactly as often as its weight says, and the turns of a heavy one
are spread between the others': weights 5, 1, 1 give A A B A C A A.
Source: nginx's smooth weighted round robin (ngx_http_upstream_round_robin.c, 2012), which
counts the same in whole numbers.  Counted in choices, a credit keeps its meaning when
another set is shown: a retry that leaves out who failed, or one without a heavy backend.

When a backend has come or gone, credits are centred, so that a newcomer (credit 0)
neither waits nor floods.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.base import BasePolicy
from twisted_multiserver.balancing.request import RequestInfo

_ROUNDING = 1e-9


class _Account:
    """
    What one backend is owed, in choices.
    """

    __slots__ = ("backend", "credit")

    def __init__(self, backend: Backend) -> None:
        """
        @param backend: whose account.
        """
        self.backend = backend
        self.credit = 0.0


class WeightedRoundRobin(BasePolicy):
    """
    Takes backends in turn, by their weights.
    """

    def __init__(self) -> None:
        self._accounts: dict[Backend, _Account] = {}
        self._backends: Sequence[Backend] = ()
        self._shown: list[tuple[_Account, float]] = []
        self._hasLost = False

    def choose(self, request: RequestInfo, backends: Sequence[Backend]) -> Backend:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.choose}.
        """
        if backends is not self._backends:
            self._show(backends)
        best, most = None, -inf
        for account, share in self._shown:
            credit = account.credit = account.credit + share
            # What differs by less than this is equal, but for rounding.
            if credit > most + _ROUNDING:
                best, most = account, credit
        assert best is not None
        best.credit = most - 1.0
        return best.backend

    def backendRemoved(self, backend: Backend) -> None:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.backendRemoved}.
        """
        if self._accounts.pop(backend, None) is not None:
            self._hasLost = True

    def _show(self, backends: Sequence[Backend]) -> None:
        self._backends = backends
        accounts = self._accounts
        if self._hasLost or any(backend not in accounts for backend in backends):
            self._hasLost = False
            centre = sum(each.credit for each in accounts.values()) / (len(accounts) or 1)
            for account in accounts.values():
                account.credit -= centre
        total = sum(backend.weight for backend in backends)
        self._shown = [
            (accounts.setdefault(backend, _Account(backend)), backend.weight / total)
            for backend in backends
        ]

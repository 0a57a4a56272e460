"""
The policy of the master of L{benchmarks.balancersreal}: each of those compared, as a
request asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zope.interface import implementer

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.base import BasePolicy
from twisted_multiserver.balancing.leastconnections import LeastConnections
from twisted_multiserver.balancing.names import balancerNamed
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.policy import Policy
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.interfaces import ILoadBalancer

COMPARED = ("round-robin", "least-connections", "power-of-two", "least-latency", "least-lag")
# What no policy can do better than: one that knows which child is hogged.
KNOWING = "one that knows"
POLICY_HEADER = "X-Policy"


class _Knowing(BasePolicy):
    """
    Leaves out the child of slot 0.
    """

    def __init__(self) -> None:
        self._others = LeastConnections()

    def choose(self, request: RequestInfo, backends: Sequence[Backend]) -> Backend:
        """
        See L{ILoadBalancer.choose}.
        """
        return self._others.choose(request, [each for each in backends if each.slot != 0])


@implementer(ILoadBalancer)
class ByHeader:
    """
    Each request names its policy, so that all of them share a master and its children.
    """

    needs = frozenset({"head"})
    needsLoad = True

    def __init__(self) -> None:
        self._policies: dict[bytes, Policy] = {
            name.encode(): balancerNamed(name) for name in COMPARED
        }
        self._policies[KNOWING.encode()] = _Knowing()

    def choose(self, request: RequestInfo, backends: Sequence[Backend]) -> Any:
        """
        See L{ILoadBalancer.choose}.
        """
        # No copy is made of a tuple, so that it keeps its identity.
        return self._policyOf(request).choose(request, tuple(backends))

    def backendAdmitted(self, backend: Backend) -> None:
        """
        See L{ILoadBalancer.backendAdmitted}.
        """
        for policy in self._policies.values():
            policy.backendAdmitted(backend)

    def backendRemoved(self, backend: Backend) -> None:
        """
        See L{ILoadBalancer.backendRemoved}.
        """
        for policy in self._policies.values():
            policy.backendRemoved(backend)

    def exchangeFinished(self, backend: Backend, request: RequestInfo, outcome: Outcome) -> None:
        """
        See L{ILoadBalancer.exchangeFinished}.
        """
        self._policyOf(request).exchangeFinished(backend, request, outcome)

    def _policyOf(self, request: RequestInfo) -> Policy:
        assert request.head is not None
        (name,) = request.head.values(POLICY_HEADER.lower().encode())
        return self._policies[name]

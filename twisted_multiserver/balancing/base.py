"""
What most policies have in common: nothing to do at what they are told.
"""

from __future__ import annotations

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.request import RequestInfo


class BasePolicy:
    """
    A policy that looks at no head and keeps nothing; C{choose} is for its heirs.

    @cvar needs: see L{ILoadBalancer<twisted_multiserver.interfaces.ILoadBalancer>}.
    """

    needs: frozenset[str] = frozenset()

    def backendAdmitted(self, backend: Backend) -> None:
        """
        Nothing is kept of backends.
        """

    def backendRemoved(self, backend: Backend) -> None:
        """
        Nothing is kept of backends.
        """

    def exchangeFinished(self, backend: Backend, request: RequestInfo, outcome: Outcome) -> None:
        """
        Nothing is kept of exchanges.
        """

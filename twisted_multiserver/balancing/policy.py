"""
L{ILoadBalancer<twisted_multiserver.interfaces.ILoadBalancer>} for type checkers.

zope's interfaces are checked at run time; a class that declares its interface
elsewhere, as our policies do, is recognised by its shape.
"""

from __future__ import annotations

from typing import Protocol

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.request import RequestInfo


class BadChoice(Exception):
    """
    A policy gave back what it must not: something that isn't among the backends
    it was shown.
    """


class Policy(Protocol):
    """
    The shape of a policy; what each part means is said at the interface.
    """

    @property
    def needs(self) -> frozenset[str]:
        """
        What C{choose} looks at.
        """

    def choose(self, request: RequestInfo, backends: tuple[Backend, ...], /) -> object:
        """
        Choose; the result is checked when it is there.
        """

    def backendAdmitted(self, backend: Backend, /) -> None:
        """
        A backend may be chosen from now on.
        """

    def backendRemoved(self, backend: Backend, /) -> None:
        """
        A backend won't be shown any more.
        """

    def exchangeFinished(self, backend: Backend, request: RequestInfo, outcome: Outcome, /) -> None:
        """
        An exchange has ended.
        """

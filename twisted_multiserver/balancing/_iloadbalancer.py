"""
What a policy is: the interfaces between the gateway and an L{ILoadBalancer}.

The policies themselves import no zope; that they provide the interface is said
here, at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface, classImplements

from twisted_multiserver.balancing.affinity import Affinity
from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.consistenthash import ConsistentHash
from twisted_multiserver.balancing.leastconnections import LeastConnections
from twisted_multiserver.balancing.leastlag import LeastLag
from twisted_multiserver.balancing.leastlatency import LeastLatency
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.poweroftwochoices import PowerOfTwoChoices
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.balancing.roundrobin import RoundRobin
from twisted_multiserver.balancing.stickysession import StickySession
from twisted_multiserver.balancing.weightedroundrobin import WeightedRoundRobin


class IRequestInfo(Interface):
    """
    What a policy may know of a request.
    """

    clientAddress: str = Attribute("The client's IP address as text; empty if it has none.")
    secure: bool = Attribute("Whether the client came by TLS.")
    head: object = Attribute(
        "The L{RequestHead<twisted_multiserver.http1.heads.RequestHead>}, or L{None} where the"
        " policy doesn't need it and it was not read yet."
    )


class IBackend(Interface):
    """
    One address that requests can be forwarded to.
    """

    address: str = Attribute("The canonical address; what a backend is known by.")
    name: str = Attribute("For people, such as C{'child 2'}.")
    weight: int = Attribute("Its share relative to the others, at least 1.")
    inFlight: int = Attribute("Exchanges assigned to it and not finished.")
    load: object = Attribute(
        "What the child last reported of its load, a"
        " L{LoadReport<twisted_multiserver.balancing.backend.LoadReport>}; L{None} if it"
        " reports none."
    )
    statistics: object = Attribute(
        "What was counted: L{Statistics<twisted_multiserver.balancing.statistics.Statistics>}."
    )


class ILoadBalancer(Interface):
    """
    A policy: decides which backend takes a request.

    Every method is called in the reactor's thread.  An exception from one is
    logged; from L{choose}, it fails the one request with 500.

    Two attributes are optional.  C{affinityCookie} (bytes): the name of the cookie that
    its L{Affinity} sends; it is not forwarded to the application.  C{needsLoad} (L{True}):
    children that run an application report their load, as L{IBackend.load}.
    """

    needs: frozenset[str] = Attribute(
        "C{frozenset({'head'})} if the policy looks at L{IRequestInfo.head}, else empty."
    )

    def choose(
        request: RequestInfo, backends: Sequence[Backend]
    ) -> Backend | Affinity | Deferred[Backend | Affinity | None] | None:
        """
        Choose.

        @param request: an L{IRequestInfo}.
        @param backends: the L{IBackend}s that may be chosen, at least one; those
            that failed this request already are left out.  As long as the set is
            the same it is the same tuple, so that what was computed for it may be
            kept by its identity.
        @return: one of C{backends}, an L{Affinity} that names one, or a
            C{Deferred} of these; L{None} if none suits now: the request waits and
            is asked for again.
        """

    def backendAdmitted(backend: Backend) -> None:
        """
        A backend may be chosen from now on.

        @param backend: an L{IBackend}.
        """

    def backendRemoved(backend: Backend) -> None:
        """
        A backend won't be shown any more; exchanges may still finish there.

        @param backend: an L{IBackend}.
        """

    def exchangeFinished(backend: Backend, request: RequestInfo, outcome: Outcome) -> None:
        """
        An exchange has ended: called exactly once for every backend that
        L{choose} gave back, also if it was busy or gone, or if the client left.

        @param backend: as chosen.
        @param request: as given to L{choose}.
        @param outcome: how it ended.
        """


classImplements(Backend, IBackend)
classImplements(RequestInfo, IRequestInfo)
classImplements(RoundRobin, ILoadBalancer)
classImplements(WeightedRoundRobin, ILoadBalancer)
classImplements(LeastConnections, ILoadBalancer)
classImplements(PowerOfTwoChoices, ILoadBalancer)
classImplements(LeastLatency, ILoadBalancer)
classImplements(LeastLag, ILoadBalancer)
classImplements(ConsistentHash, ILoadBalancer)
classImplements(StickySession, ILoadBalancer)

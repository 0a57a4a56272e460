"""
Traffic: what supervision asks of distribution.

The two never meet; the master gives each child that is ready to the pool as a
backend of its own, known by the address of its incarnation's socket.
"""

from __future__ import annotations

from time import monotonic

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IReactorSocket, IReactorTCP, IReactorTime

from twisted_multiserver.balancing.backend import Backend, BackendKind, LoadReport
from twisted_multiserver.gateway.dial import EndpointDialer, UNIXDialer
from twisted_multiserver.gateway.dialer import Dialer
from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.streams.adopting import Adopter
from twisted_multiserver.supervision.child import Child


class Reactor(IReactorTime, IReactorSocket, IReactorTCP):
    """
    What reaching children asks of the reactor.
    """


class ChildTraffic:
    """
    Makes backends of children.
    """

    def __init__(self, reactor: Reactor, distribution: Distribution, adopter: Adopter) -> None:
        """
        @param reactor: reaches the children.
        @param distribution: gets the backends.
        @param adopter: makes streams.
        """
        self._adopter = adopter
        self._reactor = reactor
        self._distribution = distribution
        self._backends: dict[Child, Backend] = {}

    def expect(self, slot: int) -> None:
        """
        Requests may wait for a slot.

        @param slot: starting, or in backoff.
        """
        self._distribution.pool.expect(slot)

    def unexpect(self, slot: int) -> None:
        """
        Nothing will come of a slot for now.

        @param slot: suspended, or removed.
        """
        self._distribution.pool.unexpect(slot)

    def admit(self, child: Child, places: int | None = None) -> None:
        """
        Let a child be chosen.

        @param child: ready.
        @param places: how many requests it works for at once; L{None} for any number.
        """
        kind = BackendKind.child if child.isApplication else BackendKind.program
        backend = Backend(child.address, kind, child.name, child.slot, limit=places)
        self._backends[child] = backend
        self._distribution.add(backend, self._dialer(child.address))

    def limit(self, child: Child, places: int) -> None:
        """
        Give a child no more at once.

        @param child: an application, admitted or not.
        @param places: how many requests it works for at once.
        """
        backend = self._backends.get(child)
        if backend is not None:
            backend.limit = places
            self._distribution.settle()

    def reported(self, child: Child, lag: float, busyThreads: int, threads: int) -> None:
        """
        Note a child's load.

        @param child: an application.
        @param lag: how late its event loop is, in seconds.
        @param busyThreads: threads that work for a request.
        @param threads: all of them.
        """
        backend = self._backends.get(child)
        if backend is not None:
            backend.load = LoadReport(lag, busyThreads, threads, monotonic())

    def requestsOf(self, child: Child) -> int:
        """
        @param child: ready, admitted or not.
        @return: how many requests it got so far.
        """
        backend = self._backends.get(child)
        return 0 if backend is None else backend.statistics.requests

    def _dialer(self, address: str) -> Dialer:
        kind, _, rest = address.partition(":")
        if kind == "unix":
            return UNIXDialer(self._reactor, rest, self._adopter)
        host, _, port = rest.rpartition(":")
        endpoint = TCP4ClientEndpoint(self._reactor, host, int(port))
        budget = self._distribution.budgets.connect
        return EndpointDialer(self._reactor, endpoint, budget, self._adopter)

    def drain(self, child: Child) -> Deferred[None]:
        """
        Choose a child no more.

        @param child: admitted, or not.
        @return: fires when nothing is in flight there.
        """
        drained: Deferred[None] = Deferred()
        backend = self._backends.get(child)
        if backend is None:
            drained.callback(None)
        else:
            self._distribution.pool.drain(backend, lambda: drained.callback(None))
        return drained

    def remove(self, child: Child, crashed: bool) -> tuple[str, ...]:
        """
        Forget a child.

        @param child: gone.
        @param crashed: whether nobody had asked it to go.
        @return: what was in flight there, for people.
        """
        backend = self._backends.pop(child, None)
        if backend is None:
            return ()
        lost = self._distribution.pool.remove(backend)
        if crashed:
            self._distribution.crashed(backend, lost)
        return tuple(each.description for each in lost)

"""
Traffic: what supervision asks of distribution.

The two never meet; the master gives each child that is ready to the pool as a
backend of its own, known by the address of its incarnation's socket.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorSocket

from twisted_multiserver.balancing.backend import Backend, BackendKind
from twisted_multiserver.gateway.dial import UNIXDialer
from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.supervision.child import Child


class ChildTraffic:
    """
    Makes backends of children.
    """

    def __init__(self, reactor: IReactorSocket, distribution: Distribution) -> None:
        """
        @param reactor: reaches the children's sockets.
        @param distribution: gets the backends.
        """
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

    def admit(self, child: Child) -> None:
        """
        Let a child be chosen.

        @param child: ready.
        """
        backend = Backend(f"unix:{child.socketPath}", BackendKind.child, child.name, child.slot)
        self._backends[child] = backend
        self._distribution.add(backend, UNIXDialer(self._reactor, child.socketPath))

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

    def remove(self, child: Child) -> tuple[str, ...]:
        """
        Forget a child.

        @param child: gone.
        @return: what was in flight there, for people.
        """
        backend = self._backends.pop(child, None)
        return () if backend is None else self._distribution.pool.remove(backend)

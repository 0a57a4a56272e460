"""
The pool: all backends with their states.

Strategy: the set that may be chosen from is a tuple, rebuilt only when the set
changes; a policy may keep what it computed for as long as the tuple's identity
is the same.  Whoever cares (policies, connections, waiting exchanges) observes.

Invariants: one backend for an address; a backend is announced as admitted before
it can be chosen and as removed after it can no longer be; a draining backend is
told as drained exactly once, when its last exchange has finished; slots that are
starting or in backoff are I{expected}: a request may wait for them; never more than half
of the backends that could be chosen are ejected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted_multiserver.balancing.backend import Backend, BackendState
from twisted_multiserver.balancing.ejection import mayEject
from twisted_multiserver.balancing.openexchange import Lost

# How long before the exit of a child is seen its sockets may have ended, in seconds.
_DEATH_WINDOW = 1.0


class PoolObserver(Protocol):
    """
    Told of every change of the set that may be chosen from.
    """

    def backendAdmitted(self, backend: Backend) -> None:
        """
        @param backend: may be chosen from now on.
        """

    def backendRemoved(self, backend: Backend) -> None:
        """
        @param backend: may not be chosen any more (draining, or gone).
        """

    def backendGone(self, backend: Backend) -> None:
        """
        @param backend: its process or server is no more; what is in flight there
            won't be answered.
        """

    def poolChanged(self) -> None:
        """
        Waiting exchanges may have reason to go on: the set, what is expected, or
        a backend's load has changed.
        """


class AlreadyInPool(ValueError):
    """
    There is a backend with this address already.
    """


class Pool:
    """
    All backends.

    @ivar admissible: those that may be chosen; another tuple only when the set
        is another.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        """
        @param seconds: the clock.
        """
        self._seconds = seconds
        self._backends: dict[str, Backend] = {}
        self._expected: set[int] = set()
        # With the reasons, each of which keeps it out.
        self._ejected: dict[Backend, set[str]] = {}
        self._drained: dict[Backend, list[Callable[[], None]]] = {}
        self._observers: list[PoolObserver] = []
        self.admissible: tuple[Backend, ...] = ()

    def observe(self, observer: PoolObserver) -> None:
        """
        @param observer: is told of every change from now on.
        """
        self._observers.append(observer)

    @property
    def isExpecting(self) -> bool:
        """
        Whether a slot is starting or in backoff.
        """
        return bool(self._expected)

    def backends(self) -> tuple[Backend, ...]:
        """
        All backends, draining ones too.
        """
        return tuple(self._backends.values())

    def find(self, address: str) -> Backend | None:
        """
        @param address: a canonical address.
        @return: the backend there, if there is one.
        """
        return self._backends.get(address)

    def expect(self, slot: int) -> None:
        """
        A slot is starting or in backoff.

        @param slot: the child's place.
        """
        self._expected.add(slot)

    def unexpect(self, slot: int) -> None:
        """
        Nothing will come of a slot for now.

        @param slot: the child's place.
        """
        self._expected.discard(slot)
        self._changed()

    def admit(self, backend: Backend) -> None:
        """
        Let a backend be chosen.

        @param backend: one that is not in the pool.
        @raise AlreadyInPool: if its address is.
        """
        if backend.address in self._backends:
            raise AlreadyInPool(f"{backend.address} is in the pool already")
        self._backends[backend.address] = backend
        self._announce(backend)
        if backend.slot is not None:
            self._expected.discard(backend.slot)
        self._changed()

    def drain(self, backend: Backend, drained: Callable[[], None]) -> None:
        """
        Let a backend finish what it has.

        @param backend: one of the pool.
        @param drained: called once, when nothing is in flight there any more or it
            has been removed; at once if so already.
        """
        if backend.state is not BackendState.removed:
            self._withdraw(backend, BackendState.draining)
        if backend.state is BackendState.removed or not backend.inFlight:
            drained()
        else:
            self._drained.setdefault(backend, []).append(drained)

    def eject(self, backend: Backend, reason: str) -> bool:
        """
        Choose a backend no more until it is readmitted.

        @param backend: one of the pool.
        @param reason: why; the same backend may be out for several.
        @return: whether it is out now: not, if half of the backends are out already, or
            it is leaving anyway.
        """
        if backend.state is BackendState.ejected:
            self._ejected[backend].add(reason)
            return True
        if backend.state is not BackendState.admitted:
            return False
        out = len(self._ejected)
        if not mayEject(out, out + len(self.admissible)):
            return False
        self._ejected[backend] = {reason}
        self._withdraw(backend, BackendState.ejected)
        return True

    def readmit(self, backend: Backend, reason: str) -> bool:
        """
        Let a backend be chosen again.

        @param backend: one that is ejected; nothing happens if it isn't.
        @param reason: which doesn't hold any more.
        @return: whether it may be chosen now: not, if there is another reason.
        """
        reasons = self._ejected.get(backend, set())
        reasons.discard(reason)
        if reasons or backend.state is not BackendState.ejected:
            return False
        del self._ejected[backend]
        backend.health.readmit(self._seconds())
        self._announce(backend)
        self._changed()
        return True

    def isOutFor(self, backend: Backend, reason: str) -> bool:
        """
        @param backend: one of the pool.
        @param reason: for which it may be ejected.
        @return: whether it is.
        """
        return reason in self._ejected.get(backend, ())

    def remove(self, backend: Backend) -> tuple[Lost, ...]:
        """
        Take a backend out.

        @param backend: gone; nothing happens if it is out already.
        @return: the exchanges in flight there.
        """
        inFlight = backend.inFlightAtDeath(self._seconds(), _DEATH_WINDOW)
        if self._backends.get(backend.address) is backend:
            self._withdraw(backend, BackendState.removed)
            del self._backends[backend.address]
            for observer in self._observers:
                observer.backendGone(backend)
            self._tellDrained(backend)
        return inFlight

    def exchangeEnded(self, backend: Backend) -> None:
        """
        @param backend: one that isn't admitted any more, of which an exchange has ended.
        """
        if not backend.inFlight:
            self._tellDrained(backend)

    def _announce(self, backend: Backend) -> None:
        backend.state = BackendState.admitted
        for observer in self._observers:
            observer.backendAdmitted(backend)
        self.admissible = (*self.admissible, backend)

    def _withdraw(self, backend: Backend, state: BackendState) -> None:
        wasAdmitted = backend.state is BackendState.admitted
        backend.state = state
        if state is not BackendState.ejected:
            self._ejected.pop(backend, None)
        if wasAdmitted:
            self.admissible = tuple(other for other in self.admissible if other is not backend)
            for observer in self._observers:
                observer.backendRemoved(backend)
            self._keepHalf()
            self._changed()

    def _keepHalf(self) -> None:
        """
        When others leave, too many may be out: those that were ejected first come back.
        """
        while len(self._ejected) > len(self.admissible):
            backend = next(iter(self._ejected))
            self._ejected[backend].clear()
            self.readmit(backend, "")

    def _tellDrained(self, backend: Backend) -> None:
        for drained in self._drained.pop(backend, []):
            drained()

    def _changed(self) -> None:
        for observer in self._observers:
            observer.poolChanged()

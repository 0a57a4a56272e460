"""
What observers are told of backends: that one is put out, and that it is back.

Strategy: the pool tells of every change of what may be chosen; those that are ejections become
events like those of children.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted_multiserver.balancing.backend import Backend, BackendState
from twisted_multiserver.supervision.events import LifecycleEvent


@dataclass(frozen=True, slots=True)
class BackendEvent(LifecycleEvent):
    """
    Something has happened to a backend.

    @ivar name: of it.
    @ivar address: of it.
    """

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class BackendEjected(BackendEvent):
    """
    It gets no requests for a while, since it failed, or its health checks did.
    """


@dataclass(frozen=True, slots=True)
class BackendReadmitted(BackendEvent):
    """
    It gets requests again.
    """


class PoolEvents:
    """
    Observes the pool.
    """

    def __init__(self, tell: Callable[[LifecycleEvent], None]) -> None:
        """
        @param tell: called with what happens.
        """
        self._tell = tell
        self._out: set[Backend] = set()

    def backendAdmitted(self, backend: Backend) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        if backend in self._out:
            self._out.remove(backend)
            self._tell(BackendReadmitted(backend.name, backend.address))

    def backendRemoved(self, backend: Backend) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        if backend.state is BackendState.ejected:
            self._out.add(backend)
            self._tell(BackendEjected(backend.name, backend.address))

    def backendGone(self, backend: Backend) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """
        self._out.discard(backend)

    def poolChanged(self) -> None:
        """
        See L{PoolObserver<twisted_multiserver.balancing.pool.PoolObserver>}.
        """

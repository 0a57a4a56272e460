"""
What observers are told: the events in the life of children.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import Crash


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """
    Something has happened to a child.

    @ivar child: to which.
    """

    child: Child


@dataclass(frozen=True, slots=True)
class ChildSpawned(LifecycleEvent):
    """
    Its process has been started.
    """


@dataclass(frozen=True, slots=True)
class ChildReady(LifecycleEvent):
    """
    It serves requests.

    @ivar bootTime: from the spawn, in seconds.
    """

    bootTime: float


@dataclass(frozen=True, slots=True)
class ChildDraining(LifecycleEvent):
    """
    It was asked to stop, and finishes what it has.
    """


@dataclass(frozen=True, slots=True)
class ChildStopped(LifecycleEvent):
    """
    It has ended, as it was asked to.
    """


@dataclass(frozen=True, slots=True)
class ChildCrashed(LifecycleEvent):
    """
    It has ended, and nobody asked for it.

    @ivar crash: all that is known.
    """

    crash: Crash


@dataclass(frozen=True, slots=True)
class ChildBackingOff(LifecycleEvent):
    """
    Its successor will be started.

    @ivar delay: in so many seconds.
    """

    delay: float


@dataclass(frozen=True, slots=True)
class SlotSuspended(LifecycleEvent):
    """
    Its slot failed to boot too often in a row.

    @ivar retryEvery: a try each so many seconds.
    """

    retryEvery: float


@dataclass(frozen=True, slots=True)
class SlotRemoved(LifecycleEvent):
    """
    Its slot is given up: it will have no successor.
    """


@dataclass(frozen=True, slots=True)
class SpareActivated(LifecycleEvent):
    """
    It stood by, and serves from now on.

    @ivar insteadOf: the name of the child whose place it has taken.
    """

    insteadOf: str

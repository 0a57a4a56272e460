"""
What observers are told: the events in the life of children, and in the life of the service as
far as it concerns them.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import Crash


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """
    Something has happened.
    """


@dataclass(frozen=True, slots=True)
class ChildEvent(LifecycleEvent):
    """
    Something has happened to a child.

    @ivar child: to which.
    """

    child: Child


@dataclass(frozen=True, slots=True)
class ChildSpawned(ChildEvent):
    """
    Its process has been started.
    """


@dataclass(frozen=True, slots=True)
class ChildReady(ChildEvent):
    """
    It serves requests.

    @ivar bootTime: from the spawn, in seconds.
    """

    bootTime: float


@dataclass(frozen=True, slots=True)
class ChildHung(ChildEvent):
    """
    Its event loop gives no sign of life.  It gets no requests any more, is asked for its
    stacks, and killed; L{ChildCrashed} follows.

    @ivar silence: for so many seconds.
    """

    silence: float


@dataclass(frozen=True, slots=True)
class ChildWorn(ChildEvent):
    """
    It is replaced, since it has served, lived or taken enough.

    @ivar reason: for people.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class ChildDraining(ChildEvent):
    """
    It was asked to stop, and finishes what it has.
    """


@dataclass(frozen=True, slots=True)
class ChildDrained(ChildEvent):
    """
    It serves nothing any more, and is told to exit.

    @ivar isComplete: whether all that it had was finished; otherwise the drain budget was
        over, and the rest is cut.
    """

    isComplete: bool


@dataclass(frozen=True, slots=True)
class ChildStopped(ChildEvent):
    """
    It has ended, as it was asked to.
    """


@dataclass(frozen=True, slots=True)
class ChildCrashed(ChildEvent):
    """
    It has ended, and nobody asked for it.

    @ivar crash: all that is known.
    """

    crash: Crash


@dataclass(frozen=True, slots=True)
class ChildBackingOff(ChildEvent):
    """
    Its successor will be started.

    @ivar delay: in so many seconds.
    """

    delay: float


@dataclass(frozen=True, slots=True)
class SlotSuspended(ChildEvent):
    """
    Its slot failed to boot too often in a row.

    @ivar retryEvery: a try each so many seconds.
    """

    retryEvery: float


@dataclass(frozen=True, slots=True)
class SlotRemoved(ChildEvent):
    """
    Its slot is given up: it will have no successor.
    """


@dataclass(frozen=True, slots=True)
class SpareActivated(ChildEvent):
    """
    It stood by, and serves from now on.

    @ivar insteadOf: the name of the child whose place it has taken.
    """

    insteadOf: str


@dataclass(frozen=True, slots=True)
class ReloadBegun(LifecycleEvent):
    """
    All children are being replaced.

    @ivar generation: of those that come.
    """

    generation: int


@dataclass(frozen=True, slots=True)
class ReloadFinished(LifecycleEvent):
    """
    All children have been replaced.

    @ivar generation: that serves now.
    """

    generation: int


@dataclass(frozen=True, slots=True)
class ReloadGivenUp(LifecycleEvent):
    """
    Some children were not replaced, since a new one did not boot, or the master stops.

    @ivar generation: that was to come.
    @ivar reason: in one line, with what serves now.
    """

    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class Scaled(LifecycleEvent):
    """
    There are to be more children, or less.

    @ivar before: how many there were to be.
    @ivar after: how many from now on.
    """

    before: int
    after: int

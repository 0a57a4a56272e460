"""
Counters of what happened to children, for whoever shows or exports them.

Invariant: they only grow.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from zope.interface import implementer

from twisted_multiserver.supervision import events
from twisted_multiserver.supervision._iobserver import ILifecycleObserver
from twisted_multiserver.supervision.crash import CrashKind


@dataclass(slots=True)
class LifecycleCounts:
    """
    How often what has happened.

    @ivar spawned: processes that were started.
    @ivar ready: boots that succeeded.
    @ivar crashed: ends that nobody asked for, by their kinds.
    @ivar hung: children whose event loop gave no sign of life.
    @ivar suspended: how often a slot was given up for a while, since nothing booted there.
    @ivar stopped: ends that were asked for.
    @ivar drained: children that had finished all that they had when they were told to exit.
    @ivar drainsOverdue: children that had not, within the drain budget.
    @ivar worn: children that were to be replaced since they had served, lived or taken enough.
    @ivar sparesUsed: spares that took another child's place.
    @ivar reloads: reloads that were begun.
    @ivar reloadsGivenUp: those that did not come to their end.
    @ivar scaled: how often the number of children was changed.
    """

    spawned: int = 0
    ready: int = 0
    crashed: dict[CrashKind, int] = field(default_factory=lambda: dict.fromkeys(CrashKind, 0))
    hung: int = 0
    suspended: int = 0
    stopped: int = 0
    drained: int = 0
    drainsOverdue: int = 0
    worn: int = 0
    sparesUsed: int = 0
    reloads: int = 0
    reloadsGivenUp: int = 0
    scaled: int = 0


@implementer(ILifecycleObserver)
class LifecycleCounter:
    """
    Counts events.

    @ivar counts: so far.
    """

    def __init__(self) -> None:
        self.counts = LifecycleCounts()

    def lifecycleEvent(self, event: events.LifecycleEvent) -> None:
        """
        See L{ILifecycleObserver}.
        """
        if isinstance(event, events.ChildCrashed):
            self.counts.crashed[event.crash.kind] += 1
        elif isinstance(event, events.ChildDrained):
            self._count("drained" if event.isComplete else "drainsOverdue")
        elif type(event) in _FIELDS:
            self._count(_FIELDS[type(event)])

    def _count(self, name: str) -> None:
        setattr(self.counts, name, getattr(self.counts, name) + 1)


_FIELDS: dict[type[events.LifecycleEvent], str] = {
    events.ChildSpawned: "spawned",
    events.ChildReady: "ready",
    events.ChildHung: "hung",
    events.SlotSuspended: "suspended",
    events.ChildStopped: "stopped",
    events.ChildWorn: "worn",
    events.SpareActivated: "sparesUsed",
    events.ReloadBegun: "reloads",
    events.ReloadGivenUp: "reloadsGivenUp",
    events.Scaled: "scaled",
}

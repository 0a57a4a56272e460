"""
Every event that an observer may be told of, in one place.

They live beside what they tell of; here they are gathered for those who look at them.
"""

from __future__ import annotations

from twisted_multiserver.poolevents import BackendEjected, BackendEvent, BackendReadmitted
from twisted_multiserver.supervision.events import (
    ChildBackingOff,
    ChildCrashed,
    ChildDrained,
    ChildDraining,
    ChildEvent,
    ChildHung,
    ChildReady,
    ChildSpawned,
    ChildStopped,
    ChildWorn,
    LifecycleEvent,
    ReloadBegun,
    ReloadFinished,
    ReloadGivenUp,
    Scaled,
    SlotRemoved,
    SlotSuspended,
    SpareActivated,
)

__all__ = [
    "BackendEjected",
    "BackendEvent",
    "BackendReadmitted",
    "ChildBackingOff",
    "ChildCrashed",
    "ChildDrained",
    "ChildDraining",
    "ChildEvent",
    "ChildHung",
    "ChildReady",
    "ChildSpawned",
    "ChildStopped",
    "ChildWorn",
    "LifecycleEvent",
    "ReloadBegun",
    "ReloadFinished",
    "ReloadGivenUp",
    "Scaled",
    "SlotRemoved",
    "SlotSuspended",
    "SpareActivated",
]

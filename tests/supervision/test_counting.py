"""
Events and their counters, beside the page that lists them.
"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import twisted_multiserver.events as events
from twisted_multiserver.interfaces import ILifecycleObserver
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.counting import LifecycleCounter, LifecycleCounts
from twisted_multiserver.supervision.crash import CrashKind, makeCrash
from twisted_multiserver.supervision.observers import Observers

PAGE = Path(__file__).parents[2] / "docs/reference/events.md"
ROW = re.compile(r"^\| `(\w+)` \|(.*?)\|.*?\|(.*?)\|$", re.MULTILINE)
CHILD = Child(0, 1, 1, 4711, "unix:/nowhere", True)
BASES = {"LifecycleEvent", "ChildEvent", "BackendEvent"}


class CountingTests(SynchronousTestCase):
    """
    The counter.
    """

    def setUp(self) -> None:
        self.counter = LifecycleCounter()
        self.observers = Observers(self.counter)

    def test_interface(self) -> None:
        """
        It is an observer like any other.
        """
        verifyObject(ILifecycleObserver, self.counter)

    def test_each(self) -> None:
        """
        Each event counts once, under its own name.
        """
        for event in (
            events.ChildSpawned(CHILD),
            events.ChildReady(CHILD, 0.1),
            events.ChildHung(CHILD, 30.0),
            events.ChildWorn(CHILD, "it has served 100 requests"),
            events.ChildDraining(CHILD),
            events.ChildDrained(CHILD, isComplete=True),
            events.ChildDrained(CHILD, isComplete=False),
            events.ChildStopped(CHILD),
            events.ChildBackingOff(CHILD, 0.1),
            events.SlotSuspended(CHILD, 30.0),
            events.SlotRemoved(CHILD),
            events.SpareActivated(CHILD, "child 1"),
            events.ReloadBegun(2),
            events.ReloadFinished(2),
            events.ReloadGivenUp(3, "keeping generation 2"),
            events.Scaled(4, 8),
            events.BackendEjected("child 0", "unix:/nowhere"),
        ):
            self.observers.tell(event)
        counts = self.counter.counts
        self.assertEqual(counts.crashed, dict.fromkeys(CrashKind, 0))
        names = [field.name for field in fields(LifecycleCounts) if field.name != "crashed"]
        self.assertEqual({name: getattr(counts, name) for name in names}, dict.fromkeys(names, 1))

    def test_crashes(self) -> None:
        """
        By their kinds.
        """
        for kind in (CrashKind.hang, CrashKind.memory, CrashKind.hang):
            crash = makeCrash(CHILD, None, 9, 1.0, (), (), kind, "")
            self.observers.tell(events.ChildCrashed(CHILD, crash))
        crashed = self.counter.counts.crashed
        self.assertEqual((crashed[CrashKind.hang], crashed[CrashKind.memory]), (2, 1))


class PageTests(SynchronousTestCase):
    """
    docs/reference/events.md.
    """

    def setUp(self) -> None:
        self.rows = ROW.findall(PAGE.read_text())

    def test_events(self) -> None:
        """
        It has each of them, with its fields.
        """
        told = {name: re.findall(r"`(\w+)`", of) for name, of, _ in self.rows}
        classes = {name: getattr(events, name) for name in set(events.__all__) - BASES}
        self.assertEqual(
            told,
            {
                name: [field.name for field in fields(each) if field.name != "child"]
                for name, each in classes.items()
            },
        )

    def test_counters(self) -> None:
        """
        It has each counter.
        """
        told = {name for *_, of in self.rows for name in re.findall(r"`(\w+)`", of)}
        self.assertEqual(told, {field.name for field in fields(LifecycleCounts)})

"""
The promise that C{spawn} makes to its caller: all its children ready, or why not.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from twisted_multiserver.contract import APPLICATION_FAULTS
from twisted_multiserver.errors import MultiserverError
from twisted_multiserver.supervision.crash import BootFailed, Crash
from twisted_multiserver.supervision.slot import Slot
from twisted_multiserver.supervision.slotowner import Stopped


class Spawning:
    """
    A promise that was made by C{spawn}.
    """

    def __init__(self, slots: list[Slot]) -> None:
        """
        @param slots: which are to become ready.
        """
        self.slots = slots
        self.done: Deferred[None] = Deferred()
        self._ready: set[Slot] = set()
        self._firstFailures: dict[Slot, Crash] = {}

    def slotReady(self, slot: Slot) -> None:
        """
        @param slot: one of these.
        """
        self._ready.add(slot)
        if len(self._ready) == len(self.slots):
            self._fire(None)

    def slotFailed(self, slot: Slot, crash: Crash, isFinal: bool) -> None:
        """
        @param slot: one of these.
        @param crash: why it did not become ready.
        @param isFinal: whether nothing will come of it for now.
        """
        self._firstFailures.setdefault(slot, crash)
        if isFinal or (not self._ready and len(self._firstFailures) == len(self.slots)):
            first = next(iter(self._firstFailures.values()))
            self._fire(BootFailed(crash if isFinal else first))

    @property
    def isHopeless(self) -> bool:
        """
        Whether each of them has found at its first boot that the application can't
        be loaded.
        """
        return (
            not self._ready
            and len(self._firstFailures) == len(self.slots)
            and all(crash.exitCode in APPLICATION_FAULTS for crash in self._firstFailures.values())
        )

    def stopped(self) -> None:
        """
        Nothing will come of it any more.
        """
        self._fire(Stopped("the master was stopped before its children were ready"))

    def _fire(self, error: MultiserverError | None) -> None:
        if self.done.called:
            return
        if error is None:
            self.done.callback(None)
        else:
            self.done.errback(error)

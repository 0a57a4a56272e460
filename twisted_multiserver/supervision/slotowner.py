"""
What a slot asks of the supervisor, which owns all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted_multiserver.errors import MultiserverError
from twisted_multiserver.supervision.crash import Crash
from twisted_multiserver.supervision.events import LifecycleEvent

if TYPE_CHECKING:
    from twisted_multiserver.supervision.slot import Slot


class Stopped(MultiserverError):
    """
    The master stops, so that nothing new can come of it.
    """


class SlotOwner(Protocol):
    """
    The supervisor.
    """

    def nextIncarnation(self) -> int:
        """
        @return: a number for the next life.
        """

    def happened(self, event: LifecycleEvent) -> None:
        """
        @param event: for the observers.
        """

    def slotReady(self, slot: Slot) -> None:
        """
        @param slot: its child serves, or stands by.
        """

    def slotVacant(self, slot: Slot) -> None:
        """
        @param slot: its child serves no more, and was to.  A spare may take its place
            now.
        """

    def slotFailed(self, slot: Slot, crash: Crash, isFinal: bool) -> None:
        """
        @param slot: its child did not become ready.
        @param crash: why.
        @param isFinal: whether nothing will come of the slot for now.
        """

    def slotEnded(self, slot: Slot) -> None:
        """
        @param slot: has no child, and will have none.
        """

"""
A rolling reload: the children of a new generation take over from those of the old, a few
at a time.

Strategy: each slot is given a successor, as many at once as the surge says; without a surge
a child ends before its successor starts.  Spares come first; then they take the places of
those that serve, which leaves no time in which there is one child too few or too many.

Invariants: a slot moves only when its successor is ready; at the first one that doesn't boot
no further slot is begun, those that have moved stay moved, the others keep their children,
and the failure says which.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_multiserver.errors import MultiserverError
from twisted_multiserver.supervision.crash import BootFailed, Crash
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.slot import Slot
from twisted_multiserver.supervision.slotowner import Stopped


class ReloadFailed(MultiserverError):
    """
    A reload was given up, since a child of the new generation did not boot.

    @ivar crash: how that child ended.
    """

    def __init__(self, message: str, crash: Crash) -> None:
        """
        @param message: one line.
        @param crash: how the child of the new generation ended.
        """
        super().__init__(message)
        self.crash = crash


class Reload:
    """
    One reload.
    """

    def __init__(
        self, changes: Sequence[tuple[Slot, Program]], generation: int, surge: int
    ) -> None:
        """
        @param changes: the slots, and what their children are to run.
        @param generation: the new one.
        @param surge: how many children there may be more than slots; 0 to end a child
            before its successor starts.
        """
        self._waiting = deque(sorted(changes, key=lambda change: not change[0].isSpare))
        self._generation = generation
        self._surge = surge
        self._running = 0
        self._moved: list[Slot] = []
        self._kept: list[tuple[Slot, int]] = []
        self._failure: BootFailed | None = None
        self._done: Deferred[None] = Deferred()

    def run(self) -> Deferred[None]:
        """
        Begin.

        @return: fires when all slots have moved; fails with L{ReloadFailed} when no more
            will.
        """
        for _ in range(max(self._surge, 1)):
            self._next()
        self._finishIfDone()
        return self._done

    def _next(self) -> None:
        while self._waiting and self._failure is None:
            slot, program = self._waiting.popleft()
            if slot.isStopping:
                continue
            self._running += 1
            before = slot.generation
            replaced = slot.replace(program, self._generation, self._overlaps(slot))
            replaced.addCallbacks(
                lambda _, slot=slot: self._hasMoved(slot),
                lambda failure, slot=slot, before=before: self._hasFailed(failure, slot, before),
            )
            return

    def _overlaps(self, slot: Slot) -> bool:
        """
        Decide whether a slot's child serves until its successor is ready.
        """
        if slot.isSpare:
            return False
        spare = next((other for other in self._moved if other.isSpare and other.isReady), None)
        if spare is None or not slot.isReady:
            return self._surge > 0
        # One of the new generation serves instead, at once.
        spare.relieve(slot)
        return False

    def _hasMoved(self, slot: Slot) -> None:
        self._moved.append(slot)
        self._goOn()

    def _hasFailed(self, failure: Failure, slot: Slot, before: int) -> None:
        if failure.check(BootFailed):
            assert isinstance(failure.value, BootFailed)
            self._failure = self._failure or failure.value
            self._kept.append((slot, before))
        else:
            failure.trap(Stopped)
        self._goOn()

    def _goOn(self) -> None:
        self._running -= 1
        self._next()
        self._finishIfDone()

    def _finishIfDone(self) -> None:
        if self._running or self._done.called or (self._waiting and self._failure is None):
            return
        if self._failure is None:
            self._done.callback(None)
            return
        self._kept += [(slot, slot.generation) for slot, _ in self._waiting if not slot.isStopping]
        reason = f"generation {self._generation} did not boot: {self._failure}"
        self._done.errback(ReloadFailed(f"{self._keeping()}: {reason}", self._failure.crash))

    def _keeping(self) -> str:
        generations = sorted({generation for _, generation in self._kept})
        old = "generation " + " and ".join(map(str, generations))
        if not self._moved:
            return f"keeping {old}"
        return (
            f"keeping {old} in {_names([slot for slot, _ in self._kept])}"
            f" ({_names(self._moved)} moved)"
        )


def _names(slots: Sequence[Slot]) -> str:
    return ", ".join(f"child {number}" for number in sorted(slot.number for slot in slots))

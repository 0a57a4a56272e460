"""
Reloads, one at a time.

Invariants: no two run at once, nor one while a single child is replaced; one that is asked for
meanwhile follows, once for all who asked, with what the last of them wants; whoever asks is
told, also when the master stops first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_multiserver.supervision.events import (
    LifecycleEvent,
    ReloadBegun,
    ReloadFinished,
    ReloadGivenUp,
)
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.reloading import Reload
from twisted_multiserver.supervision.slot import Slot
from twisted_multiserver.supervision.slotowner import Stopped


@dataclass(frozen=True, slots=True)
class _Asked:
    """
    A reload that is to come.
    """

    renew: Callable[[Program], Program]
    surge: int
    waiting: list[Deferred[None]]


class Reloads:
    """
    Runs them.

    @ivar generation: of the children that are, or were last, started.
    @ivar isRunning: whether all children are being replaced.
    """

    _log = Logger()

    def __init__(
        self,
        slots: Callable[[], Iterable[Slot]],
        happened: Callable[[LifecycleEvent], None],
    ) -> None:
        """
        @param slots: gives those whose children are to be replaced.
        @param happened: called with what happens.
        """
        self._slots = slots
        self._happened = happened
        self._next: _Asked | None = None
        self._isHeld = self._isOver = False
        self.generation = 1
        self.isRunning = False

    def ask(self, renew: Callable[[Program], Program], surge: int) -> Deferred[None]:
        """
        Ask for one.

        @param renew: what a program is to be from now on.
        @param surge: how many children there may be more than slots meanwhile; 0 to end a
            child before its successor starts.
        @return: fires when the new generation serves alone; fails with
            L{ReloadFailed<twisted_multiserver.supervision.reloading.ReloadFailed>}, or
            with L{Stopped}.
        """
        if self._isOver:
            return fail(Stopped("the master is being stopped"))
        done: Deferred[None] = Deferred()
        waiting = [done] if self._next is None else [*self._next.waiting, done]
        self._next = _Asked(renew, surge, waiting)
        self._runNext()
        return done

    def hold(self) -> None:
        """
        Begin none: a single child is being replaced.
        """
        self._isHeld = True

    def release(self) -> None:
        """
        That is over.
        """
        self._isHeld = False
        self._runNext()

    def stop(self) -> None:
        """
        Begin none any more.
        """
        self._isOver = True

    def _runNext(self) -> None:
        asked = self._next
        if asked is None or self.isRunning or self._isHeld:
            return
        self._next = None
        if self._isOver:
            for done in asked.waiting:
                done.errback(Stopped("the master is being stopped"))
            return
        self.isRunning = True
        self.generation += 1
        slots = sorted(self._slots(), key=lambda slot: slot.number)
        changes = [(slot, asked.renew(slot.program)) for slot in slots if not slot.isStopping]
        self._log.info("reload: generation {generation}", generation=self.generation)
        self._happened(ReloadBegun(self.generation))
        Reload(changes, self.generation, asked.surge).run().addBoth(self._ran, asked.waiting)

    def _ran(self, result: Failure | None, waiting: list[Deferred[None]]) -> None:
        self.isRunning = False
        if self._isOver and result is None:
            # Slots that stop are left out of it.
            result = Failure(Stopped("the master is being stopped"))
        if isinstance(result, Failure):
            reason = result.getErrorMessage()
            self._log.error("{reason}", reason=reason)
            self._happened(ReloadGivenUp(self.generation, reason))
        else:
            self._log.info("generation {generation} serves", generation=self.generation)
            self._happened(ReloadFinished(self.generation))
        for done in waiting:
            done.callback(result)
        self._runNext()

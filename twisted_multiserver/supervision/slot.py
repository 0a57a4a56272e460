"""
A slot: a child's place, and who lives there.

Strategy: an incarnation lives and ends; the slot decides whether and when the next
one begins.

Invariants: at most one incarnation at a time; a slot that is starting or in backoff
is I{expected} by the traffic from the very turn in which its child's exit is seen, so
that no request is turned away in between.
"""

from __future__ import annotations

import time
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_multiserver.supervision.backoff import SUSPENDED, Backoff
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import Crash
from twisted_multiserver.supervision.events import (
    ChildBackingOff,
    ChildCrashed,
    ChildDraining,
    ChildReady,
    ChildSpawned,
    ChildStopped,
    LifecycleEvent,
    SlotRemoved,
    SlotSuspended,
)
from twisted_multiserver.supervision.incarnation import Incarnation
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.surroundings import Place, Surroundings


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
        @param slot: its child serves.
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


class Slot:
    """
    One place.

    @ivar number: from 0.
    @ivar generation: of what is spawned here.
    """

    _log = Logger()

    def __init__(
        self,
        number: int,
        surroundings: Surroundings,
        program: Program,
        respawn: bool,
        backoff: Backoff,
        owner: SlotOwner,
    ) -> None:
        """
        @param number: from 0.
        @param surroundings: what all incarnations share.
        @param program: what its children run.
        @param respawn: whether a child that ended is replaced.
        @param backoff: says when.
        @param owner: the supervisor.
        """
        self.number = number
        self.generation = 1
        self._shared = surroundings
        self._program = program
        self._respawn = respawn
        self._backoff = backoff
        self._owner = owner
        self._incarnation: Incarnation | None = None
        self._respawning: IDelayedCall | None = None
        self._previous: tuple[Crash, float] | None = None
        self._last: Child | None = None
        self._isStopping = False
        self._isFinished = False

    @property
    def child(self) -> Child | None:
        """
        Who lives here.
        """
        return None if self._incarnation is None else self._incarnation.child

    def start(self) -> None:
        """
        Begin the next life.
        """
        self._respawning = None
        self._shared.traffic.expect(self.number)
        place = Place(self.number, self.generation, self._owner.nextIncarnation(), self._previous)
        self._incarnation = Incarnation(self._shared, self._program, place, self)
        self._incarnation.start()

    def stop(self) -> None:
        """
        Have no child any more; the owner is told when that is so.
        """
        if self._isStopping:
            return
        self._isStopping = True
        if self._incarnation is not None:
            self._incarnation.stop()
        elif self._respawning is not None:
            self._respawning.cancel()
            self._respawning = None
            self._finish()

    def spawned(self, child: Child) -> None:
        """
        See L{IncarnationObserver<twisted_multiserver.supervision.incarnation.IncarnationObserver>}.
        """
        self._owner.happened(ChildSpawned(child))

    def becameReady(self, child: Child, bootTime: float) -> None:
        """
        See L{IncarnationObserver<twisted_multiserver.supervision.incarnation.IncarnationObserver>}.
        """
        self._log.info(
            "{child} ready (generation {generation}, pid {pid}, {time:.2f} s)",
            child=child.name,
            generation=child.generation,
            pid=child.pid,
            time=bootTime,
        )
        self._owner.happened(ChildReady(child, bootTime))
        self._owner.slotReady(self)

    def draining(self, child: Child) -> None:
        """
        See L{IncarnationObserver<twisted_multiserver.supervision.incarnation.IncarnationObserver>}.
        """
        self._owner.happened(ChildDraining(child))

    def leaves(self, child: Child) -> None:
        """
        See L{IncarnationObserver<twisted_multiserver.supervision.incarnation.IncarnationObserver>}.
        """
        if self._respawns:
            self._shared.traffic.expect(self.number)
        else:
            self._shared.traffic.unexpect(self.number)

    def ended(self, child: Child, crash: Crash | None, readyFor: float | None) -> None:
        """
        See L{IncarnationObserver<twisted_multiserver.supervision.incarnation.IncarnationObserver>}.
        """
        self._incarnation = None
        self._last = child
        if crash is None:
            self._owner.happened(ChildStopped(child))
            self._finish()
            return
        self._previous = (crash, time.time())
        delay = self._backoff.ended(readyFor)
        self._logCrash(crash, delay if self._respawns else None)
        self._owner.happened(ChildCrashed(child, crash))
        # Only now, since an observer may have stopped this slot.
        respawns = self._respawns
        if respawns:
            self._backOff(child, delay)
        if readyFor is None:
            self._owner.slotFailed(self, crash, not respawns or self._backoff.isSuspended)
        if not respawns:
            self._finish()

    @property
    def _respawns(self) -> bool:
        return self._respawn and not self._isStopping

    def _backOff(self, child: Child, delay: float) -> None:
        # Before anybody is told, since an observer may stop this slot.
        self._respawning = self._shared.reactor.callLater(delay, self.start)
        if self._backoff.isSuspended:
            self._shared.traffic.unexpect(self.number)
            self._owner.happened(SlotSuspended(child, SUSPENDED))
        else:
            self._owner.happened(ChildBackingOff(child, delay))

    def _finish(self) -> None:
        if self._isFinished:
            return
        self._isFinished = True
        self._shared.traffic.unexpect(self.number)
        if self._last is not None:
            self._owner.happened(SlotRemoved(self._last))
        self._owner.slotEnded(self)

    def _logCrash(self, crash: Crash, delay: float | None) -> None:
        self._log.error(
            "{child} crashed: generation {generation}, pid {pid}, {how} after {uptime:.1f} s"
            "{reason}; {next}",
            child=crash.child,
            generation=crash.generation,
            pid=crash.pid,
            how=crash.description,
            uptime=crash.uptime,
            reason=f" ({crash.reason})" if crash.reason else "",
            next="no respawn" if delay is None else f"respawning in {delay:.1f} s",
        )
        if self._backoff.isSuspended and delay is not None:
            self._log.error(
                "{child} is suspended: it failed to boot too often; a try each {delay:g} s",
                child=crash.child,
                delay=delay,
            )

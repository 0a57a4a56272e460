"""
A slot: a child's place, and who lives there.

Strategy: an incarnation, the I{tenant}, lives and ends; the slot decides whether and when
the next one begins.  A tenant can be replaced: its I{successor} boots beside it and takes
over when it is ready, and only then the tenant is asked to leave.

Invariants: at most one incarnation serves at a time, but for one that finishes what it has;
a successor that doesn't boot changes nothing; a slot that is starting or in backoff is
I{expected} by the traffic from the very turn in which its child's exit is seen, so that no
request is turned away in between.
"""

from __future__ import annotations

import time
from typing import Protocol

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_multiserver.errors import MultiserverError
from twisted_multiserver.supervision.backoff import SUSPENDED, Backoff
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import BootFailed, Crash
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
    SpareActivated,
)
from twisted_multiserver.supervision.incarnation import Incarnation
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.surroundings import Place, Surroundings


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


class Slot:
    """
    One place.

    @ivar number: from 0.
    @ivar generation: of what is spawned here.
    @ivar program: what is spawned here.
    @ivar respawns: whether a child that ended is replaced.
    @ivar isSpare: whether its child stands by instead of serving.
    @ivar readySince: since when it has a child that serves or stands by, in seconds of the
        reactor's clock; L{None} if it has none.
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
        generation: int = 1,
        isSpare: bool = False,
    ) -> None:
        """
        @param number: from 0.
        @param surroundings: what all incarnations share.
        @param program: what its children run.
        @param respawn: whether a child that ended is replaced.
        @param backoff: says when.
        @param owner: the supervisor.
        @param generation: of its first child.
        @param isSpare: whether its child stands by.
        """
        self.number = number
        self.generation = generation
        self.isSpare = isSpare
        self.readySince: float | None = None
        self.program = program
        self.respawns = respawn
        self._shared = surroundings
        self._backoff = backoff
        self._owner = owner
        self._tenant: Incarnation | None = None
        self._successor: Incarnation | None = None
        self._leaving: list[Incarnation] = []
        self._replacement: tuple[Program, int] | None = None
        self._replaced: Deferred[None] | None = None
        self._respawning: IDelayedCall | None = None
        self._previous: tuple[Crash, float] | None = None
        self._last: Child | None = None
        self._isStopping = False
        self._isFinished = False
        self._whenFinished: list[Deferred[None]] = []

    @property
    def child(self) -> Child | None:
        """
        Who lives here.
        """
        return None if self._tenant is None else self._tenant.child

    @property
    def isReady(self) -> bool:
        """
        Whether it has a child that serves or stands by.
        """
        return self.readySince is not None

    @property
    def isStopping(self) -> bool:
        """
        Whether it will have no child any more.
        """
        return self._isStopping

    @property
    def isVacant(self) -> bool:
        """
        Whether it had a child that served, and has none that does now.
        """
        return (
            self._last is not None
            and not self.isReady
            and not self.isSpare
            and not self._isStopping
            and self._replacement is None
        )

    def whenFinished(self) -> Deferred[None]:
        """
        @return: fires when it has no child, and will have none.
        """
        finished: Deferred[None] = Deferred()
        self._whenFinished.append(finished)
        return finished

    def start(self) -> None:
        """
        Begin the next life.
        """
        self._respawning = None
        self._expect()
        self._tenant = self._makeIncarnation(self.program, self.generation)
        self._tenant.start()

    def relieve(self, other: Slot) -> None:
        """
        Take the place of another: it is the spare from now on.

        @param other: one whose child serves no more, or is to be replaced.
        """
        assert self.isSpare
        assert self._tenant is not None
        self.isSpare, other.isSpare = False, True
        self._log.info(
            "{spare} takes the place of {other}",
            spare=f"child {self.number}",
            other=f"child {other.number}",
        )
        self._tenant.activate()
        self._owner.happened(SpareActivated(self._tenant.child, f"child {other.number}"))
        if not other.isReady:
            self._shared.traffic.unexpect(other.number)

    def replace(self, program: Program, generation: int, overlap: bool = True) -> Deferred[None]:
        """
        Put another child into the place of the one that lives here.

        @param program: what it runs.
        @param generation: of it.
        @param overlap: whether the old one serves until the new one is ready; otherwise it
            ends first.
        @return: fires when the new one is ready; the old one may still be finishing what
            it has.  Fails with L{BootFailed} if it doesn't become ready: then the old one
            stays, or another one like it is started.  Fails with L{Stopped} if the slot is
            stopped first.
        """
        if self._isStopping:
            return fail(Stopped(f"child {self.number} is being stopped"))
        assert self._replaced is None, "one replacement at a time"
        replaced: Deferred[None] = Deferred()
        self._replaced = replaced
        self._replacement = program, generation
        if self._respawning is not None:
            self._respawning.cancel()
            self._respawning = None
        self._expect()
        if overlap or self._tenant is None:
            self._startSuccessor()
        else:
            self._dismiss(self._tenant)
        return replaced

    def endOvergrown(self, memory: int) -> None:
        """
        Kill the child that lives here: it takes so much memory that others would suffer.

        @param memory: how much, in bytes.
        """
        if self._tenant is not None:
            self._tenant.endOvergrown(memory)

    def stop(self) -> None:
        """
        Have no child any more; the owner is told when that is so.
        """
        if self._isStopping:
            return
        self._isStopping = True
        if self._respawning is not None:
            self._respawning.cancel()
            self._respawning = None
        for incarnation in (self._tenant, self._successor):
            if incarnation is not None:
                incarnation.stop()
        self._endReplacement(Stopped(f"child {self.number} is being stopped"))
        self._finishIfEmpty()

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
        self.readySince = self._shared.reactor.seconds()
        if self._isSuccessor(child):
            self._handOver()
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
        if not self._isTenant(child):
            return
        wasReady, self.readySince = self.isReady, None
        if not self._isStopping and wasReady and not self.isSpare:
            self._owner.slotVacant(self)
        if self._respawns or self._successor is not None:
            self._expect()
        else:
            self._shared.traffic.unexpect(self.number)

    def ended(self, child: Child, crash: Crash | None, readyFor: float | None) -> None:
        """
        See L{IncarnationObserver<twisted_multiserver.supervision.incarnation.IncarnationObserver>}.
        """
        if self._isSuccessor(child):
            self._successorEnded(child, crash)
        elif self._isTenant(child):
            self._tenant = None
            self._last = child
            if crash is None:
                self._owner.happened(ChildStopped(child))
            else:
                self._tenantCrashed(child, crash, readyFor)
        else:
            self._leaving = [other for other in self._leaving if other.child != child]
            self._owner.happened(ChildStopped(child))
            if self._replacement is not None and self._tenant is self._successor is None:
                self._startSuccessor()
        self._finishIfEmpty()

    def _tenantCrashed(self, child: Child, crash: Crash, readyFor: float | None) -> None:
        self._previous = (crash, time.time())
        delay = self._backoff.ended(readyFor)
        isReplaced = self._successor is not None
        self._logCrash(crash, delay if self._respawns and not isReplaced else None)
        self._owner.happened(ChildCrashed(child, crash))
        # Only now, since an observer may have stopped this slot.
        respawns = self._respawns
        if respawns and self._successor is None:
            self._backOff(child, delay)
        if readyFor is None:
            self._owner.slotFailed(self, crash, not respawns or self._backoff.isSuspended)

    def _successorEnded(self, child: Child, crash: Crash | None) -> None:
        self._successor = None
        if crash is None:
            self._owner.happened(ChildStopped(child))
            return
        self._logCrash(crash, None)
        self._owner.happened(ChildCrashed(child, crash))
        self._endReplacement(BootFailed(crash))
        if self._isStopping:
            return
        if self._tenant is None:
            self._last = self._last or child
            self._backOff(self._last, self._backoff.ended(None))
        else:
            self._shared.traffic.unexpect(self.number)

    def _startSuccessor(self) -> None:
        assert self._replacement is not None
        self._successor = self._makeIncarnation(*self._replacement)
        self._successor.start()

    def _handOver(self) -> None:
        old, self._tenant, self._successor = self._tenant, self._successor, None
        assert self._replacement is not None
        self.program, self.generation = self._replacement
        if old is not None:
            self._dismiss(old)
        self._endReplacement(None)

    def _expect(self) -> None:
        if not self.isSpare:
            self._shared.traffic.expect(self.number)

    def _dismiss(self, incarnation: Incarnation) -> None:
        if self._tenant is incarnation:
            self._tenant = None
            self.readySince = None
        self._leaving.append(incarnation)
        incarnation.stop()

    def _endReplacement(self, error: MultiserverError | None) -> None:
        replaced, self._replaced, self._replacement = self._replaced, None, None
        if replaced is None:
            return
        if error is None:
            replaced.callback(None)
        else:
            replaced.errback(error)

    def _makeIncarnation(self, program: Program, generation: int) -> Incarnation:
        place = Place(self.number, generation, self._owner.nextIncarnation(), self._previous)
        return Incarnation(self._shared, program, place, self)

    def _isTenant(self, child: Child) -> bool:
        return _is(self._tenant, child)

    def _isSuccessor(self, child: Child) -> bool:
        return _is(self._successor, child)

    @property
    def _respawns(self) -> bool:
        return self.respawns and not self._isStopping

    def _backOff(self, child: Child, delay: float) -> None:
        # Before anybody is told, since an observer may stop this slot.
        self._respawning = self._shared.reactor.callLater(delay, self.start)
        if self._backoff.isSuspended:
            self._shared.traffic.unexpect(self.number)
            self._owner.happened(SlotSuspended(child, SUSPENDED))
        else:
            self._owner.happened(ChildBackingOff(child, delay))

    def _finishIfEmpty(self) -> None:
        isEmpty = (
            self._tenant is self._successor is None
            and not self._leaving
            and self._respawning is None
        )
        if self._isFinished or not isEmpty or self._replacement is not None:
            return
        self._isFinished = True
        self._shared.traffic.unexpect(self.number)
        if self._last is not None:
            self._owner.happened(SlotRemoved(self._last))
        self._owner.slotEnded(self)
        for finished in self._whenFinished:
            finished.callback(None)

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


def _is(incarnation: Incarnation | None, child: Child) -> bool:
    return incarnation is not None and incarnation.child.incarnation == child.incarnation

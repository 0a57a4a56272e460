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

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_multiserver.errors import MultiserverError
from twisted_multiserver.supervision.backoff import SUSPENDED, Backoff
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import BootFailed, Crash
from twisted_multiserver.supervision.crashlog import logCrash
from twisted_multiserver.supervision.events import (
    ChildBackingOff,
    ChildCrashed,
    ChildEvent,
    ChildReady,
    ChildStopped,
    SlotRemoved,
    SlotSuspended,
    SpareActivated,
)
from twisted_multiserver.supervision.incarnation import Incarnation
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.replacement import Replacement
from twisted_multiserver.supervision.slotowner import SlotOwner, Stopped
from twisted_multiserver.supervision.surroundings import Place, Surroundings


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
        self._replacement: Replacement | None = None
        self._leaving: list[Incarnation] = []
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
        assert self._replacement is None, "one replacement at a time"
        replacement = self._replacement = Replacement(program, generation)
        self._respawnNoMore()
        self._expect()
        if overlap or self._tenant is None:
            self._startSuccessor(replacement)
        else:
            self._dismiss(self._tenant)
        return replacement.done

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
        self._respawnNoMore()
        successor = self._successor
        if successor is not None:
            self._leaving.append(successor)
        self._endReplacement(Stopped(f"child {self.number} is being stopped"))
        for incarnation in (self._tenant, successor):
            if incarnation is not None:
                incarnation.stop()
        self._finishIfEmpty()

    def happened(self, event: ChildEvent) -> None:
        """
        See L{IncarnationObserver<twisted_multiserver.supervision.tenancy.IncarnationObserver>}.
        """
        self._owner.happened(event)

    def becameReady(self, child: Child, bootTime: float) -> None:
        """
        See L{IncarnationObserver<twisted_multiserver.supervision.tenancy.IncarnationObserver>}.
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

    def leaves(self, child: Child) -> None:
        """
        See L{IncarnationObserver<twisted_multiserver.supervision.tenancy.IncarnationObserver>}.
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
        See L{IncarnationObserver<twisted_multiserver.supervision.tenancy.IncarnationObserver>}.
        """
        if self._isSuccessor(child):
            # It was asked for nothing yet, so that its end is a crash.
            assert crash is not None
            self._successorCrashed(child, crash)
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
                self._startSuccessor(self._replacement)
        self._finishIfEmpty()

    def _tenantCrashed(self, child: Child, crash: Crash, readyFor: float | None) -> None:
        self._previous = (crash, time.time())
        delay = self._backoff.ended(readyFor)
        isNext = self._respawns and self._successor is None
        logCrash(crash, delay if isNext else None, self._backoff.isSuspended)
        self._owner.happened(ChildCrashed(child, crash))
        # Only now, since an observer may have stopped this slot.
        respawns = self._respawns
        if respawns and self._successor is None:
            self._backOff(child, delay)
        if readyFor is None:
            self._owner.slotFailed(self, crash, not respawns or self._backoff.isSuspended)

    def _successorCrashed(self, child: Child, crash: Crash) -> None:
        logCrash(crash)
        self._owner.happened(ChildCrashed(child, crash))
        self._endReplacement(BootFailed(crash))
        if self._isStopping:
            return
        if self._tenant is None:
            self._last = self._last or child
            self._backOff(self._last, self._backoff.ended(None))
        else:
            self._shared.traffic.unexpect(self.number)

    @property
    def _successor(self) -> Incarnation | None:
        return None if self._replacement is None else self._replacement.successor

    def _startSuccessor(self, replacement: Replacement) -> None:
        replacement.successor = self._makeIncarnation(replacement.program, replacement.generation)
        replacement.successor.start()

    def _handOver(self) -> None:
        assert self._replacement is not None
        old, self._tenant = self._tenant, self._replacement.successor
        self.program, self.generation = self._replacement.program, self._replacement.generation
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
        replacement, self._replacement = self._replacement, None
        if replacement is not None:
            replacement.end(error)

    def _respawnNoMore(self) -> None:
        if self._respawning is not None:
            self._respawning.cancel()
            self._respawning = None

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
        isEmpty = self._tenant is None and self._replacement is None and not self._leaving
        if self._isFinished or not isEmpty or self._respawning is not None:
            return
        self._isFinished = True
        self._shared.traffic.unexpect(self.number)
        if self._last is not None:
            self._owner.happened(SlotRemoved(self._last))
        self._owner.slotEnded(self)
        for finished in self._whenFinished:
            finished.callback(None)


def _is(incarnation: Incarnation | None, child: Child) -> bool:
    return incarnation is not None and incarnation.child.incarnation == child.incarnation

"""
The supervisor: owns all slots.

It gives out numbers, tells the observers, and keeps the promises that C{spawn} made
to its callers.

Invariants: an observer's exception harms nobody; after C{stop} has fired there is no
child, no timer and no runtime folder.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from random import random as systemRandom

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_multiserver.contract import APPLICATION_FAULTS
from twisted_multiserver.errors import MultiserverError
from twisted_multiserver.supervision._iobserver import ILifecycleObserver
from twisted_multiserver.supervision._itraffic import ITraffic
from twisted_multiserver.supervision.backoff import Backoff
from twisted_multiserver.supervision.budgets import Budgets
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import BootFailed, Crash
from twisted_multiserver.supervision.events import LifecycleEvent
from twisted_multiserver.supervision.folders import RuntimeFolder
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.slot import Slot
from twisted_multiserver.supervision.spawning import Reactor
from twisted_multiserver.supervision.strangers import Undertaker
from twisted_multiserver.supervision.surroundings import Surroundings
from twisted_multiserver.supervision.tracebacks import KnownTracebacks
from twisted_multiserver.supervision.warden import Warden


class Stopped(MultiserverError):
    """
    The master stops, so that nothing new can come of it.
    """


class _Spawning:
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


class Supervisor:
    """
    Spawns, watches and replaces children.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Reactor,
        traffic: ITraffic,
        budgets: Budgets,
        runtimeFolder: RuntimeFolder,
        stateFolder: str | None = None,
        random: Callable[[], float] = systemRandom,
        loadInterval: float | None = None,
    ) -> None:
        """
        @param reactor: the reactor.
        @param traffic: distributes requests over the children.
        @param budgets: how long things may take.
        @param runtimeFolder: for sockets; removed at the end.
        @param stateFolder: told to the children; L{None} if there is none.
        @param random: spreads respawns in time.
        @param loadInterval: how often applications report their load, in seconds;
            L{None} for never.
        """
        run = secrets.token_hex(8)
        self._warden = Warden(reactor, run)
        self._undertaker = Undertaker(reactor)
        self._shared = Surroundings(
            reactor,
            traffic,
            budgets,
            runtimeFolder,
            stateFolder,
            run,
            KnownTracebacks(reactor.seconds),
            self._warden,
            loadInterval,
        )
        self._random = random
        self._observers: list[ILifecycleObserver] = []
        self._slots: list[Slot] = []
        self._spawnings: list[_Spawning] = []
        self._slotCount = 0
        self._incarnations = 0
        self._isStopping = self._isClosing = self._isStopped = False
        self._stopping: list[Deferred[None]] = []

    def spawn(self, program: Program, count: int, respawn: bool = True) -> Deferred[None]:
        """
        Start children.

        @param program: what they run.
        @param count: how many, at least 1.
        @param respawn: whether a child that ends is replaced.
        @return: fires when all are ready.  Fails with L{BootFailed} as soon as all
            have failed their first boot, or one is given up or suspended; those that
            may still come go on being tried, unless all have found that the
            application can't be loaded.  Fails with L{Stopped} if the master stops
            first.
        """
        slots = [
            Slot(
                self._slotCount + place,
                self._shared,
                program,
                respawn,
                Backoff(self._random),
                self,
            )
            for place in range(count)
        ]
        self._slotCount += count
        spawning = _Spawning(slots)
        if self._isStopping:
            spawning.stopped()
            return spawning.done
        self.prepare()
        self._slots.extend(slots)
        self._spawnings.append(spawning)
        for slot in slots:
            slot.start()
        return spawning.done

    def prepare(self) -> None:
        """
        Start what must be there before the first child.
        """
        self._warden.start()
        self._undertaker.start()

    def children(self) -> tuple[Child, ...]:
        """
        @return: who lives, starting ones too.
        """
        return tuple(slot.child for slot in self._slots if slot.child is not None)

    def addObserver(self, observer: ILifecycleObserver) -> None:
        """
        @param observer: is told of all that happens from now on.
        """
        self._observers.append(observer)

    def removeObserver(self, observer: ILifecycleObserver) -> None:
        """
        @param observer: is told no more.
        """
        self._observers.remove(observer)

    def stop(self) -> Deferred[None]:
        """
        Stop all children, each in the order that its lifecycle says, all at once.

        @return: fires when nothing is left of them.
        """
        stopped: Deferred[None] = Deferred()
        self._stopping.append(stopped)
        self._isStopping = True
        for spawning in tuple(self._spawnings):
            spawning.stopped()
        for slot in tuple(self._slots):
            slot.stop()
        self._finishStop()
        return stopped

    def nextIncarnation(self) -> int:
        """
        See L{SlotOwner<twisted_multiserver.supervision.slot.SlotOwner>}.
        """
        self._incarnations += 1
        return self._incarnations

    def happened(self, event: LifecycleEvent) -> None:
        """
        See L{SlotOwner<twisted_multiserver.supervision.slot.SlotOwner>}.
        """
        for observer in tuple(self._observers):
            try:
                observer.lifecycleEvent(event)
            except Exception:  # the user's own code
                self._log.failure("an observer failed at {event}", event=event)

    def slotReady(self, slot: Slot) -> None:
        """
        See L{SlotOwner<twisted_multiserver.supervision.slot.SlotOwner>}.
        """
        for spawning in self._of(slot):
            spawning.slotReady(slot)
            self._forgetIfDone(spawning)

    def slotFailed(self, slot: Slot, crash: Crash, isFinal: bool) -> None:
        """
        See L{SlotOwner<twisted_multiserver.supervision.slot.SlotOwner>}.
        """
        for spawning in self._of(slot):
            spawning.slotFailed(slot, crash, isFinal)
            if spawning.isHopeless:
                for hopeless in spawning.slots:
                    hopeless.stop()
            self._forgetIfDone(spawning)

    def slotEnded(self, slot: Slot) -> None:
        """
        See L{SlotOwner<twisted_multiserver.supervision.slot.SlotOwner>}.
        """
        self._slots.remove(slot)
        self._finishStop()

    def _of(self, slot: Slot) -> list[_Spawning]:
        return [spawning for spawning in self._spawnings if slot in spawning.slots]

    def _forgetIfDone(self, spawning: _Spawning) -> None:
        if spawning.done.called:
            self._spawnings.remove(spawning)

    def _finishStop(self) -> None:
        if self._isStopping and not self._slots and not self._isClosing:
            self._isClosing = True
            self._undertaker.stop()
            self._warden.close().addCallback(lambda _: self._stopped())
        elif self._isStopped:
            self._stopped()

    def _stopped(self) -> None:
        self._isStopped = True
        self._shared.runtimeFolder.remove()
        stopping, self._stopping = self._stopping, []
        for stopped in stopping:
            stopped.callback(None)

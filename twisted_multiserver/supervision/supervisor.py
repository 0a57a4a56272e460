"""
The supervisor: owns all slots.

It gives out numbers, tells the observers, and keeps the promises that C{spawn} made
to its callers.

Invariant: after C{stop} has fired there is no child, no timer and no runtime folder.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from random import random as systemRandom

from twisted.internet.defer import Deferred, gatherResults
from twisted.python.failure import Failure

from twisted_multiserver.errors import ConfigError
from twisted_multiserver.supervision._itraffic import ITraffic
from twisted_multiserver.supervision.backoff import Backoff
from twisted_multiserver.supervision.budgets import Budgets
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import Crash
from twisted_multiserver.supervision.events import ChildWorn, LifecycleEvent, Scaled
from twisted_multiserver.supervision.folders import RuntimeFolder
from twisted_multiserver.supervision.observers import Observers
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.recycling import Recycler
from twisted_multiserver.supervision.reloads import Reloads
from twisted_multiserver.supervision.slot import Slot
from twisted_multiserver.supervision.spawning import Reactor
from twisted_multiserver.supervision.spawnpromise import Spawning
from twisted_multiserver.supervision.strangers import Undertaker
from twisted_multiserver.supervision.surroundings import Surroundings
from twisted_multiserver.supervision.tracebacks import KnownTracebacks
from twisted_multiserver.supervision.warden import Warden
from twisted_multiserver.supervision.wear import Limits, WearJudge


class Supervisor:
    """
    Spawns, watches and replaces children.

    @ivar observers: are told of all that happens.
    """

    def __init__(
        self,
        reactor: Reactor,
        traffic: ITraffic,
        budgets: Budgets,
        runtimeFolder: RuntimeFolder,
        stateFolder: str | None = None,
        random: Callable[[], float] = systemRandom,
        loadInterval: float | None = None,
        wear: Limits = Limits(),  # noqa: B008 # a value
        observers: Observers | None = None,
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
        @param wear: what a child may reach before it is replaced.
        @param observers: are told of all that happens; L{None} for nobody so far.
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
        self.observers = observers or Observers()
        self._slots: list[Slot] = []
        self._spawnings: list[Spawning] = []
        self._recycler = None
        if not wear.areNone:
            self._recycler = Recycler(reactor, self, traffic, WearJudge(wear, random))
        self._reloads = Reloads(lambda: self._slots, self.happened)
        self._incarnations = 0
        self._isStopping = self._isClosing = self._isStopped = False
        self._stopping: list[Deferred[None]] = []

    def spawn(
        self, program: Program, count: int, respawn: bool = True, spares: int = 0
    ) -> Deferred[None]:
        """
        Start children.

        @param program: what they run.
        @param count: how many, at least 1.
        @param respawn: whether a child that ends is replaced.
        @param spares: how many more stand by.
        @return: fires when all are ready.  Fails with L{BootFailed} as soon as all
            have failed their first boot, or one is given up or suspended; those that
            may still come go on being tried, unless all have found that the
            application can't be loaded.  Fails with L{Stopped} if the master stops
            first.
        """
        slots = [
            Slot(
                number,
                self._shared,
                program,
                respawn,
                Backoff(self._random),
                self,
                self._reloads.generation,
                isSpare=place >= count,
            )
            for place, number in enumerate(self._freeNumbers(count + spares))
        ]
        spawning = Spawning(slots)
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
        if self._recycler is not None:
            self._recycler.start()

    def reload(
        self, renew: Callable[[Program], Program] = lambda program: program, surge: int = 1
    ) -> Deferred[None]:
        """
        Replace all children by those of a new generation, which load the code as it is now.

        A reload that is asked for while one runs follows it, once for all who asked.

        @param renew: what a program is to be from now on.
        @param surge: how many children there may be more than slots meanwhile; 0 to end a
            child before its successor starts.
        @return: fires when the new generation serves alone; the old children may still be
            finishing what they have.  Fails with
            L{ReloadFailed<twisted_multiserver.supervision.reloading.ReloadFailed>}.
        """
        return self._reloads.ask(renew, surge)

    def scale(self, count: int) -> Deferred[None]:
        """
        Have another number of children of the one program that was spawned.

        @param count: how many, at least 1.
        @return: fires when those that come are ready and those that go are gone; fails as
            L{spawn}.
        @raise ConfigError: if there isn't exactly one program.
        """
        staying = sorted(
            (slot for slot in self._slots if not slot.isStopping and not slot.isSpare),
            key=lambda slot: slot.number,
        )
        programs = self.programs()
        if len(programs) != 1:
            raise ConfigError(f"scale: {len(programs)} programs were spawned, not one")
        if count != len(staying):
            self.happened(Scaled(len(staying), count))
        if count > len(staying):
            return self.spawn(programs[0], count - len(staying), staying[0].respawns)
        leaving = staying[count:]
        gone: list[Deferred[None]] = []
        for slot in leaving:
            gone.append(slot.whenFinished())
            slot.stop()
        return gatherResults(gone).addCallback(lambda _: None)

    def readySlots(self) -> list[Slot]:
        """
        @return: those whose children serve or stand by.
        """
        return [slot for slot in self._slots if slot.isReady and not slot.isStopping]

    @property
    def isReloading(self) -> bool:
        """
        Whether all children are being replaced.
        """
        return self._reloads.isRunning

    def recycle(self, slot: Slot, reason: str) -> Deferred[None]:
        """
        Replace one child, as in a reload.

        @param slot: where it lives.
        @param reason: for people.
        @return: as L{Slot.replace}.
        """
        assert slot.child is not None
        self.happened(ChildWorn(slot.child, reason))
        spare = None if slot.isSpare else self._readySpare(slot.program)
        if spare is not None:
            spare.relieve(slot)
        overlap = spare is None and not slot.isSpare
        self._reloads.hold()
        return slot.replace(slot.program, slot.generation, overlap).addBoth(self._recycled)

    def programs(self) -> list[Program]:
        """
        @return: what is run, each once.
        """
        programs: list[Program] = []
        for slot in self._slots:
            if slot.program not in programs and not slot.isStopping:
                programs.append(slot.program)
        return programs

    def children(self) -> tuple[Child, ...]:
        """
        @return: who lives, starting ones too.
        """
        return tuple(slot.child for slot in self._slots if slot.child is not None)

    def stop(self) -> Deferred[None]:
        """
        Stop all children, each in the order that its lifecycle says, all at once.

        @return: fires when nothing is left of them.
        """
        stopped: Deferred[None] = Deferred()
        self._stopping.append(stopped)
        self._isStopping = True
        self._reloads.stop()
        if self._recycler is not None:
            self._recycler.stop()
        for spawning in tuple(self._spawnings):
            spawning.stopped()
        for slot in tuple(self._slots):
            slot.stop()
        self._finishStop()
        return stopped

    def nextIncarnation(self) -> int:
        """
        See L{SlotOwner<twisted_multiserver.supervision.slotowner.SlotOwner>}.
        """
        self._incarnations += 1
        return self._incarnations

    def happened(self, event: LifecycleEvent) -> None:
        """
        See L{SlotOwner<twisted_multiserver.supervision.slotowner.SlotOwner>}.
        """
        self.observers.tell(event)

    def slotReady(self, slot: Slot) -> None:
        """
        See L{SlotOwner<twisted_multiserver.supervision.slotowner.SlotOwner>}.
        """
        for spawning in self._of(slot):
            spawning.slotReady(slot)
            self._forgetIfDone(spawning)
        if slot.isSpare:
            for other in self._slots:
                if other.program == slot.program and other.isVacant:
                    slot.relieve(other)
                    break

    def slotVacant(self, slot: Slot) -> None:
        """
        See L{SlotOwner<twisted_multiserver.supervision.slotowner.SlotOwner>}.
        """
        spare = self._readySpare(slot.program)
        if spare is not None:
            spare.relieve(slot)

    def slotFailed(self, slot: Slot, crash: Crash, isFinal: bool) -> None:
        """
        See L{SlotOwner<twisted_multiserver.supervision.slotowner.SlotOwner>}.
        """
        for spawning in self._of(slot):
            spawning.slotFailed(slot, crash, isFinal)
            if spawning.isHopeless:
                for hopeless in spawning.slots:
                    hopeless.stop()
            self._forgetIfDone(spawning)

    def slotEnded(self, slot: Slot) -> None:
        """
        See L{SlotOwner<twisted_multiserver.supervision.slotowner.SlotOwner>}.
        """
        self._slots.remove(slot)
        self._finishStop()

    def _recycled(self, result: Failure | None) -> Failure | None:
        self._reloads.release()
        return result

    def _readySpare(self, program: Program) -> Slot | None:
        ready = (slot for slot in self.readySlots() if slot.isSpare)
        return next((slot for slot in ready if slot.program == program), None)

    def _freeNumbers(self, count: int) -> list[int]:
        taken = {slot.number for slot in self._slots}
        free = (number for number in itertools.count() if number not in taken)
        return list(itertools.islice(free, count))

    def _of(self, slot: Slot) -> list[Spawning]:
        return [spawning for spawning in self._spawnings if slot in spawning.slots]

    def _forgetIfDone(self, spawning: Spawning) -> None:
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

"""
The supervisor: owns all slots.

It gives out numbers, tells the observers, and keeps the promises that C{spawn} made
to its callers.

Invariants: an observer's exception harms nobody; after C{stop} has fired there is no
child, no timer and no runtime folder.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from random import random as systemRandom

from twisted.internet.defer import Deferred, fail, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_multiserver.contract import APPLICATION_FAULTS
from twisted_multiserver.errors import ConfigError, MultiserverError
from twisted_multiserver.supervision._iobserver import ILifecycleObserver
from twisted_multiserver.supervision._itraffic import ITraffic
from twisted_multiserver.supervision.backoff import Backoff
from twisted_multiserver.supervision.budgets import Budgets
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import BootFailed, Crash
from twisted_multiserver.supervision.events import LifecycleEvent
from twisted_multiserver.supervision.folders import RuntimeFolder
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.reloading import Reload
from twisted_multiserver.supervision.slot import Slot, Stopped
from twisted_multiserver.supervision.spawning import Reactor
from twisted_multiserver.supervision.strangers import Undertaker
from twisted_multiserver.supervision.surroundings import Surroundings
from twisted_multiserver.supervision.tracebacks import KnownTracebacks
from twisted_multiserver.supervision.warden import Warden


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


@dataclass(frozen=True, slots=True)
class _NextReload:
    """
    A reload that was asked for.
    """

    renew: Callable[[Program], Program]
    surge: int
    waiting: list[Deferred[None]]


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
        self._generation = 1
        self._reloading: Deferred[None] | None = None
        self._reloadNext: _NextReload | None = None
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
                number,
                self._shared,
                program,
                respawn,
                Backoff(self._random),
                self,
                self._generation,
            )
            for number in self._freeNumbers(count)
        ]
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
        if self._isStopping:
            return fail(Stopped("the master is being stopped"))
        done: Deferred[None] = Deferred()
        if self._reloading is None:
            self._reload(_NextReload(renew, surge, [done]))
        elif self._reloadNext is None:
            self._reloadNext = _NextReload(renew, surge, [done])
        else:
            self._reloadNext = _NextReload(renew, surge, [*self._reloadNext.waiting, done])
        return done

    def scale(self, count: int) -> Deferred[None]:
        """
        Have another number of children of the one program that was spawned.

        @param count: how many, at least 1.
        @return: fires when those that come are ready and those that go are gone; fails as
            L{spawn}.
        @raise ConfigError: if there isn't exactly one program.
        """
        staying = sorted(
            (slot for slot in self._slots if not slot.isStopping), key=lambda slot: slot.number
        )
        programs = self.programs()
        if len(programs) != 1:
            raise ConfigError(f"scale: {len(programs)} programs were spawned, not one")
        if count > len(staying):
            return self.spawn(programs[0], count - len(staying), staying[0].respawns)
        leaving = staying[count:]
        gone: list[Deferred[None]] = []
        for slot in leaving:
            gone.append(slot.whenFinished())
            slot.stop()
        return gatherResults(gone).addCallback(lambda _: None)

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

    def _reload(self, asked: _NextReload) -> None:
        self._generation += 1
        slots = sorted(self._slots, key=lambda slot: slot.number)
        changes = [(slot, asked.renew(slot.program)) for slot in slots if not slot.isStopping]
        self._log.info("reload: generation {generation}", generation=self._generation)
        self._reloading = Reload(changes, self._generation, asked.surge).run()
        self._reloading.addBoth(self._reloaded, asked.waiting)

    def _reloaded(self, result: Failure | None, waiting: list[Deferred[None]]) -> None:
        self._reloading = None
        if isinstance(result, Failure):
            self._log.error("{reason}", reason=result.getErrorMessage())
        else:
            self._log.info("generation {generation} serves", generation=self._generation)
        following, self._reloadNext = self._reloadNext, None
        for done in waiting:
            done.callback(result)
        if following is not None:
            if self._isStopping:
                for done in following.waiting:
                    done.errback(Stopped("the master is being stopped"))
            else:
                self._reload(following)

    def _freeNumbers(self, count: int) -> list[int]:
        taken = {slot.number for slot in self._slots}
        free = (number for number in itertools.count() if number not in taken)
        return list(itertools.islice(free, count))

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

"""
One incarnation: a child's life in a slot, from its sockets to its last line.

Strategy: the L{lifecycle<twisted_multiserver.supervision.lifecycle>} decides; this
does what it says, with real sockets, signals and timers.

Invariants: every descriptor and timer that it takes it gives back when it is gone; a
child that exits is out of the traffic at once, its group is killed at once; its story
is told when nothing of it is left and its last words have arrived, or L{LAST_WORDS}
later.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from math import inf

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_multiserver.contract import STACK_DUMP_SIGNAL
from twisted_multiserver.supervision.boot import Boot
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import CrashKind
from twisted_multiserver.supervision.events import (
    ChildDrained,
    ChildDraining,
    ChildHung,
    ChildSpawned,
)
from twisted_multiserver.supervision.launching import Launch
from twisted_multiserver.supervision.lifecycle import makeLife
from twisted_multiserver.supervision.obituary import Obituary
from twisted_multiserver.supervision.process import ChildProcess
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.surroundings import Place, Surroundings
from twisted_multiserver.supervision.tenancy import IncarnationObserver
from twisted_multiserver.supervision.watchdog import Watchdog
from twisted_multiserver.supervision.words import Words

# Seconds.
LAST_WORDS = 0.25
DUMP_TIME = 0.5


class Incarnation:
    """
    One life.

    @ivar child: who it is; its pid is 0 before L{start}.
    """

    _log = Logger()

    def __init__(
        self,
        surroundings: Surroundings,
        program: Program,
        place: Place,
        observer: IncarnationObserver,
    ) -> None:
        """
        @param surroundings: what all incarnations share.
        @param program: what it runs.
        @param place: where it lives.
        @param observer: the slot.
        """
        self._shared = surroundings
        self._program = program
        self._place = place
        self._observer = observer
        self._process = ChildProcess(self)
        self._life = makeLife(self)
        self._launch = Launch(surroundings, program, place)
        self._boot = Boot(surroundings.reactor, program, self._launch, self._booted)
        self.child = Child(
            place.slot, place.generation, place.incarnation, 0, "", program.isApplication
        )
        self._watchdog = Watchdog(
            surroundings.reactor,
            surroundings.budgets.run,
            self._launch.hear,
            self._life.beatOverdue,
        )
        self._words = Words(self.child.name, surroundings.tracebacks)
        self._obituary = Obituary(self._words, self._tell)
        self._timer: IDelayedCall | None = None
        self._bornAt = 0.0
        self._readyAt: float | None = None
        self._diedAt = 0.0
        self._memory = 0
        self._places: int | None = None

    def start(self) -> None:
        """
        Begin to live.  What goes wrong is a failure to boot like any other.
        """
        self._bornAt = self._now()
        try:
            self._launch.launch(self._process, self._notified, self._told)
        except OSError as error:
            self._obituary.bootFailed(f"{self.child.name} can't be started: {error}")
            # In a turn of its own, so that it never ends inside of start().
            self._shared.reactor.callLater(0, self._life.exited)
            return
        self.child = replace(self.child, pid=self._process.pid, address=self._launch.address)
        self._shared.warden.watch(self._process.pid, self._place.incarnation)
        # Before anybody is told, since an observer may stop it.
        self._after(self._shared.budgets.boot, self._life.bootOverdue)
        self._boot.begin(self._process.pid)
        self._observer.happened(ChildSpawned(self.child))

    def activate(self) -> None:
        """
        Let it serve: it is ready, and no spare any more.
        """
        self._shared.traffic.admit(self.child, self._places)

    def endOvergrown(self, memory: int) -> None:
        """
        Kill it, if it is ready.

        @param memory: how much it takes, in bytes.
        """
        self._memory = memory
        self._life.overgrown()

    def stop(self) -> None:
        """
        Ask it to stop, in the order that the lifecycle says.
        """
        self._life.stop()

    def outputReceived(self, stream: int, data: bytes) -> None:
        """
        See L{ProcessUser<twisted_multiserver.supervision.process.ProcessUser>}.
        """
        self._words.take(stream, data)

    def outputEnded(self) -> None:
        """
        See L{ProcessUser<twisted_multiserver.supervision.process.ProcessUser>}.
        """
        self._obituary.wordsOver()

    def processExited(self, exitCode: int | None, signalNumber: int | None) -> None:
        """
        See L{ProcessUser<twisted_multiserver.supervision.process.ProcessUser>}.
        """
        if not self.child.pid:
            # It ended so fast that the reactor saw it inside of start().
            self._shared.reactor.callLater(0, self.processExited, exitCode, signalNumber)
            return
        self._obituary.exited(exitCode, signalNumber)
        self._life.exited()

    def admit(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        self._readyAt = self._now()
        self._cancelTimer()
        self._watchdog.start(mustBeat=self._program.isApplication)
        if not self._observer.isSpare:
            self.activate()
        self._observer.becameReady(self.child, self._readyAt - self._bornAt)

    def expectExit(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        self._obituary.isAskedFor = True
        self._watchdog.stop()

    def drain(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        budget = self._shared.budgets.drain
        self._after(budget, self._life.drainOverdue)
        self._launch.tell("drain", budget=budget)
        self._observer.happened(ChildDraining(self.child))
        drained = self._shared.traffic.drain(self.child)
        drained.addCallback(lambda _: self._life.drained())

    def noteDrained(self, isComplete: bool) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        if not isComplete:
            self._log.warn(
                "{child} had not finished within {budget:g} s (the drain budget): what is left"
                " is cut",
                child=self.child.name,
                budget=self._shared.budgets.drain,
            )
        self._observer.happened(ChildDrained(self.child, isComplete))

    def terminate(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        self._after(self._shared.budgets.stop, self._life.stopOverdue)
        self._process.send(signal.SIGTERM)

    def dump(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        if self._program.isApplication:
            self._after(DUMP_TIME, self._life.dumped)
            self._process.send(STACK_DUMP_SIGNAL)
        else:
            # It knows nothing of that signal, which would end it.
            self._after(0, self._life.dumped)

    def kill(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        self._process.killGroup()

    def blameBoot(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        reason = self._boot.blame(self.child.name, self._shared.budgets.boot)
        self._obituary.blame(CrashKind.bootFailure, reason)

    def blameHang(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        budget = self._shared.budgets.run
        reason = f"no sign of life for {budget:g} s (the run budget)"
        self._obituary.blame(CrashKind.hang, reason)
        self._log.error(
            "{child} hangs: its event loop gave no sign of life for {budget} s; killing it",
            child=self.child.name,
            budget=budget,
        )
        self._shared.traffic.drain(self.child)
        self._observer.happened(ChildHung(self.child, budget))
        self._observer.leaves(self.child)

    def blameMemory(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        reason = f"it took {self._memory >> 20} MiB of memory"
        self._obituary.blame(CrashKind.memory, reason)
        self._log.error("{child} is killed: {reason}", child=self.child.name, reason=reason)

    def conclude(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        self._diedAt = self._now()
        self._cancelTimer()
        self._watchdog.stop()
        self._obituary.exchanges = self._shared.traffic.remove(
            self.child, crashed=not self._obituary.isAskedFor
        )
        self._process.killGroup()
        self._boot.end()
        self._launch.close()
        self._observer.leaves(self.child)
        if self._process.pid:
            self._after(LAST_WORDS, self._obituary.wordsOver)
            gone = self._shared.warden.end(self._process.pid, self._place.incarnation)
            gone.addCallback(lambda _: self._obituary.nothingLeft())
        else:
            self._obituary.wordsOver()
            self._obituary.nothingLeft()

    def _booted(self, isFit: bool) -> None:
        if isFit:
            self._life.readied()
        else:
            self._life.bootOverdue()

    def _notified(self, notification: dict[str, str]) -> None:
        if "WATCHDOG" in notification:
            self._watchdog.beat()
        self._boot.notified(notification)
        if notification.get("STOPPING") == "1" and not self._obituary.isAskedFor:
            # The application stops by itself: new requests go elsewhere.
            self._shared.traffic.drain(self.child)

    def _told(self, message: dict[str, object]) -> None:
        if message["type"] == "bootFailed":
            self._obituary.bootFailed(message.get("reason"), message.get("traceback"))
        elif message["type"] == "load":
            self._loadReported(message)
        elif message["type"] == "places":
            self._placesTold(message.get("count"))

    def _placesTold(self, count: object) -> None:
        if isinstance(count, int) and count > 0:
            self._places = count
            self._shared.traffic.limit(self.child, count)

    def _loadReported(self, message: dict[str, object]) -> None:
        lag, busy, threads = (message.get(name) for name in ("lag", "busyThreads", "threads"))
        if (
            isinstance(lag, int | float)
            and 0 <= lag < inf
            and isinstance(busy, int)
            and isinstance(threads, int)
        ):
            self._shared.traffic.reported(self.child, lag, busy, threads)

    def _tell(self) -> None:
        """
        All is known of its end.
        """
        self._cancelTimer()
        if self._process.pid:
            self._process.closePipes()
        wasReady = self._readyAt is not None
        readyFor = None if self._readyAt is None else self._diedAt - self._readyAt
        crash = self._obituary.crash(self.child, self._diedAt - self._bornAt, wasReady)
        self._observer.ended(self.child, crash, readyFor)

    def _now(self) -> float:
        return self._shared.reactor.seconds()

    def _after(self, seconds: float, then: Callable[[], object]) -> None:
        """
        Set the one timer: each step of the life has its own budget.
        """
        self._cancelTimer()
        self._timer = self._shared.reactor.callLater(seconds, then)

    def _cancelTimer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

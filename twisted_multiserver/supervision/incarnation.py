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
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_multiserver.contract import STACK_DUMP_SIGNAL
from twisted_multiserver.supervision.boot import Boot
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import Crash, CrashKind, makeCrash
from twisted_multiserver.supervision.launching import Launch
from twisted_multiserver.supervision.lifecycle import makeLife
from twisted_multiserver.supervision.process import ChildProcess
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.surroundings import Place, Surroundings
from twisted_multiserver.supervision.words import Words

# Seconds.
LAST_WORDS = 0.25
DUMP_TIME = 0.5


_FOREGROUND = "what it runs must stay in the foreground"


class IncarnationObserver(Protocol):
    """
    The slot that it lives in.
    """

    def spawned(self, child: Child) -> None:
        """
        @param child: has a process.
        """

    def becameReady(self, child: Child, bootTime: float) -> None:
        """
        @param child: serves.
        @param bootTime: seconds from its spawn.
        """

    def draining(self, child: Child) -> None:
        """
        @param child: was asked to stop, and serves no new exchanges.
        """

    def leaves(self, child: Child) -> None:
        """
        @param child: its process is no more, or hangs and will be killed, and it is
            out of the traffic; L{ended} follows.
        """

    def ended(self, child: Child, crash: Crash | None, readyFor: float | None) -> None:
        """
        @param child: is gone, with all that it had.
        @param crash: L{None} if its exit was asked for.
        @param readyFor: for how long it was ready, in seconds; L{None} if it never
            was.
        """


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
        self._timer: IDelayedCall | None = None
        self._lastBeat = 0.0
        self._hasBeaten = False
        self._bornAt = 0.0
        self._readyAt: float | None = None
        self._exitExpected = False
        self._blame: tuple[CrashKind, str] | None = None
        self._bootReason: tuple[str, tuple[str, ...]] | None = None
        self._end: tuple[int | None, int | None] = (None, None)
        self._uptime = 0.0
        self._exchanges: tuple[str, ...] = ()
        self._words = Words(self.child.name, surroundings.tracebacks)
        self._wordsAreOver = False
        self._nothingIsLeft = False
        self._isTold = False

    def start(self) -> None:
        """
        Begin to live.  What goes wrong is a failure to boot like any other.
        """
        self._bornAt = self._now()
        try:
            self._launch.launch(self._process, self._notified, self._told)
        except OSError as error:
            reason = f"{self.child.name} can't be started: {error}"
            self._bootReason = (reason, ())
            # In a turn of its own, so that it never ends inside of start().
            self._shared.reactor.callLater(0, self._life.exited)
            return
        self.child = replace(self.child, pid=self._process.pid, address=self._launch.address)
        self._shared.warden.watch(self._process.pid, self._place.incarnation)
        # Before anybody is told, since an observer may stop it.
        self._after(self._shared.budgets.boot, self._life.bootOverdue)
        self._boot.begin(self._process.pid)
        self._observer.spawned(self.child)

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
        self._wordsAreOver = True
        self._tell()

    def processExited(self, exitCode: int | None, signalNumber: int | None) -> None:
        """
        See L{ProcessUser<twisted_multiserver.supervision.process.ProcessUser>}.
        """
        if not self.child.pid:
            # It ended so fast that the reactor saw it inside of start().
            self._shared.reactor.callLater(0, self.processExited, exitCode, signalNumber)
            return
        self._end = (exitCode, signalNumber)
        self._life.exited()

    def admit(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        self._readyAt = self._lastBeat = self._now()
        if self._program.isApplication or self._hasBeaten:
            self._watch()
        else:
            self._cancelTimer()
        self._shared.traffic.admit(self.child)
        self._observer.becameReady(self.child, self._readyAt - self._bornAt)

    def expectExit(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        self._exitExpected = True

    def drain(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        budget = self._shared.budgets.drain
        self._after(budget, self._life.drained)
        self._launch.tell("drain", budget=budget)
        self._observer.draining(self.child)
        drained = self._shared.traffic.drain(self.child)
        drained.addCallback(lambda _: self._life.drained())

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
        self._blame = (CrashKind.bootFailure, self._boot.blame(self.child.name, self._shared))

    def blameHang(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        budget = self._shared.budgets.run
        self._blame = (CrashKind.hang, f"no sign of life for {budget:g} s (the run budget)")
        self._log.error(
            "{child} hangs: its event loop gave no sign of life for {budget} s; killing it",
            child=self.child.name,
            budget=budget,
        )
        self._shared.traffic.drain(self.child)
        self._observer.leaves(self.child)

    def conclude(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        self._uptime = self._now() - self._bornAt
        self._cancelTimer()
        self._exchanges = self._shared.traffic.remove(self.child)
        self._process.killGroup()
        self._boot.end()
        self._launch.close()
        self._observer.leaves(self.child)
        if self._process.pid:
            self._after(LAST_WORDS, self._heard)
            gone = self._shared.warden.end(self._process.pid, self._place.incarnation)
            gone.addCallback(lambda _: self._nothingLeft())
        else:
            self._wordsAreOver = True
            self._nothingLeft()

    def _booted(self, isFit: bool) -> None:
        if isFit:
            self._life.readied()
        else:
            self._life.bootOverdue()

    def _notified(self, notification: dict[str, str]) -> None:
        if "WATCHDOG" in notification:
            self._lastBeat = self._now()
            if not self._hasBeaten:
                self._hasBeaten = True
                if self._readyAt is not None and self._timer is None:
                    self._watch()
        self._boot.notified(notification)
        if notification.get("STOPPING") == "1" and not self._exitExpected:
            # The application stops by itself: new requests go elsewhere.
            self._shared.traffic.drain(self.child)

    def _told(self, message: dict[str, object]) -> None:
        if message["type"] == "bootFailed":
            reason, traceback = message.get("reason"), message.get("traceback")
            lines = tuple(traceback.splitlines()) if isinstance(traceback, str) else ()
            self._bootReason = (" ".join(str(reason).split()), lines)
        elif message["type"] == "load":
            self._loadReported(message)

    def _loadReported(self, message: dict[str, object]) -> None:
        lag, busy, threads = (message.get(name) for name in ("lag", "busyThreads", "threads"))
        if (
            isinstance(lag, int | float)
            and 0 <= lag < inf
            and isinstance(busy, int)
            and isinstance(threads, int)
        ):
            self._shared.traffic.reported(self.child, lag, busy, threads)

    def _watch(self) -> None:
        """
        Look again when the run budget is over at the earliest.
        """
        budget = self._shared.budgets.run
        if self._timer is not None and self._now() - self._timer.getTime() > budget:
            # The master itself was stopped, and can't tell who else was.
            self._lastBeat = self._now()
        # Timers come before sockets: after a stall, beats are waiting to be read.
        self._launch.hear()
        left = self._lastBeat + budget - self._now()
        if left <= 0:
            self._life.beatOverdue()
        else:
            self._after(left, self._watch)

    def _heard(self) -> None:
        """
        The last words have arrived, or had their time.
        """
        self._wordsAreOver = True
        self._tell()

    def _nothingLeft(self) -> None:
        """
        Of all that it has started nothing is left.
        """
        self._nothingIsLeft = True
        self._tell()

    def _tell(self) -> None:
        if self._isTold or not (self._wordsAreOver and self._nothingIsLeft):
            return
        self._isTold = True
        self._cancelTimer()
        self._words.end()
        if self._process.pid:
            self._process.closePipes()
        readyFor = None
        if self._readyAt is not None:
            readyFor = self._bornAt + self._uptime - self._readyAt
        crash = None if self._exitExpected else self._crash()
        self._observer.ended(self.child, crash, readyFor)

    def _crash(self) -> Crash:
        kind, reason = self._blame or (None, "")
        if self._readyAt is None:
            kind = CrashKind.bootFailure
            if self._bootReason is not None:
                reason, traceback = self._bootReason
                self._words.addTraceback(traceback)
            elif not reason and self._end[0] == 0:
                reason = f"{self.child.name} ended before it was ready (exit 0): {_FOREGROUND}"
        exitCode, signalNumber = self._end
        return makeCrash(
            self.child,
            exitCode,
            signalNumber,
            self._uptime,
            self._words.lines(),
            self._exchanges,
            kind,
            reason,
        )

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

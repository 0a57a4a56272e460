"""
One incarnation: a child's life in a slot, from its sockets to its last line.

Strategy: the L{lifecycle<twisted_multiserver.supervision.lifecycle>} decides; this
does what it says, with real sockets, signals and timers.

Invariants: every descriptor and timer that it takes it gives back when it is gone; a
child that exits is out of the traffic at once, its group is killed at once; its story
is told when its last words have arrived, or L{LAST_WORDS} later.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from twisted.internet.interfaces import (
    IDelayedCall,
    IReactorFDSet,
    IReactorProcess,
    IReactorTime,
)
from twisted.logger import Logger

from twisted_multiserver.contract import (
    CONTROL_FD,
    CONTROL_VARIABLE,
    HTTP_FD,
    RUN_VARIABLE,
    SPEC_VARIABLE,
    SPEC_VERSION,
    STACK_DUMP_SIGNAL,
)
from twisted_multiserver.supervision._itraffic import ITraffic
from twisted_multiserver.supervision.budgets import Budgets
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.control import ControlChannel
from twisted_multiserver.supervision.crash import Crash, CrashKind, makeCrash
from twisted_multiserver.supervision.environment import entranceVariables, scrubbed
from twisted_multiserver.supervision.folders import RuntimeFolder
from twisted_multiserver.supervision.lifecycle import makeLife
from twisted_multiserver.supervision.notify import NotifySocket
from twisted_multiserver.supervision.output import LastLines, LineSplitter
from twisted_multiserver.supervision.process import STDERR, STDOUT, ChildProcess
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.tracebacks import KnownTracebacks, TracebackFold

# Seconds.
LAST_WORDS = 0.25
DUMP_TIME = 0.5

_LAUNCHER = str(Path(__file__).parent.parent / "child" / "launch.py")
# The kernel takes its own maximum for it (listen(2)).
_BACKLOG = 65535


class Reactor(IReactorTime, IReactorProcess, IReactorFDSet):
    """
    What supervision asks of the reactor.
    """


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What all incarnations of a master share.

    @ivar reactor: the reactor.
    @ivar traffic: distributes requests.
    @ivar budgets: how long things may take.
    @ivar runtimeFolder: for sockets.
    @ivar stateFolder: for what survives; L{None} if there is none.
    @ivar run: names this run of the master.
    @ivar tracebacks: those that were told already.
    """

    reactor: Reactor
    traffic: ITraffic
    budgets: Budgets
    runtimeFolder: RuntimeFolder
    stateFolder: str | None
    run: str
    tracebacks: KnownTracebacks


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where and when an incarnation lives.

    @ivar slot: its place.
    @ivar generation: counts reloads.
    @ivar incarnation: counts lives.
    @ivar previous: the crash before it in its slot, and when it was (seconds since
        the epoch).
    """

    slot: int
    generation: int
    incarnation: int
    previous: tuple[Crash, float] | None


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
        @param child: its process is no more, and it is out of the traffic; L{ended}
            follows.
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
        folder = surroundings.runtimeFolder
        self._httpPath = folder.socketPath("c")
        self._notifyPath = folder.socketPath("n")
        self.child = Child(place.slot, place.generation, place.incarnation, 0, self._httpPath)
        self._notify: NotifySocket | None = None
        self._control: ControlChannel | None = None
        self._timer: IDelayedCall | None = None
        self._lastBeat = 0.0
        self._bornAt = 0.0
        self._readyAt: float | None = None
        self._exitExpected = False
        self._blame: tuple[CrashKind, str] | None = None
        self._bootReason: tuple[str, tuple[str, ...]] | None = None
        self._end: tuple[int | None, int | None] = (None, None)
        self._uptime = 0.0
        self._exchanges: tuple[str, ...] = ()
        self._splitters = {STDOUT: LineSplitter(), STDERR: LineSplitter()}
        self._folds = {
            stream: TracebackFold(self.child.name, surroundings.tracebacks)
            for stream in (STDOUT, STDERR)
        }
        self._lastLines = LastLines()
        self._isTold = False

    def start(self) -> None:
        """
        Begin to live.  What goes wrong is a failure to boot like any other.
        """
        self._bornAt = self._now()
        try:
            self._spawn()
        except OSError as error:
            reason = f"{self.child.name} can't be started: {error}"
            self._bootReason = (reason, ())
            # In a turn of its own, so that it never ends inside of start().
            self._shared.reactor.callLater(0, self._life.exited)
            return
        pid = self._process.pid
        self.child = Child(
            self.child.slot, self.child.generation, self.child.incarnation, pid, self._httpPath
        )
        self._observer.spawned(self.child)
        self._after(self._shared.budgets.boot, self._life.bootOverdue)

    def stop(self) -> None:
        """
        Ask it to stop, in the order that the lifecycle says.
        """
        self._life.stop()

    def outputReceived(self, stream: int, data: bytes) -> None:
        """
        See L{ProcessUser<twisted_multiserver.supervision.process.ProcessUser>}.
        """
        self._tellLines(stream, self._splitters[stream].take(data))

    def outputEnded(self) -> None:
        """
        See L{ProcessUser<twisted_multiserver.supervision.process.ProcessUser>}.
        """
        self._tell()

    def processExited(self, exitCode: int | None, signalNumber: int | None) -> None:
        """
        See L{ProcessUser<twisted_multiserver.supervision.process.ProcessUser>}.
        """
        self._end = (exitCode, signalNumber)
        self._life.exited()

    def admit(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        self._readyAt = self._lastBeat = self._now()
        self._watch()
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
        if self._control is not None:
            self._control.tell("drain", budget=budget)
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
        self._after(DUMP_TIME, self._life.dumped)
        if self._program.hasControlChannel:
            self._process.send(STACK_DUMP_SIGNAL)

    def kill(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        self._process.killGroup()

    def blameBoot(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        budget = self._shared.budgets.boot
        reason = f"{self.child.name} was not ready within {budget:g} s (the boot budget)"
        self._blame = (CrashKind.bootFailure, reason)

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

    def conclude(self) -> None:
        """
        See L{Actions<twisted_multiserver.supervision.lifecycle.Actions>}.
        """
        self._uptime = self._now() - self._bornAt
        self._cancelTimer()
        self._exchanges = self._shared.traffic.remove(self.child)
        self._process.killGroup()
        if self._control is not None:
            self._control.readRest()
            self._control.close()
        if self._notify is not None:
            self._notify.close()
        try:
            os.unlink(self._httpPath)
        except FileNotFoundError:
            pass
        self._observer.leaves(self.child)
        if self._process.pid:
            self._after(LAST_WORDS, self._tell)
        else:
            self._tell()

    def _spawn(self) -> None:
        shared = self._shared
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        with listener:
            listener.bind(self._httpPath)
            os.chmod(self._httpPath, 0o600)
            listener.listen(_BACKLOG)
            self._notify = NotifySocket(
                shared.reactor, self._notifyPath, self._program.uid, self._notified
            )
            mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs, open(os.devnull, "rb") as nothing:
                self._control = ControlChannel(shared.reactor, mine, self._told)
                descriptors: dict[int, int | str] = {
                    0: nothing.fileno(),
                    STDOUT: "r",
                    STDERR: "r",
                    HTTP_FD: listener.fileno(),
                }
                if self._program.hasControlChannel:
                    descriptors[CONTROL_FD] = theirs.fileno()
                argv = [
                    sys.executable,
                    "-P",
                    _LAUNCHER,
                    f"{self.child.name}: {self._program.label}",
                ]
                self._process.start(shared.reactor, argv, self._environment(), descriptors)

    def _environment(self) -> dict[str, str]:
        shared, place = self._shared, self._place
        previous = None
        if place.previous is not None:
            crash, at = place.previous
            previous = {
                "description": crash.description,
                "exitCode": crash.exitCode,
                "signal": crash.signal,
                "at": at,
            }
        spec = {
            "version": SPEC_VERSION,
            "masterPid": os.getpid(),
            "slot": place.slot,
            "generation": place.generation,
            "incarnation": place.incarnation,
            "run": shared.run,
            "stopBudget": shared.budgets.stop,
            "stateFolder": shared.stateFolder,
            "previous": previous,
            **self._program.spec(),
        }
        environment = {
            **scrubbed(os.environ),
            **entranceVariables(self._notifyPath, shared.budgets.run),
            RUN_VARIABLE: f"{shared.run}:{place.incarnation}",
            SPEC_VARIABLE: json.dumps(spec),
        }
        if self._program.hasControlChannel:
            environment[CONTROL_VARIABLE] = str(CONTROL_FD)
        if shared.stateFolder is not None:
            environment["STATE_DIRECTORY"] = shared.stateFolder
        return environment

    def _notified(self, notification: dict[str, str]) -> None:
        if "WATCHDOG" in notification:
            self._lastBeat = self._now()
        if notification.get("READY") == "1":
            self._life.readied()

    def _told(self, message: dict[str, object]) -> None:
        if message["type"] == "bootFailed":
            reason, traceback = message.get("reason"), message.get("traceback")
            lines = tuple(traceback.splitlines()) if isinstance(traceback, str) else ()
            self._bootReason = (" ".join(str(reason).split()), lines)

    def _watch(self) -> None:
        """
        Look again when the run budget is over at the earliest.
        """
        budget = self._shared.budgets.run
        left = self._lastBeat + budget - self._now()
        if left <= 0:
            self._life.beatOverdue()
        else:
            self._after(left, self._watch)

    def _tellLines(self, stream: int, lines: list[str]) -> None:
        for line in lines:
            if stream == STDERR:
                self._lastLines.add(line)
            for shown in self._folds[stream].take(line):
                self._show(shown)

    def _show(self, line: str) -> None:
        self._log.info("{child}: {line}", child=self.child.name, line=line)

    def _tell(self) -> None:
        """
        The last words have arrived, or had their time.
        """
        if self._isTold or (self._end == (None, None) and self._process.pid):
            return
        self._isTold = True
        self._cancelTimer()
        for stream, splitter in self._splitters.items():
            self._tellLines(stream, splitter.end())
            for line in self._folds[stream].end():
                self._show(line)
        if self._process.pid:
            self._process.closePipes()
        readyFor = None
        if self._readyAt is not None:
            readyFor = self._bornAt + self._uptime - self._readyAt
        crash = None if self._exitExpected else self._crash()
        self._observer.ended(self.child, crash, readyFor)

    def _crash(self) -> Crash:
        kind, reason = self._blame or (None, "")
        lines = self._lastLines.lines()
        if self._readyAt is None:
            kind = CrashKind.bootFailure
            if self._bootReason is not None:
                reason, traceback = self._bootReason
                known = self._shared.tracebacks
                for line in known.tell(self.child.name, list(traceback)) if traceback else ():
                    self._show(line)
                lines = (*lines, *traceback, reason)[-50:]
        exitCode, signalNumber = self._end
        return makeCrash(
            self.child,
            exitCode,
            signalNumber,
            self._uptime,
            lines,
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

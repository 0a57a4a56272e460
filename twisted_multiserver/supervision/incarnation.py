"""
One life in a slot: what is done at each turn of it.

When which turn comes is the table's matter (L{lifecycle
<twisted_multiserver.supervision.lifecycle>}).  Here are the effects, and the senses:
what the process does, what the child says, and the one deadline that runs at a time.

Invariants: a dead child is out of the traffic in the very turn in which its exit was
noticed; its group is killed then too; whatever way a life ends, its owner is told once,
after its last output has been read.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_multiserver.contract import SPEC_VERSION, STACK_DUMP_SIGNAL
from twisted_multiserver.supervision._ireactor import ISupervisionReactor
from twisted_multiserver.supervision._itraffic import ITraffic
from twisted_multiserver.supervision.border import Border
from twisted_multiserver.supervision.budgets import DUMP_TIME, LAST_WORDS_TIME, Budgets
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.childlog import ChildLog
from twisted_multiserver.supervision.control import Message
from twisted_multiserver.supervision.crash import Crash, CrashKind
from twisted_multiserver.supervision.environment import Told, childEnvironment
from twisted_multiserver.supervision.events import (
    ChildDraining,
    ChildReady,
    ChildSpawned,
    ChildStopped,
    LifecycleEvent,
)
from twisted_multiserver.supervision.folders import RuntimeFolder
from twisted_multiserver.supervision.lifecycle import Effects, LifeState, beginLife
from twisted_multiserver.supervision.process import ChildProcess, KillGroup
from twisted_multiserver.supervision.program import Program, launchArguments

# How many lines of stderr travel with a crash.
_LAST_LINES = 50
_REASON_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What all incarnations of a supervisor share.

    @ivar run: names this run of the master, in hexadecimal digits.
    @ivar numbers: counts incarnations.
    @ivar announce: tells the observers.
    @ivar killpg: sends a signal to a process group.
    """

    reactor: ISupervisionReactor
    traffic: ITraffic
    budgets: Budgets
    folder: RuntimeFolder
    stateFolder: str | None
    environ: Mapping[str, str]
    run: str
    numbers: Iterator[int]
    log: ChildLog
    announce: Callable[[LifecycleEvent], None]
    killpg: KillGroup


class Owner(Protocol):
    """
    Whose incarnation it is.
    """

    def incarnationReady(self) -> None:
        """
        It gets requests from now on.
        """

    def incarnationFailing(self) -> None:
        """
        It gets no requests any more, though nobody asked for that.
        """

    def incarnationCrashed(self, crash: Crash) -> None:
        """
        It has ended by itself, or had to be ended.

        @param crash: how.
        """

    def incarnationStopped(self) -> None:
        """
        It has ended because it was asked to.
        """


class Incarnation(Effects):
    """
    One life.

    @ivar child: who it is.
    """

    _log = Logger()

    def __init__(
        self,
        surroundings: Surroundings,
        owner: Owner,
        slot: int,
        generation: int,
        program: Program,
    ) -> None:
        """
        @param surroundings: what it shares with others.
        @param owner: is told how it goes.
        @param slot: its place.
        @param generation: of what it runs.
        @param program: what it runs.
        """
        self.child = Child(slot, generation, next(surroundings.numbers), 0, "")
        self._shared = surroundings
        self._clock = surroundings.reactor
        self._owner = owner
        self._program = program
        self._life = beginLife(self)
        self._process = ChildProcess(self, surroundings.killpg)
        self._border: Border | None = None
        self._deadline: IDelayedCall | None = None
        self._drained: Deferred[None] | None = None
        self._logs = {
            stream: surroundings.log.stream(self.child, stream) for stream in ("stdout", "stderr")
        }
        self._tail: deque[str] = deque(maxlen=_LAST_LINES)
        self._bornAt = self._clock.seconds()
        self._readyAt: float | None = None
        self._heardAt = 0.0
        self._endedAt: float | None = None
        self._exit: tuple[int | None, int | None] = (None, None)
        self._exchanges: tuple[str, ...] = ()
        self._reason = ""
        self._hung = False

    # What the owner asks.

    def start(self, previous: Mapping[str, object] | None) -> None:
        """
        Spawn the process.

        @param previous: how the slot's last crash went, for the child.
        """
        self._within(self._shared.budgets.boot, self._bootOverdue)
        try:
            self._spawn(previous)
        except OSError as error:
            self._reason = f"it can't be started: {error.strerror or error}"
            self._life.exited()

    def stop(self) -> None:
        """
        End it in good order.
        """
        self._life.stop()

    @property
    def readyFor(self) -> float | None:
        """
        How long it has been ready, to its end, in seconds; L{None} if it never was.
        """
        if self._readyAt is None:
            return None
        return (self._clock.seconds() if self._endedAt is None else self._endedAt) - self._readyAt

    def _spawn(self, previous: Mapping[str, object] | None) -> None:
        shared, program = self._shared, self._program
        self._border = border = Border(
            shared.reactor, shared.folder, program, self._notified, self._messaged
        )
        self.child = replace(self.child, socketPath=border.entrancePath)
        told = Told(
            run=shared.run,
            incarnation=self.child.incarnation,
            spec=json.dumps(self._specification(previous)),
            notifySocket=border.notifyPath,
            runBudget=shared.budgets.run,
            controlled=program.isOurs,
            stateFolder=shared.stateFolder,
        )
        self._process.spawn(
            shared.reactor,
            launchArguments(self.child.slot, program),
            childEnvironment(shared.environ, told),
            border.childFDs(),
        )
        border.handOver()

    def _specification(self, previous: Mapping[str, object] | None) -> dict[str, object]:
        program = self._program
        return {
            "version": SPEC_VERSION,
            "masterPid": os.getpid(),
            "slot": self.child.slot,
            "generation": self.child.generation,
            "incarnation": self.child.incarnation,
            "run": self._shared.run,
            **program.specification(),
            # Absolute, since the master may spawn from another folder than its own.
            "chdir": os.path.abspath(program.chdir or os.getcwd()),
            "limits": {name: list(pair) for name, pair in program.limits.items()},
            "uid": program.uid,
            "gid": program.gid,
            "deathSignal": int(program.deathSignal),
            "stopBudget": self._shared.budgets.stop,
            "stateFolder": self._shared.stateFolder,
            "previous": previous,
        }

    # The one deadline of the state it is in.

    def _within(self, seconds: float, overdue: Callable[[], None]) -> None:
        self._withoutDeadline()
        self._deadline = self._clock.callLater(seconds, overdue)

    def _withoutDeadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _bootOverdue(self) -> None:
        self._reason = f"not ready within {self._shared.budgets.boot:g} s"
        self._life.bootOverdue()

    def _listenForBeats(self) -> None:
        self._within(
            self._heardAt + self._shared.budgets.run - self._clock.seconds(), self._runOverdue
        )

    def _runOverdue(self) -> None:
        assert self._deadline is not None
        now, budget = self._clock.seconds(), self._shared.budgets.run
        if now - self._deadline.getTime() > budget / 2:
            # The master itself has slept: it can't tell who else did.
            self._heardAt = now
        elif self._border is not None:
            # After a shorter stall of the master's, beats are waiting to be read.
            self._border.hear()
        if now - self._heardAt < budget:
            self._listenForBeats()
        else:
            self._reason = f"its event loop was silent for {budget:g} s"
            self._hung = True
            self._life.runOverdue()

    # What the child says.

    def _notified(self, values: Mapping[str, str]) -> None:
        if values.get("READY") == "1":
            self._life.ready()
        if values.get("WATCHDOG") == "1":
            self._heardAt = self._clock.seconds()
        if values.get("STOPPING") == "1":
            self._life.leaving()

    def _messaged(self, message: Message) -> None:
        reason, trace = message.get("reason"), message.get("traceback")
        if message["type"] != "bootFailed" or not isinstance(reason, str):
            return
        self._reason = " ".join(reason.split())[:_REASON_LIMIT]
        if isinstance(trace, str):
            for line in trace.splitlines():
                self.lineWritten("stderr", line)

    # What the process does.

    def processSpawned(self, pid: int) -> None:
        """
        See L{ProcessEvents<twisted_multiserver.supervision.process.ProcessEvents>}.
        """
        self.child = replace(self.child, pid=pid)
        self._shared.announce(ChildSpawned(self.child))

    def lineWritten(self, stream: str, line: str) -> None:
        """
        See L{ProcessEvents<twisted_multiserver.supervision.process.ProcessEvents>}.
        """
        if stream == "stderr":
            self._tail.append(line)
        self._logs[stream].line(line)

    def processExited(self, exitCode: int | None, signal: int | None) -> None:
        """
        See L{ProcessEvents<twisted_multiserver.supervision.process.ProcessEvents>}.
        """
        self._exit = (exitCode, signal)
        self._life.exited()

    def outputEnded(self) -> None:
        """
        See L{ProcessEvents<twisted_multiserver.supervision.process.ProcessEvents>}.
        """
        self._life.lastWordsHeard()

    # The effects, in the order of a life.

    def admit(self) -> None:
        """
        Let the child get requests.
        """
        self._readyAt = self._heardAt = self._clock.seconds()
        self._listenForBeats()
        self._shared.log.ready(self.child, self._readyAt - self._bornAt)
        self._shared.traffic.admit(self.child)
        self._shared.announce(ChildReady(self.child))
        self._owner.incarnationReady()

    def release(self) -> None:
        """
        Let the child get no further requests, for it is leaving.
        """
        self._owner.incarnationFailing()
        self._drainTraffic()

    def drain(self) -> None:
        """
        Let the child finish what it has.
        """
        budget = self._shared.budgets.drain
        self._within(budget, self._life.drainOverdue)
        if self._border is not None:
            self._border.order("drain", budget=budget)
        self._shared.announce(ChildDraining(self.child))
        self._drainTraffic().addCallback(lambda _: self._life.drained())

    def _drainTraffic(self) -> Deferred[None]:
        if self._drained is None:
            self._drained = self._shared.traffic.drain(self.child)
            self._drained.addErrback(
                lambda failure: self._log.failure(
                    "draining {child} failed", failure, child=self.child.name
                )
            )
        return self._drained

    def terminate(self) -> None:
        """
        Ask the process to end.
        """
        self._within(self._shared.budgets.stop, self._life.stopOverdue)
        self._process.signal(signal.SIGTERM)

    def dump(self) -> None:
        """
        Have the stacks of its threads written, for it didn't end when asked to.
        """
        budget = self._shared.budgets.stop
        self._shared.log.killing(self.child, f"has not stopped within {budget:g} s")
        self._showStacks()

    def condemn(self) -> None:
        """
        Let it get no further requests, and have the stacks of its threads written, for
        it doesn't live as it must.
        """
        self._shared.log.killing(self.child, f"is lost ({self._reason})")
        if self._readyAt is not None:
            self.release()
        self._showStacks()

    def _showStacks(self) -> None:
        if self._program.isOurs:
            self._within(DUMP_TIME, self._life.dumpOverdue)
            self._process.signal(STACK_DUMP_SIGNAL)
        else:
            # The signal would only end it, by another name.
            self._within(0, self._life.dumpOverdue)

    def kill(self) -> None:
        """
        End the process and all its group.
        """
        self._process.kill()

    def bury(self) -> None:
        """
        The process is gone: forget the child and hear its last words.
        """
        self._endedAt = self._clock.seconds()
        self._process.killGroup()
        if self._border is not None:
            # Before the traffic lets go, so that a reason that was sent is known.
            self._border.hear()
        if self.state is LifeState.crashed:
            self._owner.incarnationFailing()
        self._exchanges = self._shared.traffic.remove(self.child)
        if self._border is not None:
            self._border.close()
        if self.child.pid:
            self._within(LAST_WORDS_TIME, self._process.closePipes)
        else:
            self._within(0, self._life.lastWordsHeard)

    def _lastWords(self) -> None:
        self._withoutDeadline()
        for log in self._logs.values():
            log.flush()

    def rest(self) -> None:
        """
        It was asked for: say so.
        """
        self._lastWords()
        self._shared.log.stopped(self.child, *self._exit)
        self._shared.announce(ChildStopped(self.child))
        self._owner.incarnationStopped()

    def mourn(self) -> None:
        """
        It was a crash: say so.
        """
        self._lastWords()
        assert self._endedAt is not None
        exitCode, number = self._exit
        self._owner.incarnationCrashed(
            Crash(
                slot=self.child.slot,
                generation=self.child.generation,
                pid=self.child.pid,
                exitCode=exitCode,
                signal=number,
                uptime=self._endedAt - self._bornAt,
                stderr=tuple(self._tail),
                exchanges=self._exchanges,
                kind=self._kind(number),
                reason=self._reason,
            )
        )

    def _kind(self, number: int | None) -> CrashKind:
        if self._readyAt is None:
            return CrashKind.bootFailure
        if self._hung:
            return CrashKind.hang
        return CrashKind.exit if number is None else CrashKind.signal

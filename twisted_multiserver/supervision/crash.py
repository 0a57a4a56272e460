"""
What is told of a crash.

A crash is an end that nobody asked for.  An exit that was asked for is none,
whatever its status.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from enum import Enum

from twisted_multiserver.contract import APPLICATION_FAULTS
from twisted_multiserver.errors import MultiserverError
from twisted_multiserver.supervision.child import Child


class CrashKind(Enum):
    """
    How a child ended.
    """

    bootFailure = "boot failure"
    exit = "exit"
    signal = "signal"
    hang = "hang"
    memory = "memory"


def describeEnd(exitCode: int | None, signalNumber: int | None) -> str:
    """
    Say how a process ended.

    @param exitCode: its status, if it exited.
    @param signalNumber: the signal that ended it, if one did.
    @return: such as C{"exit 1"} or C{"signal 9 (SIGKILL)"}.
    """
    if signalNumber is not None:
        try:
            return f"signal {signalNumber} ({signal.Signals(signalNumber).name})"
        except ValueError:
            return f"signal {signalNumber}"
    return "not started" if exitCode is None else f"exit {exitCode}"


@dataclass(frozen=True, slots=True)
class Crash:
    """
    A crash.

    @ivar slot: the child's place.
    @ivar generation: the child's generation.
    @ivar pid: its process; 0 if it could not be started.
    @ivar exitCode: its status; L{None} if a signal ended it.
    @ivar signal: the signal that ended it; L{None} if it exited.
    @ivar uptime: how long it lived, in seconds.
    @ivar stderr: the last lines that it wrote to stderr.
    @ivar exchanges: what was in flight there, such as C{"GET /path"}.
    @ivar kind: how it ended.
    @ivar reason: why it failed to boot, in one line, if that is known.
    """

    slot: int
    generation: int
    pid: int
    exitCode: int | None
    signal: int | None
    uptime: float
    stderr: tuple[str, ...]
    exchanges: tuple[str, ...]
    kind: CrashKind
    reason: str = ""

    @property
    def child(self) -> str:
        """
        What people call the child.
        """
        return f"child {self.slot}"

    @property
    def description(self) -> str:
        """
        How its process ended, such as C{"exit 1"} or C{"signal 9 (SIGKILL)"}.
        """
        return describeEnd(self.exitCode, self.signal)

    def toJSON(self) -> str:
        """
        @return: one line of JSON, without a newline.
        """
        return json.dumps(
            {
                "slot": self.slot,
                "generation": self.generation,
                "pid": self.pid,
                "exitCode": self.exitCode,
                "signal": self.signal,
                "uptime": round(self.uptime, 3),
                "stderr": list(self.stderr),
                "exchanges": list(self.exchanges),
                "kind": self.kind.name,
            }
        )


def makeCrash(
    child: Child,
    exitCode: int | None,
    signalNumber: int | None,
    uptime: float,
    stderr: tuple[str, ...],
    exchanges: tuple[str, ...],
    kind: CrashKind | None,
    reason: str,
) -> Crash:
    """
    Build a crash.

    @param child: whose.
    @param exitCode: its status, if it exited.
    @param signalNumber: the signal that ended it, if one did.
    @param uptime: seconds.
    @param stderr: its last lines.
    @param exchanges: what was in flight.
    @param kind: what is known of it; L{None}: as its process ended.
    @param reason: why it failed to boot.
    @return: the crash.
    """
    if kind is None:
        kind = CrashKind.exit if signalNumber is None else CrashKind.signal
    return Crash(
        child.slot,
        child.generation,
        child.pid,
        exitCode,
        signalNumber,
        uptime,
        stderr,
        exchanges,
        kind,
        reason,
    )


class BootFailed(MultiserverError):
    """
    Children did not become ready.

    @ivar crash: of the first one that failed.
    """

    def __init__(self, crash: Crash) -> None:
        """
        @param crash: of the first one that failed.
        """
        super().__init__(crash.reason or f"{crash.child} did not boot: {crash.description}")
        self.crash = crash

    @property
    def isApplicationFault(self) -> bool:
        """
        Whether the application can't be loaded, or the program not be run, so that
        trying again is of no use.
        """
        return self.crash.exitCode in APPLICATION_FAULTS

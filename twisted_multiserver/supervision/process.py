"""
The operating system's side of one incarnation: pid, signals, pipes, exit.

The exit and the end of the output are two events: whoever inherited the pipes may hold
them after the process itself has ended.  The process's exit is what counts
(C{processExited}); C{processEnded} only says that the output is complete.

The process leads a group of its own, as soon as its launcher runs.  The group's number
is kept here, since Twisted forgets the pid at the exit.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IProcessTransport, IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_multiserver.supervision.output import LineSplitter

_STREAMS = {1: "stdout", 2: "stderr"}

# From so many open descriptors on, fork(2) blocks the reactor for a shorter time than
# Twisted's posix_spawn path, which looks at each of them: it was measured at 3.7 ms
# with 1,000 and 68 ms with 10,000, against fork's 3 to 17 ms (by the master's memory).
_MANY_DESCRIPTORS = 3000

KillGroup = Callable[[int, int], None]


class ProcessEvents(Protocol):
    """
    Whom a process tells what happens to it.
    """

    def processSpawned(self, pid: int) -> None:
        """
        It runs.

        @param pid: its number.
        """

    def lineWritten(self, stream: str, line: str) -> None:
        """
        It has written something.

        @param stream: C{"stdout"} or C{"stderr"}.
        @param line: without its end.
        """

    def processExited(self, exitCode: int | None, signal: int | None) -> None:
        """
        It has ended.

        @param exitCode: if it exited.
        @param signal: if a signal ended it.
        """

    def outputEnded(self) -> None:
        """
        It has ended, and all it wrote has been told.
        """


class ChildProcess(ProcessProtocol):
    """
    One process.
    """

    transport: IProcessTransport | None
    _log = Logger()

    def __init__(self, events: ProcessEvents, killpg: KillGroup) -> None:
        """
        @param events: is told what happens.
        @param killpg: sends a signal to a process group.
        """
        self._events = events
        self._killpg = killpg
        self._pid = 0
        self._lines = {fd: LineSplitter() for fd in _STREAMS}

    def spawn(
        self,
        reactor: IReactorProcess,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        descriptors: Mapping[int, int],
    ) -> None:
        """
        Start the process, with its input empty and its output coming here.

        @param reactor: starts it; called in the reactor's thread, whose end would end
            the process.
        @param arguments: its command line.
        @param environment: its environment.
        @param descriptors: the master's by the process's, from 3 on.
        @raise OSError: if it can't be started.
        """
        # The kernel gives out the lowest number that is free.
        many = max(descriptors.values()) > _MANY_DESCRIPTORS
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            reactor.spawnProcess(
                self,
                arguments[0],
                arguments,
                environment,
                # A folder other than the current one makes Twisted fork.
                path="/" if many else None,
                childFDs={0: nothing, 1: "r", 2: "r", **descriptors},
            )
        finally:
            os.close(nothing)

    def signal(self, number: int) -> None:
        """
        Send a signal, if the process is there.

        @param number: the signal's.
        """
        if self.transport is None:
            return
        try:
            self.transport.signalProcess(number)
        except ProcessExitedAlready:
            pass
        except PermissionError:
            self._log.warn("may not send signal {number} to {pid}", number=number, pid=self._pid)

    def kill(self) -> None:
        """
        End the process and its group.
        """
        self.killGroup()
        # It may not have come so far as to lead a group.
        self.signal(signal.SIGKILL)

    def killGroup(self) -> None:
        """
        End whoever is left in the process's group.
        """
        if self._pid:
            try:
                self._killpg(self._pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                # Nobody is left, or nobody that we may end.
                pass

    def closePipes(self) -> None:
        """
        Wait no longer for whoever holds the pipes; C{outputEnded} follows.
        """
        if self.transport is not None:
            self.transport.loseConnection()

    def connectionMade(self) -> None:
        """
        The process runs.
        """
        assert self.transport is not None
        pid = self.transport.pid
        assert isinstance(pid, int)
        self._pid = pid
        self._events.processSpawned(self._pid)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """
        The process has written something.

        @param childFD: where.
        @param data: what.
        """
        for line in self._lines[childFD].feed(data):
            self._events.lineWritten(_STREAMS[childFD], line)

    def processExited(self, reason: Failure) -> None:
        """
        The process has ended.

        @param reason: how.
        """
        end = reason.value
        if isinstance(end, ProcessTerminated):
            self._events.processExited(end.exitCode, end.signal)
        else:
            self._events.processExited(0, None)

    def processEnded(self, reason: Failure) -> None:
        """
        The process has ended and the pipes are closed.

        @param reason: how.
        """
        for fd, lines in self._lines.items():
            for line in lines.flush():
                self._events.lineWritten(_STREAMS[fd], line)
        self._events.outputEnded()

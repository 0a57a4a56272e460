"""
C{--on-crash}: a command that is told of crashes, for people without Python.

It gets one line of JSON on its standard input, and nothing else; what it writes goes
into the log.

Invariants: the first crash is told at once; then at most one each L{INTERVAL}, the
latest, with the number of those left out in the log; one command runs at a time, for
at most L{LIMIT}; nothing waits for it.
"""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorProcess, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from twisted_multiserver.errors import ConfigError
from twisted_multiserver.supervision._iobserver import ILifecycleObserver
from twisted_multiserver.supervision.crash import Crash
from twisted_multiserver.supervision.environment import scrubbed
from twisted_multiserver.supervision.events import ChildCrashed, LifecycleEvent
from twisted_multiserver.supervision.output import LineSplitter
from twisted_multiserver.supervision.process import ChildProcess

# Seconds.
INTERVAL = 10.0
LIMIT = 30.0


class Reactor(IReactorTime, IReactorProcess):
    """
    What is asked of the reactor.
    """


def splitCommand(command: str) -> list[str]:
    """
    Split a command line; there is no shell.

    @param command: as the user wrote it.
    @return: program and arguments.
    @raise ConfigError: if it is empty, or its quotes don't match.
    """
    try:
        argv = shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"--on-crash: {command!r} can't be split: {error}") from error
    if not argv:
        raise ConfigError("--on-crash: the command is empty")
    return argv


@implementer(ILifecycleObserver)
class CrashCommand:
    """
    Runs the command.
    """

    _log = Logger()

    def __init__(self, reactor: Reactor, argv: Sequence[str]) -> None:
        """
        @param reactor: the reactor.
        @param argv: program and arguments.
        """
        self._reactor = reactor
        self._argv = list(argv)
        self._latest: Crash | None = None
        self._untold = 0
        self._pause: IDelayedCall | None = None
        self._run: _Run | None = None

    def lifecycleEvent(self, event: LifecycleEvent) -> None:
        """
        See L{ILifecycleObserver}.
        """
        if isinstance(event, ChildCrashed):
            self._untold += self._latest is not None
            self._latest = event.crash
            self._tellIfPossible()

    def runEnded(self) -> None:
        """
        The command has ended.
        """
        self._run = None
        self._tellIfPossible()

    def _tellIfPossible(self) -> None:
        if self._latest is None or self._pause is not None or self._run is not None:
            return
        crash, self._latest = self._latest, None
        if self._untold:
            self._log.warn("--on-crash: {count} crashes were left out", count=self._untold)
            self._untold = 0
        self._pause = self._reactor.callLater(INTERVAL, self._pauseOver)
        self._run = _Run(self._reactor, self._argv[0], self)
        self._run.start(self._argv, crash.toJSON())

    def _pauseOver(self) -> None:
        self._pause = None
        self._tellIfPossible()


class _Run:
    """
    One run of the command.
    """

    _log = Logger()

    def __init__(self, reactor: Reactor, name: str, command: CrashCommand) -> None:
        """
        @param reactor: the reactor.
        @param name: for the log.
        @param command: is told of the end.
        """
        self._reactor = reactor
        self._name = name
        self._command = command
        self._process = ChildProcess(self)
        self._splitter = LineSplitter()
        self._limit: IDelayedCall | None = None

    def start(self, argv: Sequence[str], line: str) -> None:
        """
        @param argv: program and arguments.
        @param line: for its standard input.
        """
        try:
            self._process.start(self._reactor, argv, scrubbed(os.environ), {0: "w", 1: "r", 2: "r"})
        except OSError as error:
            self._log.error("--on-crash: {name}: {error}", name=self._name, error=error)
            self._reactor.callLater(0, self._command.runEnded)
            return
        self._process.transport.writeToChild(0, line.encode() + b"\n")
        self._process.transport.closeChildFD(0)
        self._limit = self._reactor.callLater(LIMIT, self._process.send, signal.SIGKILL)

    def outputReceived(self, stream: int, data: bytes) -> None:
        """
        See L{ProcessUser<twisted_multiserver.supervision.process.ProcessUser>}.
        """
        for line in self._splitter.take(data):
            self._log.info("--on-crash: {line}", line=line)

    def outputEnded(self) -> None:
        """
        See L{ProcessUser<twisted_multiserver.supervision.process.ProcessUser>}.
        """
        for line in self._splitter.end():
            self._log.info("--on-crash: {line}", line=line)

    def processExited(self, exitCode: int | None, signalNumber: int | None) -> None:
        """
        See L{ProcessUser<twisted_multiserver.supervision.process.ProcessUser>}.
        """
        if self._limit is not None and self._limit.active():
            self._limit.cancel()
        if exitCode != 0:
            self._log.warn(
                "--on-crash: {name} ended with {how}",
                name=self._name,
                how=f"signal {signalNumber}" if exitCode is None else f"exit {exitCode}",
            )
        self._command.runEnded()

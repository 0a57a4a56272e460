"""
A child's process: started, heard and ended.

Invariants: its exit is told when the kernel tells it (C{processExited}), however long
a grandchild keeps the pipes open; its output is told up to C{processEnded}; its pid is
kept here, since the transport forgets it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from typing import Protocol

from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IProcessTransport, IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from twisted_multiserver.supervision.spawning import spawn

STDOUT, STDERR = 1, 2


class ProcessUser(Protocol):
    """
    Whose process it is.
    """

    def outputReceived(self, stream: int, data: bytes) -> None:
        """
        @param stream: L{STDOUT} or L{STDERR}.
        @param data: what it wrote there.
        """

    def outputEnded(self) -> None:
        """
        Nothing more will be written.
        """

    def processExited(self, exitCode: int | None, signalNumber: int | None) -> None:
        """
        @param exitCode: its status, if it exited.
        @param signalNumber: the signal that ended it, if one did.
        """


class ChildProcess(ProcessProtocol):
    """
    One process.

    @ivar pid: its number.
    """

    transport: IProcessTransport

    def __init__(self, user: ProcessUser) -> None:
        """
        @param user: is told of it.
        """
        self._user = user
        self._exited = False
        self.pid = 0

    def start(
        self,
        reactor: IReactorProcess,
        argv: Sequence[str],
        environment: Mapping[str, str],
        descriptors: Mapping[int, int | str],
    ) -> None:
        """
        Start it.

        @param reactor: spawns it, in its own thread.
        @param argv: its command line, the program's path first.
        @param environment: all of it.
        @param descriptors: as C{childFDs} of C{spawnProcess}.
        @raise OSError: if it can't be started.
        """
        spawn(reactor, self, argv, environment, descriptors)

    def connectionMade(self) -> None:
        """
        It runs.  Here, since it may have ended when C{spawnProcess} returns.
        """
        self.pid = self.transport.pid or 0

    def send(self, number: int) -> None:
        """
        Send a signal to the process.

        @param number: the signal.
        """
        if self.pid and not self._exited:
            try:
                self.transport.signalProcess(number)
            except (ProcessExitedAlready, PermissionError):
                # It is gone, or runs as somebody else who may not be signalled.
                pass

    def killGroup(self) -> None:
        """
        End the process with all that it started and that did not leave its group.
        """
        if not self.pid:
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # No group (the process has not come so far), or none of ours any more.
            pass
        self.send(signal.SIGKILL)

    def closePipes(self) -> None:
        """
        Hear no more of its output, whoever holds the pipes.
        """
        for stream in (STDOUT, STDERR):
            self.transport.closeChildFD(stream)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """
        @param childFD: where it wrote.
        @param data: what it wrote.
        """
        self._user.outputReceived(childFD, data)

    def processExited(self, reason: Failure) -> None:
        """
        @param reason: how.
        """
        self._exited = True
        error = reason.value
        if isinstance(error, ProcessTerminated):
            self._user.processExited(
                None if error.signal is not None else error.exitCode, error.signal
            )
        else:
            self._user.processExited(0, None)

    def processEnded(self, reason: Failure) -> None:
        """
        @param reason: how.
        """
        self._user.outputEnded()

"""
Servers that are tried, as seen from here: how they are started and ended, and how a fault gets
at them.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from twisted_multiserver.chaos.faults import childrenOf, isRunning
from twisted_multiserver.errors import MultiserverError
from twisted_multiserver.supervision.processes import commandOf

ROOT = Path(__file__).parent.parent
# The module of the application, and its name there, whatever its kind.
MODULE = "chaosapplication"
APPLICATION = f"{MODULE}:application"
# How many children, or workers, all servers have.
CHILDREN = 4

# Processes that Python's multiprocessing has besides.
_TRACKER = "resource_tracker"
# Of what it has said, so much is shown if it can't start, in bytes.
_SHOWN = 2000
# Seconds.
_PATIENCE = 30.0
_TICK = os.sysconf("SC_CLK_TCK")


class NotStarted(MultiserverError):
    """
    A server has ended before it served.
    """


class Refused(MultiserverError):
    """
    A server didn't do what it was told.
    """


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """
    @param variables: to be set.
    @return: this process's environment, without what would configure a server.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MULTISERVER_", "LISTEN_", "WATCHDOG_", "NOTIFY_"))
        and name not in ("PORT", "WEB_CONCURRENCY", "STATE_DIRECTORY", "RUNTIME_DIRECTORY")
    }
    return {**kept, "PYTHONPATH": str(ROOT), **variables}


def freePort() -> int:
    """
    @return: a port on 127.0.0.1 that nobody uses at the moment.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def processorTime(pid: int) -> float:
    """
    @param pid: of a process.
    @return: what it and those of its children that have ended took, in seconds.
    """
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, words[11:15])) / _TICK


class Process(ProcessProtocol):
    """
    A process.

    @ivar pid: of it.
    @ivar ended: whether it has.
    """

    def __init__(self) -> None:
        self.pid = 0
        self.hasEnded = False
        self._waiting: list[Deferred[None]] = []

    def spawn(
        self,
        reactor: Any,
        folder: Path,
        words: Sequence[str],
        variables: Mapping[str, str],
        descriptors: Mapping[int, int | str] | None = None,
    ) -> None:
        """
        Start it.

        @param reactor: the reactor.
        @param folder: where it runs; what it says goes to the file C{log} there.
        @param words: its command line.
        @param variables: of its environment.
        @param descriptors: further ones.
        """
        with (folder / "log").open("ab") as log, open(os.devnull, "rb") as nothing:
            fds = {0: nothing.fileno(), 1: log.fileno(), 2: log.fileno(), **(descriptors or {})}
            reactor.spawnProcess(
                self, words[0], words, env=environment(variables), path=str(folder), childFDs=fds
            )
        assert self.transport is not None
        self.pid = int(self.transport.pid or 0)

    def signal(self, number: int) -> None:
        """
        @param number: of a signal.
        """
        assert self.transport is not None
        try:
            self.transport.signalProcess(number)
        except ProcessExitedAlready:
            pass

    def processEnded(self, reason: Failure) -> None:
        """
        @param reason: not looked at.
        """
        self.hasEnded = True
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    async def end(self, reactor: Any, patience: float = _PATIENCE) -> None:
        """
        Ask it to end, and make it.

        @param reactor: the reactor.
        @param patience: for the first of these, in seconds.
        """
        self.signal(signal.SIGTERM)
        if not self.hasEnded:
            killing = reactor.callLater(patience, self.signal, signal.SIGKILL)
            ended: Deferred[None] = Deferred()
            self._waiting.append(ended)
            await ended
            if killing.active():
                killing.cancel()


class Server(Process):
    """
    A server with children, or workers.

    @ivar seen: the processes of its children, so far.
    """

    def __init__(self, reactor: Any, folder: Path, kind: str) -> None:
        """
        @param reactor: the reactor.
        @param folder: where it runs.
        @param kind: of the application.
        """
        super().__init__()
        self.seen: set[int] = set()
        self._reactor = reactor
        self._folder = folder
        self._kind = kind

    async def start(self, options: Sequence[str], variables: Mapping[str, str]) -> int:
        """
        Start it.

        @param options: of it.
        @param variables: of its environment.
        @return: its port, when it serves.
        @raise NotStarted: if it can't.
        """
        raise NotImplementedError

    def children(self) -> list[int]:
        """
        @return: the processes of its children.
        """
        found = [pid for pid in childrenOf(self.pid) if _TRACKER not in commandOf(pid)]
        self.seen.update(found)
        return found

    async def ready(self) -> dict[int, int]:
        """
        @return: what is in flight at each child that is ready, so far as anybody knows, by its
            pid.
        """
        return dict.fromkeys(self.children(), 0)

    async def reload(self) -> None:
        """
        Let it load the code anew.

        @raise Refused: if that failed, so far as it says so.
        """
        self.signal(signal.SIGHUP)

    def died(self, pid: int) -> None:
        """
        @param pid: of a child that was killed by us.
        """

    def processorTime(self) -> float:
        """
        @return: what it and its children took, in seconds.
        """
        return processorTime(self.pid) + sum(map(processorTime, self.children()))

    async def stop(self) -> int:
        """
        End it.

        @return: how many of its children are left, which are ended now.
        """
        if self.pid:
            self.children()
            await self.end(self._reactor)
        left = [pid for pid in self.seen if isRunning(pid)]
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return len(left)

    async def whenListening(self, port: int) -> int:
        """
        @param port: of a server that was started.
        @return: the port, when it accepts connections.
        @raise NotStarted: if it doesn't.
        """
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and not self.hasEnded:
            with socket.socket() as knocking:
                if knocking.connect_ex(("127.0.0.1", port)) == 0:
                    return port
            await deferLater(self._reactor, 0.05)
        raise NotStarted(f"it doesn't serve: {self.log()[-_SHOWN:]}")

    def log(self) -> str:
        """
        @return: what it has said.
        """
        return (self._folder / "log").read_text(errors="replace")

"""
A server in a process of its own, with a folder of its own.

It can be killed, frozen and started again with the same address and data.  It is ended by
its own pid, and what it leaves is removed.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest

_START_TIME = 20.0
_INTERVAL = 0.01


class _Life(ProcessProtocol):
    """
    One process from its start to its end.
    """

    def __init__(self) -> None:
        self.output = b""
        self.exit: Failure | None = None
        self._waiting: list[Deferred[None]] = []

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        # The beginning says whether it started, and why not.
        if len(self.output) < 1 << 20:
            self.output += data

    def processEnded(self, reason: Failure) -> None:
        self.exit = reason
        waiting, self._waiting = self._waiting, []
        for ended in waiting:
            ended.callback(None)

    async def ended(self) -> None:
        if self.exit is None:
            ended: Deferred[None] = Deferred()
            self._waiting.append(ended)
            await ended


class ServerProcess:
    """
    A server.

    @ivar folder: its own; the path is short enough for UNIX sockets.
    """

    binary = ""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="store-")
        self._life: _Life | None = None
        self._isFrozen = False

    @property
    def pid(self) -> int:
        """
        Of the process.
        """
        assert self._life is not None
        assert self._life.transport is not None
        pid = self._life.transport.pid
        assert pid is not None
        return int(pid)

    @property
    def output(self) -> bytes:
        """
        What it has written, but for what came after much.
        """
        assert self._life is not None
        return self._life.output

    def arguments(self) -> list[str]:
        """
        What the server is started with; asked for at each start.
        """
        raise NotImplementedError

    def isReady(self, output: bytes) -> bool:
        """
        Whether it answers, given what it has written.
        """
        raise NotImplementedError

    async def start(self) -> None:
        """
        Start it; it is ready then.
        """
        path = _path(self.binary)
        while True:
            life = self._life = _Life()
            reactor.spawnProcess(
                life, path, [self.binary, *self.arguments()], env=os.environ, path=self.folder
            )
            await until(
                lambda life=life: life.exit is not None or self.isReady(life.output),  # type: ignore[misc]
                f"{self.binary} is ready",
            )
            if life.exit is None:
                return
            if b"ddress already in use" not in life.output:
                raise RuntimeError(f"{self.binary} does not start: {life.output!r}")

    async def kill(self) -> None:
        """
        End it as a crash would.
        """
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """
        End it for good and remove what it leaves.
        """
        if self._life is not None and self._life.exit is None:
            self.thaw()
            await self._end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    async def terminate(self) -> None:
        """
        End it in good order; it writes what it has yet to write.
        """
        await self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """
        It is there and doesn't answer.
        """
        os.kill(self.pid, signal.SIGSTOP)
        self._isFrozen = True
        # Each thread stops for itself, and a moment later.
        while {_stateOf(task) for task in Path(f"/proc/{self.pid}/task").iterdir()} != {"T"}:
            pass

    def thaw(self) -> None:
        """
        It answers again.
        """
        if self._isFrozen:
            os.kill(self.pid, signal.SIGCONT)
            self._isFrozen = False

    async def _end(self, number: signal.Signals) -> None:
        life = self._life
        assert life is not None
        if life.exit is None:
            os.kill(self.pid, number)
            await life.ended()
        assert life.exit is None or number is signal.SIGKILL or life.exit.check(ProcessDone)


async def until(condition: Callable[[], bool], what: str, seconds: float = _START_TIME) -> None:
    """
    Wait for something that nobody tells of.
    """
    deadline = reactor.seconds() + seconds
    while not condition():
        if reactor.seconds() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        await deferLater(reactor, _INTERVAL, lambda: None)


def _path(binary: str) -> str:
    path = shutil.which(binary)
    if path is not None:
        return path
    if os.environ.get("CI") == "true":
        raise RuntimeError(f"{binary} is not installed")
    raise SkipTest(f"no {binary}")


def _stateOf(task: Path) -> str:
    """
    @param task: the folder of a thread in C{/proc}.
    @return: the letter of its state.
    """
    return task.joinpath("stat").read_text().rpartition(")")[2].split()[0]

"""
Masters of this project, with their children.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chaos.running import APPLICATION, CHILDREN, NotStarted, Refused, Server

# Of the log, so much is shown, in bytes.
_SHOWN = 2000


class Events:
    """
    The lives of children.

    @ivar deaths: when children died that nobody had asked to, in seconds of C{time.monotonic}.
    @ivar draining: how many were asked to end.
    """

    def __init__(self) -> None:
        self._ready: set[int] = set()
        self._wanted = CHILDREN
        self._since = 0.0
        self._lost = 0.0
        self.deaths: list[float] = []
        self.draining = 0

    def happened(self, event: str, pid: int, at: float) -> None:
        """
        @param event: its name.
        @param pid: of a child.
        @param at: when.
        """
        self._account(at)
        if event in ("ChildReady", "SpareActivated"):
            self._ready.add(pid)
        elif event in ("ChildCrashed", "ChildDraining", "ChildStopped"):
            self._ready.discard(pid)
        self.draining += event == "ChildDraining"
        if event == "ChildCrashed":
            self.deaths.append(at)

    def want(self, count: int) -> None:
        """
        @param count: of children, from now on.
        """
        self._account(time.monotonic())
        self._wanted = count

    def begin(self) -> None:
        """
        Count from now on.
        """
        self._since, self._lost = time.monotonic(), 0.0

    def lost(self) -> float:
        """
        @return: how much capacity was missing since the beginning, in child-seconds.
        """
        self._account(time.monotonic())
        return self._lost

    def _account(self, now: float) -> None:
        self._lost += max(0, self._wanted - len(self._ready)) * max(0.0, now - self._since)
        self._since = max(now, self._since)


class Master(Server):
    """
    A master, commanded.

    @ivar events: what happened to its children.
    """

    def __init__(self, reactor: Any, folder: Path, kind: str) -> None:
        """
        @param reactor: the reactor.
        @param folder: where it runs.
        @param kind: of the application.
        """
        super().__init__(reactor, folder, kind)
        self._said = b""
        self._port: Deferred[int] = Deferred()
        self._answers: dict[int, Deferred[Any]] = {}
        self._count = 0
        self.events = Events()

    async def start(self, options: Sequence[str], variables: Mapping[str, str]) -> int:
        """
        Start it.

        @param options: of C{twistd multiserver}, further ones.
        @param variables: of its environment.
        @return: its port, when it serves.
        @raise NotStarted: if it can't.
        """
        words = [sys.executable, "-m", "chaos.master", "--listen=tcp:0:interface=127.0.0.1"]
        if not any(option.startswith("--backend=") for option in options):
            kind = "resource" if self._kind == "twisted.web" else self._kind.lower()
            words += [f"--app={APPLICATION}", f"--app-kind={kind}", f"--children={CHILDREN}"]
            if not any(option.startswith("--sessions=") for option in options):
                words.append("--sessions=none")
        pipes: dict[int, int | str] = {0: "w", 1: "r"}
        self.spawn(self._reactor, self._folder, [*words, *options], variables, pipes)
        return await self._port

    async def command(self, do: str, **how: object) -> Any:
        """
        @param do: a command of L{chaos.master}.
        @param how: to do it.
        @return: the answer.
        @raise Refused: if it failed.
        """
        self._count += 1
        answer = self._answers[self._count] = Deferred()
        assert self.transport is not None
        line = json.dumps({"id": self._count, "do": do, **how}).encode() + b"\n"
        self.transport.write(line)
        return await answer

    async def ready(self) -> dict[int, int]:
        """
        See L{Server.ready}.
        """
        facts = await self.command("facts")
        self.children()
        return {int(pid): count for pid, count in facts["inFlight"].items()}

    async def reload(self) -> None:
        """
        See L{Server.reload}.
        """
        await self.command("reload")

    def outReceived(self, data: bytes) -> None:
        """
        @param data: what it tells.
        """
        *lines, self._said = (self._said + data).split(b"\n")
        for line in lines:
            self._told(json.loads(line))

    def processEnded(self, reason: Failure) -> None:
        """
        @param reason: not looked at.
        """
        error = NotStarted(f"a master has ended: {self.log()[-_SHOWN:]}")
        for waiting in (*self._answers.values(), self._port):
            if not waiting.called:
                waiting.errback(error)
        super().processEnded(reason)

    def _told(self, facts: dict[str, Any]) -> None:
        if "id" in facts:
            answer = self._answers.pop(facts["id"])
            if "failed" in facts:
                answer.errback(Refused(facts["failed"]))
            else:
                answer.callback(facts["answer"])
        elif facts["event"] == "listening":
            self._port.callback(facts["port"])
        else:
            self.events.happened(**facts)

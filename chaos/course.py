"""
One row: a server is started, loaded, hurt, and looked at.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.task import deferLater

from chaos.clients import Asked, Client
from chaos.load import Load
from chaos.mastered import Master
from chaos.pages import VISIT
from chaos.record import executed
from chaos.relay import Relay
from chaos.running import MODULE, Process
from chaos.scenario import KINDS, Pace, Scenario, Subject
from chaos.seen import Exchange, Row
from twisted_multiserver.chaos.faults import isRunning

# Seconds that all rows are loaded before anything is done to them.
_WARM = 1.0
# Longest wait of a request: the queue's budget, three tries of the slowest page, and what
# processes wait for a processor.
_QUEUE_BUDGET = 5.0
# In the short form, which is for machines that do other things besides.
_LONG_QUEUE_BUDGET = 20.0
_TRIES = 3 * 0.2
_SLACK = 1.0
# How long children may take until they are ready again, in seconds.
_PATIENCE = 20.0


class Course:
    """
    What a scenario has at its hands.

    @ivar reactor: the reactor.
    @ivar server: that is tried.
    @ivar load: on it.
    @ivar endpoint: of it.
    @ivar chance: decides what is left to it.
    @ivar seconds: how long it is to take.
    @ivar folder: of the application.
    @ivar kind: of it.
    @ivar variables: of its environment.
    @ivar faults: how often something was done.
    @ivar deaths: when something was ended, in seconds of C{time.monotonic}.
    @ivar forgiven: requests that were rightly refused as dangerous.
    @ivar relay: on the way to a backend, if there is one.
    @ivar store: of sessions, if there is one.
    @ivar cleanups: what is done at the end, the last one first.
    """

    load: Load
    endpoint: TCP4ClientEndpoint
    relay: Relay | None = None
    store: Process | None = None

    def __init__(self, reactor: Any, scenario: Scenario, subject: Subject, pace: Pace) -> None:
        """
        @param reactor: the reactor.
        @param scenario: what is done.
        @param subject: to whom.
        @param pace: of the load.
        """
        self.reactor = reactor
        self.chance = random.Random(pace.seed)
        self.seconds = scenario.seconds[pace.isShort]
        # Short: sockets are below it.
        self.folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        self.kind = subject.kind
        self.variables = {"CHAOS_FOLDER": str(self.folder), **dict(scenario.variables)}
        self.server = subject.server(reactor, self.folder, subject.kind)
        self.faults = 0
        self.deaths: list[float] = []
        self.forgiven = 0
        self.cleanups: list[Callable[[], Any]] = []
        self._scenario = scenario
        self._subject = subject
        self._pace = pace
        self._queueBudget = _LONG_QUEUE_BUDGET if pace.isShort else _QUEUE_BUDGET
        self.write()

    @property
    def master(self) -> Master:
        """
        The server, which is a master.
        """
        assert isinstance(self.server, Master)
        return self.server

    def write(self, text: str | None = None) -> None:
        """
        Change the application's code.

        @param text: of its module; L{None}: as it was.
        """
        module, name = KINDS[self.kind]
        text = text or f"from chaos.served.{module} import {name} as application\n"
        (self.folder / f"{MODULE}.py").write_text(text)

    async def pause(self, seconds: float) -> None:
        """
        @param seconds: to wait.
        """
        await deferLater(self.reactor, seconds)

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """
        @param pid: of a child.
        @param number: of the signal that it gets.
        """
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            # It has ended by itself meanwhile.
            return
        self.deaths.append(time.monotonic())
        self.faults += 1

    async def gone(self, pid: int, patience: float) -> None:
        """
        @param pid: of a child, until it isn't there any more.
        @param patience: in seconds.
        """
        deadline = time.monotonic() + patience
        while isRunning(pid) and time.monotonic() < deadline:
            await self.pause(0.05)

    async def whenReady(self, count: int) -> dict[int, int]:
        """
        @param count: of children, at least, until so many are ready.
        @return: see L{Server.ready}.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            ready = await self.server.ready()
            if len(ready) >= count or time.monotonic() > deadline:
                return ready
            await self.pause(0.05)

    async def ask(self, asked: Asked) -> Exchange:
        """
        @param asked: is sent, on a connection of its own.
        @return: what came of it; it isn't counted.
        """
        client = Client(self.reactor, self.endpoint)
        got = await client.ask(asked)
        client.leave()
        return Exchange(asked, got)

    async def run(self) -> Row:
        """
        @return: what was seen.
        """
        try:
            return await self._run()
        finally:
            await self.server.stop()
            for cleanup in reversed(self.cleanups):
                await cleanup()
            self._keepLog()
            shutil.rmtree(self.folder, ignore_errors=True)

    async def _run(self) -> Row:
        scenario, pace = self._scenario, self._pace
        options = list(scenario.options) if self._subject.isOurs else []
        if scenario.prepare is not None:
            options += await scenario.prepare(self)
        if self._subject.isOurs:
            options.append(f"--queue-budget={self._queueBudget}")
        port = await self.server.start(options, self.variables)
        self.endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", port)
        self.load = Load(self.reactor, self.endpoint, pace.seed, pace.clients, pace.rate)
        self.load.start(scenario.visits)
        await self.pause(_WARM)
        row = Row(scenario.name, self._subject.name)
        if self._subject.isOurs and scenario.budget is not None:
            row.longestAllowed = self._queueBudget + _TRIES + _SLACK + scenario.budget
        await self._strike(row)
        await self.load.stop()
        await self._look(row)
        return row

    async def _strike(self, row: Row) -> None:
        if self._subject.isOurs:
            self.master.events.begin()
        began, took = time.monotonic(), self._processorTime()
        await self._scenario.strike(self)
        row.load = (self._processorTime() - took) / (time.monotonic() - began) / _processors()
        if self._subject.isOurs:
            # Servers that aren't a master's are not in its events.
            row.lost = self.master.events.lost() if self.relay is None else None

    async def _look(self, row: Row) -> None:
        if self._subject.isOurs:
            facts = await self.master.command("facts")
            row.quarantined = facts["counts"]["quarantined"] - self.forgiven
            self.deaths += self.master.events.deaths
        if self.relay is not None:
            self.deaths += self.relay.resets
            self.faults += len(self.relay.resets)
        row.orphans = await self.server.stop()
        row.faults = self.faults
        counted = [
            each
            for each in self.load.exchanges
            if self._scenario.countsVisits or each.asked.path != VISIT
        ]
        row.count(counted, executed(self.folder), self.deaths)

    def _processorTime(self) -> float:
        # Of us, of those of our children that have ended, and of the server.
        return sum(os.times()[:4]) + self.server.processorTime()

    def _keepLog(self) -> None:
        log = self.folder / "log"
        if self._pace.logs is not None and log.exists():
            words = re.findall(r"[\w.]+", f"{self._scenario.name} {self._subject.name}")
            shutil.copy(log, self._pace.logs / ("-".join(words) + ".log"))


def _processors() -> int:
    return os.cpu_count() or 1

"""
The same children without a master, kept alive as an init does: each has a listening socket that
outlives it, and is started again, with that socket, as soon as it has ended.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from chaos.clients import Asked, Client
from chaos.pages import Page
from chaos.running import APPLICATION, Process

# Before it is started again, in seconds: systemd's RestartSec.
_PAUSE = 0.1
_BACKLOG = 4096


class _Life(Process):
    def __init__(self, child: ByHand) -> None:
        super().__init__()
        self._child = child

    def processEnded(self, reason: Failure) -> None:
        super().processEnded(reason)
        self._child.hasEnded()


class ByHand:
    """
    One child.

    @ivar listener: its socket.
    @ivar pids: of all processes that it has had; the last one is the present one.
    """

    def __init__(
        self,
        reactor: Any,
        folder: Path,
        kind: str,
        variables: Mapping[str, str],
        path: Path | None = None,
    ) -> None:
        """
        @param reactor: the reactor.
        @param folder: where it runs.
        @param kind: of the application.
        @param variables: of its environment.
        @param path: of its UNIX socket; L{None} for a port of 127.0.0.1.
        """
        if path is None:
            self.listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        else:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            self.listener.listen(_BACKLOG)
        self.pids: list[int] = []
        self._reactor = reactor
        self._folder = folder
        self._kind = "resource" if kind == "twisted.web" else kind.lower()
        self._variables = {**variables, "LISTEN_FDS": "1"}
        self._isOver = False
        self._life = self._begin()

    @property
    def endpoint(self) -> IStreamClientEndpoint:
        """
        Where it listens.
        """
        if self.listener.family == socket.AF_UNIX:
            return UNIXClientEndpoint(self._reactor, self.listener.getsockname())
        return TCP4ClientEndpoint(self._reactor, "127.0.0.1", self.port)

    @property
    def port(self) -> int:
        """
        Where it listens, on 127.0.0.1.
        """
        return int(self.listener.getsockname()[1])

    def hasEnded(self) -> None:
        """
        It has.
        """
        if not self._isOver:
            self._reactor.callLater(_PAUSE, self._again)

    async def restart(self) -> bool:
        """
        Let it finish, and start it anew.

        @return: whether the new one serves.
        """
        life = self._life
        await life.end(self._reactor)
        while self._life is life:
            await deferLater(self._reactor, 0.02)
        return await self.whenServing()

    async def whenServing(self) -> bool:
        """
        @return: whether it serves, when that can be said.
        """
        life, client = self._life, Client(self._reactor, self.endpoint)
        asking = Deferred.fromCoroutine(client.ask(Asked("GET", Page(0, 10).path, "")))
        while not asking.called:
            if life.hasEnded:
                asking.addErrback(lambda failure: failure.trap(CancelledError) and None)
                asking.cancel()
                break
            await deferLater(self._reactor, 0.02)
        client.leave()
        return not life.hasEnded

    async def stop(self) -> None:
        """
        End it for good.
        """
        self._isOver = True
        await self._life.end(self._reactor, 3.0)
        self.listener.close()

    def _again(self) -> None:
        if not self._isOver:
            self._life = self._begin()

    def _begin(self) -> _Life:
        life = _Life(self)
        module = "twisted_multiserver.child"
        words = [sys.executable, "-m", module, APPLICATION, f"--app-kind={self._kind}"]
        path = os.pathsep.join((str(self._folder), str(Path(__file__).parent.parent)))
        variables = {**self._variables, "PYTHONPATH": path}
        life.spawn(self._reactor, self._folder, words, variables, {3: self.listener.fileno()})
        self.pids.append(life.pid)
        return life

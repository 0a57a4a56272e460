"""
The service that C{twistd multiserver} runs: listens, spawns, tells, stops.

Invariants: the listeners are bound before a child is spawned (and before privileges
are shed), so that a port in use costs nothing and early requests wait; what shows only
after the start goes through L{ExitStatus}.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_multiserver.config import MasterConfig
from twisted_multiserver.endpoints import url
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.exitstatus import ExitStatus
from twisted_multiserver.master import Multiserver
from twisted_multiserver.sessions.errors import SessionError
from twisted_multiserver.settings import changedForRestart
from twisted_multiserver.signals import ServerSignals
from twisted_multiserver.streams.accepting import patient
from twisted_multiserver.supervision.command import splitCommandLine
from twisted_multiserver.supervision.crash import BootFailed
from twisted_multiserver.supervision.reloading import ReloadFailed
from twisted_multiserver.supervision.slotowner import Stopped


class MultiserverService(Service):
    """
    The service that twistd runs.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        config: MasterConfig,
        master: Multiserver,
        endpoints: Sequence[tuple[str, IStreamServerEndpoint]],
        umask: int,
        readConfig: Callable[[], MasterConfig],
        logFile: str | None = None,
    ) -> None:
        """
        @param reactor: the reactor.
        @param config: what to do.
        @param master: does it.
        @param endpoints: where to listen, each behind its description.
        @param umask: that the children get.
        @param readConfig: finds the configuration anew; raises L{ConfigError}.
        @param logFile: where twistd logs to; L{None} if that is no file.
        """
        self._reactor = reactor
        self._config = config
        self._master = master
        self._exit = ExitStatus(reactor)
        self._signals = ServerSignals(
            reactor, self._exit.stop, self.reload, logFile, master.reopenLogs
        )
        self._endpoints = endpoints
        self._umask = umask
        self._readConfig = readConfig
        self._ports: list[tuple[str, IListeningPort]] = []
        self._factory = master.gateway()

    def privilegedStartService(self) -> None:
        """
        Bind the listeners.
        """
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        # Going into the background, twistd has set 077 without being asked to.
        os.umask(self._umask)
        self._exit.install()
        self._signals.install()
        if self._startsChildren:
            self._master.prepare()
        for description, endpoint in self._endpoints:
            listening = endpoint.listen(self._factory)
            listening.addCallbacks(
                self._listening, self._cannotListen, (description,), {}, (description,), {}
            )

    def startService(self) -> None:
        """
        Start the children, unless something has failed.
        """
        super().startService()  # type: ignore[no-untyped-call]
        if self._exit.status is not None:
            return
        self._master.startService()  # type: ignore[no-untyped-call]
        if not self._startsChildren:
            self._ready(0)
            return
        count = self._config.children or 1
        if self._config.app is not None:
            spawning = self._master.spawn(self._config.app, count, kind=self._config.appKind)
        else:
            spawning = self._master.spawnCommand(
                splitCommandLine(self._config.command or "", "--command"),
                count,
                entrance=self._config.childEntrance,
                readyPath=self._config.readyPath,
            )
        spawning.addCallbacks(lambda _: self._ready(count), self._notReady)

    def reload(self) -> None:
        """
        Replace the children, with the configuration as it is now.
        """
        if not self._startsChildren:
            self._log.warn("reload: there are no children; nothing was done")
            return
        try:
            config = self._readConfig()
            reloading = self._master.reload(config)
        except ConfigError as error:
            self._log.error("reload: nothing was changed: {reason}", reason=str(error))
            return
        for name in changedForRestart(self._config, config):
            self._log.warn("reload: --{option} has changed; that needs a restart", option=name)
        # What went wrong was logged where it did.
        reloading.addErrback(lambda failure: failure.trap(ReloadFailed, BootFailed, Stopped))

    def stopService(self) -> Deferred[None]:
        """
        Accept no more, let exchanges finish, stop the children.

        @return: fires when all is done.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        closing: list[Deferred[None]] = [
            maybeDeferred(port.stopListening).addCallback(lambda _: None) for _, port in self._ports
        ]
        self._ports = []
        # Idle clients go now, the others with their answers, the slowest are cut.
        drained = self._factory.drain()
        cutting = self._reactor.callLater(self._config.drainBudget, self._factory.abort)
        drained.addCallback(lambda _: cutting.cancel() if cutting.active() else None)
        return gatherResults([*closing, drained, self._master.stopService()]).addCallback(
            lambda _: None
        )

    @property
    def _startsChildren(self) -> bool:
        return self._config.app is not None or self._config.command is not None

    def _listening(self, port: IListeningPort, description: str) -> None:
        port = patient(port, self._reactor)
        self._ports.append((description, port))
        self._log.info("listening on {url}", url=url(description, port.getHost()))

    def _cannotListen(self, failure: Failure, description: str) -> None:
        reason = f"--listen: {description!r}: {_cause(failure)}"
        self._exit.fail(reason)

    def _ready(self, count: int) -> None:
        urls = " ".join(url(description, port.getHost()) for description, port in self._ports)
        what = "1 child" if count == 1 else f"{count} children"
        if not count:
            backends = len(self._config.backend)
            what = "1 backend" if backends == 1 else f"{backends} backends"
        self._log.info("ready: {urls} ({what})", urls=urls, what=what)

    def _notReady(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, BootFailed) and error.isApplicationFault:
            self._exit.fail(str(error))
        elif isinstance(error, SessionError):
            self._exit.fail(f"--sessions: {error}")
        elif isinstance(error, BootFailed):
            self._log.error("not ready, and trying on: {reason}", reason=str(error))
        elif not isinstance(error, Stopped):
            self._log.failure("spawning failed", failure)


def _cause(failure: Failure) -> str:
    error = getattr(failure.value, "socketError", failure.value)
    return " ".join(str(getattr(error, "strerror", None) or error).split())

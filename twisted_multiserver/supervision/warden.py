"""
The warden, as its master sees it: started before the first child, replaced if it dies.

Invariants: whoever asks that an incarnation be ended gets an answer, by the warden, by
the next one, or after L{_PATIENCE}; a new warden is told all that the last one knew; the
pipe's writing end is nobody's but the master's, so that its end is the master's end.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_multiserver.contract import RUN_VARIABLE
from twisted_multiserver.supervision.spawning import Reactor, spawn

_SCRIPT = str(Path(__file__).absolute().with_name("wardenprocess.py"))

# Seconds.
_PATIENCE = 2.0
_PAUSE = 1.0
_CLOSING = 5.0

_SHORT_LIVES = 3

_STDIN, _STDOUT, _STDERR = 0, 1, 2


class _WardenProcess(ProcessProtocol):
    """
    One process.
    """

    transport: IProcessTransport

    def __init__(self, owner: Warden) -> None:
        """
        @param owner: is told of it.
        """
        self._owner = owner
        self._received = b""
        self.words = b""

    def outReceived(self, data: bytes) -> None:
        """
        @param data: answers.
        """
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            word, _, number = line.partition(b" ")
            if word == b"gone" and number.isdigit():
                self._owner.gone(int(number))

    def errReceived(self, data: bytes) -> None:
        """
        @param data: why it fails.
        """
        self.words = (self.words + data)[-2000:]

    def processEnded(self, reason: Failure) -> None:
        """
        @param reason: how.
        """
        self._owner.ended(self, reason)


class Warden:
    """
    Ends what children leave behind, and everything if the master dies.
    """

    _log = Logger()

    def __init__(self, reactor: Reactor, run: str) -> None:
        """
        @param reactor: spawns it.
        @param run: names this run of the master.
        """
        self._reactor = reactor
        self._run = run
        self._folder: str | None = None
        self._process: _WardenProcess | None = None
        self._startedAt = 0.0
        self._shortLives = 0
        self._restarting: IDelayedCall | None = None
        self._living: dict[int, int] = {}
        self._ending: dict[int, tuple[int, Deferred[None], IDelayedCall]] = {}
        self._closed: Deferred[None] | None = None
        self._closing: IDelayedCall | None = None

    def start(self) -> None:
        """
        See that there is one.
        """
        if self._process is not None or self._closed is not None:
            return
        self._cancelRestart()
        process = _WardenProcess(self)
        self._startedAt = self._reactor.seconds()
        argv = [sys.executable, "-I", "-S", _SCRIPT, RUN_VARIABLE, self._run]
        try:
            spawn(self._reactor, process, argv, {}, {_STDIN: "w", _STDOUT: "r", _STDERR: "r"})
        except OSError as error:
            self._log.error("the warden can't be started: {error}", error=error)
            self._restarting = self._reactor.callLater(_PAUSE, self.start)
            return
        self._process = process
        if self._folder is not None:
            self._tell(folder=self._folder)
        for incarnation, group in tuple(self._living.items()):
            self._tell(watch=[group, incarnation])
        for incarnation, (group, _, _) in tuple(self._ending.items()):
            self._tell(end=[group, incarnation])

    def keep(self, folder: str) -> None:
        """
        @param folder: the runtime folder, which is to be removed if the master dies.
        """
        if folder != self._folder:
            self._folder = folder
            self._tell(folder=folder)

    def watch(self, group: int, incarnation: int) -> None:
        """
        A child lives.

        @param group: its process group.
        @param incarnation: its number.
        """
        self._living[incarnation] = group
        self._tell(watch=[group, incarnation])

    def end(self, group: int, incarnation: int) -> Deferred[None]:
        """
        End what is left of a child whose first process is gone.

        @param group: its process group.
        @param incarnation: its number.
        @return: fires when nothing is left, or the warden takes too long.
        """
        self._living.pop(incarnation, None)
        gone: Deferred[None] = Deferred()
        overdue = self._reactor.callLater(_PATIENCE, self._overdue, incarnation)
        self._ending[incarnation] = (group, gone, overdue)
        self._tell(end=[group, incarnation])
        return gone

    def close(self) -> Deferred[None]:
        """
        End it, since all children have ended.

        @return: fires when it has.
        """
        closed: Deferred[None] = Deferred()
        self._closed = closed
        self._cancelRestart()
        if self._process is None:
            closed.callback(None)
        else:
            self._closing = self._reactor.callLater(_CLOSING, self._kill)
            self._process.transport.closeStdin()
        return closed

    def gone(self, incarnation: int) -> None:
        """
        @param incarnation: of which nothing is left.
        """
        if incarnation in self._ending:
            _, gone, overdue = self._ending.pop(incarnation)
            if overdue.active():
                overdue.cancel()
            gone.callback(None)

    def ended(self, process: _WardenProcess, reason: Failure) -> None:
        """
        @param process: has ended.
        @param reason: how.
        """
        if process is not self._process:
            return
        self._process = None
        if self._closed is not None:
            if self._closing is not None and self._closing.active():
                self._closing.cancel()
            self._closed.callback(None)
            return
        words = process.words.decode("utf-8", "replace").strip()
        self._log.error(
            "the warden ended ({reason}); starting another{words}",
            reason=reason.getErrorMessage(),
            words=f": {words}" if words else "",
        )
        # At once, unless that is what goes wrong again and again.
        isShort = self._reactor.seconds() - self._startedAt < _PAUSE
        self._shortLives = self._shortLives + 1 if isShort else 0
        pause = _PAUSE if self._shortLives >= _SHORT_LIVES else 0
        self._restarting = self._reactor.callLater(pause, self.start)

    def _tell(self, **order: object) -> None:
        if self._process is not None:
            line = json.dumps(order).encode("ascii") + b"\n"
            try:
                self._process.transport.writeToChild(_STDIN, line)
            except KeyError:
                # It is dying, and has closed its end; the next one will be told.
                pass

    def _overdue(self, incarnation: int) -> None:
        self._log.warn(
            "the warden did not answer within {patience} s; something of incarnation"
            " {incarnation} may be left",
            patience=_PATIENCE,
            incarnation=incarnation,
        )
        self.gone(incarnation)

    def _kill(self) -> None:
        if self._process is not None:
            try:
                self._process.transport.signalProcess("KILL")
            except ProcessExitedAlready:
                pass

    def _cancelRestart(self) -> None:
        if self._restarting is not None and self._restarting.active():
            self._restarting.cancel()
        self._restarting = None

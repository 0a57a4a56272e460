"""
SIGHUP and SIGUSR1, as a server takes them::

    SIGHUP    a terminal that hung up: stop.  Otherwise reload.
    SIGUSR1   reopen logs: whatever handler was there is called (twistd's, with
              --logfile, rotates the file), and a file that was moved away is opened
              anew; without either it is no reason to die.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

from twisted.internet.interfaces import IReactorCore, IReactorFromThreads
from twisted.logger import Logger

from twisted_multiserver.logfile import MovedLogFile


def controllingTerminal() -> int | None:
    """
    Open the controlling terminal.

    @return: a descriptor to be kept; L{None} if there is no terminal.
    """
    try:
        return os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None


class SignalledReactor(IReactorCore, IReactorFromThreads):
    """
    What signals ask of the reactor.
    """


class ServerSignals:
    """
    Takes SIGHUP and SIGUSR1.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: SignalledReactor,
        stop: Callable[[], None],
        reload: Callable[[], None],
        logFile: str | None = None,
        reopen: Callable[[], None] = lambda: None,
    ) -> None:
        """
        @param reactor: the reactor.
        @param stop: ends the server in order.
        @param reload: replaces the children.
        @param reopen: opens further logs anew.
        @param logFile: where the log goes; L{None} if that is no file of ours.
        """
        self._reactor = reactor
        self._stop = stop
        self._reload = reload
        self._terminal: int | None = None
        self._reopen = reopen
        self._logFile = logFile
        self._movedLogFile: MovedLogFile | None = None
        self._usr1Before: Callable[[int, FrameType | None], object] | None = None

    def install(self) -> None:
        """
        Take them.
        """
        # Under nohup(1) the terminal's end is not to end it.
        if signal.signal(signal.SIGHUP, self._hungUp) is not signal.SIG_IGN:
            self._terminal = controllingTerminal()
        before = signal.signal(signal.SIGUSR1, self._usr1)
        self._usr1Before = before if callable(before) else None
        if self._logFile is not None:
            self._movedLogFile = MovedLogFile(os.path.abspath(self._logFile))

    def _hungUp(self, number: int, frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._reloadOrStop)

    def _usr1(self, number: int, frame: FrameType | None) -> None:
        if self._usr1Before is not None:
            self._usr1Before(number, frame)
        # Behind twistd's rotation, which waits for its turn in the same way.
        self._reactor.callFromThread(self._reopenLog)

    def _reopenLog(self) -> None:
        self._reopen()
        if self._movedLogFile is not None:
            try:
                self._movedLogFile.reopen()
            except OSError as error:
                self._log.error("SIGUSR1: the log can't be opened: {error}", error=error)

    def _reloadOrStop(self) -> None:
        if self._terminalIsGone():
            self._log.info("the terminal hung up: stopping")
            self._stop()
        else:
            self._reload()

    def _terminalIsGone(self) -> bool:
        if self._terminal is None:
            return False
        try:
            os.tcgetpgrp(self._terminal)
        except OSError:
            return True
        return False

"""
The exit status of twistd, and the one line that explains it.

Plain twistd re-raises the signal that stops it (status 143 for SIGTERM), has no way to
fail once the reactor runs, and shows tracebacks or usage for mistakes of the user's.
This puts it right with what is public: signal handlers of our own, set again when the
reactor runs; and a hook at the interpreter's exit, which runs after twistd has removed
its pid file::

    0   stopped by SIGTERM or SIGINT
    1   it could not start: one line on stderr
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from types import FrameType

from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

from twisted_multiserver.signals import SignalledReactor


class ExitStatus:
    """
    The status that the process will exit with.

    @ivar status: L{None} as long as nothing has decided it.
    """

    _log = Logger()

    def __init__(self, reactor: SignalledReactor) -> None:
        """
        @param reactor: is stopped to exit.
        """
        self._reactor = reactor
        self.status: int | None = None

    def install(self) -> None:
        """
        Take the signals that stop, and the last word at the exit.
        """
        atexit.register(self._leave)
        self._takeSignals()
        # The reactor takes them too when it begins to run.
        self._reactor.callWhenRunning(self._takeSignals)

    def fail(self, reason: str) -> None:
        """
        Exit with status 1.

        @param reason: one line; the first one counts.
        """
        self._log.error("{reason}", reason=reason)
        if self.status is None:
            self.status = 1
            print(f"twistd multiserver: {reason}", file=sys.__stderr__, flush=True)
        self._reactor.callWhenRunning(self._stop)

    def stop(self) -> None:
        """
        Exit with status 0, unless something has failed.
        """
        if self.status is None:
            self.status = 0
        self._stop()

    def _takeSignals(self) -> None:
        signal.signal(signal.SIGTERM, self._signalled)
        # A shell starts background jobs so: they are not to mind a Ctrl-C.
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._signalled)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        # The reactor never sees the signal, so it won't raise it again at its end.
        self._reactor.callFromThread(self.stop)

    def _stop(self) -> None:
        try:
            self._reactor.stop()
        except ReactorNotRunning:
            # It is on its way down already.
            pass

    def _leave(self) -> None:
        if self.status:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self.status)

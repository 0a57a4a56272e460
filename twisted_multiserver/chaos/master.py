"""
The master that is tried, started here.
"""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from twisted_multiserver.errors import MultiserverError

_READY = re.compile(rb"ready: (http://\S+)")
_TWISTD = "from twisted.scripts.twistd import run; run()"
# Of what it has said, so much is shown if it can't start, in bytes.
_SHOWN = 2000


class NotStarted(MultiserverError):
    """
    The master has ended before it was ready.
    """


class StartedMaster(ProcessProtocol):
    """
    A master of its own process.

    @ivar pid: of it.
    """

    def __init__(self) -> None:
        self.pid = 0
        self._said = self._errors = b""
        self._ready: Deferred[bytes] | None = Deferred()
        self._ended: Deferred[None] = Deferred()

    def start(self, reactor: Any, options: Sequence[str]) -> Deferred[bytes]:
        """
        Start it.

        @param reactor: the reactor.
        @param options: of C{twistd multiserver}.
        @return: fires with its URL when it is ready; fails with L{NotStarted}.
        """
        assert self._ready is not None
        ready = self._ready
        words = [sys.executable, "-c", _TWISTD, "-n", "--pidfile=", "multiserver", *options]
        reactor.spawnProcess(self, sys.executable, words, env=None)
        assert self.transport is not None
        self.pid = int(self.transport.pid or 0)
        return ready

    def stop(self) -> Deferred[None]:
        """
        @return: fires when it has ended.
        """
        assert self.transport is not None
        try:
            self.transport.signalProcess(signal.SIGTERM)
        except ProcessExitedAlready:
            pass
        return self._ended

    def outReceived(self, data: bytes) -> None:
        """
        @param data: of its log.
        """
        if self._ready is None:
            return
        self._said += data
        found = _READY.search(self._said)
        if found is not None:
            ready, self._ready = self._ready, None
            ready.callback(found[1])

    def errReceived(self, data: bytes) -> None:
        """
        @param data: what it says when it can't start.
        """
        self._errors += data

    def processEnded(self, reason: Failure) -> None:
        """
        @param reason: not looked at.
        """
        ready, self._ready = self._ready, None
        if ready is not None:
            said = (self._errors or self._said)[-_SHOWN:].decode("utf-8", "replace").strip()
            ready.errback(NotStarted(f"the master did not start: {said}"))
        self._ended.callback(None)

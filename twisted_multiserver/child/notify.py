"""
Telling the master: ready, alive, stopping (sd_notify(3)).

Sends never wait: the master's queue holds few datagrams and it may be busy.  What must
arrive (C{READY=1}, C{STOPPING=1}) is repeated until it was taken; a beat of the watchdog
that finds no room is left out, the next one comes soon enough.

The beats come from the event loop and from nothing else, so that they stop when it
hangs.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Mapping

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

READY = b"READY=1"
STOPPING = b"STOPPING=1"
WATCHDOG = b"WATCHDOG=1"

# How soon a refused message is repeated, in seconds.
_REPEAT = 0.05
_FULL = frozenset({errno.EAGAIN, errno.ENOBUFS})
# Beats per run budget: two may get lost.
_BEATS = 3


def beatInterval(environ: Mapping[str, str]) -> float | None:
    """
    Read how often the watchdog wants to hear from us (sd_watchdog_enabled(3)).

    @param environ: the process's environment.
    @return: the time between two beats in seconds; L{None} if there is no watchdog.
    """
    text = environ.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 / _BEATS if text.isdecimal() and int(text) > 0 else None


class Notifier:
    """
    The child's end of the notify socket.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, path: str | None, interval: float | None) -> None:
        """
        @param clock: runs beats and repetitions.
        @param path: the notify socket; L{None}: nobody wants to be told.
        @param interval: the time between two beats, in seconds; L{None} for none.
        """
        self._clock = clock
        # A name in the abstract namespace begins with @ in the variable.
        self._path = "\0" + path[1:] if path and path.startswith("@") else path
        self._interval = interval
        self._waiting: deque[bytes] = deque()
        self._stopping = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def ready(self) -> None:
        """
        Say that the application serves, and begin to beat.
        """
        self._tell(READY)
        self._beat()

    def stopping(self) -> None:
        """
        Say, once, that the child will serve no new exchanges.
        """
        if not self._stopping:
            self._stopping = True
            self._tell(STOPPING)

    def _tell(self, message: bytes) -> None:
        self._waiting.append(message)
        if len(self._waiting) == 1:
            self._flush()

    def _flush(self) -> None:
        while self._waiting:
            if not self._send(self._waiting[0]):
                self._clock.callLater(_REPEAT, self._flush)
                return
            self._waiting.popleft()

    def _beat(self) -> None:
        if self._interval is None:
            return
        self._clock.callLater(self._interval, self._beat)
        if not self._waiting:
            self._send(WATCHDOG)

    def _send(self, message: bytes) -> bool:
        """
        Send one datagram.

        @return: whether it needs no repetition.
        """
        if self._path is None:
            return True
        try:
            self._socket.sendto(message, self._path)
        except OSError as error:
            if error.errno in _FULL:
                return False
            # No master is there to hear it, or none that we may talk to.
            self._log.warn(
                "cannot tell the master {message!r}: {error}", message=message, error=error
            )
            self._path = None
        return True

"""
Why a child could not start, and how the master learns it.

The reason is one line.  A traceback goes with it only if the application's own code
raised, and starts at the application's first frame: what this package did to get there
says nothing to its author.  With a control channel the report goes there and stderr
stays empty, so that the master can show it once for all children; else it is written
to stderr.  Standard library only.
"""

from __future__ import annotations

import os
import socket
import sys
import traceback
from types import TracebackType
from typing import NoReturn

from twisted_multiserver.contract import (
    EXIT_NOT_AN_APPLICATION,
    MessageTooLong,
    encodeMessage,
)
from twisted_multiserver.errors import MultiserverError

# A crash while the application starts, which another try may not meet again.
EXIT_CRASHED = 1

_REASON_LIMIT = 1000
_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_MACHINERY = (_OURS, "<frozen importlib", os.path.join("importlib", "__init__.py"))


class BootFailure(MultiserverError):
    """
    The child can't serve its application.

    @ivar reason: one line for the user.
    @ivar status: the process's exit status.
    @ivar trace: the traceback of the application's own code, if that raised.
    """

    def __init__(
        self, reason: str, status: int = EXIT_NOT_AN_APPLICATION, trace: str | None = None
    ) -> None:
        self.reason = oneLine(reason)
        self.status = status
        self.trace = trace
        super().__init__(self.reason)

    @classmethod
    def raisedBy(cls, what: str, error: BaseException, status: int) -> BootFailure:
        """
        The application's own code raised.

        @param what: what was being done, as C{"myapp raised at import"}.
        @param error: what it raised.
        @param status: the exit status.
        """
        kind = type(error).__name__
        message = oneLine(str(error))
        return cls(
            f"{what}: {kind}: {message}" if message else f"{what}: {kind}",
            status,
            applicationTraceback(error),
        )


def oneLine(text: str) -> str:
    """
    Make a text fit for a line of a log.

    @param text: any text.
    @return: it without line breaks, cut where it is too long.
    """
    line = " ".join(text.split())
    return line if len(line) <= _REASON_LIMIT else line[: _REASON_LIMIT - 3] + "..."


def applicationTraceback(error: BaseException) -> str:
    """
    Format a traceback from the application's first frame on.

    @param error: what the application raised.
    @return: the lines that Python would print.
    """
    frames = _withoutMachinery(error.__traceback__)
    return "".join(traceback.format_exception(type(error), error, frames))


def _withoutMachinery(frames: TracebackType | None) -> TracebackType | None:
    while frames is not None:
        name = frames.tb_frame.f_code.co_filename
        if not (name.startswith(_MACHINERY[:2]) or name.endswith(_MACHINERY[2])):
            break
        frames = frames.tb_next
    return frames


def reportMessage(failure: BootFailure) -> bytes:
    """
    Make the control message that reports a failure; a long traceback keeps its end.

    @param failure: what happened.
    @return: one datagram.
    """
    trace = failure.trace
    while True:
        try:
            return encodeMessage("bootFailed", reason=failure.reason, traceback=trace)
        except MessageTooLong:
            # The exception itself is on the last lines.
            trace = trace[len(trace) // 2 :] if trace else None


def report(failure: BootFailure, controlFd: int | None) -> None:
    """
    Tell the master; if it can't be told, tell stderr.

    @param failure: what happened.
    @param controlFd: the control channel's descriptor, if there is one.
    """
    if controlFd is not None and _send(controlFd, reportMessage(failure)):
        return
    if failure.trace is not None:
        sys.stderr.write(failure.trace.rstrip("\n") + "\n")
    sys.stderr.write(f"twisted_multiserver: {failure.reason}\n")


def _send(controlFd: int, message: bytes) -> bool:
    # On a duplicate: the channel's owner, if there is one already, keeps its own.
    try:
        with socket.socket(fileno=os.dup(controlFd)) as channel:
            channel.send(message, socket.MSG_DONTWAIT)
    except OSError:
        return False
    return True


def leave(status: int) -> NoReturn:
    """
    End a process that could not start, at once.

    The application may have left threads that never end; an ordinary exit would wait
    for them until the boot budget is over.

    @param status: the exit status.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        # Nobody reads any more.
        pass
    os._exit(status)

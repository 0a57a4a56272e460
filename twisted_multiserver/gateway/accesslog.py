"""
The access log: collects lines and writes them in batches, to a file or to stdout.

Strategy: a line is made when its request ends, and written with others one second later,
or sooner when 64 KiB or 1,000 lines are waiting.  A batch is one write(2) of whole lines to
a file opened for appending, so that several writers of one file, or of one stdout, don't
get into each other's lines.  Writing is done in the reactor's thread, as nginx does it: a
batch goes into the page cache.

Invariants: nothing is raised to those who add; no more than a batch is ever kept, and what
can't be written is dropped and counted; a line that could be written in part only (the
disk was full in its middle) is completed before anything else is written, so that each
line of the file is whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_multiserver.errors import ConfigError
from twisted_multiserver.gateway.accessline import AccessRecord, LineFormat

STDOUT = "-"
BATCH_SECONDS = 1.0
BATCH_BYTES = 64 * 1024
BATCH_LINES = 1000


class LogFile(Protocol):
    """
    A file without a buffer of its own.
    """

    def write(self, data: bytes, /) -> int | None:
        """
        @param data: to be written.
        @return: how many bytes of it were; L{None} if the file takes none at present.
        @raise OSError: if none can be.
        """

    def fileno(self) -> int:
        """
        @return: its descriptor.
        """

    def close(self) -> None:
        """
        Let it go.
        """


def logFileOpener(path: str) -> Callable[[], LogFile]:
    """
    @param path: of a file to append to, which is made if need be; C{"-"} is stdout.
    @return: opens it.
    """
    if path == STDOUT:
        # Descriptor 1 belongs to the process: it stays open.
        return lambda: open(1, "wb", buffering=0, closefd=False)
    return lambda: open(path, "ab", buffering=0)


class AccessLog:
    """
    Takes records, writes lines.
    """

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, openFile: Callable[[], LogFile], format: LineFormat
    ) -> None:
        """
        @param clock: the reactor.
        @param openFile: opens the file, at once and for each L{reopen}.
        @param format: makes a line of a record.
        @raise ConfigError: if the file can't be opened.
        """
        try:
            self._file = openFile()
        except OSError as error:
            # A descriptor that is closed has no name.
            name = "stdout" if error.filename is None else repr(error.filename)
            raise ConfigError(
                f"--access-log: {name} can't be opened: {error.strerror};"
                " give a file that can be written to, or - for stdout"
            ) from error
        self._clock = clock
        self._openFile = openFile
        self._format = format
        self._lines: list[bytes] = []
        self._waiting = 0
        self._timer: IDelayedCall | None = None
        self._torn = b""
        self._isFailing = False
        self._dropped = 0
        self._closed = False

    def add(self, record: AccessRecord) -> None:
        """
        A request has ended.  After L{close} nothing is done.

        @param record: what is to be told of it.
        """
        if self._closed:
            return
        line = self._format(record)
        self._lines.append(line)
        self._waiting += len(line)
        if self._waiting >= BATCH_BYTES or len(self._lines) >= BATCH_LINES:
            self.flush()
        elif self._timer is None:
            # It isn't moved by a batch that was full before: one timer a second is enough.
            self._timer = self._clock.callLater(BATCH_SECONDS, self._timeIsUp)

    def flush(self) -> None:
        """
        Write what is waiting.
        """
        lines, self._lines, self._waiting = self._lines, [], 0
        if not lines and not self._torn:
            return
        data = self._torn + b"".join(lines)
        written, error = self._write(data)
        if error is None:
            self._torn = b""
            self._succeeded()
        else:
            self._torn = _tornLine(data, written, bool(self._torn))
            self._dropped += data.count(b"\n", written + len(self._torn))
            self._failed(error)

    def reopen(self) -> None:
        """
        The file was moved away: what is waiting goes into it, all else into a new one under
        its name.  If that can't be opened, the log goes on where it was.
        """
        if self._closed:
            return
        self.flush()
        try:
            fresh = self._openFile()
        except OSError as error:
            self._log.error("the access log can't be opened anew: {error}", error=error)
            return
        if not os.path.samestat(os.fstat(self._file.fileno()), os.fstat(fresh.fileno())):
            self._forgetTorn()
        self._letGo()
        self._file = fresh

    def close(self) -> None:
        """
        Write what is waiting, and end.
        """
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self.flush()
        self._forgetTorn()
        self._letGo()
        if self._isFailing:
            self._log.error(
                "the access log has ended; lines missing: {dropped}", dropped=self._dropped
            )

    def _timeIsUp(self) -> None:
        self._timer = None
        self.flush()

    def _forgetTorn(self) -> None:
        if self._torn:
            self._torn = b""
            self._dropped += 1

    def _letGo(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            # Some network file systems tell only now what they could not write.
            self._log.error("closing the access log: {error}", error=error)

    def _write(self, data: bytes) -> tuple[int, OSError | None]:
        """
        @return: how much was written, and why not all.
        """
        written = 0
        while written < len(data):
            try:
                count = self._file.write(data[written:])
            except OSError as error:
                return written, error
            if not count:
                return written, BlockingIOError("it takes no more at present")
            written += count
        return written, None

    def _failed(self, error: OSError) -> None:
        if not self._isFailing:
            self._isFailing = True
            self._log.error(
                "the access log can't be written, lines are dropped: {error}", error=error
            )

    def _succeeded(self) -> None:
        if self._isFailing:
            self._log.warn(
                "the access log is written again; lines missing: {dropped}",
                dropped=self._dropped,
            )
            self._isFailing = False
            self._dropped = 0


def _tornLine(data: bytes, written: int, startsTorn: bool) -> bytes:
    """
    @param data: what was to be written.
    @param written: how many bytes of it were.
    @param startsTorn: whether C{data} starts within a line.
    @return: the rest of the line that was written in part; empty if there is none.
    """
    isTorn = startsTorn if written == 0 else data[written - 1 : written] != b"\n"
    return data[written : data.index(b"\n", written) + 1] if isTorn else b""

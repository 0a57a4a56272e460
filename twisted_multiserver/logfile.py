"""
The log file that was moved away: opened anew under its name.

Twisted's own log file rotates itself when it is told to, but writes on into a file that
logrotate(8) has renamed.

Strategy: the file is known by device and inode; whichever descriptor of this process
still writes to it is pointed at the file that the path names now (dup2(2)), so that
whoever holds the descriptor needs to know nothing.
"""

from __future__ import annotations

import os


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


class MovedLogFile:
    """
    Follows a path.
    """

    def __init__(self, path: str) -> None:
        """
        @param path: of a log file that is open already.
        """
        self._path = path
        self._opened = self._now()

    def reopen(self) -> None:
        """
        See that what was open under the path is what the path names.

        @raise OSError: if the file can't be opened.
        """
        if self._opened is not None and self._now() != self._opened:
            held = self._descriptors(self._opened)
            if held:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                fresh = os.open(self._path, flags, 0o666)
                for descriptor in held:
                    os.dup2(fresh, descriptor, inheritable=os.get_inheritable(descriptor))
                os.close(fresh)
        self._opened = self._now()

    def _now(self) -> tuple[int, int] | None:
        try:
            return _identity(os.stat(self._path))
        except OSError:
            return None

    def _descriptors(self, identity: tuple[int, int]) -> list[int]:
        held = []
        for name in os.listdir("/proc/self/fd"):
            try:
                if _identity(os.fstat(int(name))) == identity:
                    held.append(int(name))
            except OSError:
                # The listing's own descriptor.
                continue
        return held

"""
The warden: a small process that ends what others leave behind.

It is run by path (C{python -I -S}), imports the standard library only, and lives in a
session of its own, so that what ends the master doesn't end it.  It hears lines of JSON
on standard input, whose only writer is the master::

    {"folder": PATH}             to be removed at the end
    {"watch": [GROUP, NUMBER]}   a child lives: its process group, its incarnation
    {"end": [GROUP, NUMBER]}     its first process is gone: end what is left of it

and answers C{gone NUMBER} when nothing is left of an incarnation.  When standard input
ends the master is gone, and the warden ends all that the run has started: SIGTERM, a
second for whoever heeds it, then SIGKILL, again and again until nothing is left.

What belongs to an incarnation is its process group, and whatever has the cookie
C{RUN:NUMBER} in the environment that it was started with, wherever it went.  A program
that wipes its environment and leaves its group escapes.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator

# Seconds.
_GRACE = 1.0
_PAUSE = 0.02
# What SIGKILL doesn't end in this time hangs in the kernel.
_PATIENCE = 60.0


def processes() -> Iterator[tuple[int, int, bytes]]:
    """
    Look at all processes that live.

    @return: the number, the group, and the environment of each.
    """
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                # The name before it may have blanks and parentheses.
                state, _, group = file.read().rpartition(b") ")[2].split(None, 3)[:3]
        except OSError:
            continue
        if state in b"ZX":
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                environment = file.read()
        except OSError:
            environment = b""
        yield int(name), int(group), environment


def send(pid: int, number: int) -> None:
    """
    Send a signal, if that can be done.

    @param pid: to whom.
    @param number: which.
    """
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


class Warden:
    """
    Knows what lives and ends what must not.
    """

    def __init__(self, variable: str, run: str) -> None:
        """
        @param variable: the name of the cookie in environments.
        @param run: the part of its value that all incarnations of the run share.
        """
        self._cookie = f"\0{variable}={run}:".encode()
        self._living: dict[int, int] = {}
        self._ending: dict[int, int] = {}
        self._folder: str | None = None

    def obey(self, line: bytes) -> None:
        """
        @param line: of JSON.
        """
        try:
            ((name, value),) = json.loads(line).items()
            if name == "folder":
                self._folder = str(value)
            elif name in ("watch", "end"):
                group, number = map(int, value)
                self._living[number] = group
                if name == "end":
                    self._ending[number] = self._living.pop(number)
        except (AttributeError, TypeError, ValueError):
            # Its master is of another version, or mad: that is no reason to end.
            pass

    @property
    def isBusy(self) -> bool:
        """
        Whether something is to be ended.
        """
        return bool(self._ending)

    def endSome(self) -> list[int]:
        """
        Kill what is left of the incarnations that are to end.

        @return: the numbers of those of which nothing is left.
        """
        groups = {group: number for number, group in self._ending.items() if group}
        cookies = {self._cookie + b"%d\0" % number: number for number in self._ending}
        left = set()
        for pid, group, environment in processes():
            number = groups.get(group)
            if number is None and self._cookie in b"\0" + environment:
                padded = b"\0" + environment
                number = next((cookies[cookie] for cookie in cookies if cookie in padded), None)
            if number is not None:
                send(pid, signal.SIGKILL)
                left.add(number)
        gone = [number for number in self._ending if number not in left]
        for number in gone:
            del self._ending[number]
        return gone

    def endAll(self) -> None:
        """
        End all that the run has started, and remove its folder.
        """
        begun = time.monotonic()
        asked: set[int] = set()
        groups = {group for group in (*self._living.values(), *self._ending.values()) if group}
        # Twice, since the environment of who has just begun to run is empty for a moment.
        looks = 2
        while looks and time.monotonic() < begun + _PATIENCE:
            left = [
                pid
                for pid, group, environment in processes()
                if group in groups or self._cookie in b"\0" + environment
            ]
            looks = 2 if left else looks - 1
            for pid in left:
                if time.monotonic() > begun + _GRACE:
                    send(pid, signal.SIGKILL)
                elif pid not in asked:
                    asked.add(pid)
                    send(pid, signal.SIGTERM)
            time.sleep(_PAUSE)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def main(variable: str, run: str) -> None:
    """
    Serve a master until it is gone.

    @param variable: see L{Warden}.
    @param run: see L{Warden}.
    """
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    if os.getpid() != os.getsid(0):
        os.setsid()
    # Not to keep a folder that somebody wants to unmount.
    os.chdir("/")
    warden, received = Warden(variable, run), b""
    while True:
        readable, _, _ = select.select([0], [], [], _PAUSE if warden.isBusy else None)
        if readable:
            data = os.read(0, 65536)
            if not data:
                break
            *lines, received = (received + data).split(b"\n")
            for line in lines:
                warden.obey(line)
        if warden.isBusy:
            for number in warden.endSome():
                try:
                    os.write(1, b"gone %d\n" % number)
                except OSError:
                    # The master is gone; the end of standard input will tell.
                    break
    warden.endAll()


if __name__ == "__main__":
    main(*sys.argv[1:])

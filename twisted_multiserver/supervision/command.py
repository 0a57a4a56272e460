"""
A program of the user's that is a server itself, by its command line.

Rules: the command line is split as a shell does (shlex, POSIX), and run without one;
C{{socket}} or C{{port}} in it says where the program listens; else it gets a socket as
descriptor 3, unless it is said to listen at C{PORT}.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from twisted_multiserver.errors import ConfigError
from twisted_multiserver.supervision.entrancekind import EntranceKind


@dataclass(frozen=True, slots=True)
class CommandProgram:
    """
    A program, found as a shell would find it.

    @ivar argv: its command line, at least one word.
    @ivar entrance: how it is told where to listen.
    @ivar readyPath: the path that is asked for until it answers.
    @ivar chdir: the folder that it runs in; L{None} for the master's.
    @ivar limits: resource limits, C{{"NOFILE": (soft, hard)}}.
    @ivar uid: the user that it runs as.
    @ivar gid: the group that it runs as.
    """

    argv: tuple[str, ...]
    entrance: EntranceKind = EntranceKind.descriptor
    readyPath: str | None = "/"
    chdir: str | None = None
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    uid: int | None = None
    gid: int | None = None

    @property
    def label(self) -> str:
        """
        See L{Program<twisted_multiserver.supervision.program.Program>}.
        """
        return shlex.join(self.argv)

    @property
    def isApplication(self) -> bool:
        """
        See L{Program<twisted_multiserver.supervision.program.Program>}.
        """
        return False

    def spec(self, fill: Callable[[str], str]) -> dict[str, object]:
        """
        See L{Program<twisted_multiserver.supervision.program.Program>}.
        """
        return {
            "exec": [fill(word) for word in self.argv],
            "chdir": self.chdir,
            "limits": {name: list(limit) for name, limit in self.limits.items()},
            "uid": self.uid,
            "gid": self.gid,
            # A server with workers of its own ends them at a TERM, and can't at a KILL.
            "deathSignal": int(signal.SIGTERM),
        }

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """
        See L{Program<twisted_multiserver.supervision.program.Program>}.
        """
        # Only the master can come in: what it says of clients is true.
        return {"FORWARDED_ALLOW_IPS": environ.get("FORWARDED_ALLOW_IPS", "*")}


def entranceOf(words: Sequence[str], isPort: bool, source: str) -> EntranceKind:
    """
    Find out how a program is told where to listen.

    @param words: its command line.
    @param isPort: whether it was said to listen at C{PORT}.
    @param source: where the command line was given, for people.
    @return: the kind.
    @raise ConfigError: if it is told more than one way.
    """
    named = [name for name in ("{socket}", "{port}") if any(name in word for word in words)]
    if len(named) > 1:
        raise ConfigError(f"{source}: {{socket}} and {{port}} together; a program listens at one")
    if isPort and "{socket}" in named:
        raise ConfigError(
            f"{source}: {{socket}} contradicts the entrance port; a program listens at one"
        )
    if isPort or "{port}" in named:
        return EntranceKind.port
    return EntranceKind.socket if named else EntranceKind.descriptor


def splitCommandLine(text: str, source: str) -> list[str]:
    """
    Split a command line.

    @param text: as a shell would take it.
    @param source: where it was given, for people.
    @return: its words, at least one.
    @raise ConfigError: if it can't be split, or there is nothing in it.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        reason = str(error).lower()
        raise ConfigError(f"{source}: {text!r} can't be split: {reason}") from error
    checkWords(words, source)
    return words


def checkWords(words: Sequence[str], source: str) -> None:
    """
    Judge a command line.

    @param words: as they are passed to the program.
    @param source: where they were given, for people.
    @raise ConfigError: if it can't be one.
    """
    if isinstance(words, str) or not all(isinstance(word, str) for word in words):
        raise ConfigError(f"{source}: {words!r} must be a list of words, as ['node', 'app.js']")
    if not words or not words[0].strip():
        raise ConfigError(f"{source}: there is no program in it")
    for word in words:
        try:
            isBad = b"\0" in os.fsencode(word)
        except UnicodeEncodeError:
            isBad = True
        if isBad:
            raise ConfigError(f"{source}: {word!r} can't be passed to a program")


def checkPath(path: str, source: str) -> None:
    """
    Judge a path that is to be asked for.

    @param path: such as C{"/health"}.
    @param source: where it was given, for people.
    @raise ConfigError: if it can't stand in a request.
    """
    if not re.fullmatch(r"/[!-~]*", path):
        raise ConfigError(
            f"{source}: {path!r} is no path that can be asked for; it begins with / and has"
            " nothing in it that a URL would have to encode"
        )

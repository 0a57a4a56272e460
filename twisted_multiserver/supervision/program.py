"""
What a child runs.

A program says how it is launched and when it is ready; everything else about watching
and ending it is the same for all.  There are two kinds: an application of the user's,
loaded into a Python process of ours, and any other
L{server<twisted_multiserver.supervision.command>}.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol

from twisted_multiserver.errors import ConfigError
from twisted_multiserver.supervision.entrancekind import EntranceKind


class Program(Protocol):
    """
    Something that a child can run.
    """

    @property
    def label(self) -> str:
        """
        For people.
        """

    @property
    def isApplication(self) -> bool:
        """
        Whether it runs in a process of ours, which understands the control channel,
        says when it is ready, and shows that its event loop runs.
        """

    @property
    def entrance(self) -> EntranceKind:
        """
        How it is told where to listen.
        """

    @property
    def readyPath(self) -> str | None:
        """
        The path that is asked for until it answers; L{None} if it says by itself when
        it is ready.
        """

    @property
    def uid(self) -> int | None:
        """
        The user that it runs as; L{None} for the master's.
        """

    def spec(self, fill: Callable[[str], str]) -> dict[str, object]:
        """
        @param fill: puts the entrance into a word in the place of its name.
        @return: its part of the spec that the launcher reads (see
            L{twisted_multiserver.contract}).
        """

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """
        @param environ: the master's environment.
        @return: what its own environment has besides.
        """


@dataclass(frozen=True, slots=True)
class ApplicationProgram:
    """
    An application, found by its name.

    @ivar name: C{"pkg.mod.attr"} or C{"pkg.mod:attr"}.
    @ivar kind: what it is, C{"auto"} to find out.
    @ivar threads: of a WSGI application's thread pool.
    @ivar chdir: the folder that it runs in; L{None} for the master's.
    @ivar limits: resource limits, C{{"NOFILE": (soft, hard)}}.
    @ivar uid: the user that it runs as.
    @ivar gid: the group that it runs as.
    @ivar sessions: where its sessions are kept, and how, as JSON can carry it; L{None} if
        it has none.
    """

    name: str
    kind: str = "auto"
    threads: int = 10
    chdir: str | None = None
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    uid: int | None = None
    gid: int | None = None
    sessions: Mapping[str, object] | None = None

    @property
    def label(self) -> str:
        """
        See L{Program}.
        """
        return self.name

    @property
    def isApplication(self) -> bool:
        """
        See L{Program}.
        """
        return True

    @property
    def entrance(self) -> EntranceKind:
        """
        See L{Program}.
        """
        return EntranceKind.descriptor

    @property
    def readyPath(self) -> str | None:
        """
        See L{Program}.
        """
        return None

    def spec(self, fill: Callable[[str], str]) -> dict[str, object]:
        """
        See L{Program}.
        """
        return {
            "application": {
                "name": self.name,
                "kind": self.kind,
                "threads": self.threads,
                "sessions": self.sessions,
            },
            "chdir": self.chdir,
            "limits": {name: list(limit) for name, limit in self.limits.items()},
            "uid": self.uid,
            "gid": self.gid,
            "deathSignal": int(signal.SIGKILL),
        }

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """
        See L{Program}.
        """
        return {}


def functionName(function: Callable[..., object]) -> str:
    """
    Find the name by which a child imports a function.

    @param function: defined at the top of a module.
    @return: C{"pkg.mod:name"}.
    @raise ConfigError: if a child could not import it.
    """
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        raise ConfigError(f"spawn: {function!r} has no name by which a child could import it")
    shown = f"spawn: {module}:{name}"
    if module == "__main__":
        raise ConfigError(f"{shown} can't be imported by a child; move it into a module")
    if "<" in name:
        raise ConfigError(
            f"{shown} can't be imported by a child; define it at the top of its module"
        )
    found: object = import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not function:
        raise ConfigError(f"{shown} is something else there; a child would import that")
    return f"{module}:{name}"

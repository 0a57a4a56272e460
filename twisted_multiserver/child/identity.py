"""
For applications: which child am I, and what happened to the one before me.

Standard library only; outside a child there is no identity, so that an application
also runs under any other server.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """
    One incarnation, as it knows itself.

    @ivar slot: the child's place, from 0.
    @ivar generation: how many reloads came before.
    @ivar incarnation: the number of this life among all lives of the run.
    @ivar pid: the process.
    @ivar bornAt: when it started, in seconds since the epoch.
    @ivar previous: how the slot's previous life ended, if it crashed: C{"description"},
        C{"exitCode"}, C{"signal"} and C{"at"} (seconds since the epoch).
    @ivar stateFolder: a folder that survives restarts, if there is one.
    """

    slot: int
    generation: int
    incarnation: int
    pid: int
    bornAt: float
    previous: dict[str, object] | None
    stateFolder: str | None


_current: Identity | None = None


def current() -> Identity | None:
    """
    Ask which child this process is.

    @return: its identity; L{None} outside a child.
    """
    return _current


def assume(identity: Identity | None) -> None:
    """
    Say which child this process is.  Called once, before the application is imported.

    @param identity: the incarnation; L{None} for no child.
    """
    global _current
    _current = identity

"""
What the process that answers knows of itself.

The facts come from the child's identity, which the master wrote; outside a child there
is none, and the facts that only a master knows are then L{None}.  Times are wall-clock
times, since the death of the previous incarnation was seen by another process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass

from twisted_multiserver.child.identity import Identity


@dataclass(frozen=True, slots=True)
class Previous:
    """
    The end of the incarnation that had this slot before.

    @ivar description: how it ended: C{"exit 1"} or C{"signal 9 (SIGKILL)"}.
    @ivar at: when it died, in seconds since the epoch.
    @ivar backAfter: from that moment until this incarnation was built, in seconds.
    """

    description: str
    at: float
    backAfter: float


@dataclass(frozen=True, slots=True)
class Status:
    """
    The facts of one moment.

    @ivar slot: the child's place; L{None} outside a child.
    @ivar pid: the process.
    @ivar generation: how often the master had reloaded; L{None} outside a child.
    @ivar incarnation: which life of its slot this is; L{None} outside a child.
    @ivar uptime: the age of the process, in seconds.
    @ivar visits: how often the visitor has seen the page; without sessions, how often this
        process has served it.
    @ivar previous: the crash that made this incarnation necessary, if one did.
    """

    slot: int | None
    pid: int
    generation: int | None
    incarnation: int | None
    uptime: float
    visits: int
    previous: Previous | None

    def toJSON(self) -> bytes:
        """
        Write the facts for the page's script.

        @return: one JSON object with the names of the fields above.
        """
        return json.dumps(asdict(self)).encode("ascii")


class Life:
    """
    The life of this process: it tells the facts, and counts visits where there are no
    sessions.
    """

    def __init__(self, identity: Identity | None, now: Callable[[], float]) -> None:
        """
        @param identity: who this child is; L{None} outside a child.
        @param now: the wall clock, in seconds since the epoch.
        """
        self._identity = identity
        self._now = now
        self._builtAt = now()
        self._visits = 0

    def visited(self) -> None:
        """
        Count one visit.
        """
        self._visits += 1

    def status(self, visits: int | None = None) -> Status:
        """
        Tell the facts of this moment.

        @param visits: how often the visitor has seen the page; L{None} for the visits that
            were counted here.
        """
        if visits is None:
            visits = self._visits
        identity = self._identity
        if identity is None:
            uptime = max(0.0, self._now() - self._builtAt)
            return Status(None, os.getpid(), None, None, uptime, visits, None)
        return Status(
            slot=identity.slot,
            pid=identity.pid,
            generation=identity.generation,
            incarnation=identity.incarnation,
            uptime=max(0.0, self._now() - identity.bornAt),
            visits=visits,
            previous=self._previous(identity),
        )

    def _previous(self, identity: Identity) -> Previous | None:
        previous = identity.previous
        if previous is None:
            return None
        at = previous["at"]
        assert isinstance(at, float)
        return Previous(
            description=str(previous["description"]),
            at=at,
            backAfter=max(0.0, self._builtAt - at),
        )

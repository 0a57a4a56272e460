"""
The rules for sessions, as their owner sets them.
"""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """
    The rules for sessions.  Durations are in seconds.

    @ivar cookie: the cookie's name; L{None} for C{__Host-sid}, and C{sid} without TLS.
    @ivar idle: a session ends when it isn't used for so long.
    @ivar absolute: a session ends so long after it began.
    @ivar whenUnavailable: C{"refuse"} or C{"degrade"}.
    @ivar optOut: requests at and below these paths have no session.
    """

    cookie: str | None = None
    idle: float = 14 * DAY
    absolute: float = 90 * DAY
    whenUnavailable: str = "refuse"
    optOut: tuple[str, ...] = ()

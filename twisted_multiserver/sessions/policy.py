"""
The rules for sessions, as their owner sets them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isfinite

from twisted_multiserver.errors import ConfigError

DAY = 86400.0
COOKIE_SECURE = "__Host-sid"
COOKIE_PLAIN = "sid"
# Browsers take cookies with these prefixes with Secure only, in any case (RFC 6265bis 4.1.3).
_SECURE_PREFIXES = ("__host-", "__secure-")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """
    The rules for sessions.  Durations are in seconds, sizes in bytes.

    @ivar cookie: the cookie's name; L{None} for C{__Host-sid}, and C{sid} without TLS.
    @ivar idle: a session ends when it isn't used for so long.
    @ivar absolute: a session ends so long after it began.
    @ivar sameSite: C{"Strict"}, C{"Lax"} or C{"None"}; without TLS, where browsers refuse
        C{"None"}, that is C{"Lax"}.
    @ivar whenUnavailable: what becomes of requests whose session can't be loaded:
        C{"refuse"} (503) or C{"degrade"} (the session looks empty and can't be changed).
    @ivar whenGone: what becomes of a change if somebody ended the session meanwhile and the
        request's method isn't safe: C{"conflict"} (409) or C{"drop"}.
    @ivar maxKeys: how many fields a session may have.
    @ivar maxName: how long the name of a field may be.
    @ivar maxSize: how large all fields of a session may be together, as stored.
    @ivar touchAfter: a session that is only read is written, to let it live on, when its
        time left is short of C{idle} by so much; L{None} for 60, and 5 % of C{idle} at most.
    @ivar optOut: requests at and below these paths have no session.
    """

    cookie: str | None = None
    idle: float = 14 * DAY
    absolute: float = 90 * DAY
    sameSite: str = "Lax"
    whenUnavailable: str = "refuse"
    whenGone: str = "conflict"
    maxKeys: int = 512
    maxName: int = 200
    maxSize: int = 256 * 1024
    touchAfter: float | None = None
    optOut: tuple[str, ...] = ()
    # Asked for at each request with a cookie.
    _without: frozenset[str] = field(init=False, repr=False, compare=False)
    _above: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """
        @raise ConfigError: if the rules can't be kept.
        """
        if self.cookie is not None and not _TOKEN(self.cookie):
            raise ConfigError(
                f"session cookie: {self.cookie!r} can't be the name of a cookie;"
                " use letters, digits, - and _"
            )
        for name in ("idle", "absolute", "touchAfter"):
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value > 0):
                raise ConfigError(f"session {name}: {value!r} must be more than 0 seconds")
        for name, words in (
            ("sameSite", ("Strict", "Lax", "None")),
            ("whenUnavailable", ("refuse", "degrade")),
            ("whenGone", ("conflict", "drop")),
        ):
            if getattr(self, name) not in words:
                raise ConfigError(
                    f"session {name}: {getattr(self, name)!r} must be one of {', '.join(words)}"
                )
        for name in ("maxKeys", "maxName", "maxSize"):
            if getattr(self, name) < 1:
                raise ConfigError(f"session {name}: {getattr(self, name)!r} must be at least 1")
        for path in self.optOut:
            if not path.startswith("/"):
                raise ConfigError(f"path without sessions: {path!r} must begin with /")
        without = frozenset(path.rstrip("/") for path in self.optOut)
        object.__setattr__(self, "_without", without)
        object.__setattr__(self, "_above", tuple(f"{path}/" for path in without))

    def cookieName(self, isSecure: bool) -> str:
        """
        @param isSecure: whether the client came by TLS.
        @return: the name of the cookie.
        """
        return self.cookie or (COOKIE_SECURE if isSecure else COOKIE_PLAIN)

    def needsSecure(self, isSecure: bool) -> bool:
        """
        @param isSecure: whether the client came by TLS.
        @return: whether the cookie is for TLS only.
        """
        return isSecure or self.cookieName(isSecure).lower().startswith(_SECURE_PREFIXES)

    @property
    def touchMargin(self) -> float:
        """
        How short of C{idle} a session's time may be before it is touched, in seconds.
        """
        if self.touchAfter is not None:
            return self.touchAfter
        return min(60.0, 0.05 * self.idle)

    def covers(self, path: str) -> bool:
        """
        @param path: of a request, as the client wrote it, without a query.
        @return: whether the request has a session.
        """
        return not path.startswith(self._above) and path not in self._without

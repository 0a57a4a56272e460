"""
What tests of a store of sessions begin with.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor
from twisted.internet.task import deferLater

from twisted_multiserver.sessions.record import KEY_SIZE, SessionDelta, StoredSession

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase as _TestCase
else:
    _TestCase = object


def newKey() -> bytes:
    """
    @return: the key of a session that never was.
    """
    return os.urandom(KEY_SIZE)


def beginning(ttl: float = 60.0, **options: Any) -> SessionDelta:
    """
    @param ttl: in seconds.
    @param options: of the delta.
    @return: of a new session.
    """
    return SessionDelta(ttl, **{"create": True, "meta": b"meta", **options})


class SessionStoreCase(_TestCase):
    """
    Makes synchronizers.

    @cvar shortTTL: a time after which a session that was given it has ended, in seconds; no
        shorter than what the store can tell.
    """

    shortTTL = 1.0

    async def makeSynchronizer(self) -> Any:
        """
        Override this.

        @return: one that was started.
        """
        raise NotImplementedError

    async def passTime(self, seconds: float) -> None:
        """
        Override this for a store with a clock of its own.

        @param seconds: how many.
        """
        await deferLater(reactor, seconds, lambda: None)

    async def loaded(self, synchronizer: Any, key: bytes) -> dict[str, bytes] | None:
        """
        @param synchronizer: the store.
        @param key: of a session.
        @return: its fields; L{None} if it isn't there.
        """
        stored: StoredSession | None = await synchronizer.load(key)
        return None if stored is None else dict(stored.fields)

"""
One request's way with its session, as the faces for each kind of application go it::

    session = yield sessions.open(cookies, secure)     before any code of the application
    session.data                                         what the application works with
    yield session.settle(method, status)                 the head is known, nothing has left
    session.fields()                                     go into the head
    session.headSent()
    yield session.finish()                               before the last byte of the body
    session.abandoned()                                  instead, if the client has left

Invariants: no byte of a response leaves before what it may acknowledge is stored; an
identifier that the store doesn't know is never taken on; a request that doesn't touch its
session writes nothing, except that a session in use is kept alive now and then, which nobody
waits for.

A request that shows no cookie of ours costs the search for its name, and a small object.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_multiserver.sessions._isynchronizer import ISessionSynchronizer
from twisted_multiserver.sessions.codec import SessionCodec, TaggedJSON
from twisted_multiserver.sessions.cookies import REPEATED, sessionCookie
from twisted_multiserver.sessions.errors import (
    SessionCorrupt,
    SessionError,
    StoreConfigError,
    StoreUnavailable,
)
from twisted_multiserver.sessions.ground import Ground
from twisted_multiserver.sessions.identifier import isWellFormed, keyOf, label
from twisted_multiserver.sessions.meta import Meta
from twisted_multiserver.sessions.policy import SessionPolicy
from twisted_multiserver.sessions.record import StoredSession
from twisted_multiserver.sessions.sealing import NoSealing, SessionSealing
from twisted_multiserver.sessions.settling import RequestSession

__all__ = ["RequestSession", "Sessions"]

_log = Logger()


class Sessions:
    """
    The sessions of one process.

    @ivar synchronizer: the store.
    @ivar policy: the rules.
    @ivar counts: how often what happened: C{"load hit"}, C{"load miss"}, C{"load invalid"},
        C{"load error"}, C{"commit ok"}, C{"commit gone"}, C{"commit conflict"},
        C{"commit error"}, C{"commit noop"}, C{"delete ok"}, C{"delete error"}, C{"touch ok"},
        C{"touch gone"}, C{"touch error"}.
    """

    def __init__(
        self,
        synchronizer: ISessionSynchronizer,
        policy: SessionPolicy | None = None,
        now: Callable[[], float] = time.time,
        codec: SessionCodec | None = None,
        sealing: SessionSealing | None = None,
    ) -> None:
        """
        @param synchronizer: the store.
        @param policy: the rules; L{None} for the usual ones.
        @param now: the time, in seconds since the epoch.
        @param codec: writes values; L{None} for L{TaggedJSON}.
        @param sealing: encrypts them; L{None} for no encryption.
        """
        self._ground = Ground(
            synchronizer,
            policy or SessionPolicy(),
            now,
            codec or TaggedJSON(),
            sealing or NoSealing(),
        )
        self.synchronizer = synchronizer
        self.policy = self._ground.policy
        self.counts = self._ground.counts
        self._secureName = self._ground.secureName
        self._plainName = self._ground.plainName

    def open(
        self, cookies: Sequence[bytes], secure: bool
    ) -> RequestSession | Deferred[RequestSession]:
        """
        Begin with a request.

        @param cookies: the values of its C{Cookie} fields.
        @param secure: whether the client came by TLS.
        @return: its session, at once if there is nothing to load; else a C{Deferred} that
            fails with C{StoreUnavailable} or C{StoreConfigError} unless the policy says to
            degrade, and with C{SessionCorrupt} if what is stored is no session of ours.
        """
        name = self._secureName if secure else self._plainName
        for field in cookies:
            if name in field:
                break
        else:
            return RequestSession(self._ground, secure)
        shown = sessionCookie(cookies, name)
        if shown is None:
            return RequestSession(self._ground, secure)
        if shown is REPEATED:
            self.counts["load invalid"] += 1
            return RequestSession(self._ground, secure, True)
        return self.resume(shown.decode("latin-1"), secure)

    def resume(self, identifier: str, secure: bool) -> RequestSession | Deferred[RequestSession]:
        """
        Begin with a request that shows an identifier, in whatever way.

        @param identifier: what it shows.
        @param secure: whether the client came by TLS.
        @return: as L{open}.
        """
        if not isWellFormed(identifier):
            self.counts["load invalid"] += 1
            return RequestSession(self._ground, secure, True)
        key = keyOf(identifier)
        return self.synchronizer.load(key).addCallbacks(
            partial(self._loaded, identifier, key, secure), partial(self._notLoaded, secure)
        )

    def _loaded(
        self, identifier: str, key: bytes, secure: bool, stored: StoredSession | None
    ) -> RequestSession:
        meta = None
        if stored is not None:
            try:
                meta = Meta.decode(stored.meta)
            except SessionCorrupt:
                self.counts["load error"] += 1
                _log.error("session {label} can't be read", label=label(key))
                raise
            left = self._ground.timeLeft(meta)
            if left <= 0:
                meta = None
        if meta is None or stored is None:
            self.counts["load miss"] += 1
            return RequestSession(self._ground, secure, True)
        self.counts["load hit"] += 1
        session = RequestSession(self._ground, secure, True)
        session.begin(stored, meta, identifier, key)
        if stored.ttl < left - self.policy.touchMargin:
            self.synchronizer.touch(key, left).addCallbacks(self._touched, self._notTouched)
        return session

    def _notLoaded(self, secure: bool, failure: Failure) -> RequestSession | Failure:
        self.counts["load error"] += 1
        if self.policy.whenUnavailable == "degrade" and failure.check(
            StoreUnavailable, StoreConfigError
        ):
            return RequestSession(self._ground, secure, True, True)
        return failure

    def _touched(self, isThere: bool) -> None:
        self.counts["touch ok" if isThere else "touch gone"] += 1

    def _notTouched(self, failure: Failure) -> None:
        failure.trap(SessionError)
        self.counts["touch error"] += 1

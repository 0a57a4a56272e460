"""
One request's way with its session, from what was loaded to what is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_multiserver.sessions.data import SessionData
from twisted_multiserver.sessions.errors import StoreUnavailable
from twisted_multiserver.sessions.fields import Fields
from twisted_multiserver.sessions.ground import Ground
from twisted_multiserver.sessions.identifier import keyOf, label
from twisted_multiserver.sessions.meta import Meta
from twisted_multiserver.sessions.record import StoredSession
from twisted_multiserver.sessions.state import SessionState
from twisted_multiserver.sessions.writes import Writes

_log = Logger()
_SAFE_METHODS = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE"))


class RequestSession:
    """
    One request's session.

    @ivar run: how L{SessionData.commit} and L{SessionData.destroyEverywhere} wait for the
        C{Deferred} that what they are given returns: a face sets what suits its applications,
        such as C{partial(blockingCallFromThread, reactor)} or
        C{lambda call: call().asFuture(loop)}.  By itself the C{Deferred} is what they return.
    """

    __slots__ = (
        "_data",
        "_discards",
        "_found",
        "_ground",
        "_isDegraded",
        "_isLate",
        "_isSpent",
        "_isStrict",
        "_secure",
        "_shown",
        "_state",
        "_writes",
        "run",
    )

    def __init__(
        self, ground: Ground, secure: bool, shown: bool = False, isDegraded: bool = False
    ) -> None:
        """
        @param ground: the store and the rules.
        @param secure: whether the client came by TLS.
        @param shown: whether it has shown an identifier, of whatever kind.
        @param isDegraded: whether the store could not be asked.
        """
        self._ground = ground
        self._secure = secure
        self._shown = shown
        self._isDegraded = isDegraded
        self._found: tuple[StoredSession, Meta, str, bytes] | None = None
        self._state: SessionState | None = None
        self._data: SessionData | None = None
        self._writes: Writes | None = None
        self._isLate = False
        self._isSpent = False
        self._isStrict = True
        self._discards = False
        self.run: Callable[[Callable[[], Deferred[Any]]], Any] = _atOnce

    def begin(self, stored: StoredSession, meta: Meta, identifier: str, key: bytes) -> None:
        """
        The session is in the store.

        @param stored: as the store has it.
        @param meta: what the record says of itself.
        @param identifier: of it.
        @param key: of it.
        """
        self._found = stored, meta, identifier, key

    @property
    def data(self) -> SessionData:
        """
        What the application works with.
        """
        data = self._data
        if data is None:
            data = self._data = SessionData(self, self._known)
        return data

    @property
    def isAccessed(self) -> bool:
        """
        Whether anybody looked at the session or changed it.
        """
        return self._state is not None and self._state.isAccessed

    @property
    def isStored(self) -> bool:
        """
        Whether the store has the session; looking here isn't looking at it.
        """
        return self._found is not None if self._state is None else self._state.isStored

    @property
    def identifier(self) -> str:
        """
        The session's identifier, or what it will be once it is stored: a secret, for nobody
        but the client.
        """
        return self._writing.identifier

    @property
    def label(self) -> str:
        """
        What the session is called in logs: 8 hexadecimal digits that don't lead to it.
        """
        return label(keyOf(self.identifier))

    def settle(self, method: bytes, status: int) -> Deferred[None] | None:
        """
        The head of the response is known, and nothing of it has left.  Sessions can't begin,
        rotate or end from now on.

        A response of 500 or more drops what was changed, but not that a session was destroyed.

        @param method: of the request.
        @param status: of the response.
        @return: L{None} if there is nothing to wait for; else fires when the head may go,
            fails with C{SessionConflict} (answer 409), C{StoreUnavailable} or
            C{StoreConfigError} (503, with Retry-After), C{SessionTooLarge} or C{TypeError}
            (500: the application has put something into it that can't be kept).
        """
        self._isLate = True
        isSafe = method in _SAFE_METHODS
        self._isStrict = not isSafe and self._ground.policy.whenGone == "conflict"
        self._discards = status >= 500
        state = self._state
        if state is None:
            return None
        state.isLate = True
        if not state.isAccessed:
            return None
        writing = self._writing.write(self._isStrict, self._discards)
        if writing is None:
            self._ground.counts["commit noop"] += 1
            return None
        return writing.addErrback(partial(self._notSettled, isSafe))

    def fields(self) -> list[tuple[bytes, bytes]]:
        """
        @return: the fields for the head, after L{settle}, with lower-case names: C{vary} if
            anybody looked at the session, C{set-cookie} and C{cache-control} if it began,
            rotated or ended.
            L{mergeFields<twisted_multiserver.sessions.responsefields.mergeFields>} puts them
            together with the application's.
        """
        state, writes = self._state, self._writes
        if state is None or not state.isAccessed:
            return []
        fields = [(b"vary", b"Cookie")]
        if writes is not None and (writes.isIssued or writes.isEnded):
            if writes.isIssued and writes.meta is not None:
                line = self._ground.keepLine(self._secure, writes.identifier, writes.meta)
            else:
                line = self._ground.forgetLine(self._secure)
            fields += ((b"set-cookie", line), (b"cache-control", b"no-store"))
        return fields

    def headSent(self) -> None:
        """
        The head has left, or nothing of it can be changed any more.
        """
        self._isLate = True
        if self._state is not None:
            self._state.isLate = True

    def finish(self) -> Deferred[None] | None:
        """
        The application has written all of the body; the last byte has not left.

        @return: as L{settle}; what was changed since then is stored.
        """
        if self._isSpent or not self.isAccessed:
            return None
        return self._writing.write(self._isStrict, self._discards)

    def abandoned(self) -> Deferred[None] | None:
        """
        The client has left; the application has cleaned up.  What it changed is stored, but no
        session begins or rotates of which the client could not know.

        @return: L{None} if there is nothing to wait for; else fires when it is stored, or
            could not be; never fails.
        """
        if self._isSpent or not self.isAccessed:
            return None
        writing = self._writing.write(False, self._discards, isLost=True)
        return None if writing is None else writing.addErrback(self._notKept)

    def commit(self) -> Deferred[None]:
        """
        Store what was changed so far.

        @return: as L{SessionData.commit} says.
        """
        isStrict = self._ground.policy.whenGone == "conflict"
        writing = self._writing.write(isStrict)
        return succeed(None) if writing is None else writing

    def commitNow(self) -> Any:
        """
        For L{SessionData}.
        """
        return self.run(self.commit)

    def destroyEverywhereNow(self, principal: str, exceptThis: bool) -> Any:
        """
        For L{SessionData}.
        """
        return self.run(lambda: self._destroyEverywhere(principal, exceptThis))

    def _destroyEverywhere(self, principal: str, exceptThis: bool) -> Deferred[int]:
        except_ = self._writing.stored if exceptThis else None
        deleting = self._ground.synchronizer.deletePrincipal(principal, except_)
        return deleting if exceptThis else deleting.addCallback(self._destroyed)

    def _destroyed(self, count: int) -> int:
        self._known.end()
        return count

    @property
    def _known(self) -> SessionState:
        state = self._state
        if state is None:
            rules, fields, principal = self._ground.rules, None, ""
            if self._found is not None:
                stored, meta, _, _ = self._found
                fields, principal = Fields(rules, stored.fields, meta.birth), stored.principal
            state = SessionState(rules, fields, principal, self._isDegraded, self._isLate)
            self._state = state
        return state

    @property
    def _writing(self) -> Writes:
        writes = self._writes
        if writes is None:
            writes = self._writes = Writes(self._ground, self._known, self._shown)
            if self._found is not None:
                _, meta, identifier, key = self._found
                writes.begin(identifier, key, meta)
        return writes

    def _notSettled(self, isSafe: bool, failure: Failure) -> None:
        # The response will say something else, so nothing more is to be stored.
        self._isSpent = True
        state = self._known
        isDegrading = isSafe and self._ground.policy.whenUnavailable == "degrade"
        if (
            not (isDegrading and failure.check(StoreUnavailable))
            or state.isStored
            or self._writing.isEnding
        ):
            failure.raiseException()
        # A session that would have begun: the client gets no cookie of it and knows so.
        state.revert()
        state.isDegraded = True

    def _notKept(self, failure: Failure) -> None:
        _log.warn(
            "session {label}: what was changed for a client that left is not kept: {reason}",
            label=self.label,
            reason=failure.getErrorMessage(),
        )


def _atOnce(call: Callable[[], Deferred[Any]]) -> Any:
    return call()

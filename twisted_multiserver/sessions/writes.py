"""
The writes of one request's session, one after the other.

Strategy: at most one write is on its way; the next is made from what isn't stored by then.
First goes what was destroyed, then a write whose outcome is unknown, as the same operation, so
that the store recognises it; then what else has changed.

Invariants: an identifier is handed out only when its session is stored under it; a session
that was destroyed is not brought back by a write that was on its way.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.defer import CancelledError, Deferred, DeferredLock, fail

from twisted_multiserver.sessions._isynchronizer import ISessionSynchronizer
from twisted_multiserver.sessions.errors import SessionConflict, SessionError, StoreUnavailable
from twisted_multiserver.sessions.ground import Ground
from twisted_multiserver.sessions.identifier import keyOf, newId
from twisted_multiserver.sessions.meta import Meta
from twisted_multiserver.sessions.record import CommitResult, SessionDelta
from twisted_multiserver.sessions.state import SessionChange, SessionState

# A session whose deadline passes while its request is answered.
_LAST_MOMENT = 1.0


@dataclass(frozen=True, slots=True)
class _Write:
    """
    One operation on the store.

    @ivar change: what it stores.
    @ivar delta: the same for the store.
    @ivar old: the key of the session before; L{None} if this creates it.
    @ivar identifier: of the session after.
    @ivar key: its key.
    @ivar meta: what the record says of itself after.
    """

    change: SessionChange
    delta: SessionDelta
    old: bytes | None
    identifier: str
    key: bytes
    meta: Meta

    def send(self, synchronizer: ISessionSynchronizer) -> Deferred[CommitResult]:
        """
        @param synchronizer: the store.
        @return: what became of it.
        """
        if self.old is None or self.old == self.key:
            return synchronizer.commit(self.key, self.delta)
        return synchronizer.rotate(self.old, self.key, self.delta)


class Writes:
    """
    Writes one request's session.

    @ivar meta: what the record says of itself; L{None} if there is none.
    @ivar isIssued: whether the client has yet to be told the session's identifier.
    @ivar isEnded: whether the client has yet to forget one.
    """

    def __init__(self, ground: Ground, state: SessionState, hasShown: bool) -> None:
        """
        @param ground: the store and the rules.
        @param state: of the session.
        @param hasShown: whether the client has shown an identifier, of whatever kind.
        """
        self._ground = ground
        self._state = state
        self._hasShown = hasShown
        self._identifier: str | None = None
        self._stored: bytes | None = None
        self._doomed: list[bytes] = []
        self._unsure: _Write | None = None
        self._lock: DeferredLock | None = None
        self.meta: Meta | None = None
        self.isIssued = False
        self.isEnded = False

    def begin(self, identifier: str, key: bytes, meta: Meta) -> None:
        """
        The session is in the store.

        @param identifier: of it.
        @param key: of it.
        @param meta: what its record says of itself.
        """
        self._identifier = identifier
        self._stored = key
        self.meta = meta

    @property
    def identifier(self) -> str:
        """
        The identifier of the session, or what it will be once it is stored.
        """
        self._bury()
        if self._identifier is None:
            self._identifier = newId()
        return self._identifier

    @property
    def stored(self) -> bytes | None:
        """
        The key of the session in the store; L{None} if it isn't there.
        """
        self._bury()
        return self._stored

    @property
    def isEnding(self) -> bool:
        """
        Whether there is something to remove from the store.
        """
        self._bury()
        return bool(self._doomed)

    def write(
        self, isStrict: bool, discards: bool = False, isLost: bool = False
    ) -> Deferred[None] | None:
        """
        Store what isn't stored yet.

        @param isStrict: whether it is a conflict if the session was ended by somebody else.
        @param discards: whether changes are dropped, but for the end of a session.
        @param isLost: whether the client won't learn a new identifier, so that what needs
            one is dropped.
        @return: L{None} if there is nothing to wait for; else fires when all is stored,
            fails with C{SessionConflict}, C{StoreUnavailable}, C{SessionTooLarge} or
            C{TypeError}.
        """
        lock = self._lock
        write = None
        if lock is None or not lock.locked:
            self._bury()
            try:
                write = self._next(discards, isLost)
            except Exception:
                # The values are the application's, and the codec may be: it is told what is
                # wrong with them in the same way as what is wrong with the store.
                return fail()
            if write is None and not self._doomed:
                return None
        if lock is None:
            lock = self._lock = DeferredLock()
        return lock.run(
            lambda: Deferred.fromCoroutine(self._writeAll(isStrict, discards, isLost, write))
        )

    async def _writeAll(
        self, isStrict: bool, discards: bool, isLost: bool, write: _Write | None
    ) -> None:
        self._bury()
        while self._doomed:
            await self._delete(self._doomed[0])
            self._doomed.pop(0)
            # Made before waiting, it may not be right any more.
            write = None
        isUnsure = self._unsure is not None
        write = write or self._next(discards, isLost)
        if write is not None:
            await self._send(write, isStrict)
            if isUnsure and (write := self._next(discards, isLost)) is not None:
                await self._send(write, isStrict)

    def _bury(self) -> None:
        """
        See what was destroyed.
        """
        state = self._state
        if not state.isDestroyed:
            return
        state.isDestroyed = False
        if self._stored is not None:
            self._doomed.append(self._stored)
        if self._unsure is not None and self._unsure.key != self._stored:
            # Perhaps it is there by now.
            self._doomed.append(self._unsure.key)
        self.isEnded = self._hasShown
        self.isIssued = False
        self._unsure = self._identifier = self._stored = self.meta = None

    def _next(self, discards: bool, isLost: bool) -> _Write | None:
        state = self._state
        if discards or (isLost and (state.rotates or not state.isStored)):
            state.revert()
            self._unsure = None
            return None
        if self._unsure is not None:
            return self._unsure
        change = state.change()
        return None if change is None else self._made(change)

    def _made(self, change: SessionChange) -> _Write:
        fields = change.fields
        identifier = self.identifier
        meta = self.meta
        if meta is None or self._stored is None:
            meta = self._ground.newMeta(self._state.birth)
            delta = SessionDelta(
                self._ground.timeLeft(meta),
                create=True,
                set={} if fields is None else fields.set,
                principal=change.principal,
                meta=meta.encode(),
            )
            return _Write(change, delta, None, identifier, keyOf(identifier), meta)
        delta = SessionDelta(
            max(_LAST_MOMENT, self._ground.timeLeft(meta)),
            set={} if fields is None else fields.set,
            unset=frozenset() if fields is None else fields.unset,
            clear=fields is not None and fields.clear,
            principal=change.principal,
            expect=change.expect,
        )
        key = self._stored
        if change.rotates:
            identifier = newId()
            key = keyOf(identifier)
        return _Write(change, delta, self._stored, identifier, key, meta)

    async def _send(self, write: _Write, isStrict: bool) -> None:
        counts = self._ground.counts
        self._unsure = None
        try:
            result = await write.send(self._ground.synchronizer)
        except StoreUnavailable as error:
            counts["commit error"] += 1
            if error.outcomeUnknown:
                self._notSure(write)
            raise
        except CancelledError:
            # Who waited has given up; the store may do it all the same.
            self._notSure(write)
            raise
        except SessionError:
            counts["commit error"] += 1
            raise
        counts[f"commit {result.value}"] += 1
        if result is CommitResult.ok:
            self._done(write)
        elif result is CommitResult.conflict:
            self._state.revert()
            raise SessionConflict("a guarded field was changed by another request")
        else:
            self._state.revert()
            if isStrict:
                raise SessionConflict("the session was ended by another request")

    def _notSure(self, write: _Write) -> None:
        if write.change.life == self._state.life:
            self._unsure = write
        else:
            self._doomed.append(write.key)

    def _done(self, write: _Write) -> None:
        if write.change.life != self._state.life:
            # It was destroyed meanwhile.
            self._doomed.append(write.key)
            return
        self._state.applied(write.change)
        if self._stored != write.key:
            self._identifier = write.identifier
            self._stored = write.key
            self.meta = write.meta
            self.isIssued = True

    async def _delete(self, key: bytes) -> None:
        counts = self._ground.counts
        try:
            await self._ground.synchronizer.delete(key)
        except SessionError:
            counts["delete error"] += 1
            raise
        counts["delete ok"] += 1

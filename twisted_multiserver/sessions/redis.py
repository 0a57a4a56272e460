"""
Sessions in Redis.

Each operation is one script, so one atomic step and one round trip; see
L{redisscripts<twisted_multiserver.sessions.redisscripts>} for what is stored.  What a
principal's index needs comes after, only when it has to be written: at login, and each
tenth of a session's time to live.

Durability is the server's: C{appendfsync always} loses nothing that was acknowledged.
"""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from twisted_multiserver.sessions._isynchronizer import ENUMERATE, ISessionSynchronizer
from twisted_multiserver.sessions.errors import SessionCorrupt, StoreUnavailable
from twisted_multiserver.sessions.operations import COMMIT_DEADLINE, LOAD_DEADLINE, Operations
from twisted_multiserver.sessions.record import (
    KEY_SIZE,
    CommitResult,
    SessionDelta,
    StoredSession,
)
from twisted_multiserver.sessions.redisconnections import Connections, classify
from twisted_multiserver.sessions.redisfactory import connectionsTo
from twisted_multiserver.sessions.redisrecord import (
    changeArguments,
    indexKey,
    loaded,
    milliseconds,
    sessionKey,
)
from twisted_multiserver.sessions.redisscripts import (
    CHECK,
    CLOCK,
    COMMIT,
    CONFLICT,
    CORRUPT,
    DELETE,
    DONE_INDEX,
    GONE,
    INDEX,
    LATE,
    LISTED,
    LOAD,
    MARK,
    ROTATE,
    TOUCH,
    UNINDEX,
    YES,
    Script,
)
from twisted_multiserver.sessions.serverclock import ServerClock
from twisted_multiserver.sessions.storeuri import StoreURI

Result = TypeVar("Result")

# So many sessions of a principal are looked at in one step.
_CHECKED = 1000


@implementer(ISessionSynchronizer)
class RedisSynchronizer:
    """
    Keeps sessions in Redis.

    @ivar operations: how they run; its counters are public.
    """

    name = "redis"
    capabilities = frozenset([ENUMERATE])
    uriOptions = frozenset(["unix", "ca", "pool"])

    def __init__(self, driverObject: object, reactor: IReactorTime) -> None:
        """
        @param driverObject: a connection (handler) of txredisapi's to one server, or
            connections as L{connectionsTo} makes them.
        @param reactor: the reactor.
        @raise StoreConfigError: if it can't be used.
        """
        self._connections = (
            driverObject
            if isinstance(driverObject, Connections)
            else Connections.ofHandler(driverObject)
        )
        self.operations = Operations("redis", reactor, classify)
        self._clock = ServerClock(reactor.seconds)

    @classmethod
    def fromURI(cls, uri: StoreURI, reactor: Any) -> RedisSynchronizer:
        """
        @param uri: C{redis://user:password@host:port/db}, or C{redis://?unix=/path}, or with
            TLS C{rediss://...?ca=PATH}; C{pool=N} for so many connections.
        @param reactor: the reactor.
        @return: a synchronizer that has yet to be started.
        @raise StoreConfigError: if the URI can't be right.
        """
        return cls(connectionsTo(uri, reactor), reactor)

    def start(self) -> Deferred[None]:
        """
        Connect, unless others have, and see that the server answers.
        """
        connections = self._connections
        # What waits for a connection is no operation of the store's: the breaker has
        # nothing to learn from it.
        if connections.isOurs:
            return connections.open()
        return self.operations.run(
            "start", COMMIT_DEADLINE, lambda: connections.look().addCallback(lambda _: None)
        )

    def stop(self, grace: float = 5.0) -> Deferred[None]:
        """
        Let operations end, and close what L{start} has opened.
        """
        quiet = self.operations.whenQuiet(grace)
        if self._connections.isOurs:
            quiet.addCallback(lambda _: self._connections.close())
        return quiet

    def load(self, key: bytes) -> Deferred[StoredSession | None]:
        """
        See the interface.
        """
        return self.operations.run("load", LOAD_DEADLINE, lambda: self._load(key))

    def commit(self, key: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        """
        See the interface.
        """
        givenUpAt = self._clock.now() + COMMIT_DEADLINE
        return self.operations.run(
            "commit", COMMIT_DEADLINE, lambda: self._commit(key, delta, givenUpAt)
        )

    def rotate(self, old: bytes, new: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        """
        See the interface.
        """
        givenUpAt = self._clock.now() + COMMIT_DEADLINE
        return self.operations.run(
            "rotate", COMMIT_DEADLINE, lambda: self._rotate(old, new, delta, givenUpAt)
        )

    def touch(self, key: bytes, ttl: float) -> Deferred[bool]:
        """
        See the interface.
        """
        return self.operations.run("touch", COMMIT_DEADLINE, lambda: self._touch(key, ttl))

    def delete(self, key: bytes) -> Deferred[bool]:
        """
        See the interface.
        """
        return self.operations.run("delete", COMMIT_DEADLINE, lambda: self._delete(key))

    def purge(self, limit: int) -> Deferred[int]:
        """
        The server does that by itself.
        """
        return succeed(0)

    def find(self, principal: str) -> Deferred[list[bytes]]:
        """
        See the interface.
        """
        return self.operations.run(
            "find", COMMIT_DEADLINE, lambda: self._theirs(principal, False, None)
        )

    def deletePrincipal(self, principal: str, exceptKey: bytes | None = None) -> Deferred[int]:
        """
        See the interface.
        """
        return self.operations.run(
            "deletePrincipal",
            COMMIT_DEADLINE,
            lambda: self._theirs(principal, True, exceptKey).addCallback(len),
        )

    def health(self) -> Deferred[None]:
        """
        See the interface.
        """
        return self.operations.run(
            "health",
            COMMIT_DEADLINE,
            lambda: self._connections.ping().addCallback(lambda _: None),
        )

    def _load(self, key: bytes) -> Deferred[StoredSession | None]:
        return self._connections.run(LOAD, [sessionKey(key)], []).addCallback(_loadedOrNone)

    def _commit(self, key: bytes, delta: SessionDelta, givenUpAt: float) -> Deferred[CommitResult]:
        return self._change(COMMIT, [sessionKey(key)], delta, givenUpAt).addCallback(
            self._changed, key, delta.ttl
        )

    def _rotate(
        self, old: bytes, new: bytes, delta: SessionDelta, givenUpAt: float
    ) -> Deferred[CommitResult]:
        return self._change(
            ROTATE, [sessionKey(old), sessionKey(new)], delta, givenUpAt
        ).addCallback(self._changed, new, delta.ttl, old)

    def _change(
        self, script: Script, keys: list[bytes], delta: SessionDelta, givenUpAt: float
    ) -> Deferred[bytes]:
        askedAt, until = self._clock.now(), self._clock.serverTime(givenUpAt)
        if until is None:
            learning: Deferred[bytes] = self._connections.run(CLOCK, keys[:1], [])
            learning.addCallback(self._timeTold, askedAt)
            return learning.addCallback(
                lambda _: self._connections.run(
                    script, keys, changeArguments(delta, self._clock.serverTime(givenUpAt))
                )
            )
        changing: Deferred[bytes] = self._connections.run(
            script, keys, changeArguments(delta, until)
        )
        return changing.addCallback(self._inTime, askedAt)

    def _inTime(self, answer: bytes, askedAt: float) -> bytes:
        if answer[:1] == LATE:
            self._timeTold(answer, askedAt)
            # Or the server's clock was set, of which we know by now.
            raise StoreUnavailable("redis: the change came too late", retryable=True)
        return answer

    def _timeTold(self, answer: bytes, askedAt: float) -> None:
        self._clock.told(int(answer[1:]) / 1000, askedAt)

    def _touch(self, key: bytes, ttl: float) -> Deferred[bool]:
        return (
            self._connections.run(TOUCH, [sessionKey(key)], [milliseconds(ttl)])
            .addCallback(self._changed, key, ttl)
            .addCallback(lambda result: result is CommitResult.ok)
        )

    def _changed(
        self, answer: bytes, key: bytes, ttl: float, old: bytes = b""
    ) -> CommitResult | Deferred[CommitResult]:
        """
        @param answer: of a script that has changed a session.
        @param key: of the session.
        @param ttl: how long it lives now, in seconds.
        @param old: a key that it had before.
        @return: what became of the change.
        @raise SessionCorrupt: if what is stored is no session.
        """
        letter = answer[:1]
        if letter == DONE_INDEX:
            return self._index(answer[1:], key, ttl, old)
        if letter == GONE:
            return CommitResult.gone
        if letter == CONFLICT:
            return CommitResult.conflict
        if letter == CORRUPT:
            raise SessionCorrupt("redis: what is stored under the key of a session is none")
        return CommitResult.ok

    @inlineCallbacks
    def _index(self, principal: bytes, key: bytes, ttl: float, old: bytes) -> Any:
        answer = yield self._connections.run(
            INDEX, [indexKey(principal)], [key, milliseconds(ttl), old]
        )
        yield self._connections.run(MARK, [sessionKey(key)], [principal, answer[1:]])
        return CommitResult.ok

    @inlineCallbacks
    def _delete(self, key: bytes) -> Any:
        answer = yield self._connections.run(DELETE, [sessionKey(key)], [])
        if answer[:1] == DONE_INDEX:
            yield self._connections.run(UNINDEX, [indexKey(answer[1:])], [key])
        return answer[:1] != GONE

    @inlineCallbacks
    def _theirs(self, principal: str, isEnd: bool, exceptKey: bytes | None) -> Any:
        """
        @param principal: whose sessions.
        @param isEnd: whether to delete them.
        @param exceptKey: of a session to leave alone.
        @return: fires with the keys of those that were theirs.
        """
        name = principal.encode()
        answer = yield self._connections.run(LISTED, [indexKey(name)], [])
        keys = [answer[at : at + KEY_SIZE] for at in range(1, len(answer), KEY_SIZE)]
        keys = [key for key in keys if key != exceptKey]
        theirs: list[bytes] = []
        for at in range(0, len(keys), _CHECKED):
            some = keys[at : at + _CHECKED]
            answer = yield self._connections.run(
                CHECK,
                [indexKey(name), *map(sessionKey, some)],
                [name, int(isEnd), *some],
            )
            theirs += [key for key, one in zip(some, answer, strict=True) if one == YES[0]]
        return theirs


def _loadedOrNone(answer: bytes | None) -> StoredSession | None:
    return None if answer is None else loaded(answer)

"""
Sessions in MongoDB, by txmongo.

Strategy: each operation is one command, whose filter and change are evaluated together on the
server, with C{w=majority} and the journal; only what finds nothing to change looks a second
time, to say why.

A session gets another key in three commands: the old document is claimed for the operation,
which ends it under its old key; the session is put in under the new one; and what is left of
the old document is wiped.  A repetition of the operation takes up its own claim, whatever
answer was lost.  If the process dies between the first and the second, and so never answers
its request, nobody repeats it and that session is lost; it is never left under its old key.
A logout that comes between them wins.

Invariants: a change that was given up isn't done any more
(L{twisted_multiserver.sessions.serverclock}); reads go to the primary; documents whose time is
over, and which MongoDB removes a
minute later, are none; a password never gets into an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bson.binary import Binary
from bson.codec_options import CodecOptions
from pymongo.errors import AutoReconnect, OperationFailure
from pymongo.write_concern import WriteConcern
from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure
from txmongo.collection import Collection
from txmongo.connection import ConnectionPool
from txmongo.database import Database
from zope.interface import implementer

from twisted_multiserver.sessions import mongodbchanges as changes
from twisted_multiserver.sessions._isynchronizer import ENUMERATE, ISessionSynchronizer
from twisted_multiserver.sessions.errors import StoreConfigError, StoreUnavailable
from twisted_multiserver.sessions.mongodberrors import meaning
from twisted_multiserver.sessions.mongodburi import URI_OPTIONS, Opening
from twisted_multiserver.sessions.operations import COMMIT_DEADLINE, LOAD_DEADLINE, Operations
from twisted_multiserver.sessions.record import CommitResult, SessionDelta, StoredSession
from twisted_multiserver.sessions.serverclock import ServerClock
from twisted_multiserver.sessions.storeuri import StoreURI

_START_DEADLINE = 5.0
_START_AGAIN = 2.0
_CONCERN = WriteConcern("majority", j=True)
_PRIMARY = frozenset({"primary", "primarypreferred"})


@implementer(ISessionSynchronizer)
class MongoDBSynchronizer:
    """
    Keeps sessions in a collection.

    @cvar uriOptions: what a URI may say.
    @ivar operations: counts them.
    """

    _log = Logger()

    name = "mongodb"
    capabilities = frozenset({ENUMERATE})
    uriOptions = URI_OPTIONS

    def __init__(self, driverObject: Any, reactor: Any) -> None:
        """
        @param driverObject: a collection of txmongo's, or how to open one.
        @param reactor: the reactor.
        @raise StoreConfigError: if it is something else, or can't be used.
        """
        self._opening: Opening | None = None
        self._collection: Any = None
        self._pool: Any = None
        if isinstance(driverObject, Opening):
            self._opening = driverObject
        elif isinstance(driverObject, Collection):
            self._collection = _ours(driverObject)
        else:
            raise StoreConfigError(
                f"mongodb: a {type(driverObject).__name__} is no collection; adapt"
                " connection.database.collection"
            )
        self._reactor = reactor
        self._clock = ServerClock(reactor.seconds)
        self._startingLater: Any = None
        self._isStopped = False
        self.operations = Operations(self.name, reactor, meaning)

    @classmethod
    def fromURI(cls, uri: StoreURI, reactor: Any) -> MongoDBSynchronizer:
        """
        @param uri: names the servers, and the database by its path.
        @param reactor: the reactor.
        @return: a synchronizer that has yet to be started.
        @raise StoreConfigError: if it can't be.
        """
        return cls(Opening(uri), reactor)

    def start(self) -> Deferred[None]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        self._isStopped = False
        if self._opening is not None and self._pool is None:
            try:
                self._pool, database, collection = self._opening.open()
            except StoreConfigError as error:
                return fail(error)
            self._collection = _collection(self._pool, database, collection)
        return self.operations.run("start", _START_DEADLINE, self._prepare).addErrback(self._later)

    def stop(self, grace: float = 5.0) -> Deferred[None]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        if self._startingLater is not None:
            self._startingLater.cancel()
            self._startingLater = None
        self._isStopped = True
        return self.operations.whenQuiet(grace).addCallback(lambda _: self._disconnect())

    def load(self, key: bytes) -> Deferred[StoredSession | None]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        return self.operations.run("load", LOAD_DEADLINE, lambda: self._loading(key))

    def commit(self, key: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        if delta.create:
            return self._write("commit", lambda: self._create(key, delta))
        until = self._givenUpAt()
        return self._write("commit", lambda: self._update(key, delta, until))

    def rotate(self, old: bytes, new: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        until = self._givenUpAt()
        return self._write("rotate", lambda: self._rotate(old, new, delta, until))

    def touch(self, key: bytes, ttl: float) -> Deferred[bool]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """

        async def touch() -> bool:
            found = await self._change(key, changes.ALIVE, [{"$set": {"x": changes.ending(ttl)}}])
            return bool(found["n"])

        return self._write("touch", touch)

    def delete(self, key: bytes) -> Deferred[bool]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """

        async def delete() -> bool:
            document = await self._take(key)
            # Whatever it is, it isn't there any more.
            return document is not None and (document["left"] is None or document["left"] > 0)

        return self._write("delete", delete)

    def purge(self, limit: int) -> Deferred[int]:
        """
        MongoDB does it by itself.
        """

        async def nothing() -> int:
            return 0

        return self._write("purge", nothing)

    def find(self, principal: str) -> Deferred[list[bytes]]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """

        async def find() -> list[bytes]:
            theirs = {"p": principal, "$expr": changes.ALIVE} if principal else {"_id": None}
            documents = await self._found().find(theirs, projection={"_id": 1})
            return [bytes(document["_id"]) for document in documents]

        return self.operations.run("find", COMMIT_DEADLINE, lambda: Deferred.fromCoroutine(find()))

    def deletePrincipal(self, principal: str, exceptKey: bytes | None = None) -> Deferred[int]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """

        async def delete() -> int:
            if not principal:
                return 0
            # Those too that are just being given another key.
            theirs: dict[str, Any] = {"p": principal, "$expr": changes.HAS_TIME}
            if exceptKey is not None:
                theirs["_id"] = {"$ne": Binary(exceptKey)}
            done = await self._command("delete", deletes=[{"q": theirs, "limit": 0}])
            return int(done["n"])

        return self._write("deletePrincipal", delete)

    def health(self) -> Deferred[None]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """

        async def ping() -> None:
            await self._found().database.command("ping")

        return self.operations.run("health", LOAD_DEADLINE, lambda: Deferred.fromCoroutine(ping()))

    async def _prepared(self) -> None:
        if self._opening is not None:
            await self._opening.knock(self._reactor)
        # A wrong password shows at the first command, and not before.
        collection = self._found()
        await collection.database.command(
            "createIndexes",
            collection.name,
            indexes=[
                {"key": {"x": 1}, "name": "ending", "expireAfterSeconds": 0},
                {
                    "key": {"p": 1},
                    "name": "principal",
                    "partialFilterExpression": {"p": {"$gt": ""}},
                },
            ],
        )
        askedAt = self._clock.now()
        told = await collection.database.command("isMaster")
        self._clock.told(changes.serverSeconds(told["localTime"]), askedAt)

    def _prepare(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._prepared())

    def _later(self, failure: Failure) -> Failure:
        """
        Without indexes no session would ever be removed: what isn't there at the start is
        prepared when it is.
        """
        if failure.check(StoreUnavailable) and self._startingLater is None and not self._isStopped:
            self._startingLater = self._reactor.callLater(_START_AGAIN, self._startAgain)
        return failure

    def _startAgain(self) -> None:
        self._startingLater = None
        self.start().addErrback(
            lambda failure: self._log.warn("sessions: {reason}", reason=failure.getErrorMessage())
        )

    def _disconnect(self) -> Any:
        pool, self._pool = self._pool, None
        if pool is None:
            return None
        self._collection = None
        return pool.disconnect()

    def _write(self, name: str, call: Callable[[], Any]) -> Deferred[Any]:
        return self.operations.run(name, COMMIT_DEADLINE, lambda: Deferred.fromCoroutine(call()))

    def _found(self) -> Any:
        if self._collection is None:
            raise StoreUnavailable("mongodb: it was not started")
        return self._collection

    def _loading(self, key: bytes) -> Deferred[StoredSession | None]:
        looking: Deferred[Any] = self._look({"_id": Binary(key)})
        return looking.addCallback(changes.stored)

    def _look(self, filter_: dict[str, Any]) -> Deferred[Any]:
        askedAt = self._clock.now()
        looking: Deferred[Any] = self._found().find_one(filter_, projection=changes.LOOK)
        return looking.addCallback(self._seen, askedAt)

    def _seen(self, document: Any, askedAt: float) -> Any:
        if document is not None:
            self._clock.told(changes.serverSeconds(document["now"]), askedAt)
        return document

    def _givenUpAt(self) -> float:
        return self._clock.now() + COMMIT_DEADLINE

    async def _command(self, name: str, **words: Any) -> Any:
        collection = self._found()
        done = await collection.database.command(
            name, collection.name, writeConcern=_CONCERN.document, **words
        )
        errors = done.get("writeErrors") or ()
        for error in errors:
            raise OperationFailure(error.get("errmsg", ""), error.get("code"))
        if done.get("writeConcernError"):
            raise AutoReconnect("the write is not known to have reached the majority")
        return done

    async def _change(
        self, key: bytes, condition: Any, pipeline: list[Any], isUpsert: bool = False
    ) -> Any:
        filter_: dict[str, Any] = {"_id": Binary(key)}
        if condition is not None:
            filter_["$expr"] = condition
        update = {"q": filter_, "u": pipeline, "upsert": isUpsert}
        return await self._command("update", updates=[update])

    async def _take(self, key: bytes) -> Any:
        done = await self._command(
            "findAndModify", query={"_id": Binary(key)}, remove=True, fields=changes.LOOK
        )
        return done["value"]

    async def _create(self, key: bytes, delta: SessionDelta) -> CommitResult:
        if any(value is not None for value in delta.expect.values()):
            # A session that is yet to be made has no values.
            return CommitResult.conflict
        done = await self._change(key, None, changes.beginning(key, delta), isUpsert=True)
        if done.get("upserted") or done["nModified"]:
            return CommitResult.ok
        return await self._whyNot(key, delta)

    async def _update(self, key: bytes, delta: SessionDelta, givenUpAt: float) -> CommitResult:
        until = self._clock.serverTime(givenUpAt)
        done = await self._change(key, changes.condition(delta, until), changes.changes(delta))
        if done["n"]:
            return CommitResult.ok
        return await self._whyNot(key, delta, until)

    async def _rotate(
        self, old: bytes, new: bytes, delta: SessionDelta, givenUpAt: float
    ) -> CommitResult:
        until = self._clock.serverTime(givenUpAt)
        done = await self._command(
            "findAndModify",
            query={"_id": Binary(old), "$expr": changes.condition(delta, until)},
            update=changes.claimed(delta),
            fields=changes.LOOK,
        )
        claims = {"_id": Binary(old), "r": Binary(delta.operation)}
        document = done["value"]
        if document is None:
            if _hasDone(await self._look({"_id": Binary(new)}), delta):
                await self._wipe(claims)
                return CommitResult.ok
            # Claimed by an earlier try, whose answer was lost.
            document = await self._look({**claims, "d": {"$exists": True}})
            if document is None:
                return await self._whyNot(old, delta, until)
        await self._change(new, None, changes.moved(document, new, delta), isUpsert=True)
        if await self._wipe(claims):
            return CommitResult.ok
        # Somebody has ended the session meanwhile.
        await self._take(new)
        return CommitResult.gone

    async def _wipe(self, claims: dict[str, Any]) -> bool:
        done = await self._command("update", updates=[{"q": claims, "u": changes.wiped()}])
        return bool(done["n"])

    async def _whyNot(
        self, key: bytes, delta: SessionDelta, until: float | None = None
    ) -> CommitResult:
        document = await self._look({"_id": Binary(key)})
        if not changes.isAlive(document):
            return CommitResult.gone
        if _hasDone(document, delta):
            return CommitResult.ok
        if until is not None and changes.serverSeconds(document["now"]) >= until:
            # Or the server's clock was set, of which we know by now.
            raise StoreUnavailable("mongodb: the change came too late", retryable=True)
        # It came into being after it was to be changed, if nothing was expected of it.
        return CommitResult.conflict if delta.create or delta.expect else CommitResult.gone


def _collection(pool: ConnectionPool, database: str, collection: str) -> Collection:
    # Whatever was set for the pool: documents are ours, and writes are acknowledged.
    return Database(pool, database, _CONCERN, CodecOptions())[collection]


def _ours(theirs: Collection) -> Collection:
    pool = theirs.database.connection
    options = pool.uri["options"]
    preference = str(options.get("readpreference", "primary")).lower()
    if options.get("slaveok") or preference not in _PRIMARY:
        raise StoreConfigError(
            "mongodb: sessions must be read from the primary; adapt a collection of a connection"
            " without readPreference and slaveOk"
        )
    return _collection(pool, theirs.database.name, theirs.name)


def _hasDone(document: Any, delta: SessionDelta) -> bool:
    return changes.isAlive(document) and delta.operation in document["o"]

"""
Sessions in MongoDB, by txmongo.

Strategy: each operation is one command, whose filter and change are evaluated together on the
server, with C{w=majority} and the journal; only what finds nothing to change looks a second
time, to say why.  A session gets another key by being taken out and put in again, which is
two commands: what dies between them takes that session with it, never leaves the old key.

Invariants: reads go to the primary; documents whose time is over, and which MongoDB removes a
minute later, are none; a password never gets into an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from bson.binary import Binary
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    OperationFailure,
    PyMongoError,
)
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from txmongo.collection import Collection
from txmongo.connection import ConnectionPool
from zope.interface import implementer

from twisted_multiserver.sessions import mongodbchanges as changes
from twisted_multiserver.sessions._isynchronizer import ENUMERATE, ISessionSynchronizer
from twisted_multiserver.sessions.errors import (
    SessionCorrupt,
    SessionError,
    StoreConfigError,
    StoreUnavailable,
)
from twisted_multiserver.sessions.mongodberrors import meaning
from twisted_multiserver.sessions.operations import COMMIT_DEADLINE, LOAD_DEADLINE, Operations
from twisted_multiserver.sessions.record import CommitResult, SessionDelta, StoredSession
from twisted_multiserver.sessions.storeuri import StoreURI

Result = TypeVar("Result")

DATABASE = "multiserver"
COLLECTION = "sessions"
# It is also the time that a handshake may take, in seconds.
_RETRY_DELAY = 1.0
_START_DEADLINE = 5.0
_CONNECTIONS = 4
_NAMED = {"p": {"$gt": ""}}
_CONCERN = {"w": "majority", "j": True}


@implementer(ISessionSynchronizer)
class MongoDBSynchronizer:
    """
    Keeps sessions in a collection.

    @cvar uriOptions: what a URI may say.
    @ivar operations: counts them.
    """

    name = "mongodb"
    capabilities = frozenset({ENUMERATE})
    uriOptions = frozenset({"authSource", "ca", "collection", "replicaSet", "tls"})

    _log = Logger()

    def __init__(self, driverObject: Any, reactor: Any) -> None:
        """
        @param driverObject: a collection of txmongo's.
        @param reactor: the reactor.
        @raise StoreConfigError: if it is something else.
        """
        if not isinstance(driverObject, Collection):
            raise StoreConfigError(
                f"mongodb: a {type(driverObject).__name__} is no collection; adapt"
                " connection.database.collection"
            )
        self._collection = driverObject
        self._pool: Any = None
        self._connect: Callable[[], Any] | None = None
        self.operations = Operations(self.name, reactor, meaning)

    @classmethod
    def fromURI(cls, uri: StoreURI, reactor: Any) -> MongoDBSynchronizer:
        """
        @param uri: names the servers, and the database by its path.
        @param reactor: the reactor.
        @return: a synchronizer that has yet to be started.
        @raise StoreConfigError: if it can't be.
        """
        tls = uri.options.get("tls", "false")
        if tls not in ("true", "false"):
            raise StoreConfigError(f"{uri.place}: option 'tls' must be true or false")
        if "ca" in uri.options and tls == "false":
            raise StoreConfigError(f"{uri.place}: option 'ca' needs tls=true")
        context = None
        if tls == "true":
            from twisted_multiserver.sessions.redistls import tlsOptions

            # txmongo itself would ignore it, and speak in clear text.
            context = tlsOptions(uri.hosts[0][0], uri.options.get("ca"))
        made: MongoDBSynchronizer = cls.__new__(cls)
        made._pool = None
        made._collection = None
        made._connect = lambda: ConnectionPool(
            _driverURI(uri),
            pool_size=_CONNECTIONS,
            ssl_context_factory=context,
            retry_delay=_RETRY_DELAY,
            max_delay=_RETRY_DELAY,
        )
        made._place = uri.path or DATABASE, uri.options.get("collection", COLLECTION)
        made.operations = Operations(cls.name, reactor, meaning)
        return made

    _place: tuple[str, str] = ("", "")

    def start(self) -> Deferred[None]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        if self._connect is not None and self._pool is None:
            try:
                self._pool = self._connect()
            except (ConfigurationError, PyMongoError) as error:
                return _failed(StoreConfigError(f"mongodb: {error}"))
            database, collection = self._place
            self._collection = self._pool[database][collection]
        return self.operations.run("start", _START_DEADLINE, self._prepare)

    def stop(self, grace: float = 5.0) -> Deferred[None]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
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
        write = self._create if delta.create else self._update
        return self._write("commit", lambda: write(key, delta))

    def rotate(self, old: bytes, new: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """
        taken: list[Any] = []
        return self._write("rotate", lambda: self._rotate(old, new, delta, taken))

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
            document = await self._take(key, None)
            return document is not None and document["left"] > 0

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
            documents = await self._collection.find(theirs, projection={"_id": 1})
            return [bytes(document["_id"]) for document in documents]

        return self.operations.run("find", COMMIT_DEADLINE, lambda: Deferred.fromCoroutine(find()))

    def deletePrincipal(self, principal: str, exceptKey: bytes | None = None) -> Deferred[int]:
        """
        See L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}.
        """

        async def delete() -> int:
            theirs: dict[str, Any] = {"p": principal, "$expr": changes.ALIVE}
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
            await self._collection.database.command("ping")

        return self.operations.run("health", LOAD_DEADLINE, lambda: Deferred.fromCoroutine(ping()))

    async def _prepared(self) -> None:
        # A wrong password shows at the first command, and not before.
        await self._collection.database.command(
            "createIndexes",
            self._collection.name,
            indexes=[
                {"key": {"x": 1}, "name": "ending", "expireAfterSeconds": 0},
                {
                    "key": {"p": 1},
                    "name": "principal",
                    "partialFilterExpression": {"p": {"$gt": ""}},
                },
            ],
        )

    def _prepare(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._prepared())

    def _disconnect(self) -> Any:
        pool, self._pool = self._pool, None
        return None if pool is None else pool.disconnect()

    def _write(self, name: str, call: Callable[[], Any]) -> Deferred[Any]:
        return self.operations.run(name, COMMIT_DEADLINE, lambda: Deferred.fromCoroutine(call()))

    def _loading(self, key: bytes) -> Deferred[StoredSession | None]:
        looking: Deferred[Any] = self._collection.find_one(
            {"_id": Binary(key)}, projection=changes.LOOK
        )
        return looking.addCallback(_storedOrNone)

    async def _look(self, key: bytes) -> Any:
        return await self._collection.find_one({"_id": Binary(key)}, projection=changes.LOOK)

    async def _command(self, name: str, **words: Any) -> Any:
        if self._collection is None:
            raise StoreUnavailable("mongodb: it was not started")
        done = await self._collection.database.command(
            name, self._collection.name, writeConcern=_CONCERN, **words
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

    async def _take(self, key: bytes, condition: Any) -> Any:
        filter_: dict[str, Any] = {"_id": Binary(key)}
        if condition is not None:
            filter_["$expr"] = condition
        done = await self._command("findAndModify", query=filter_, remove=True, fields=changes.LOOK)
        return done["value"]

    async def _create(self, key: bytes, delta: SessionDelta) -> CommitResult:
        done = await self._change(key, None, changes.beginning(key, delta), isUpsert=True)
        if done.get("upserted") or done["nModified"]:
            return CommitResult.ok
        return await self._whyNot(key, delta)

    async def _update(self, key: bytes, delta: SessionDelta) -> CommitResult:
        done = await self._change(key, changes.condition(delta), changes.changes(delta))
        if done["n"]:
            return CommitResult.ok
        return await self._whyNot(key, delta)

    async def _rotate(
        self, old: bytes, new: bytes, delta: SessionDelta, taken: list[Any]
    ) -> CommitResult:
        if not taken:
            document = await self._take(old, changes.condition(delta))
            if document is None:
                there = await self._look(new)
                if _hasDone(there, delta):
                    return CommitResult.ok
                return await self._whyNot(old, delta)
            # A second try has nothing to take any more.
            taken.append(document)
        await self._change(new, None, changes.moved(taken[0], new, delta), isUpsert=True)
        return CommitResult.ok

    async def _whyNot(self, key: bytes, delta: SessionDelta) -> CommitResult:
        document = await self._look(key)
        if document is None or document["left"] <= 0:
            return CommitResult.gone
        return CommitResult.ok if _hasDone(document, delta) else CommitResult.conflict


def _storedOrNone(document: Any) -> StoredSession | None:
    if document is None:
        return None
    try:
        return changes.stored(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SessionCorrupt("mongodb: a document is no session") from error


def _hasDone(document: Any, delta: SessionDelta) -> bool:
    return document is not None and document["left"] > 0 and delta.operation in document["o"]


def _failed(error: SessionError) -> Deferred[None]:
    failed: Deferred[None] = Deferred()
    failed.errback(error)
    return failed


def _driverURI(uri: StoreURI) -> str:
    hosts = ",".join(
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in uri.hosts
    )
    who = ""
    if uri.user is not None:
        who = f"{quote(uri.user, safe='')}:{quote(uri.password or '', safe='')}@"
    # Credentials are ignored without a database.
    options = ["w=majority", "journal=true"]
    options += [
        f"{name}={quote(uri.options[name], safe='')}"
        for name in ("authSource", "replicaSet")
        if name in uri.options
    ]
    return f"mongodb://{who}{hosts}/{quote(uri.path or DATABASE, safe='')}?{'&'.join(options)}"

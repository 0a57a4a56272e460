"""
Sessions on a real mongod: logins, TLS, what is asked of writes, and servers that aren't there
or are slow.
"""

from __future__ import annotations

import gc
import json
from typing import Any
from urllib.parse import quote

import pymongo
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from txmongo.connection import ConnectionPool

from tests.stores.mongoserver import MongoServer, freePort
from tests.stores.serverprocess import until
from tests.stores.storecase import StoreTestCase, created, newKey, serviceAfter
from twisted_multiserver.sessions._isynchronizer import ISessionSynchronizer
from twisted_multiserver.sessions.errors import StoreConfigError, StoreUnavailable
from twisted_multiserver.sessions.record import CommitResult, SessionDelta

_AWKWARD = "p@ss/w:rd%41 é"


class MongoServerTestCase(StoreTestCase):
    """
    Starts mongods.
    """

    async def server(self, **options: Any) -> MongoServer:
        return await self.started(MongoServer(**options))

    def client(self, server: MongoServer, who: str = "") -> Any:
        """
        A driver that isn't ours.
        """
        client: Any = pymongo.MongoClient(server.uri(who=who, options="?authSource=admin"))
        self.addCleanup(client.close)
        return client

    def tearDown(self) -> None:
        # What txmongo forgets is its own.
        gc.collect()
        self.flushLoggedErrors()

    async def unavailable(self, uri: str) -> str:
        """
        @return: why it can't be used for now.
        """
        error = await self.assertFailure(self.unstarted(uri).start(), StoreUnavailable)
        return self._line(error)

    async def refused(self, uri: str) -> str:
        """
        @return: why it can't be used as it is configured.
        """
        error = await self.assertFailure(self.unstarted(uri).start(), StoreConfigError)
        return self._line(error)

    def _line(self, error: Exception) -> str:
        self.assertNotIn("\n", str(error))
        self.assertNotIn("sesame", str(error))
        return str(error)

    async def works(self, uri: str) -> None:
        synchronizer = await self.synchronizer(uri)
        key = newKey()
        self.assertIs(await synchronizer.commit(key, created(set={"a": b"1"})), CommitResult.ok)
        self.assertEqual(dict((await synchronizer.load(key)).fields), {"a": b"1"})


class LoginTests(MongoServerTestCase):
    """
    A mongod that wants to know who comes.
    """

    async def begin(self) -> str:
        """
        @return: where it is; there are users.
        """
        server = await self.server(isAuthenticated=True)

        def makeUsers() -> None:
            # The first may be made by anybody on the same machine.
            self.client(server).admin.command("createUser", "root", pwd="r", roles=["root"])
            databases = self.client(server, "root:r@")
            everywhere = ["readWriteAnyDatabase"]
            databases.admin.command("createUser", "al/ice", pwd=_AWKWARD, roles=everywhere)
            databases.admin.command(
                *("createUser", "late"), pwd="pw", roles=everywhere, mechanisms=["SCRAM-SHA-256"]
            )
            databases.admin.command("createUser", "guest", pwd="pw", roles=["readAnyDatabase"])
            databases.d.command("createUser", "bob", pwd="pw", roles=["readWrite"])

        await deferToThread(makeUsers)
        return f"127.0.0.1:{server.port}"

    async def test_allowed(self) -> None:
        """
        With or without a database, which txmongo ignores the login without; the user may be
        of another database.
        """
        place = await self.begin()
        alice = f"{quote('al/ice', safe='')}:{quote(_AWKWARD, safe='')}"
        for uri in (
            f"mongodb://{alice}@{place}",
            f"mongodb://{alice}@{place}/d?authSource=admin",
            f"mongodb://bob:pw@{place}/d",
        ):
            await self.works(uri)

    async def test_refused(self) -> None:
        """
        A login that doesn't work is a mistake in the configuration, found at the start.
        """
        place = await self.begin()
        for who in (
            "bob:sesame@",
            "late:pw@",
            "guest:pw@",
            "",
        ):
            said = await self.refused(f"mongodb://{who}{place}/d")
            self.assertIn("look at user, password, authSource=", said)
        said = await self.refused(f"mongodb://late:pw@{place}/d?authSource=admin")
        self.assertIn("SCRAM-SHA-1", said)


class TLSTests(MongoServerTestCase):
    """
    What txmongo would do in clear text.
    """

    async def test_trusted(self) -> None:
        """
        Accepted with the authority of the certificate, also if another server is named first.
        """
        server = await self.server(isTLS=True)
        options = f"?tls=true&ca={server.authority}"
        await self.works(f"mongodb://localhost:{server.port}/d{options}")
        await self.works(f"mongodb://127.0.0.1:{freePort()},localhost:{server.port}/d{options}")

    async def test_untrusted(self) -> None:
        """
        Refused without it, and with another name.
        """
        server = await self.server(isTLS=True)
        place = f"localhost:{server.port}"
        self.assertIn("isn't trusted", await self.refused(f"mongodb://{place}/d?tls=true"))
        said = await self.refused(server.uri(f"?tls=true&ca={server.authority}"))
        self.assertIn("is for another name", said)

    async def test_neverInClearText(self) -> None:
        """
        A server without TLS isn't talked to if TLS was asked for, nor one with it if not.
        """
        server = await self.server()
        self.assertIn("doesn't it speak TLS?", await self.unavailable(server.uri("?tls=true")))
        server = await self.server(isTLS=True)
        self.assertIn("does it want TLS?", await self.unavailable(server.uri()))


class _Slow(Protocol):
    """
    One end of a relay that takes its time.
    """

    delay = 0.15

    def __init__(self, port: int) -> None:
        self._port = port
        self._other: _Slow | None = None

    def connectionMade(self) -> None:
        if self._port:
            other = _Slow(0)
            other._other = self
            endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self._port)
            connectProtocol(endpoint, other)
            self._other = other

    def dataReceived(self, data: bytes) -> None:
        reactor.callLater(self.delay, self._pass, data)

    def _pass(self, data: bytes) -> None:
        other = self._other
        if other is not None and other.transport is not None:
            other.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._other is not None and self._other.transport is not None:
            self._other.transport.abortConnection()  # type: ignore[attr-defined]


class ServerTests(MongoServerTestCase):
    """
    Servers that can or can't do what they are asked.
    """

    async def test_noneThere(self) -> None:
        """
        It is told which, and not only that it took too long.
        """
        port = freePort()
        said = await self.unavailable(f"mongodb://127.0.0.1:{port}/d")
        self.assertIn(f"mongodb at 127.0.0.1:{port} can't be reached", said)

    async def test_otherSet(self) -> None:
        """
        A server of another replica set, or of none, is a mistake.
        """
        server = await self.server()
        self.assertIn("replica set 'rs'", await self.refused(server.uri("?replicaSet=rs")))

    async def test_noPrimary(self) -> None:
        """
        A replica set that hasn't elected anybody yet may do so later.
        """
        server = await self.server(options=("--replSet", "rs"))
        self.assertIn("the primary", await self.unavailable(server.uri()))

    async def test_slowHandshake(self) -> None:
        """
        A server that takes its time to say hello is waited for: txmongo takes the time from
        one try to the next for the deadline of that, too.
        """
        server = await self.server()
        relay: Any = Factory.forProtocol(lambda: _Slow(server.port))
        listening: Any = reactor.listenTCP(0, relay, interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        synchronizer = await self.synchronizer(f"mongodb://127.0.0.1:{listening.getHost().port}/d")
        self.assertIsNone(await synchronizer.load(newKey()))
        await synchronizer.stop()
        await deferLater(reactor, 2 * _Slow.delay, lambda: None)

    async def test_preparedLater(self) -> None:
        """
        A server that comes after the start gets its indexes all the same: without them no
        session would be removed, ever.
        """
        server = self.ended(MongoServer())
        server.port = freePort()
        synchronizer = self.unstarted(server.uri())
        await self.assertFailure(synchronizer.start(), StoreUnavailable)
        await server.start()
        await serviceAfter(synchronizer)
        collection = self.client(server).sessions.sessions
        found: list[Any] = []

        async def look() -> None:
            while len(found) < 3:
                found[:] = await deferToThread(lambda: list(collection.list_indexes()))
                await deferLater(reactor, 0.1, lambda: None)

        looking = ensureDeferred(look())
        await until(lambda: len(found) == 3, "all indexes")
        await looking
        self.assertEqual([each.get("expireAfterSeconds") for each in found], [None, 0, None])

    async def test_concern(self) -> None:
        """
        Each write waits for the majority and the journal, though the user's own collection
        asks for nothing such.
        """
        server = await self.server(options=("-vv",))
        pool = ConnectionPool(server.uri("?w=0"))
        self.addCleanup(pool.disconnect)
        theirs: Any = ISessionSynchronizer(pool["sessions"]["theirs"])
        await theirs.start()
        ours = await self.synchronizer(server.uri())
        for synchronizer, collection in ((theirs, "theirs"), (ours, "sessions")):
            key, new = newKey(), newKey()
            await synchronizer.commit(key, created(set={"a": b"1"}, principal="p"))
            await synchronizer.commit(key, SessionDelta(60.0, set={"a": b"2"}))
            await synchronizer.touch(key, 60.0)
            await synchronizer.rotate(key, new, SessionDelta(60.0))
            await synchronizer.delete(new)
            await synchronizer.deletePrincipal("p")
            await until(
                lambda collection=collection: len(_writes(server.output, collection)) >= 8,  # type: ignore[misc]
                "all writes in the log",
            )
            writes = _writes(server.output, collection)
            self.assertEqual({name for name, _ in writes}, {"update", "findAndModify", "delete"})
            for write in writes:
                self.assertEqual(write[1], {"w": "majority", "j": True}, write)


def _writes(log: bytes, collection: str) -> list[tuple[str, Any]]:
    """
    @param log: of a mongod that tells everything.
    @return: the writes in a collection, and their concerns.
    """
    found = []
    for line in log.splitlines():
        try:
            command = json.loads(line)["attr"]["command"]
        except (ValueError, KeyError, TypeError):
            continue
        for name in ("update", "findAndModify", "delete"):
            if isinstance(command, dict) and command.get(name) == collection:
                found.append((name, command.get("writeConcern")))
    return found

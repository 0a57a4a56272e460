"""
Sessions on a real Redis: logins, TLS, and servers that can't do what they are asked.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import txredisapi
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.protocols.basic import LineReceiver

from tests.stores.rediscase import RedisTestCase, adapted
from tests.stores.redisserver import RedisServer
from tests.stores.serverprocess import until
from tests.stores.storecase import created, newKey, serviceAfter
from twisted_multiserver.sessions.errors import SessionError, StoreConfigError, StoreUnavailable
from twisted_multiserver.sessions.record import SessionDelta
from twisted_multiserver.sessions.redis import RedisSynchronizer


class Monitor(LineReceiver):
    """
    Is told by a server of all that it does.
    """

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.ready: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self.sendLine(b"MONITOR")

    def lineReceived(self, line: bytes) -> None:
        if line == b"+OK":
            self.ready.callback(None)
        else:
            self.lines.append(line)


# The commands that a user must have.
NEEDED = (
    "eval evalsha script|load select ping hgetall hmget hget hset hdel pttl pexpire pexpireat"
    " exists rename del type time zadd zrem zrange zrevrange zremrangebyscore"
)


class RedisLoginTests(RedisTestCase):
    async def test_password(self) -> None:
        """The right password is taken, though it needs to be percent-encoded."""
        server = await self.server(password="p@ss/w:rd?#%41 é")
        synchronizer = await self.synchronizer(server.uri())
        await synchronizer.health()

    async def test_wrongPassword(self) -> None:
        """A wrong or missing password is found at the start, and not repeated."""
        server = await self.server(password="right")
        for uri in (server.uri("wr0ng"), server.uri().replace(":right@", "")):
            synchronizer = self.unstarted(uri)
            error = await self.assertFailure(synchronizer.start(), StoreConfigError)
            self.assertNotIn("wr0ng", str(error))
            self.assertNotIn("\n", str(error))
            await self.assertFailure(synchronizer.load(newKey()), StoreConfigError)

    async def test_needlessPassword(self) -> None:
        """A password that the server doesn't want is a mistake too."""
        server = await self.server()
        await self.assertFailure(self.unstarted(server.uri("needless")).start(), StoreConfigError)

    async def test_user(self) -> None:
        """A user may have just the commands that sessions need; one that lacks some is told."""
        server = await self.server()
        admin = await self.raw(server)
        for user, rules in (
            ("some", f"~s:* ~p:* -@all +{NEEDED.replace(' ', ' +')}"),
            ("other", "~* +@all -evalsha"),
        ):
            await admin.execute_command("ACL", "SETUSER", user, "on", ">pw", *rules.split())
        allowed = await self.synchronizer(server.uri().replace("//", "//some:pw@"))
        key, new = newKey(), newKey()
        delta = created(principal="p", set={"a": b""})
        await allowed.commit(key, delta)
        await allowed.rotate(key, new, SessionDelta(60.0, clear=True, unset=frozenset("a")))
        await allowed.touch(new, 600.0)
        self.assertEqual(await allowed.find("p"), [new])
        await allowed.delete(new)
        other = await self.synchronizer(server.uri().replace("//", "//other:pw@"))
        await self.assertFailure(other.load(key), StoreConfigError)
        page = Path(__file__).parents[2].joinpath("docs/reference/session-stores.md").read_text()
        told = re.search(r"these\scommands: `(.*?)`", page, re.DOTALL)
        assert told is not None
        self.assertEqual(set(told[1].split()), set(NEEDED.split()))

    async def test_passwordSetRight(self) -> None:
        """The driver gives up for ever at a login that fails; we come back when it works."""
        server = await self.server(password="right")
        admin = await self.raw(server, password="right")
        synchronizer = await self.synchronizer(server.uri())
        await admin.execute_command("CONFIG", "SET", "requirepass", "other")
        await admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await until(lambda: synchronizer._connections._factory.lastError is not None, "refused")
        await self.assertFailure(synchronizer.load(newKey()), StoreConfigError)
        await admin.execute_command("CONFIG", "SET", "requirepass", "right")
        await until(lambda: synchronizer._connections.isUp, "connected again")
        self.assertIsNone(await synchronizer.load(newKey()))

    async def test_database(self) -> None:
        """The path is a database; one that there isn't is refused."""
        server = await self.server()
        key = newKey()
        first = await self.synchronizer(server.uri())
        second = await self.synchronizer(server.uri().replace("/0?", "/3?"))
        await second.commit(key, SessionDelta(60.0, create=True, meta=b"m"))
        self.assertIsNone(await first.load(key))
        self.assertEqual((await second.load(key)).meta, b"m")
        missing = self.unstarted(server.uri().replace("/0?", "/16?"))
        await self.assertFailure(missing.start(), StoreConfigError)


class RedisTLSTests(RedisTestCase):
    async def test_trusted(self) -> None:
        """A certificate of an authority that is named is accepted, and nothing is in clear."""
        server = await self.server(isTLS=True, password="right")
        synchronizer = await self.synchronizer(server.uri())
        key = newKey()
        await synchronizer.commit(key, SessionDelta(60.0, create=True, meta=b"m"))
        self.assertEqual((await synchronizer.load(key)).meta, b"m")

    async def test_untrusted(self) -> None:
        """The same certificate is refused without its authority, at the start."""
        server = await self.server(isTLS=True)
        await self._refused(server.uri().partition("?")[0], "isn't trusted")

    async def test_otherName(self) -> None:
        """A certificate of another name is refused, though it is of the authority."""
        server = await self.server(isTLS=True)
        await self._refused(server.uri().replace("localhost", "127.0.0.1"), "is for another name")

    async def test_noTLS(self) -> None:
        """Neither side without TLS reaches the other."""
        server = await self.server(isTLS=True)
        error = await self.assertFailure(
            self.unstarted(f"redis://localhost:{server.port}").start(), SessionError
        )
        self.assertNotIn("\n", str(error))

    async def _refused(self, uri: str, said: str) -> None:
        synchronizer = self.unstarted(uri)
        error = await self.assertFailure(synchronizer.start(), StoreConfigError)
        self.assertIn(said, str(error))
        await self.assertFailure(synchronizer.load(newKey()), StoreConfigError)


class RedisStateTests(RedisTestCase):
    async def test_unreachable(self) -> None:
        """A server that isn't there is reported at the start, and used when it comes."""
        server = self.ended(RedisServer())
        synchronizer = self.unstarted(server.uri())
        error = await self.assertFailure(synchronizer.start(), StoreUnavailable)
        self.assertIn(server.path, str(error))
        await self.assertFailure(synchronizer.load(newKey()), StoreUnavailable)
        await server.start()
        await until(lambda: synchronizer._connections.isUp, "connected")
        self.assertIsNone(await synchronizer.load(newKey()))

    async def test_full(self) -> None:
        """A server without memory refuses changes, and still gives what it has."""
        server = await self.server()
        raw = await self.raw(server)
        synchronizer = await self.synchronizer(server.uri())
        key = newKey()
        fields = {"a": b"1"}
        await synchronizer.commit(key, created(set=fields))
        await raw.execute_command("CONFIG", "SET", "maxmemory", "1")
        error = await self.assertFailure(
            synchronizer.commit(key, SessionDelta(60.0, set={"a": b"2"})), StoreUnavailable
        )
        self.assertFalse(error.outcomeUnknown)
        self.assertEqual((await synchronizer.load(key)).fields, fields)
        self.assertTrue(await synchronizer.delete(key))

    async def test_readOnly(self) -> None:
        """A replica refuses changes."""
        server = await self.server(options=("--replicaof", "127.0.0.1", "1"))
        synchronizer = await self.synchronizer(server.uri())
        error = await self.assertFailure(
            synchronizer.commit(newKey(), created()),
            StoreUnavailable,
        )
        self.assertIn("READONLY", str(error))

    async def test_failsFast(self) -> None:
        """
        While there is no connection nobody waits: the driver's lazy calls would, for ever.
        """
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        await server.kill()
        await until(lambda: not synchronizer._connections.isUp, "noticed")
        key = newKey()
        for asked in (synchronizer.load(key), synchronizer.commit(key, created())):
            error = self.failureResultOf(asked, StoreUnavailable).value
            self.assertFalse(error.outcomeUnknown)

    async def test_tooManyClients(self) -> None:
        """The driver gives up for ever when a server is full; we come back."""
        server = await self.server(options=("--maxclients", "1"))
        admin = await self.raw(server)
        synchronizer = self.unstarted(server.uri())
        error = await self.assertFailure(synchronizer.start(), StoreUnavailable)
        self.assertIn("max number of clients", str(error))
        await admin.execute_command("CONFIG", "SET", "maxclients", "100")
        self.assertTrue(await serviceAfter(synchronizer) < 3.0)

    async def test_cluster(self) -> None:
        """A Redis Cluster is told apart, and refused, whoever has connected to it."""
        server = await self.server(options=("--cluster-enabled", "yes"))
        admin = await self.raw(server)
        await admin.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        info = ""
        while "cluster_state:ok" not in info:
            info = await admin.execute_command("CLUSTER", "INFO")
        brought = adapted(await self.raw(server))
        for synchronizer in (self.unstarted(server.uri()), brought):
            error = await self.assertFailure(synchronizer.start(), StoreConfigError)
            self.assertIn("Redis Cluster", str(error))

    async def test_keysDeclared(self) -> None:
        """
        Every key that a script touches is in its KEYS, as the server itself tells; those of
        a session have its hash tag, and no step of a request needs another place, but
        rotation.
        """
        server = await self.server()
        synchronizer = await self.synchronizer(server.uri())
        monitor = await connectProtocol(UNIXClientEndpoint(reactor, server.path), Monitor())
        self.addCleanup(monitor.transport.loseConnection)
        await monitor.ready
        key, new = newKey(), newKey()
        await synchronizer.commit(key, created(principal="p", set={"a": b"1"}))
        change = SessionDelta(600.0, clear=True, set={"b": b"2"}, expect={"a": b"1"})
        await synchronizer.commit(key, replace(change, principal="q"))
        await synchronizer.touch(key, 6000.0)
        await synchronizer.load(key)
        alone = len(monitor.lines)
        await synchronizer.rotate(key, new, SessionDelta(60.0, unset=frozenset("b")))
        await synchronizer.find("q")
        await synchronizer.delete(new)
        await synchronizer.commit(key, created(principal="p"))
        await synchronizer.deletePrincipal("p")
        await until(lambda: b'"DEL"' in monitor.lines[-2] + monitor.lines[-1], "all commands")
        declared: list[bytes] = []
        touched = 0
        for place, line in enumerate(monitor.lines):
            words = re.findall(rb'"((?:[^"\\]|\\.)*)"', line)
            if b" lua] " not in line:
                self.assertEqual(words[0], b"EVALSHA")
                declared = words[3 : 3 + int(words[2])]
                for each in declared:
                    self.assertRegex(each, rb"^(s:\{[0-9a-f]{64}\}|p:[pq])$")
                self.assertTrue(place >= alone or len(declared) <= 1, line)
            elif words[0] != b"TIME":
                touched += 1
                self.assertIn(words[1], declared, line)
                if words[0] == b"RENAME":
                    self.assertIn(words[2], declared, line)
        self.assertTrue(touched > 30)

    async def test_busy(self) -> None:
        """A server that runs somebody's endless script answers that it is busy."""
        server = await self.server(options=("--busy-reply-threshold", "50"))
        synchronizer = await self.synchronizer(server.uri())
        admin = await self.raw(server)
        endless = await self.raw(server)
        asked = endless.eval("while true do end")
        key = newKey()
        busy: StoreUnavailable | None = None
        while busy is None:
            # Until the server says so it answers nothing at all.
            busy = await synchronizer.load(key).addCallbacks(
                lambda _: None,
                lambda failure: failure.value if "BUSY" in str(failure.value) else None,
            )
        self.assertIsInstance(busy, StoreUnavailable)
        await admin.script_kill()
        await self.assertFailure(asked, txredisapi.ResponseError)

    async def test_brought(self) -> None:
        """A user's connection isn't closed; one in a transaction isn't used."""
        server = await self.server()
        connection = await txredisapi.UnixConnectionPool(server.path, poolsize=2)
        self.addCleanup(connection.disconnect)
        synchronizer = adapted(connection)
        self.assertIsInstance(synchronizer, RedisSynchronizer)
        await synchronizer.start()
        transaction = await connection.multi()
        for _ in range(8):
            await synchronizer.commit(newKey(), created())
        await transaction.set("k", "v")
        self.assertEqual(await transaction.commit(), ["OK"])
        await synchronizer.stop()
        self.assertEqual(await connection.get("k"), "v")

    async def test_broughtLost(self) -> None:
        """What a user's connection has lost isn't used, nor piled up."""
        server = await self.server()
        connection = txredisapi.lazyUnixConnection(server.path)
        self.addCleanup(connection.disconnect)
        synchronizer = adapted(connection)
        await synchronizer.start()
        await server.kill()
        await until(lambda: not connection._factory.size, "noticed")
        await self.assertFailure(synchronizer.load(newKey()), StoreUnavailable)
        self.assertEqual(connection._factory.connectionQueue.pending, [])

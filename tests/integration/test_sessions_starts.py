"""
What a master says at its start of stores that are really there, and not as they should be, and
of one that comes later.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.integration.test_sessions_master import LISTEN, visits
from tests.integration.test_sessions_shared import Browser
from tests.integration.twistdharness import PATIENCE, Twistd
from tests.stores.memcachedserver import MemcachedServer
from tests.stores.mongoserver import MongoServer, freePort
from tests.stores.redisserver import RedisServer
from tests.stores.storecase import StoreTestCase


class StartTests(StoreTestCase):
    """
    Masters in front of real servers.
    """

    timeout = 120

    async def refused(self, uri: str, *arguments: str) -> str:
        """
        @param uri: of a store.
        @param arguments: of a master, besides.
        @return: the one line that it ends with.
        """
        twistd = Twistd(self, LISTEN, "--children=1", *arguments, MULTISERVER_SESSIONS=uri)
        self.assertEqual(await deferToThread(twistd.process.wait, PATIENCE), 1, twistd.log)
        (line,) = twistd.errors.splitlines()
        self.assertNotIn("Traceback", twistd.log)
        self.assertNotIn("sesame", line + twistd.log)
        return line

    async def test_password(self) -> None:
        """
        A wrong one is a mistake, also where sessions are optional.
        """
        redis = await self.started(RedisServer(password="right"))
        mongo = await self.started(MongoServer(isAuthenticated=True))
        for uri in (redis.uri("sesame"), mongo.uri(who="bob:sesame@")):
            for options in ((), ("--sessions-optional",)):
                self.assertIn("refuses us", await self.refused(uri, *options))

    async def test_certificate(self) -> None:
        """
        So is one that isn't trusted.
        """
        redis = await self.started(RedisServer(isTLS=True))
        mongo = await self.started(MongoServer(isTLS=True))
        for uri in (
            redis.uri().partition("?")[0],
            f"mongodb://localhost:{mongo.port}/d?tls=true",
        ):
            self.assertIn("isn't trusted", await self.refused(uri, "--sessions-optional"))

    async def test_nobodyThere(self) -> None:
        """
        It is told which server.
        """
        for scheme in ("redis", "mongodb", "memcached"):
            line = await self.refused(f"{scheme}://127.0.0.1:{freePort()}")
            self.assertIn("can't be reached", line)
            self.assertIn(scheme, line)

    async def test_comesLater(self) -> None:
        """
        Where sessions are optional there is service without, until the store is there.
        """
        for server in (
            self.ended(RedisServer()),
            self.ended(MemcachedServer()),
            self.ended(MongoServer()),
        ):
            if isinstance(server, MongoServer):
                server.port = freePort()
            twistd = Twistd(
                *(self, LISTEN, "--children=1", "--sessions-optional"),
                MULTISERVER_SESSIONS=server.uri(),
            )
            browser = Browser(await deferToThread(twistd.waitUntilReady), "sid=" + "A" * 43)
            status, page = await deferToThread(browser.ask, "/")
            self.assertEqual((status, visits(page)), (200, 0))
            await server.start()
            since = reactor.seconds()
            while visits((await deferToThread(browser.ask, "/"))[1]) < 2:
                self.assertLess(reactor.seconds() - since, PATIENCE)
                await deferLater(reactor, 0.1, lambda: None)
            self.assertEqual(await deferToThread(twistd.stop), 0)

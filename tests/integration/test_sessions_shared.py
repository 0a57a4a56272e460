"""
Children that share sessions: nothing is lost, and nothing is stale, whatever the store.

Through HTTP and the balancer, on the real servers.
"""

from __future__ import annotations

import http.client
import shutil
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from tests.integration.twistdharness import PATIENCE, Twistd
from tests.stores.memcachedserver import MemcachedServer
from tests.stores.mongoserver import MongoServer
from tests.stores.redisserver import RedisServer
from tests.stores.storecase import StoreTestCase
from twisted_multiserver.sessions.sqliteschema import prepareDatabase

CHILDREN = 4
COMMITS = 300
PAIRS = 2000


class Browser:
    """
    Keeps its connection and its cookie.
    """

    def __init__(self, port: int, cookie: str | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.cookie = cookie

    def ask(self, target: str, method: str = "GET") -> tuple[int, str]:
        """
        @return: status and body.
        """
        headers = {} if self.cookie is None else {"Cookie": self.cookie}
        self._connection.request(method, target, headers=headers)
        response = self._connection.getresponse()
        body = response.read().decode()
        given = response.getheader("Set-Cookie")
        if given is not None:
            self.cookie = given.partition(";")[0]
        return response.status, body

    def close(self) -> None:
        """
        Leave.
        """
        self._connection.close()


class SharedTests(StoreTestCase):
    """
    Four children, one session.
    """

    timeout = 180

    async def share(self, uri: str) -> None:
        """
        @param uri: of a store.
        """
        twistd = Twistd(
            self,
            "--listen=tcp:0:interface=127.0.0.1",
            "--app=tests.applications.sessionrace:site",
            f"--chdir={Path(__file__).parents[2]}",
            f"--children={CHILDREN}",
            "--sessions=none",
            STORE=uri,
        )
        done: Deferred[None] = deferToThread(self._script, twistd)
        await done

    def _script(self, twistd: Twistd) -> None:
        port = twistd.waitUntilReady()
        self._race(port)
        self._readWrites(port)
        self._logout(port)
        self._oneWinner(port)
        self.assertEqual(twistd.stop(), 0)
        self.assertNotIn("Traceback", twistd.log)

    def _race(self, port: int) -> None:
        first = Browser(port)
        first.ask("/set?begun")

        def write(writer: int) -> Counter[int]:
            browser = Browser(port, first.cookie)
            return Counter(browser.ask(f"/set?w{writer}-{number}")[0] for number in range(COMMITS))

        with ThreadPoolExecutor(CHILDREN) as threads:
            for statuses in threads.map(write, range(CHILDREN)):
                self.assertEqual(statuses, Counter({200: COMMITS}))
        self.assertEqual(first.ask("/count"), (200, str(1 + CHILDREN * COMMITS)))

    def _readWrites(self, port: int) -> None:
        browser, stale, pids = Browser(port), [], set()
        for number in range(PAIRS):
            _, written = browser.ask(f"/set?n={number}")
            _, read = browser.ask("/get?n")
            pids.add((written.split()[0], read.split()[0]))
            if read.split()[1] != str(number):
                stale.append((number, read))
        self.assertEqual(stale, [])
        self.assertTrue(all(writer != reader for writer, reader in pids), pids)

    def _logout(self, port: int) -> None:
        browser = Browser(port)
        browser.ask("/set?a")
        other = Browser(port, browser.cookie)
        browser.ask("/end")
        self.assertEqual(other.ask("/get?a")[1].split()[1], "None")
        before = other.cookie
        other.ask("/set?b")
        # Not the one that was ended, which is never adopted.
        self.assertNotEqual(other.cookie, before)
        self.assertEqual(other.ask("/count"), (200, "1"))

    def _oneWinner(self, port: int) -> None:
        first = Browser(port)
        first.ask("/set?begun")

        def take(_: int) -> int:
            return Browser(port, first.cookie).ask("/take?ticket", "POST")[0]

        with ThreadPoolExecutor(8) as threads:
            statuses = Counter(threads.map(take, range(40)))
        self.assertEqual(statuses[200], 1, statuses)
        self.assertEqual(set(statuses) - {200, 409, 410}, set())

    async def test_sqlite(self) -> None:
        """
        A database.
        """
        folder = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, folder)
        path = f"{folder}/sessions"
        prepareDatabase(path)
        await self.share(f"sqlite://{path}")

    async def test_redis(self) -> None:
        """
        A redis-server.
        """
        await self.share((await self.started(RedisServer())).uri())

    async def test_memcached(self) -> None:
        """
        A memcached.
        """
        await self.share((await self.started(MemcachedServer())).uri())

    async def test_mongodb(self) -> None:
        """
        A mongod.
        """
        await self.share((await self.started(MongoServer())).uri())

"""
Sessions in a real database: several processes at once, and files that can't be used.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource

from tests.integration.test_sessions_shared import Browser
from tests.integration.twistdharness import PATIENCE, cleanEnvironment
from tests.stores.storecase import BusyThreads, created, newKey
from twisted_multiserver import SynchronizedSite, synchronizerFromURI
from twisted_multiserver.interfaces import ISessionData
from twisted_multiserver.sessions.errors import SessionCorrupt, StoreConfigError, StoreUnavailable
from twisted_multiserver.sessions.record import CommitResult, SessionDelta
from twisted_multiserver.sessions.sqlite import SQLiteSynchronizer
from twisted_multiserver.sessions.sqliteschema import VERSION, prepareDatabase

PROCESSES = 4
COMMITS = 200

# Commits so many fields of its own to one session, and says so after each.
WRITER = """
import sys, time
from twisted.internet.task import react
from twisted.internet.defer import ensureDeferred
from twisted_multiserver.sessions.sqlite import SQLiteSynchronizer
from twisted_multiserver.sessions.record import CommitResult, SessionDelta

path, key, name, count = sys.argv[1], bytes.fromhex(sys.argv[2]), sys.argv[3], int(sys.argv[4])

async def main(reactor):
    store = SQLiteSynchronizer(path, reactor)
    await store.start()
    for number in range(count):
        result = await store.commit(key, SessionDelta(60, set={f"{name}-{number}": b"1"}))
        assert result is CommitResult.ok, result
        print(number, flush=True)
    await store.stop()

react(lambda reactor: ensureDeferred(main(reactor)))
"""


class SQLiteTests(TestCase):
    """
    A database in a folder of its own.
    """

    timeout = 60

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = f"{self.folder}/sessions"

    async def store(self) -> Any:
        synchronizer = SQLiteSynchronizer(self.path, reactor)
        self.addCleanup(synchronizer.stop)
        await synchronizer.start()
        return synchronizer

    async def test_processes(self) -> None:
        """
        None of their changes is lost, and none finds the database locked.
        """
        prepareDatabase(self.path)
        store, key = await self.store(), newKey()
        await store.commit(key, created())

        def run() -> list[tuple[int, bytes]]:
            writers = [
                subprocess.Popen(
                    [sys.executable, "-c", WRITER, self.path, key.hex(), str(n), str(COMMITS)],
                    env=cleanEnvironment(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
                for n in range(PROCESSES)
            ]
            return [(each.wait(PATIENCE), each.communicate()[1]) for each in writers]

        self.assertEqual(await deferToThread(run), [(0, b"")] * PROCESSES)
        self.assertEqual(len((await store.load(key)).fields), PROCESSES * COMMITS)

    async def test_killed(self) -> None:
        """
        What they have acknowledged is there, whenever they are killed; the others go on.
        """
        prepareDatabase(self.path)
        store, key = await self.store(), newKey()
        await store.commit(key, created())

        def run(count: int) -> list[int]:
            writers = [
                subprocess.Popen(
                    [sys.executable, "-c", WRITER, self.path, key.hex(), str(n), "1000000"],
                    env=cleanEnvironment(),
                    stdout=subprocess.PIPE,
                )
                for n in range(PROCESSES)
            ]
            last = []
            for writer in writers:
                assert writer.stdout is not None
                for _ in range(count):
                    writer.stdout.readline()
                writer.kill()
                said = writer.stdout.read().splitlines(keepends=True)
                whole = [line for line in said if line.endswith(b"\n")]
                last.append(int(whole[-1]) if whole else count - 1)
                writer.stdout.close()
                writer.wait()
            return last

        for count in (20, 33):
            last = await deferToThread(run, count)
            fields = (await store.load(key)).fields
            for writer, number in enumerate(last):
                for each in range(number + 1):
                    self.assertIn(f"{writer}-{each}", fields)
            self.assertIs(await store.commit(key, SessionDelta(60, clear=True)), CommitResult.ok)

    async def test_preparedTwice(self) -> None:
        """
        Nothing is lost by it; nobody else can read the file.
        """
        prepareDatabase(self.path)
        store, key = await self.store(), newKey()
        await store.commit(key, created(set={"a": b"1"}))
        prepareDatabase(self.path)
        self.assertEqual(dict((await store.load(key)).fields), {"a": b"1"})
        for name in os.listdir(self.folder):
            mode = os.stat(f"{self.folder}/{name}").st_mode
            self.assertEqual(stat.S_IMODE(mode), 0o600, name)

    async def test_preparedAtOnce(self) -> None:
        """
        Whoever comes first makes it.
        """
        script = (
            "import sys; from twisted_multiserver.sessions.sqliteschema import prepareDatabase;"
            " prepareDatabase(sys.argv[1])"
        )

        def run() -> list[int]:
            words = [sys.executable, "-c", script, self.path]
            makers = [subprocess.Popen(words, env=cleanEnvironment()) for _ in range(6)]
            return [maker.wait(PATIENCE) for maker in makers]

        self.assertEqual(await deferToThread(run), [0] * 6)
        await (await self.store()).health()

    def refused(self, path: str) -> str:
        """
        @return: why.
        """
        return str(self.assertRaises(StoreConfigError, prepareDatabase, path))

    async def test_unusable(self) -> None:
        """
        What can't be used is told, and left as it is.
        """
        self.assertIn("No such file", self.refused(f"{self.folder}/none/sessions"))
        self.assertIn("Is a directory", self.refused(self.folder))
        junk = Path(self.folder, "junk")
        junk.write_bytes(b"no database at all " * 1000)
        self.assertIn("not a database", self.refused(str(junk)))
        self.assertTrue(junk.read_bytes().startswith(b"no database"))
        other = f"{self.folder}/other"
        with sqlite3.connect(other) as connection:
            connection.execute("CREATE TABLE addresses(name)")
        connection.close()
        self.assertIn("something else", self.refused(other))

    async def test_later(self) -> None:
        """
        One that a later version has made.
        """
        prepareDatabase(self.path)
        connection = sqlite3.connect(self.path)
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
        connection.close()
        self.assertIn("later version", self.refused(self.path))

    async def test_notPrepared(self) -> None:
        """
        It is made at the start, for those who have no master; or that is refused.
        """
        store, key = await self.store(), newKey()
        await store.commit(key, created(set={"a": b"1"}))
        self.assertEqual(dict((await store.load(key)).fields), {"a": b"1"})
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.path = f"{self.folder}/none/sessions"
        refused = SQLiteSynchronizer(self.path, reactor)
        await self.assertFailure(refused.start(), StoreConfigError)

    async def test_startedTwice(self) -> None:
        """
        Once is enough.
        """
        store = await self.store()
        await store.start()
        await store.health()

    async def test_locked(self) -> None:
        """
        A writer that doesn't end: readers read on, others are told within the deadline.
        """
        prepareDatabase(self.path)
        store, key = await self.store(), newKey()
        await store.commit(key, created(set={"a": b"1"}))
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            await self.assertFailure(
                store.commit(key, SessionDelta(60, set={"a": b"2"})), StoreUnavailable
            )
            self.assertEqual(dict((await store.load(key)).fields), {"a": b"1"})
        finally:
            connection.close()
        await store.commit(key, SessionDelta(60, set={"a": b"3"}))
        self.assertEqual(dict((await store.load(key)).fields), {"a": b"3"})

    async def test_tooLate(self) -> None:
        """
        What wasn't done before its caller was told that it failed isn't done at all: by then
        others may have written what it would undo.
        """
        store, key = await self.store(), newKey()
        await store.commit(key, created(set={"a": b"0"}))
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            asked = [
                store.commit(key, SessionDelta(60, set={f"{number}": b""})) for number in range(5)
            ]
            for each in asked:
                await self.assertFailure(each, StoreUnavailable)
        finally:
            connection.close()
        other = await self.store()
        self.assertIs(await other.commit(key, SessionDelta(60, set={"b": b"1"})), CommitResult.ok)
        await store.stop()
        self.assertEqual(set((await other.load(key)).fields), {"a", "b"})

    async def test_ownThreads(self) -> None:
        """
        An application that keeps all threads of the reactor busy is in nobody's way.
        """
        store, key = await self.store(), newKey()
        busy = BusyThreads()
        with busy:
            await store.commit(key, created())
            self.assertIsNotNone(await store.load(key))
        await busy.ended()

    async def test_damaged(self) -> None:
        """
        What is no session is told, and left alone by what only reads.
        """
        store = await self.store()
        connection = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(connection.close)
        for damage in (
            "UPDATE s SET meta = 'text' WHERE id = ?",
            "UPDATE s SET principal = x'00' WHERE id = ?",
            "UPDATE f SET v = 'text' WHERE id = ?",
            "UPDATE f SET k = 'text' WHERE id = ?",
            "UPDATE f SET k = x'ff' WHERE id = ?",
        ):
            key = newKey()
            await store.commit(key, created(set={"a": b"1"}))
            connection.execute(damage, (key,))
            await self.assertFailure(store.load(key), SessionCorrupt)
            self.assertIs(await store.delete(key), True)
            self.assertIsNone(await store.load(key))

    async def test_full(self) -> None:
        """
        A disk that is full takes no change, and still gives what it has.
        """
        store, key = await self.store(), newKey()
        await store.commit(key, created(set={"a": b"1"}))

        def limit(connection: sqlite3.Connection, now: float) -> None:
            # As large as it is by now, and no page more.
            connection.execute("PRAGMA max_page_count=1")

        await store._writer.do(limit, 0.0)
        error = await self.assertFailure(
            store.commit(key, SessionDelta(60, set={"b": bytes(100_000)})), StoreUnavailable
        )
        self.assertIn("full", str(error))
        self.assertFalse(error.outcomeUnknown or error.retryable)
        self.assertEqual(dict((await store.load(key)).fields), {"a": b"1"})
        self.assertIs(await store.commit(key, SessionDelta(60, set={"a": b"2"})), CommitResult.ok)

    async def test_purged(self) -> None:
        """
        What has expired, and no more at once than asked for.
        """
        prepareDatabase(self.path)
        now = [1000.0]
        store = SQLiteSynchronizer(self.path, reactor, lambda: now[0])
        self.addCleanup(store.stop)
        await store.start()
        for _ in range(5):
            await store.commit(newKey(), created(10, set={"a": b"1"}))
        kept = newKey()
        await store.commit(kept, created(100, set={"a": b"1"}))
        now[0] += 50
        self.assertEqual([await store.purge(3) for _ in range(3)], [3, 2, 0])
        connection = sqlite3.connect(self.path)
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute("SELECT count(*) FROM f").fetchone(), (1,))
        self.assertIsNotNone(await store.load(kept))

    async def test_site(self) -> None:
        """
        A Site of one's own starts its store when it begins to listen.
        """

        class Visits(Resource):
            isLeaf = True

            def render_GET(self, request: Any) -> bytes:
                session = ISessionData(request.getSession())
                session["visits"] = session.get("visits", 0) + 1
                return b"%d" % session["visits"]

        store = synchronizerFromURI(f"sqlite://{self.path}", reactor)
        self.addCleanup(store.stop)
        site: Any = SynchronizedSite(Visits(), store)
        port: Any = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        browser = Browser(port.getHost().port)
        for visits in ("1", "2", "3"):
            self.assertEqual(await deferToThread(browser.ask, "/"), (200, visits))
        await deferToThread(browser.close)

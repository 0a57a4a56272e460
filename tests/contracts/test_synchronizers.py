"""
Every store of ours keeps the public contract, on its real server.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.stores.memcachedserver import MemcachedServer
from tests.stores.mongoserver import MongoServer
from tests.stores.redisserver import RedisServer
from tests.stores.storecase import StoreTestCase
from twisted_multiserver.sessions.sqlite import SQLiteSynchronizer
from twisted_multiserver.sessions.sqliteschema import prepareDatabase
from twisted_multiserver.testing import MemorySynchronizer, SessionSynchronizerContract
from twisted_multiserver.testing.memory import SharedMemory


class MemoryTests(SessionSynchronizerContract, TestCase):
    """
    The fake.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.memory = SharedMemory()

    async def makeSynchronizer(self) -> Any:
        return MemorySynchronizer(self.clock.seconds, self.memory)

    async def passTime(self, seconds: float) -> None:
        self.clock.advance(seconds)


class SQLiteTests(SessionSynchronizerContract, TestCase):
    """
    A database.
    """

    timeout = 60

    def setUp(self) -> None:
        folder = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, folder)
        self.path = str(Path(folder, "sessions"))
        prepareDatabase(self.path)

    async def makeSynchronizer(self) -> Any:
        synchronizer = SQLiteSynchronizer(self.path, reactor)
        await synchronizer.start()
        self.addCleanup(synchronizer.stop)
        return synchronizer


class RedisTests(SessionSynchronizerContract, StoreTestCase):
    """
    A redis-server.
    """

    async def setUp(self) -> None:  # type: ignore[override] # trial awaits it
        self.server = await self.started(RedisServer())

    async def makeSynchronizer(self) -> Any:
        return await self.synchronizer(self.server.uri())


class MemcachedTests(SessionSynchronizerContract, StoreTestCase):
    """
    A memcached.
    """

    async def setUp(self) -> None:  # type: ignore[override] # trial awaits it
        self.server = await self.started(MemcachedServer())

    async def makeSynchronizer(self) -> Any:
        return await self.synchronizer(self.server.uri())


class MongoDBTests(SessionSynchronizerContract, StoreTestCase):
    """
    A mongod.
    """

    async def setUp(self) -> None:  # type: ignore[override] # trial awaits it
        self.server = await self.started(MongoServer())

    async def makeSynchronizer(self) -> Any:
        return await self.synchronizer(self.server.uri())

"""
Tests on a real Redis.
"""

from __future__ import annotations

from typing import Any

import txredisapi

from tests.stores.redisserver import RedisServer
from tests.stores.storecase import StoreTestCase
from twisted_multiserver.sessions._isynchronizer import ISessionSynchronizer


class RedisTestCase(StoreTestCase):
    """
    Starts redis-servers.
    """

    async def server(self, **options: Any) -> RedisServer:
        return await self.started(RedisServer(**options))

    async def raw(self, server: RedisServer, **options: Any) -> Any:
        """
        A connection as the driver makes it.
        """
        connection = await txredisapi.UnixConnection(server.path, **options)
        self.addCleanup(connection.disconnect)
        return connection


def adapted(connection: object) -> Any:
    """
    A synchronizer of a connection.
    """
    return ISessionSynchronizer(connection)

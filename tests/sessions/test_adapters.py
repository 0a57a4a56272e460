"""
Adaptation of what drivers make.
"""

from __future__ import annotations

from typing import Any

import txredisapi
from pymemcache import Client, HashClient, PooledClient
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from twisted_multiserver.sessions._isynchronizer import ISessionSynchronizer
from twisted_multiserver.sessions.errors import StoreConfigError
from twisted_multiserver.sessions.memcached import MemcachedSynchronizer
from twisted_multiserver.sessions.redis import RedisSynchronizer


def _handler(charset: str | None = "utf-8", **options: Any) -> Any:
    # As the driver's functions make it, but it connects to nothing.
    return txredisapi.RedisFactory("h:1", None, 1, isLazy=True, charset=charset, **options).handler


class AdapterTests(SynchronousTestCase):
    def test_redis(self) -> None:
        """A connection of txredisapi's, with the driver's defaults or better ones."""
        for handler in (_handler(), _handler(None, convertNumbers=False), _handler("latin-1")):
            adapted = ISessionSynchronizer(handler)
            self.assertIsInstance(adapted, RedisSynchronizer)
            self.assertTrue(verifyObject(ISessionSynchronizer, adapted))

    def test_redisUnix(self) -> None:
        """The same on a UNIX socket."""
        factory = txredisapi.RedisFactory("h:1", None, 1, handler=txredisapi.UnixConnectionHandler)
        self.assertIsInstance(ISessionSynchronizer(factory.handler), RedisSynchronizer)

    def test_redisRefused(self) -> None:
        """What would lose or damage sessions is refused, with the reason."""
        for driverObject, said in (
            (_handler("utf-16"), "charset='utf-16' damages sessions"),
            (txredisapi.ShardedConnectionHandler([]), "ShardedConnectionHandler"),
            (txredisapi.Sentinel([]), "a Sentinel of txredisapi"),
        ):
            error = self.assertRaises(StoreConfigError, ISessionSynchronizer, driverObject)
            self.assertIn(said, str(error))

    def test_memcached(self) -> None:
        """A client of pymemcache's that is safe for threads and has timeouts."""
        adapted = ISessionSynchronizer(PooledClient("/nowhere", timeout=1, connect_timeout=1))
        self.assertIsInstance(adapted, MemcachedSynchronizer)
        self.assertTrue(verifyObject(ISessionSynchronizer, adapted))

    def test_memcachedRefused(self) -> None:
        """What would lose or invent sessions is refused, with the reason."""
        for driverObject, said in (
            (Client("/nowhere"), "isn't safe for threads"),
            (HashClient(["/nowhere"]), "reports a dead server as a session that isn't there"),
            (
                PooledClient("/nowhere", timeout=1, connect_timeout=1, ignore_exc=True),
                "reports a dead server as a session that isn't there",
            ),
            (PooledClient("/nowhere", timeout=1), "may wait for ever"),
            (PooledClient("/nowhere", connect_timeout=1), "may wait for ever"),
        ):
            error = self.assertRaises(StoreConfigError, ISessionSynchronizer, driverObject)
            self.assertIn(said, str(error))

    def test_derived(self) -> None:
        """A class of the user's that is made of a driver's is one too."""

        class Own(PooledClient):  # type: ignore[misc]
            pass

        own = Own("/nowhere", timeout=1, connect_timeout=1)
        self.assertIsInstance(ISessionSynchronizer(own), MemcachedSynchronizer)

    def test_itself(self) -> None:
        """A synchronizer is itself."""
        adapted = ISessionSynchronizer(_handler())
        self.assertIs(ISessionSynchronizer(adapted), adapted)

    def test_others(self) -> None:
        """What is no driver's can't be adapted."""
        for nothing in (object(), Deferred(), 1, "redis://h"):
            self.assertIsNone(ISessionSynchronizer(nothing, None))
            self.assertRaises(TypeError, ISessionSynchronizer, nothing)

"""
A server of memcached's as its threads see it.
"""

from __future__ import annotations

import errno
from threading import Event
from typing import Any

from pymemcache import PooledClient
from pymemcache.exceptions import (
    MemcacheClientError,
    MemcacheIllegalInputError,
    MemcacheServerError,
    MemcacheUnexpectedCloseError,
    MemcacheUnknownCommandError,
    MemcacheUnknownError,
)
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase, TestCase

from twisted_multiserver.sessions.breaker import CircuitBreaker
from twisted_multiserver.sessions.errors import (
    SessionTooLarge,
    StoreConfigError,
    StoreUnavailable,
)
from twisted_multiserver.sessions.memcachednode import MemcachedNode, classify
from twisted_multiserver.sessions.memcachedrecord import Record


class ThreadTests(TestCase):
    async def test_tooLateToBegin(self) -> None:
        """
        A call that waits for a thread until nobody waits for it any more isn't done: after
        a frozen server is back it doesn't do at first what was given up long ago.
        """
        breaker = CircuitBreaker(reactor.seconds)
        node = MemcachedNode(PooledClient("/nowhere"), 1, reactor, breaker, True)
        node.start()
        self.addCleanup(node.stop)
        release = Event()
        done: list[str] = []
        frozen = node.run(60.0, release.wait)
        late = node.run(0.0, lambda: done.append("late"))
        soon = node.run(60.0, lambda: done.append("soon"))
        release.set()
        await frozen
        await self.assertFailure(late, StoreUnavailable)
        await soon
        self.assertEqual(done, ["soon"])

    async def test_stoppedTwice(self) -> None:
        """Whoever stops it again does no harm."""
        breaker = CircuitBreaker(reactor.seconds)
        node = MemcachedNode(PooledClient("/nowhere"), 1, reactor, breaker, True)
        node.start()
        await node.stop()
        await node.stop()


class RecordingClient(PooledClient):  # type: ignore[misc]
    """
    Remembers how it is called.
    """

    def __init__(self) -> None:
        super().__init__("/nowhere")
        self.called: list[tuple[str, Any]] = []

    def add(self, *arguments: Any, **options: Any) -> bool:
        self.called.append(("add", options["noreply"]))
        return True

    def cas(self, *arguments: Any, **options: Any) -> bool:
        self.called.append(("cas", options["noreply"]))
        return True

    def delete(self, *arguments: Any, **options: Any) -> bool:
        self.called.append(("delete", options["noreply"]))
        return True

    def stats(self, *arguments: Any) -> dict[bytes, bytes]:
        return {b"item_size_max": b"10000"}


class CallTests(SynchronousTestCase):
    def test_repliesAwaited(self) -> None:
        """Every call waits for its reply, whatever is the client's default."""
        client = RecordingClient()
        node = MemcachedNode(client, 1, reactor, CircuitBreaker(reactor.seconds), True)
        node.add(b"k", Record(1.0))
        node.replace(b"k", Record(1.0), b"1")
        node.remove(b"k")
        self.assertEqual(client.called, [("add", False), ("cas", False), ("delete", False)])

    def test_sizeChecked(self) -> None:
        """What is too large isn't even sent."""
        client = RecordingClient()
        node = MemcachedNode(client, 1, reactor, CircuitBreaker(reactor.seconds), True)
        large = Record(1.0, bytes(10000))
        self.assertRaises(SessionTooLarge, node.add, b"k", large)
        self.assertRaises(SessionTooLarge, node.replace, b"k", large, b"1")
        self.assertEqual(client.called, [])


class ClassifyTests(SynchronousTestCase):
    def test_unavailable(self) -> None:
        """What may be better later, and whether a second try may help."""
        for error, isRetryable, isUnknown in (
            (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), False, False),
            (FileNotFoundError(errno.ENOENT, "No such file"), False, False),
            (ConnectionResetError(), True, True),
            (BrokenPipeError(), True, True),
            (MemcacheUnexpectedCloseError(), True, True),
            (TimeoutError("timed out"), False, True),
            (MemcacheServerError(b"out of memory storing object"), False, False),
            (MemcacheUnknownError(b"nonsense"), False, True),
            (RuntimeError("Too many objects, 2 >= 2"), False, False),
        ):
            found: Any = classify(error)
            self.assertIsInstance(found, StoreUnavailable)
            self.assertEqual(
                (found.retryable, found.outcomeUnknown), (isRetryable, isUnknown), repr(error)
            )

    def test_others(self) -> None:
        """What won't."""
        for error, kind in (
            (MemcacheServerError(b"object too large for cache"), SessionTooLarge),
            (MemcacheUnknownCommandError(b"gets"), StoreConfigError),
            (MemcacheClientError(b"unauthenticated"), StoreConfigError),
        ):
            self.assertIs(type(classify(error)), kind)

    def test_fault(self) -> None:
        """What must be our fault is taken for nothing else."""
        for error in (MemcacheIllegalInputError("Key is too long"), RuntimeError("x"), KeyError()):
            self.assertIsNone(classify(error))

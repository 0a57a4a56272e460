"""
One memcached server by pymemcache, which blocks: it has threads of its own, so that a
frozen server holds up nobody but its share of the sessions.

The driver as it comes loses writes (it doesn't wait for replies), waits for ever, and
reports a server that isn't there as a key that isn't there; the server takes an expiry of
more than 30 days for a date.  So: every call asks for its reply, both timeouts are set,
expiries are dates.  C{set} is never used: one that is too large destroys what was there.

After a restart of the server every idle connection is dead: when one is found dead all
idle ones are closed, so that the second try has a new one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil
from typing import Any, TypeVar

from pymemcache import PooledClient
from pymemcache.exceptions import (
    MemcacheClientError,
    MemcacheIllegalInputError,
    MemcacheServerError,
    MemcacheUnexpectedCloseError,
    MemcacheUnknownError,
)
from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThread, deferToThreadPool
from twisted.python.threadpool import ThreadPool

from twisted_multiserver.sessions.breaker import CircuitBreaker
from twisted_multiserver.sessions.errors import (
    SessionCorrupt,
    SessionError,
    SessionTooLarge,
    StoreConfigError,
    StoreUnavailable,
)
from twisted_multiserver.sessions.memcachedrecord import Record, decode

Result = TypeVar("Result")

TIMEOUT = 1.0
# A server's usual limit for one item, in bytes.
ITEM_SIZE = 1 << 20
# What a server adds to an item, with its key and the headers of its pieces, in bytes.
_OVERHEAD = 2048
# Servers read dates as 32-bit numbers; an item that lives longer has none.
_LAST_DATE = 2**31 - 1
_LOST = (MemcacheUnexpectedCloseError, ConnectionResetError, BrokenPipeError)


def classify(error: BaseException) -> SessionError | None:
    """
    @param error: of the driver.
    @return: what it means; L{None} for a fault in our code.
    """
    text = _text(error)
    if isinstance(error, _LOST):
        return StoreUnavailable(
            "the connection to memcached is lost", retryable=True, outcomeUnknown=True
        )
    if isinstance(error, TimeoutError):
        return StoreUnavailable("memcached did not answer in time", outcomeUnknown=True)
    if isinstance(error, OSError):
        return StoreUnavailable(f"memcached can't be reached: {error.strerror or text}")
    if isinstance(error, MemcacheServerError):
        if "too large" in text:
            return SessionTooLarge("memcached: a session is larger than the server takes")
        return StoreUnavailable(f"memcached: {text}")
    if isinstance(error, MemcacheIllegalInputError):
        return None
    if isinstance(error, MemcacheClientError):
        return StoreConfigError(f"memcached refuses us: {text}")
    if isinstance(error, MemcacheUnknownError):
        return StoreUnavailable("memcached answers what it shouldn't", outcomeUnknown=True)
    if isinstance(error, RuntimeError) and text.startswith("Too many objects"):
        return StoreUnavailable("all connections to memcached are in use")
    return None


def _text(error: BaseException) -> str:
    said = error.args[0] if error.args else ""
    return (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said))[:200]


class MemcachedNode:
    """
    One server.  Methods that don't return a C{Deferred} block: they are for its threads.

    @ivar breaker: keeps requests from a server that doesn't answer.
    """

    def __init__(
        self,
        client: PooledClient,
        threads: int,
        reactor: Any,
        breaker: CircuitBreaker,
        isOurs: bool,
    ) -> None:
        """
        @param client: of the driver.
        @param threads: how many calls at the same time.
        @param reactor: the reactor.
        @param breaker: of this server.
        @param isOurs: whether the client is to be closed in the end.
        """
        self.breaker = breaker
        self._client = client
        self._reactor = reactor
        self._isOurs = isOurs
        self._threads = ThreadPool(0, threads, "memcached")
        self._isStopped = False
        self._limit: int | None = None

    def start(self) -> None:
        """
        Begin to do what L{run} asks for.
        """
        if not self._threads.started:
            self._threads.start()

    def stop(self) -> Deferred[None]:
        """
        @return: fires when all threads have ended.
        """
        if self._isStopped:
            return succeed(None)
        self._isStopped = True
        # They may have to wait for a timeout yet.
        stopped = deferToThread(self._threads.stop)
        if self._isOurs:
            stopped.addCallback(lambda _: self._client.close())
        return stopped

    def run(self, deadline: float, call: Callable[[], Result]) -> Deferred[Result]:
        """
        @param deadline: in seconds; a call that can't begin before that isn't done at all,
            since nobody waits for it any more.
        @param call: to be done in a thread.
        @return: fires with its result.
        """
        latest = time.monotonic() + deadline

        def inThread() -> Result:
            if time.monotonic() > latest:
                raise StoreUnavailable("memcached did not answer in time")
            return call()

        return deferToThreadPool(self._reactor, self._threads, inThread)

    def read(self, key: bytes) -> tuple[Record | None, object]:
        """
        @param key: of a session.
        @return: what is there, and what L{replace} wants.
        @raise SessionCorrupt: if that is no record.
        """
        blob, token = self._ask(self._client.gets, _itemKey(key))
        return _record(blob), token

    def get(self, key: bytes) -> Record | None:
        """
        @param key: of a session.
        @return: what is there.
        @raise SessionCorrupt: if that is no record.
        """
        return _record(self._ask(self._client.get, _itemKey(key)))

    def add(self, key: bytes, record: Record) -> bool:
        """
        @param key: of a session.
        @param record: to be stored, if nothing is there.
        @return: whether it is stored.
        @raise SessionTooLarge: if the server doesn't take so much.
        """
        return bool(
            self._ask(
                self._client.add,
                _itemKey(key),
                self._checked(record),
                expire=_date(record.expiry),
                noreply=False,
            )
        )

    def replace(self, key: bytes, record: Record, token: object) -> bool:
        """
        @param key: of a session.
        @param record: to be stored, if what L{read} found is still there.
        @param token: from there.
        @return: whether it is stored.
        @raise SessionTooLarge: if the server doesn't take so much.
        """
        return bool(
            self._ask(
                self._client.cas,
                _itemKey(key),
                self._checked(record),
                token,
                expire=_date(record.expiry),
                noreply=False,
            )
        )

    def remove(self, key: bytes) -> bool:
        """
        @param key: of a session.
        @return: whether something was there.
        """
        return bool(self._ask(self._client.delete, _itemKey(key), noreply=False))

    def ping(self) -> None:
        """
        See that the server answers.
        """
        self._ask(self._client.version)

    def _ask(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            return call(*arguments, **options)
        except _LOST:
            self._dropIdle()
            raise

    def _dropIdle(self) -> None:
        pool = self._client.client_pool
        idle = []
        try:
            # As many as there are; others may take some, or give some back, meanwhile.
            for _ in pool.free:
                idle.append(pool.get())
        except RuntimeError:
            # The pool is empty by now, and may make no more.
            pass
        for connection in idle:
            pool.destroy(connection)

    def _checked(self, record: Record) -> bytes:
        blob = record.encode()
        if self._limit is None:
            self._limit = self._itemSize() - _OVERHEAD
        if len(blob) > self._limit:
            raise SessionTooLarge(
                f"memcached: a session of {len(blob)} bytes; the server takes {self._limit}"
            )
        return blob

    def _itemSize(self) -> int:
        try:
            settings = self._ask(self._client.stats, "settings")
            return int(settings[b"item_size_max"])
        except (MemcacheClientError, MemcacheUnknownError, KeyError):
            # Some proxies don't tell.
            return ITEM_SIZE


def _record(blob: object) -> Record | None:
    if blob is None:
        return None
    if not isinstance(blob, bytes):
        raise SessionCorrupt("memcached: what is stored under the key of a session is none")
    return decode(blob)


def _itemKey(key: bytes) -> bytes:
    return b"s:" + key.hex().encode()


def _date(expiry: float) -> int:
    """
    @param expiry: in epoch seconds.
    @return: when the server may forget it; not before, though its clock is a second late.
    """
    date = ceil(expiry) + 1
    return date if date <= _LAST_DATE else 0

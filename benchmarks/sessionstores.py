"""
One caller of each store: a load and a commit, beside the driver's own best raw call.

The raw call gets, or sets, one value of the same size by its key, on the driver's own
connection; that of a driver that blocks is made in a thread, as a reactor must, and by itself.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pymemcache
import txredisapi
from bson.binary import Binary
from twisted.internet.threads import deferToThread
from txmongo.connection import ConnectionPool

from tests.stores.memcachedserver import MemcachedServer
from tests.stores.mongoserver import MongoServer
from tests.stores.redisserver import RedisServer
from twisted_multiserver.sessions.record import SessionDelta
from twisted_multiserver.sessions.sqliteschema import prepareDatabase
from twisted_multiserver.sessions.uri import synchronizerFromURI

FIELDS = {f"field{number}": os.urandom(100) for number in range(5)}
BLOB = b"".join(FIELDS.values())
KEY = os.urandom(32)

Call = Callable[[], Any]


async def _times(call: Call, count: int) -> list[float]:
    times = []
    for _ in range(count):
        since = time.perf_counter()
        answer = call()
        if isinstance(answer, Awaitable):
            await answer
        times.append(time.perf_counter() - since)
    return times


async def compared(
    store: str, calls: dict[str, tuple[Call, str]], rounds: int, count: int
) -> dict[str, dict[str, float]]:
    """
    @param store: for people.
    @param calls: by name, each with the name of that which it is compared to.
    @param rounds: how many.
    @param count: calls in each.
    @return: p50 and p99 in microseconds, and the median ratio of the rounds, by name.
    """
    every: dict[str, list[float]] = {name: [] for name in calls}
    medians: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, (call, _) in calls.items():
            times = await _times(call, count)
            every[name] += times
            medians[name].append(statistics.median(times))
    found = {}
    for name, (_, other) in calls.items():
        ratios = [a / b for a, b in zip(medians[name], medians[other], strict=True)]
        times = sorted(every[name])
        found[name] = {
            "p50": times[len(times) // 2] * 1e6,
            "p99": times[len(times) * 99 // 100] * 1e6,
            "ratio": statistics.median(ratios),
        }
        print(
            f"{store:<10} {name:<22} {found[name]['p50']:>9.0f} {found[name]['p99']:>9.0f}"
            f" {found[name]['ratio']:>7.2f}  to {other}",
            flush=True,
        )
    return found


def _ours(store: Any) -> tuple[Call, Call]:
    delta = {"field1": os.urandom(100)}
    return (
        lambda: store.load(KEY),
        lambda: store.commit(KEY, SessionDelta(600.0, set=delta)),
    )


async def _started(uri: str, reactor: Any) -> Any:
    store = synchronizerFromURI(uri, reactor)
    await store.start()
    await store.commit(KEY, SessionDelta(600.0, create=True, meta=b"meta", set=FIELDS))
    return store


async def redis(reactor: Any, rounds: int, count: int) -> Any:
    """
    @return: figures of Redis.
    """
    server = RedisServer()
    await server.start()
    raw = await txredisapi.UnixConnection(server.path, charset=None, convertNumbers=False)
    store = await _started(server.uri(), reactor)
    load, commit = _ours(store)
    await raw.set(b"raw", BLOB)
    try:
        return await compared(
            "redis",
            {
                "raw get": (lambda: raw.get(b"raw"), "raw get"),
                "load": (load, "raw get"),
                "raw set": (lambda: raw.set(b"raw", BLOB), "raw set"),
                "commit": (commit, "raw set"),
            },
            rounds,
            count,
        )
    finally:
        await raw.disconnect()
        await store.stop()
        await server.stop()


async def mongodb(reactor: Any, rounds: int, count: int) -> Any:
    """
    @return: figures of MongoDB.
    """
    server = MongoServer()
    await server.start()
    pool = ConnectionPool(server.uri("?w=majority&journal=true"))
    raw = pool["raw"]["raw"]
    store = await _started(server.uri(), reactor)
    load, commit = _ours(store)

    def update() -> Any:
        return raw.update_one({"_id": 1}, next(changes))

    await raw.insert_one({"_id": 1, "v": Binary(BLOB)})
    # What isn't different isn't written.
    changes = itertools.cycle([{"$set": {"v": Binary(BLOB[at:])}} for at in (0, 1)])
    try:
        return await compared(
            "mongodb",
            {
                "raw find_one": (lambda: raw.find_one({"_id": 1}), "raw find_one"),
                "load": (load, "raw find_one"),
                "raw update_one": (
                    lambda: raw.update_one({"_id": 1}, next(changes)),
                    "raw update_one",
                ),
                "commit": (commit, "raw update_one"),
            },
            rounds,
            count,
        )
    finally:
        await store.stop()
        await pool.disconnect()
        await server.stop()


async def memcached(reactor: Any, rounds: int, count: int) -> Any:
    """
    @return: figures of Memcached.
    """
    server = MemcachedServer()
    await server.start()
    raw = pymemcache.PooledClient(server.path, default_noreply=False, max_pool_size=10)
    store = await _started(server.uri(), reactor)
    load, commit = _ours(store)
    raw.set("raw", BLOB)
    try:
        return await compared(
            "memcached",
            {
                "blocking get": (lambda: raw.get("raw"), "blocking get"),
                "get in a thread": (lambda: deferToThread(raw.get, "raw"), "blocking get"),
                "load": (load, "get in a thread"),
                "blocking set": (lambda: raw.set("raw", BLOB), "blocking set"),
                "set in a thread": (lambda: deferToThread(raw.set, "raw", BLOB), "blocking set"),
                "commit": (commit, "set in a thread"),
            },
            rounds,
            count,
        )
    finally:
        raw.close()
        await store.stop()
        await server.stop()


async def sqlite(reactor: Any, rounds: int, count: int) -> Any:
    """
    @return: figures of SQLite.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/sessions"
        prepareDatabase(path)
        raw = sqlite3.connect(f"{folder}/raw", isolation_level=None, check_same_thread=False)
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=NORMAL")
        raw.execute("CREATE TABLE r(id INTEGER PRIMARY KEY, v BLOB)")
        raw.execute("INSERT INTO r VALUES (1, ?)", (BLOB,))
        store = await _started(f"sqlite://{path}", reactor)
        load, commit = _ours(store)

        def get() -> Any:
            return raw.execute("SELECT v FROM r WHERE id = 1").fetchone()

        def put() -> Any:
            return raw.execute("UPDATE r SET v = ? WHERE id = 1", (BLOB,))

        try:
            return await compared(
                "sqlite",
                {
                    "blocking select": (get, "blocking select"),
                    "select in a thread": (lambda: deferToThread(get), "blocking select"),
                    "load": (load, "select in a thread"),
                    "blocking update": (put, "blocking update"),
                    "update in a thread": (lambda: deferToThread(put), "blocking update"),
                    "commit": (commit, "update in a thread"),
                },
                rounds,
                count,
            )
        finally:
            await store.stop()
            with suppress(sqlite3.Error):
                raw.close()


WRITER = """
import sys, time
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from twisted_multiserver import synchronizerFromURI
from twisted_multiserver.sessions.record import SessionDelta

uri, key, name = sys.argv[1], bytes.fromhex(sys.argv[2]), sys.argv[3]

async def main(reactor):
    store = synchronizerFromURI(uri, reactor)
    await store.start()
    times = []
    for number in range(500):
        since = time.perf_counter()
        await store.commit(key, SessionDelta(600, set={f"{name}-{number}": b"x" * 100}))
        times.append(time.perf_counter() - since)
        # Requests do something else, too.
        time.sleep(0.002)
    print(sorted(times)[494])
    await store.stop()

react(lambda reactor: ensureDeferred(main(reactor)))
"""


async def contending(reactor: Any) -> list[float]:
    """
    @return: p99 of a commit to SQLite in each of four processes that commit to one session,
        in milliseconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite://{folder}/sessions"
        store = await _started(uri, reactor)

        def run() -> list[float]:
            words = [sys.executable, "-c", WRITER, uri, KEY.hex()]
            writers = [subprocess.Popen([*words, str(n)], stdout=subprocess.PIPE) for n in range(4)]
            return [float(writer.communicate()[0]) * 1000 for writer in writers]

        found: list[float] = await deferToThread(run)
        await store.stop()
    shown = ", ".join(f"{each:.1f}" for each in found)
    print(f"sqlite     4 processes, one session: p99 of a commit {shown} ms")
    return found


async def stores(reactor: Any, rounds: int, count: int) -> dict[str, Any]:
    """
    @param reactor: running.
    @param rounds: how many.
    @param count: calls in each.
    @return: the figures of all stores.
    """
    print(f"one caller, {rounds} rounds of {count} calls, microseconds\n")
    print(f"{'':<10} {'':<22} {'p50':>9} {'p99':>9} {'ratio':>7}")
    found: dict[str, Any] = {}
    for measure in (redis, mongodb, memcached, sqlite):
        found[measure.__name__] = await measure(reactor, rounds, count)
    found["sqlite, 4 processes"] = await contending(reactor)
    return found

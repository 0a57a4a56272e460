"""
Sessions in memcached: fast, shared, and lost when a server restarts or is full.

A session has its place on one server only; while that doesn't answer, its share of the
sessions is unavailable, see L{nodes<twisted_multiserver.sessions.nodes>}.  How one is
changed is in L{memcachedchanges<twisted_multiserver.sessions.memcachedchanges>}.

Who has which sessions can't be listed: no C{find}, no logging out everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from pymemcache import Client, PooledClient
from twisted.internet.defer import Deferred, FirstError, fail, gatherResults, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_multiserver.sessions import memcachedchanges as changes
from twisted_multiserver.sessions._isynchronizer import ISessionSynchronizer
from twisted_multiserver.sessions.breaker import CircuitBreaker
from twisted_multiserver.sessions.errors import NotSupported, StoreConfigError
from twisted_multiserver.sessions.memcachednode import TIMEOUT, MemcachedNode, classify
from twisted_multiserver.sessions.nodes import Nodes
from twisted_multiserver.sessions.operations import COMMIT_DEADLINE, LOAD_DEADLINE, Operations
from twisted_multiserver.sessions.record import CommitResult, SessionDelta, StoredSession
from twisted_multiserver.sessions.storeuri import StoreURI

Result = TypeVar("Result")

# Threads and connections for each server.
DEFAULT_POOL = 8
_HIGHEST_POOL = 100


@implementer(ISessionSynchronizer)
class MemcachedSynchronizer:
    """
    Keeps sessions in memcached.

    @ivar operations: how they run; its counters are public.
    """

    name = "memcached"
    capabilities: frozenset[str] = frozenset()
    uriOptions = frozenset(["unix", "pool"])

    def __init__(
        self, driverObject: object, reactor: Any, now: Callable[[], float] = time.time
    ) -> None:
        """
        @param driverObject: a C{PooledClient} of pymemcache's with both timeouts.
        @param reactor: the reactor.
        @param now: tells the time, in epoch seconds.
        @raise StoreConfigError: if the client can't be used.
        """
        client = _usable(driverObject)
        size = min(client.client_pool.max_size, DEFAULT_POOL)
        self._setUp([(repr(client.server), client)], size, False, reactor, now)

    @classmethod
    def fromURI(
        cls, uri: StoreURI, reactor: Any, now: Callable[[], float] = time.time
    ) -> MemcachedSynchronizer:
        """
        @param uri: C{memcached://host:port,host:port} or C{memcached://?unix=/path,/path};
            C{pool=N} for so many connections to each.
        @param reactor: the reactor.
        @param now: tells the time, in epoch seconds.
        @return: a synchronizer that has yet to be started.
        @raise StoreConfigError: if the URI can't be right.
        """
        size = uri.number("pool", DEFAULT_POOL, 1, _HIGHEST_POOL)
        servers = _servers(uri)
        named = [
            (
                name,
                PooledClient(
                    server,
                    connect_timeout=TIMEOUT,
                    timeout=TIMEOUT,
                    no_delay=True,
                    default_noreply=False,
                    # A rotation uses two servers from the threads of one.
                    max_pool_size=size * len(servers),
                ),
            )
            for name, server in servers
        ]
        self = cls.__new__(cls)
        self._setUp(named, size, True, reactor, now)
        return self

    def _setUp(
        self,
        named: list[tuple[str, PooledClient]],
        size: int,
        isOurs: bool,
        reactor: Any,
        now: Callable[[], float],
    ) -> None:
        self._now = now
        self.operations = Operations("memcached", reactor, classify)
        self._nodes = Nodes(
            [
                (
                    name,
                    MemcachedNode(
                        client,
                        size,
                        reactor,
                        # One server that is dead says nothing about the others.
                        self.operations.breaker
                        if len(named) == 1
                        else CircuitBreaker(reactor.seconds),
                        isOurs,
                    ),
                )
                for name, client in named
            ]
        )

    def start(self) -> Deferred[None]:
        """
        See that all servers answer.
        """
        for node in self._nodes:
            node.start()
        return self.health()

    def stop(self, grace: float = 5.0) -> Deferred[None]:
        """
        Let operations end, and close what isn't the user's.
        """
        return self.operations.whenQuiet(grace).addCallback(
            lambda _: gatherResults([node.stop() for node in self._nodes]).addCallback(_nothing)
        )

    def load(self, key: bytes) -> Deferred[StoredSession | None]:
        """
        See the interface.
        """
        return self._run(
            "load", LOAD_DEADLINE, key, lambda node: changes.load(node, key, self._now)
        )

    def commit(self, key: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        """
        See the interface.
        """
        return self._run(
            "commit", COMMIT_DEADLINE, key, lambda node: changes.commit(node, key, delta, self._now)
        )

    def rotate(self, old: bytes, new: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        """
        See the interface.
        """
        target = self._nodes.of(new)
        return self._run(
            "rotate",
            COMMIT_DEADLINE,
            old,
            lambda node: changes.rotate(node, old, target, new, delta, self._now),
        )

    def touch(self, key: bytes, ttl: float) -> Deferred[bool]:
        """
        See the interface.
        """
        return self._run(
            "touch", COMMIT_DEADLINE, key, lambda node: changes.touch(node, key, ttl, self._now)
        )

    def delete(self, key: bytes) -> Deferred[bool]:
        """
        See the interface.
        """
        return self._run(
            "delete", COMMIT_DEADLINE, key, lambda node: changes.delete(node, key, self._now)
        )

    def purge(self, limit: int) -> Deferred[int]:
        """
        Servers do that by themselves.
        """
        return succeed(0)

    def find(self, principal: str) -> Deferred[list[bytes]]:
        """
        Not here.
        """
        return fail(NotSupported("memcached can't tell whose sessions there are"))

    def deletePrincipal(self, principal: str, exceptKey: bytes | None = None) -> Deferred[int]:
        """
        Not here.
        """
        return fail(NotSupported("memcached can't tell whose sessions there are"))

    def health(self) -> Deferred[None]:
        """
        See the interface; all servers must answer.
        """
        return gatherResults(
            [
                self.operations.run(
                    "health",
                    COMMIT_DEADLINE,
                    lambda node=node: node.run(COMMIT_DEADLINE, node.ping),  # type: ignore[misc]
                    node.breaker,
                )
                for node in self._nodes
            ],
            consumeErrors=True,
        ).addCallbacks(_nothing, _first)

    def _run(
        self,
        name: str,
        deadline: float,
        key: bytes,
        call: Callable[[MemcachedNode], Result],
    ) -> Deferred[Result]:
        node = self._nodes.of(key)
        return self.operations.run(
            name, deadline, lambda: node.run(deadline, lambda: call(node)), node.breaker
        )


def _servers(uri: StoreURI) -> list[tuple[str, tuple[str, int] | str]]:
    """
    @param uri: of the servers.
    @return: their names, and what the driver calls them.
    @raise StoreConfigError: if it can't be right.
    """
    if uri.user is not None or uri.password is not None:
        raise StoreConfigError(f"{uri.place}: memcached has no passwords")
    if uri.path:
        raise StoreConfigError(f"{uri.place}: memcached has no databases, so no path")
    paths = uri.options.get("unix")
    servers: list[tuple[str, tuple[str, int] | str]]
    if paths is None:
        hosts = uri.hosts or (("localhost", 11211),)
        servers = [(f"{host}:{port}", (host, port)) for host, port in hosts]
    elif uri.hosts:
        raise StoreConfigError(f"{uri.place}: a UNIX socket has no host: memcached://?unix=/path")
    else:
        servers = [(path, path) for path in paths.split(",")]
        if not all(path.startswith("/") for path, _ in servers):
            raise StoreConfigError(f"{uri.place}: the path of a UNIX socket begins with a slash")
    if len({name for name, _ in servers}) < len(servers):
        raise StoreConfigError(f"{uri.place}: a server is named twice")
    return servers


def _usable(client: object) -> PooledClient:
    """
    @param client: of the driver.
    @return: the same.
    @raise StoreConfigError: if sessions can't be kept by it.
    """
    kind = type(client).__name__
    advice = "use a PooledClient(server, connect_timeout=1.0, timeout=1.0)"
    if isinstance(client, Client):
        raise StoreConfigError(f"a {kind} of pymemcache isn't safe for threads; {advice}")
    if not isinstance(client, PooledClient):
        raise StoreConfigError(
            f"a {kind} of pymemcache reports a dead server as a session that isn't there;"
            f" {advice}, or the URI memcached://host:port,host:port"
        )
    if client.ignore_exc:
        raise StoreConfigError(
            "a PooledClient with ignore_exc=True reports a dead server as a session that isn't"
            " there"
        )
    if not client.timeout or not client.connect_timeout:
        raise StoreConfigError(f"a PooledClient without timeouts may wait for ever; {advice}")
    return client


def _nothing(_: object) -> None:
    return None


def _first(failure: Failure) -> Failure:
    return failure.value.subFailure if failure.check(FirstError) else failure  # type: ignore[union-attr]

"""
How our own connections to Redis come to be: where to, with which login, by TLS or not.

Invariants: whatever goes wrong is tried again within about a second, for ever, and the
reason is remembered for whoever asks; a connection is handed out only when the server has
taken the login and all scripts.
"""

from __future__ import annotations

import re
from typing import Any

import txredisapi
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_multiserver.sessions.errors import SessionError, StoreConfigError, StoreUnavailable
from twisted_multiserver.sessions.operations import COMMIT_DEADLINE
from twisted_multiserver.sessions.redisconnections import Connections, classify
from twisted_multiserver.sessions.redisrecord import sessionKey
from twisted_multiserver.sessions.redisscripts import SCRIPTS, SPREAD
from twisted_multiserver.sessions.storetls import tlsMeaning, tlsOptions
from twisted_multiserver.sessions.storeuri import StoreURI

# To one server, for each process.
DEFAULT_POOL = 4
_HIGHEST_POOL = 100
_HIGHEST_DATABASE = 99999


def connectionsTo(uri: StoreURI, reactor: Any) -> Connections:
    """
    @param uri: of a server.
    @param reactor: the reactor.
    @return: connections to it that have yet to be opened.
    @raise StoreConfigError: if the URI can't be right.
    """
    if uri.path and not (re.match(r"[0-9]{1,5}\Z", uri.path)):
        raise StoreConfigError(
            f"{uri.scheme}: the path is the number of a database, from 0 to {_HIGHEST_DATABASE}"
        )
    endpoint, place = _endpoint(uri, reactor)
    factory = RedisFactory(
        endpoint,
        place,
        int(uri.path) if uri.path else None,
        uri.user,
        uri.password,
        uri.number("pool", DEFAULT_POOL, 1, _HIGHEST_POOL),
    )
    return Connections(factory, True)


def _endpoint(uri: StoreURI, reactor: Any) -> tuple[IStreamClientEndpoint, str]:
    """
    @param uri: of a server.
    @param reactor: the reactor.
    @return: how to connect, and where to, for people.
    @raise StoreConfigError: if the URI can't be right.
    """
    path = uri.options.get("unix")
    if path is not None:
        if uri.hosts or uri.scheme != "redis":
            raise StoreConfigError(
                f"{uri.place}: a UNIX socket has no host and no TLS: redis://?unix=/path"
            )
        return UNIXClientEndpoint(reactor, path, timeout=COMMIT_DEADLINE), path
    hosts = uri.hosts or (("localhost", 6379),)
    if len(hosts) > 1:
        raise StoreConfigError(
            f"{uri.place}: only one Redis server is supported, and no Redis Cluster"
        )
    [(host, port)] = hosts
    endpoint: IStreamClientEndpoint = HostnameEndpoint(reactor, host, port, timeout=COMMIT_DEADLINE)
    authority = uri.options.get("ca")
    if uri.scheme == "rediss":
        endpoint = wrapClientTLS(tlsOptions("redis", host, authority), endpoint)
    elif authority is not None:
        raise StoreConfigError(f"{uri.place}: 'ca' is for rediss://, which is TLS")
    return endpoint, f"{host}:{port}"


class RedisConnection(txredisapi.RedisProtocol):  # type: ignore[misc]
    """
    A connection that introduces itself before it is used.

    @ivar line_mode: the driver's: whether what comes next is a line.
    """

    _lostBy: Failure | None = None
    _rest: bytes = b""

    def connectionMade(self) -> None:
        """
        Log in, and see that the server answers; then go on as the driver does.
        """
        # The base class would begin with being ready.
        ready = super().connectionMade
        self.factory.greeting(self).addCallbacks(lambda _: ready(), self._refused)

    def connectionLost(self, why: Failure = connectionDone) -> None:
        """
        Remember the reason, which the driver forgets.

        @param why: it is lost.
        """
        self._lostBy = why
        super().connectionLost(why)

    def dataReceived(self, data: bytes, unpause: bool = False) -> None:
        """
        Answers that came together are taken in one turn; the driver would take one in each,
        and go on when the connection is lost.

        @param data: has come.
        @param unpause: whether the driver has put this off.
        """
        super().dataReceived(data, unpause)
        while self._rest:
            data, self._rest = self._rest, b""
            super().dataReceived(data)

    def setLineMode(self, extra: bytes = b"") -> None:
        """
        A string is complete.

        @param extra: what follows it.
        """
        self.line_mode = 1
        self._rest = extra

    def _refused(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, FirstError):
            error = error.subFailure.value
        assert error is not None
        found = tlsMeaning("redis", self._lostBy) if self._lostBy is not None else None
        self.factory.failed(found or classify(error) or StoreUnavailable(f"redis: {error}"))
        self.transport.abortConnection()


class RedisFactory(txredisapi.RedisFactory):  # type: ignore[misc]
    """
    Our connections to a server.  It never gives up.

    @ivar lastError: why the last try to connect failed; L{None} if it didn't.
    """

    protocol = RedisConnection
    initialDelay = 0.1
    maxDelay = 1.0

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        place: str,
        database: int | None,
        user: str | None,
        password: str | None,
        size: int,
    ) -> None:
        """
        @param endpoint: how to connect.
        @param place: where to, for people.
        @param database: its number.
        @param user: who logs in.
        @param password: theirs.
        @param size: how many connections.
        """
        # It isn't told of login and database, since it would give up if these are refused.
        super().__init__(
            place,
            None,
            size,
            isLazy=True,
            charset=None,
            replyTimeout=COMMIT_DEADLINE,
            convertNumbers=False,
        )
        self.lastError: SessionError | None = None
        self._endpoint = _ToldEndpoint(endpoint, self)
        self._place = place
        self._greeting: list[tuple[Any, ...]] = []
        if password is not None:
            self._greeting.append(("AUTH", user, password) if user else ("AUTH", password))
        if database is not None:
            self._greeting.append(("SELECT", database))
        self._greeting.append(("EVAL", SPREAD.source, 2, sessionKey(b"a"), sessionKey(b"b")))
        self._greeting.extend(("SCRIPT", "LOAD", script.source) for script in SCRIPTS)
        self._opening: Deferred[None] | None = None

    def open(self) -> Deferred[None]:
        """
        @return: fires when there is a connection; fails with the first failure's reason,
            and goes on trying.
        """
        opening = self._opening = Deferred()
        self.startConnecting(self._endpoint)
        return opening

    def close(self) -> Deferred[None]:
        """
        @return: fires when all connections are closed.
        """
        self.failed(StoreUnavailable("redis isn't connected"))
        closed: Deferred[None] = self.disconnect()
        # A frozen server would never say goodbye.
        for connection in list(self.pool):
            connection.transport.abortConnection()
        return closed

    def greeting(self, connection: RedisConnection) -> Deferred[Any]:
        """
        @param connection: a new one.
        @return: fires when the server has taken all that comes first.
        """
        return gatherResults(
            [connection.execute_command(*command) for command in self._greeting],
            consumeErrors=True,
        )

    def failed(self, error: SessionError) -> None:
        """
        @param error: why there is no connection.
        """
        self.lastError = error
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.errback(error)

    def notConnected(self, failure: Failure) -> Failure:
        """
        @param failure: to connect.
        @return: the same.
        """
        self.failed(
            StoreUnavailable(
                f"redis at {self._place} can't be reached: {failure.getErrorMessage()}"
            )
        )
        return failure

    def addConnection(self, conn: RedisConnection) -> None:
        """
        @param conn: is ready.
        """
        super().addConnection(conn)
        self.lastError = None
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.callback(None)

    def delConnection(self, conn: RedisConnection) -> None:
        """
        @param conn: is lost.
        """
        super().delConnection(conn)
        # The driver leaves it there for the next to stumble over.
        if conn in self.connectionQueue.pending:
            self.connectionQueue.remove(conn)


@implementer(IStreamClientEndpoint)
class _ToldEndpoint:
    """
    Tells of connections that can't be made; the driver keeps that to itself.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, factory: RedisFactory) -> None:
        self._endpoint = endpoint
        self._factory = factory

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        return self._endpoint.connect(protocolFactory).addErrback(self._factory.notConnected)

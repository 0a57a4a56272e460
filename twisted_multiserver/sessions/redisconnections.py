"""
Connections to Redis by txredisapi, and what its errors mean.

The driver as it comes gives up for ever when a login fails, waits for ever for a server
that isn't there, and takes any certificate.  So: our factory never gives up and tries
again within a second; a connection is used only when it has answered; what isn't connected
fails at once; a connection that doesn't answer within the deadline is dropped, since TCP
alone never notices a frozen server; TLS verifies the certificate and the name.

A connection that somebody else has made may turn numbers and text into objects of Python.
Scripts answer with a letter first, and decoding is undone, so that nothing is damaged.
"""

from __future__ import annotations

import re
from codecs import lookup
from typing import Any

import txredisapi
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_multiserver.sessions.errors import (
    SessionCorrupt,
    SessionError,
    StoreConfigError,
    StoreUnavailable,
)
from twisted_multiserver.sessions.redisrecord import sessionKey
from twisted_multiserver.sessions.redisscripts import SPREAD, Argument, Script

# What decodes any bytes, or leaves them as they are, and gives the same when encoded.
_HARMLESS_CHARSETS = ("ascii", "iso8859-1", "utf-8")

# Codes may stand anywhere: errors in scripts are wrapped in others.
_CLUSTER = re.compile(r"^(MOVED|ASK|CROSSSLOT) |non local key")
_LATER = re.compile(
    r"\b(OOM|READONLY|LOADING|BUSY|UNKILLABLE|MISCONF|CLUSTERDOWN|TRYAGAIN|MASTERDOWN|"
    r"NOREPLICAS)\b|max number of clients"
)
_REFUSED = re.compile(
    r"\b(NOAUTH|WRONGPASS|NOPERM|DENIED)\b|invalid password|AUTH <password>|'auth' command|"
    r"unknown command|can't run this command|DB index|invalid DB"
)


def classify(error: BaseException) -> SessionError | None:
    """
    @param error: of the driver.
    @return: what it means; L{None} for a fault in our code.
    """
    if isinstance(error, txredisapi.TimeoutError):
        return StoreUnavailable("redis did not answer in time", outcomeUnknown=True)
    if isinstance(error, txredisapi.ConnectionError):
        return StoreUnavailable(
            "the connection to redis is lost", retryable=True, outcomeUnknown=True
        )
    if isinstance(error, txredisapi.ResponseError):
        return refusal(str(error))
    return None


def refusal(text: str) -> SessionError | None:
    """
    @param text: what the server says is wrong.
    @return: what it means; L{None} for a fault in our code.
    """
    if _CLUSTER.search(text):
        return StoreConfigError(
            "redis: the server belongs to a Redis Cluster, which isn't supported; use a"
            " server that stands alone"
        )
    if _LATER.search(text):
        return StoreUnavailable(f"redis: {text[:200]}")
    if "WRONGTYPE" in text:
        return SessionCorrupt("redis: what is stored under the key of a session is none")
    if _REFUSED.search(text):
        return StoreConfigError(f"redis refuses us: {text[:200]}")
    return None


class Connections:
    """
    Connections to one server.

    @ivar isOurs: whether they are opened and closed here.
    """

    def __init__(self, factory: Any, isOurs: bool) -> None:
        """
        @param factory: of the driver.
        @param isOurs: whether its connections are opened and closed here.
        @raise StoreConfigError: if its connections damage data.
        """
        charset = factory.charset
        if charset is not None and lookup(charset).name not in _HARMLESS_CHARSETS:
            raise StoreConfigError(
                f"a Redis connection with charset={charset!r} damages sessions; make it with"
                " charset=None"
            )
        self.isOurs = isOurs
        self._factory = factory
        self._charset: str | None = charset
        self._turn = 0

    @classmethod
    def ofHandler(cls, handler: object) -> Connections:
        """
        @param handler: what the driver's functions for connecting return, or fire with.
        @return: the same connections.
        @raise StoreConfigError: if they can't be used.
        """
        if isinstance(handler, Deferred):
            raise StoreConfigError(
                "this Redis connection is yet to come; adapt what its Deferred fires with"
            )
        if not isinstance(handler, txredisapi.ConnectionHandler):
            raise StoreConfigError(
                f"sessions can't be kept by a {type(handler).__name__} of txredisapi; use a"
                " lazyConnectionPool to one server"
            )
        return cls(handler._factory, False)

    @property
    def isUp(self) -> bool:
        """
        Whether there is a connection.
        """
        return bool(self._factory.size)

    def run(self, script: Script, keys: list[bytes], arguments: list[Argument]) -> Deferred[Any]:
        """
        @param script: to be run.
        @param keys: its C{KEYS}.
        @param arguments: its C{ARGV}.
        @return: fires with its answer.
        """
        connection = self._free()
        return connection.execute_command(  # type: ignore[no-any-return]
            "EVALSHA", script.digest, len(keys), *keys, *arguments
        ).addCallbacks(
            self._answer,
            self._notRun,
            errbackArgs=(connection, script, keys, arguments),
        )

    def ping(self) -> Deferred[None]:
        """
        @return: fires when the server answers.
        """
        if not self.isOurs:
            # It may be connecting; the driver waits for that.
            return self._factory.handler.ping()  # type: ignore[no-any-return]
        return self._free().execute_command("PING")  # type: ignore[no-any-return]

    def look(self) -> Deferred[None]:
        """
        @return: fires when the server answers, and is one that can be used.
        """
        return self.ping().addCallback(
            lambda _: self.run(SPREAD, [sessionKey(b"a"), sessionKey(b"b")], [])
        )

    def open(self) -> Deferred[None]:
        """
        @return: fires when there is a connection; fails with the reason of the first
            failure, and it is tried again in the background.
        """
        return self._factory.open()  # type: ignore[no-any-return]

    def close(self) -> Deferred[None]:
        """
        @return: fires when all connections are closed.
        """
        return self._factory.close()  # type: ignore[no-any-return]

    def _free(self) -> Any:
        """
        @return: a connection that isn't in a transaction of somebody's.
        @raise StoreUnavailable: if there is none.
        @raise StoreConfigError: if there is none since the server refuses us.
        """
        queue = self._factory.connectionQueue
        while queue.pending:
            self._turn += 1
            connection = queue.pending[self._turn % len(queue.pending)]
            if connection.connected:
                return connection
            # The driver itself finds dead ones only when it looks for one.
            queue.remove(connection)
        if self.isOurs and isinstance(self._factory.lastError, StoreConfigError):
            raise self._factory.lastError
        raise StoreUnavailable("redis isn't connected")

    def _notRun(
        self,
        failure: Failure,
        connection: Any,
        script: Script,
        keys: list[bytes],
        arguments: list[Argument],
    ) -> Any:
        if "NOSCRIPT" not in str(failure.value):
            return failure
        return connection.execute_command(
            "EVAL", script.source, len(keys), *keys, *arguments
        ).addCallback(self._answer)

    def _answer(self, answer: object) -> object:
        if isinstance(answer, str):
            assert self._charset is not None
            return answer.encode(self._charset)
        return answer

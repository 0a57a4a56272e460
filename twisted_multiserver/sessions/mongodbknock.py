"""
Why a MongoDB can't be used: it is asked at the start, since txmongo tries again and again and
never says what is wrong.

Strategy: a connection of our own to each server, and the question which it is (C{isMaster},
which servers of all versions answer to anybody, in an C{OP_MSG}).  If none is the primary, the
reason that somebody could mend is told before one that time may.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

import bson
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_multiserver.sessions.errors import SessionError, StoreConfigError, StoreUnavailable
from twisted_multiserver.sessions.mongodbtls import ServerNames
from twisted_multiserver.sessions.storetls import tlsMeaning
from twisted_multiserver.sessions.storeuri import StoreURI

# For each server, in seconds; all are asked at once.
_DEADLINE = 2.0
_HEADER = Struct("<iiiiIB")
_OP_MSG = 2013


def knock(reactor: Any, uri: StoreURI, names: ServerNames | None) -> Deferred[None]:
    """
    @param reactor: the reactor.
    @param uri: of the servers.
    @param names: for TLS; L{None} for clear text.
    @return: fires when one is the primary; fails with the reason if none is.
    """
    asking = [_ask(reactor, host, port, names) for host, port in uri.hosts]
    return DeferredList(asking, consumeErrors=True).addCallback(_judge, uri.options)


def _ask(reactor: Any, host: str, port: int, names: ServerNames | None) -> Deferred[Any]:
    endpoint: Any = HostnameEndpoint(reactor, host, port, timeout=_DEADLINE)
    if names is not None:
        endpoint = wrapClientTLS(names.options(host), endpoint)
    question = _Question(f"mongodb at {host}:{port}", names is not None)

    def failed(failure: Failure) -> None:
        question.end(StoreUnavailable(f"{question.place} can't be reached: {failure.value}"))

    connecting = connectProtocol(endpoint, question).addErrback(failed)

    def late() -> None:
        question.end(StoreUnavailable(f"{question.place} doesn't answer"))
        connecting.cancel()

    timer = reactor.callLater(_DEADLINE, late)

    def ended(result: Any) -> Any:
        if timer.active():
            timer.cancel()
        return result

    return question.answer.addBoth(ended)


def _judge(results: Any, options: Any) -> None:
    errors: list[SessionError] = []
    for isAnswer, result in results:
        if not isAnswer:
            errors.append(result.value)
        elif options.get("replicaSet") not in (None, result.get("setName")):
            errors.append(
                StoreConfigError(
                    f"mongodb: the server isn't in replica set {options['replicaSet']!r}"
                )
            )
        elif not result.get("ismaster"):
            errors.append(StoreUnavailable("mongodb: none of the servers is the primary"))
        else:
            return
    errors.sort(key=lambda error: not isinstance(error, StoreConfigError))
    raise errors[0]


@implementer(IHandshakeListener)
class _Question(Protocol):
    """
    Asks a server which it is.
    """

    def __init__(self, place: str, isTLS: bool) -> None:
        self.place = place
        self.answer: Deferred[dict[str, Any]] = Deferred()
        self._isTLS = isTLS
        self._data = b""

    def connectionMade(self) -> None:
        body = bson.encode({"isMaster": 1, "$db": "admin"})
        head = _HEADER.pack(_HEADER.size + len(body), 1, 0, _OP_MSG, 0, 0)
        assert self.transport is not None
        self.transport.write(head + body)

    def handshakeCompleted(self) -> None:
        """
        What goes wrong from now on isn't due to TLS.
        """
        self._isTLS = False

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        if len(self._data) < _HEADER.size:
            return
        length = _HEADER.unpack_from(self._data)[0]
        if len(self._data) >= length:
            try:
                self.end(bson.decode(self._data[_HEADER.size : length]))
            except bson.errors.BSONError:
                self.end(StoreConfigError(f"{self.place}: that is no MongoDB"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        found = tlsMeaning("mongodb", reason)
        hint = "doesn't it speak TLS?" if self._isTLS else "does it want TLS?"
        self.end(found or StoreUnavailable(f"{self.place} closes the connection; {hint}"))

    def end(self, result: Any) -> None:
        """
        @param result: the answer, or an error.
        """
        if not self.answer.called:
            if self.transport is not None:
                self.transport.abortConnection()  # type: ignore[attr-defined]
            if isinstance(result, SessionError):
                self.answer.errback(result)
            else:
                self.answer.callback(result)

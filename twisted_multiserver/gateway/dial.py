"""
Dialing: how a backend is reached.

A child listens on a UNIX socket, where connect() never takes time: it succeeds,
or says EAGAIN (its backlog is full: busy, not failed), or that nobody listens.
Twisted's own UNIX endpoint takes EAGAIN for a connection, so this one connects by
itself and hands the socket to the reactor.  Everything else is a client endpoint.
"""

from __future__ import annotations

import errno
import socket
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
)
from twisted.internet.error import ConnectError, TCPTimedOutError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.interfaces import IReactorSocket, IReactorTime, IStreamClientEndpoint
from twisted.python.failure import Failure

from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.transportstream import StreamFactory, TransportStream

# Its backlog is full, or this process has no descriptor or memory left, which is no
# fault of the backend's either.
_FULL = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class DialFailed(Exception):
    """
    There is no connection.

    @ivar outcome: why.
    """

    def __init__(self, outcome: Outcome, detail: str = "") -> None:
        """
        @param outcome: why.
        @param detail: for the log.
        """
        super().__init__(detail or outcome.value)
        self.outcome = outcome


class Dialer(Protocol):
    """
    Reaches one backend.
    """

    def dial(self) -> TransportStream | Deferred[TransportStream]:
        """
        Connect.

        @return: the stream, at once where that is possible.
        @raise DialFailed: if it is known at once that there is none; else the
            L{Deferred} fails so.
        """


class UNIXDialer:
    """
    Reaches a UNIX socket.
    """

    def __init__(self, reactor: IReactorSocket, path: str) -> None:
        """
        @param reactor: takes over the connected socket.
        @param path: the socket's path, or C{"\\0name"}.
        """
        self._reactor = reactor
        self._path = path

    def dial(self) -> TransportStream:
        """
        See L{Dialer.dial}.
        """
        kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        factory = StreamFactory()
        try:
            with socket.socket(socket.AF_UNIX, kind) as connection:
                connection.connect(self._path)
                self._reactor.adoptStreamConnection(connection.fileno(), socket.AF_UNIX, factory)
        except OSError as error:
            isFull = error.errno in _FULL
            outcome = Outcome.busy if isFull else Outcome.connectRefused
            raise DialFailed(outcome, str(error)) from error
        return factory.stream


class EndpointDialer:
    """
    Reaches whatever a client endpoint reaches.
    """

    def __init__(
        self, clock: IReactorTime, endpoint: IStreamClientEndpoint, connectBudget: float
    ) -> None:
        """
        @param clock: the reactor.
        @param endpoint: where the server listens.
        @param connectBudget: how long a connection may take, in seconds.
        """
        self._clock = clock
        self._endpoint = endpoint
        self._connectBudget = connectBudget

    def dial(self) -> Deferred[TransportStream]:
        """
        See L{Dialer.dial}.
        """
        factory = StreamFactory()
        connecting = self._endpoint.connect(factory)
        connecting.addTimeout(self._connectBudget, self._clock)
        return connecting.addCallbacks(lambda _: factory.stream, _explain)


_TIMEOUTS = (DeferredTimeout, ConnectTimeout, TCPTimedOutError, CancelledError)


def _explain(failure: Failure) -> TransportStream:
    error = failure.value
    assert error is not None
    if isinstance(error, _TIMEOUTS):
        raise DialFailed(Outcome.connectTimeout) from error
    if isinstance(error, ConnectError | OSError):
        raise DialFailed(Outcome.connectRefused, failure.getErrorMessage()) from error
    raise error


def dialerFor(
    reactor: IReactorSocket, endpoint: IStreamClientEndpoint, connectBudget: float
) -> Dialer:
    """
    Choose how an endpoint is reached.

    @param reactor: which also is the clock.
    @param endpoint: where a server listens.
    @param connectBudget: how long a connection may take, in seconds.
    @return: our own way for a UNIX socket, else the endpoint's.
    """
    if isinstance(endpoint, UNIXClientEndpoint):
        return UNIXDialer(reactor, endpoint._path)
    return EndpointDialer(IReactorTime(reactor), endpoint, connectBudget)


def addressOf(endpoint: IStreamClientEndpoint) -> str:
    """
    Find the canonical address of an endpoint, by which a backend is known.

    @param endpoint: where a server listens.
    @return: C{"tcp:host:port"}, C{"unix:path"}, or what the endpoint says of
        itself.
    """
    match endpoint:
        case UNIXClientEndpoint():
            return f"unix:{endpoint._path}"
        case TCP4ClientEndpoint() | TCP6ClientEndpoint():
            return f"tcp:{endpoint._host}:{endpoint._port}"
        case HostnameEndpoint():
            return f"tcp:{endpoint._hostText}:{endpoint._port}"
    return repr(endpoint)

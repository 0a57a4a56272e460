"""
Dialing: how a backend is reached.

A child listens on a UNIX socket, where connect() never takes time: it succeeds,
or says EAGAIN (its backlog is full: busy, not failed), or that nobody listens.
Twisted's own UNIX endpoint takes EAGAIN for a connection, so this one connects by
itself.  Everything else is a client endpoint.
"""

from __future__ import annotations

import errno
import socket

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
from twisted.internet.interfaces import (
    IAddress,
    IReactorSocket,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.dialer import Dialer, DialFailed
from twisted_multiserver.streams.adopting import Adopter, StreamProtocol
from twisted_multiserver.streams.streams import Stream

# Its backlog is full, or this process has no descriptor or memory left, which is no
# fault of the backend's either.
_FULL = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class StreamFactory(ClientFactory):
    """
    Makes a stream of one connection.

    @ivar stream: the stream, once connected.
    """

    noisy = False
    stream: Stream

    def __init__(self, adopter: Adopter) -> None:
        """
        @param adopter: makes streams.
        """
        self._adopter = adopter

    def buildProtocol(self, addr: IAddress | None) -> StreamProtocol:
        """
        @param addr: the peer's.
        @return: what becomes the stream.
        """
        return StreamProtocol(self._adopter, self._made)

    def _made(self, stream: Stream, transport: object) -> None:
        self.stream = stream


class UNIXDialer:
    """
    Reaches a UNIX socket.
    """

    def __init__(self, reactor: IReactorSocket, path: str, adopter: Adopter) -> None:
        """
        @param reactor: takes over the connected socket if the adopter doesn't.
        @param path: the socket's path, or C{"\\0name"}.
        @param adopter: makes streams.
        """
        self._reactor = reactor
        self._path = path
        self._adopter = adopter

    def dial(self) -> Stream:
        """
        See L{Dialer.dial}.
        """
        kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        try:
            connection = socket.socket(socket.AF_UNIX, kind)
        except OSError as error:
            raise self._failed(error) from error
        try:
            connection.connect(self._path)
            stream = self._adopter.ofSocket(connection)
            if stream is not None:
                return stream
            factory = StreamFactory(self._adopter)
            with connection:
                self._reactor.adoptStreamConnection(
                    connection.fileno(),
                    socket.AF_UNIX,
                    factory,  # type: ignore[arg-type] # which needs no server's
                )
        except OSError as error:
            connection.close()
            raise self._failed(error) from error
        return factory.stream

    def _failed(self, error: OSError) -> DialFailed:
        isFull = error.errno in _FULL
        return DialFailed(Outcome.busy if isFull else Outcome.connectRefused, str(error))


class EndpointDialer:
    """
    Reaches whatever a client endpoint reaches.
    """

    def __init__(
        self,
        clock: IReactorTime,
        endpoint: IStreamClientEndpoint,
        connectBudget: float,
        adopter: Adopter,
    ) -> None:
        """
        @param clock: the reactor.
        @param endpoint: where the server listens.
        @param connectBudget: how long a connection may take, in seconds.
        @param adopter: makes streams.
        """
        self._clock = clock
        self._endpoint = endpoint
        self._connectBudget = connectBudget
        self._adopter = adopter

    def dial(self) -> Deferred[Stream]:
        """
        See L{Dialer.dial}.
        """
        factory = StreamFactory(self._adopter)
        connecting = self._endpoint.connect(factory)
        connecting.addTimeout(self._connectBudget, self._clock)
        return connecting.addCallbacks(lambda _: factory.stream, _explain)


_TIMEOUTS = (DeferredTimeout, ConnectTimeout, TCPTimedOutError, CancelledError)


def _explain(failure: Failure) -> Stream:
    error = failure.value
    assert error is not None
    if isinstance(error, _TIMEOUTS):
        raise DialFailed(Outcome.connectTimeout) from error
    if isinstance(error, ConnectError | OSError):
        raise DialFailed(Outcome.connectRefused, failure.getErrorMessage()) from error
    raise error


def dialerFor(
    reactor: IReactorSocket,
    endpoint: IStreamClientEndpoint,
    connectBudget: float,
    adopter: Adopter,
) -> Dialer:
    """
    Choose how an endpoint is reached.

    @param reactor: which also is the clock.
    @param endpoint: where a server listens.
    @param connectBudget: how long a connection may take, in seconds.
    @param adopter: makes streams.
    @return: our own way for a UNIX socket, else the endpoint's.
    """
    if isinstance(endpoint, UNIXClientEndpoint):
        return UNIXDialer(reactor, endpoint._path, adopter)
    return EndpointDialer(IReactorTime(reactor), endpoint, connectBudget, adopter)


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

"""
A Site with the gateway, and backends and clients that do what a test says, on real
sockets in the test's own reactor.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet import reactor as globalReactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, UNIXServerEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.server import Site

from twisted_multiserver.balancing.backend import Backend, BackendKind
from twisted_multiserver.balancing.roundrobin import RoundRobin
from twisted_multiserver.gateway.connections import GatewayBudgets
from twisted_multiserver.gateway.dial import UNIXDialer, addressOf, dialerFor
from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.resource import GatewayResource
from twisted_multiserver.streams.adopting import Adopter
from twisted_multiserver.streams.polling import makePoller
from twisted_multiserver.streams.sweep import INTERVAL

reactor: Any = globalReactor

T = TypeVar("T")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Talk(Protocol):
    """
    One end of a connection, on which the test talks.

    @ivar door: through which it came in, if it is a backend's.
    @ivar received: the bytes that were not taken yet.
    @ivar ended: fires with whether the end was orderly.
    """

    transport: Any

    def __init__(self) -> None:
        self.door: Door | None = None
        self.received = b""
        self.ended: Deferred[bool] = Deferred()
        self._awaited: tuple[Callable[[bytes], bool], Deferred[bytes]] | None = None

    def until(self, isEnough: Callable[[bytes], bool]) -> Deferred[bytes]:
        """
        Wait for bytes.

        @param isEnough: asked of all that was received and not taken yet.
        @return: fires with them, once, and they are taken.
        """
        arrived: Deferred[bytes] = Deferred()
        self._awaited = (isEnough, arrived)
        self._look()
        return arrived

    def head(self) -> Deferred[bytes]:
        """
        @return: fires when a whole head is there, with whatever follows it.
        """
        return self.until(lambda data: b"\r\n\r\n" in data)

    def connectionMade(self) -> None:
        if self.door is not None:
            self.door.entered.put(self)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._look()

    def connectionLost(self, reason: Failure | None = None) -> None:
        clean = reason is not None and reason.check(ConnectionDone) is not None
        self.ended.callback(clean)

    def _look(self) -> None:
        if self._awaited is not None and self._awaited[0](self.received):
            arrived, data = self._awaited[1], self.received
            self._awaited, self.received = None, b""
            arrived.callback(data)


class Door(Factory):
    """
    Lets in whoever connects.

    @ivar entered: the connections, in the order in which they came.
    """

    noisy = False

    def __init__(self, kind: Callable[[], Talk] = Talk) -> None:
        self._kind = kind
        self.entered: DeferredQueue[Any] = DeferredQueue()

    def buildProtocol(self, addr: object) -> Talk:
        talk = self._kind()
        talk.door = self
        return talk


async def eventually(isThere: Callable[[], T | None]) -> T:
    """
    Wait for what no event tells; the test's own timeout ends it.

    @param isThere: asked until its answer is true.
    @return: the first true answer.
    """
    while not (answer := isThere()):
        await deferLater(reactor, 0.01)
    return answer


class SocketCase(TestCase):
    """
    One gateway on sockets.
    """

    timeout = 60
    budgets = GatewayBudgets()

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.distribution = Distribution(reactor, RoundRobin(), self.budgets, Logger())
        self.adopter = Adopter(makePoller(reactor), self.distribution.sweep)
        self.addCleanup(self._removeAll)

    def _removeAll(self) -> Deferred[None]:
        for backend in self.distribution.pool.backends():
            self.distribution.pool.remove(backend)
        # The sweep's timer ends when there is nothing to look at.
        return deferLater(reactor, 2 * INTERVAL)

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def admit(self, name: str, slot: int | None = None) -> Backend:
        """
        Admit a child whose socket has this name.
        """
        backend = Backend(f"unix:{self.path(name)}", BackendKind.child, name, slot)
        self.distribution.add(backend, UNIXDialer(reactor, self.path(name), self.adopter))
        return backend

    def listenUNIX(self, name: str, slot: int | None = None, door: Door | None = None) -> Door:
        """
        Let a child listen.
        """
        door = door or Door()
        port = self.successResultOf(UNIXServerEndpoint(reactor, self.path(name)).listen(door))
        self.addCleanup(port.stopListening)
        self.admit(name, slot)
        return door

    def listenTCP(self) -> Door:
        """
        Let a remote server listen.
        """
        door = Door()
        listening = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(door)
        port = self.successResultOf(listening)
        self.addCleanup(port.stopListening)
        self.admitTCP(port.getHost().port)
        return door

    def admitTCP(self, number: int) -> Backend:
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", number)
        backend = Backend(addressOf(endpoint), BackendKind.remote)
        self.distribution.add(backend, dialerFor(reactor, endpoint, 5.0, self.adopter))
        return backend

    def rawListener(self, name: str, backlog: int) -> socket.socket:
        """
        @return: a listening UNIX socket from which nobody accepts.
        """
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.path(name))
        listener.listen(backlog)
        listener.setblocking(False)
        return listener

    def fill(self, name: str) -> None:
        """
        Fill a listener's backlog.
        """
        while True:
            connection = socket.socket(socket.AF_UNIX)
            self.addCleanup(connection.close)
            connection.setblocking(False)
            try:
                connection.connect(self.path(name))
            except BlockingIOError:
                return

    def site(self) -> Site:
        return Site(GatewayResource(self.distribution), reactor=reactor)

    def serve(self) -> Any:
        """
        @return: the listening port of a Site that forwards everything.
        """
        listening = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(self.site())
        port: Any = self.successResultOf(listening)
        self.addCleanup(port.stopListening)
        return port

    async def connect(self, port: Any, receiveBuffer: int | None = None) -> Talk:
        """
        @param port: that a client connects to.
        @param receiveBuffer: of the client's kernel, in bytes.
        @return: the client.
        """
        talk = Talk()

        class Once(ClientFactory):
            noisy = False

            def buildProtocol(self, addr: object) -> Talk:
                return talk

        client = socket.socket()
        if receiveBuffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receiveBuffer)
        client.connect(("127.0.0.1", port.getHost().port))
        client.setblocking(False)
        reactor.adoptStreamConnection(client.fileno(), socket.AF_INET, Once())
        client.close()
        self.addCleanup(self._leave, talk)
        return talk

    def _leave(self, talk: Talk) -> Deferred[bool] | None:
        if talk.ended.called:
            return None
        talk.transport.abortConnection()
        return talk.ended

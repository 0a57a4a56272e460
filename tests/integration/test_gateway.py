"""
The resource face on real sockets: a Site in front, scripted backends behind.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from typing import Any

from twisted.internet import reactor as globalReactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import TCP4ServerEndpoint, UNIXServerEndpoint, clientFromString
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request, Site

from twisted_multiserver.balancing.backend import Backend, BackendKind
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.roundrobin import RoundRobin
from twisted_multiserver.gateway.connections import GatewayBudgets
from twisted_multiserver.gateway.dial import EndpointDialer, UNIXDialer, dialerFor
from twisted_multiserver.gateway.dialer import DialFailed
from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.resource import GatewayResource
from twisted_multiserver.streams.adopting import Adopter
from twisted_multiserver.streams.polling import makePoller
from twisted_multiserver.streams.sweep import Sweep

reactor: Any = globalReactor

# Leaves each socket to the reactor.
ADOPTER = Adopter(None, Sweep(reactor))


class Script(Protocol):
    """
    A backend that answers each request head with the next line of its script.
    """

    factory: Backends

    def __init__(self) -> None:
        self.received = b""

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        if b"\r\n\r\n" in self.received:
            self.factory.requests.append(self.received)
            self.received = b""
            answer = self.factory.script.pop(0)
            assert self.transport is not None
            if answer is None:
                self.transport.loseConnection()
                return
            self.transport.write(answer)
            if self.factory.closes:
                self.transport.loseConnection()


class Backends(Factory):
    """
    Makes L{Script}s.

    @ivar requests: what was received, with the parts of bodies that came along.
    """

    noisy = False

    def __init__(self, *script: bytes | None, closes: bool = False) -> None:
        self.script = list(script)
        self.requests: list[bytes] = []
        self.closes = closes
        self.protocol = Script  # type: ignore[assignment]


class Client(Protocol):
    """
    Sends a request and reads to the end of the connection.
    """

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.received = b""
        self.done: Deferred[tuple[bytes, bool]] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self.request)

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure | None = None) -> None:
        clean = reason is not None and reason.check(ConnectionDone) is not None
        self.done.callback((self.received, clean))


class Fallback(Resource):
    """
    Answers in place of a backend.
    """

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        return b"fallback for " + b"/".join(request.postpath or [])


class ResourceTests(TestCase):
    """
    One Site, a few backends.
    """

    timeout = 30

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.distribution = Distribution(
            reactor, RoundRobin(), GatewayBudgets(connect=1, firstByte=0.5, queue=0.5), Logger()
        )
        self.addCleanup(self.closeAll)

    def closeAll(self) -> Deferred[None]:
        for backend in self.distribution.pool.backends():
            self.distribution.pool.remove(backend)
        quiet: Deferred[None] = Deferred()
        # The sweep's timer ends when there is nothing to look at.
        reactor.callLater(0.3, quiet.callback, None)
        return quiet

    def add(self, name: str, factory: Factory, kind: BackendKind = BackendKind.child) -> Backend:
        """
        Let a backend listen on a UNIX socket.
        """
        path = os.path.join(self.folder, name)
        port = self.successResultOf(UNIXServerEndpoint(reactor, path).listen(factory))
        self.addCleanup(port.stopListening)
        backend = Backend(f"unix:{path}", kind)
        adopter = Adopter(makePoller(reactor), self.distribution.sweep)
        self.distribution.add(backend, UNIXDialer(reactor, path, adopter))
        return backend

    def serve(self, fallback: IResource | None = None, path: bytes | None = None) -> int:
        """
        @return: the port of a Site that forwards.
        """
        resource: IResource = GatewayResource(self.distribution, fallback)
        if path is not None:
            root = Resource()
            root.putChild(path, resource)
            resource = root
        site = Site(resource, reactor=reactor)
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = self.successResultOf(endpoint.listen(site))
        self.addCleanup(port.stopListening)
        number: int = port.getHost().port
        return number

    def ask(self, port: int, request: bytes) -> Deferred[tuple[bytes, bool]]:
        """
        @return: what was received, and whether it ended cleanly.
        """
        client = Client(request)

        class Once(ClientFactory):
            noisy = False

            def buildProtocol(self, addr: object) -> Client:
                return client

        reactor.connectTCP("127.0.0.1", port, Once())
        return client.done

    @inlineCallbacks
    def test_fields(self) -> Any:
        """
        Hop-by-hop fields end here, the gateway's own words are added, the backend's
        Server counts.
        """
        backends = Backends(
            b"HTTP/1.1 200 OK\r\nServer: theirs\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
            b"Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nContent-Length: 2\r\n\r\nok"
        )
        self.add("a", backends)
        port = self.serve(path=b"app")
        received, clean = yield self.ask(
            port,
            b"GET /app/a%2Fb?q=%20 HTTP/1.1\r\nHost: example.com:81\r\n"
            b"Connection: close\r\nConnection: X-Mine\r\nX-Mine: 1\r\n"
            b"X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nAccept: */*\r\n\r\n",
        )
        (request,) = backends.requests
        self.assertTrue(
            request.startswith(b"GET /a%2Fb?q=%20 HTTP/1.1\r\nHost: example.com:81\r\n")
        )
        for line in (
            b"X-Forwarded-For: 127.0.0.1\r\n",
            b"X-Forwarded-Proto: http\r\n",
            b"X-Forwarded-Host: example.com:81\r\n",
            b"X-Forwarded-Prefix: /app\r\n",
            b"Via: 1.1 twisted_multiserver\r\n",
        ):
            self.assertIn(line, request)
        for gone in (b"6.6.6.6", b"X-Mine", b"Connection"):
            self.assertNotIn(gone, request)
        head, _, body = received.partition(b"\r\n\r\n")
        self.assertTrue(clean)
        self.assertEqual(body, b"ok")
        self.assertIn(b"Server: theirs", head)
        self.assertEqual(head.count(b"Set-Cookie: "), 2)
        self.assertIn(b"\r\nDate: ", head)
        self.assertIn(b"Via: 1.1 twisted_multiserver", head)
        for gone in (b"TwistedWeb", b"Keep-Alive", b"X-Hop", b"Content-Type"):
            self.assertNotIn(gone, head)

    @inlineCallbacks
    def test_shapesOfResponses(self) -> Any:
        """
        Chunked, ended by the connection, none for HEAD, none for 204 and 304.
        """
        cases = [
            (
                b"GET",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                b"2\r\nok\r\n0\r\n\r\n",
            ),
            (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b""),
            (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n", b""),
            (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
            (b"GET", b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK, b"ok"),
        ]
        backends = Backends(*[answer for _, answer, _ in cases])
        self.add("a", backends)
        port = self.serve()
        for method, _, expected in cases:
            received, clean = yield self.ask(
                port, method + b" / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
            self.assertEqual((received.partition(b"\r\n\r\n")[2], clean), (expected, True))

    @inlineCallbacks
    def test_endedByClose(self) -> Any:
        """
        A body that ends with its connection is whole.
        """
        self.add("a", Backends(b"HTTP/1.0 200 OK\r\n\r\nall of it", closes=True))
        received, clean = yield self.ask(self.serve(), b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual((received.partition(b"\r\n\r\n")[2], clean), (b"all of it", True))

    @inlineCallbacks
    def test_cut(self) -> Any:
        """
        A body that ends early: the client's connection is reset.
        """
        self.add(
            "a", Backends(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\npart", closes=True)
        )
        _, clean = yield self.ask(self.serve(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertFalse(clean)

    @inlineCallbacks
    def test_body(self) -> Any:
        """
        A request body arrives whole, however large.
        """
        size = 300000
        received: list[bytes] = []

        class Taker(Protocol):
            def dataReceived(self, data: bytes) -> None:
                received.append(data)
                if len(b"".join(received).partition(b"\r\n\r\n")[2]) == size:
                    assert self.transport is not None
                    self.transport.write(OK)

        self.add("a", Factory.forProtocol(Taker))
        answer, _ = yield self.ask(
            self.serve(),
            b"PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size
            + b"x" * size,
        )
        self.assertTrue(answer.endswith(b"ok"))
        self.assertIn(b"Content-Length: %d\r\n" % size, b"".join(received))

    @inlineCallbacks
    def test_refusals(self) -> Any:
        """
        What never reaches a backend.
        """
        port = self.serve()
        for request, status in (
            (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", b"400"),
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", b"400"),
            (b"GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n", b"400"),
            (b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\nConnection: close\r\n\r\n", b"501"),
        ):
            received, _ = yield self.ask(port, request)
            self.assertEqual(received.split(b" ")[1], status)

    @inlineCallbacks
    def test_noBackend(self) -> Any:
        """
        503 with Retry-After, or the fallback.
        """
        request = b"GET /a/b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        received, _ = yield self.ask(self.serve(), request)
        self.assertIn(b"HTTP/1.1 503 ", received)
        self.assertIn(b"\r\nRetry-After: 1\r\n", received)
        received, _ = yield self.ask(self.serve(Fallback()), request)
        self.assertTrue(received.endswith(b"fallback for a/b"))

    @inlineCallbacks
    def test_slowBackend(self) -> Any:
        """
        504.
        """
        self.add("a", Backends(b""))
        received, _ = yield self.ask(
            self.serve(), b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        self.assertIn(b"HTTP/1.1 504 ", received)

    @inlineCallbacks
    def test_clientLeaves(self) -> Any:
        """
        The upstream connection is ended.
        """
        left: Deferred[None] = Deferred()
        asked: Deferred[None] = Deferred()

        class Waiting(Protocol):
            def dataReceived(self, data: bytes) -> None:
                asked.callback(None)

            def connectionLost(self, reason: Failure | None = None) -> None:
                left.callback(None)

        backend = self.add("a", Factory.forProtocol(Waiting))
        port = self.serve()
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            yield asked
        yield left
        self.assertEqual(backend.statistics.outcomes[Outcome.clientGone], 1)
        self.assertEqual(backend.inFlight, 0)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class DialTests(TestCase):
    """
    Reaching backends.
    """

    timeout = 30

    def test_fullBacklog(self) -> None:
        """
        EAGAIN is busy; a socket that is gone, or nobody's, is refused.
        """
        folder = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "s")
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as queued:
            listener.bind(path)
            listener.listen(0)
            queued.connect(path)
            error = self.assertRaises(DialFailed, UNIXDialer(reactor, path, ADOPTER).dial)
            self.assertIs(error.outcome, Outcome.busy)
        error = self.assertRaises(DialFailed, UNIXDialer(reactor, path, ADOPTER).dial)
        self.assertIs(error.outcome, Outcome.connectRefused)
        os.unlink(path)
        error = self.assertRaises(DialFailed, UNIXDialer(reactor, path, ADOPTER).dial)
        self.assertIs(error.outcome, Outcome.connectRefused)

    def test_kinds(self) -> None:
        """
        A UNIX endpoint is reached our way.
        """
        unix = clientFromString(reactor, "unix:/tmp/x")
        self.assertIsInstance(dialerFor(reactor, unix, 1, ADOPTER), UNIXDialer)
        tcp = clientFromString(reactor, "tcp:127.0.0.1:1")
        self.assertIsInstance(dialerFor(reactor, tcp, 1, ADOPTER), EndpointDialer)

    @inlineCallbacks
    def test_refusedByTCP(self) -> Any:
        """
        Nobody listens there.
        """
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
            endpoint = clientFromString(reactor, f"tcp:127.0.0.1:{port}")
            failure = yield self.assertFailure(
                EndpointDialer(reactor, endpoint, 5, ADOPTER).dial(), DialFailed
            )
        self.assertIs(failure.outcome, Outcome.connectRefused)

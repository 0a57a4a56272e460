"""
Streams, dialers and clients that do what a test says.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger

from twisted_multiserver.balancing.backend import Backend, BackendKind
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.gateway.body import Body, StreamedBody
from twisted_multiserver.gateway.connections import GatewayBudgets
from twisted_multiserver.gateway.dialer import DialFailed
from twisted_multiserver.gateway.distribution import Buffering, Distribution
from twisted_multiserver.gateway.exchange import Exchange
from twisted_multiserver.gateway.plan import Answer
from twisted_multiserver.gateway.upstream import UpstreamConnection
from twisted_multiserver.http1.forwarding import ClientView, upstreamHead
from twisted_multiserver.http1.heads import HTTP_1_1, Fields, RequestHead
from twisted_multiserver.http1.requests import NO_BODY, checkRequest
from twisted_multiserver.http1.responses import CheckedResponse
from twisted_multiserver.streams.streams import StreamUser

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class FakeStream:
    """
    One end of a connection.

    @ivar sent: what was written.
    @ivar state: open, closed or aborted.
    @ivar paused: whether it is not read.
    @ivar quiet: what C{isQuiet} says.
    """

    def __init__(self) -> None:
        self.sent = b""
        self.state = "open"
        self.paused = False
        self.quiet = True
        self.buffered = False
        self.pending = 0
        self.refused = False
        self.user: StreamUser | None = None

    def belongTo(self, user: StreamUser) -> None:
        self.user = user

    def write(self, data: bytes) -> None:
        if not self.refused:
            self.sent += data

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def close(self) -> None:
        if self.state == "open":
            self.state = "closed"

    def leave(self) -> None:
        self.close()

    def abort(self) -> None:
        if self.state == "open":
            self.state = "aborted"

    def isQuiet(self) -> bool:
        return self.quiet

    def receives(self, data: bytes) -> None:
        """
        The backend sends.
        """
        assert self.user is not None
        self.user.dataReceived(data)

    def ends(self, clean: bool) -> None:
        """
        The backend ends the connection.
        """
        assert self.user is not None
        self.state = "lost"
        self.user.connectionLost(clean)


class FakeDialer:
    """
    Gives fake streams.

    @ivar streams: all that were given.
    @ivar refusal: why there is none, if so.
    @ivar slow: given out instead, if there is one.
    """

    def __init__(self) -> None:
        self.streams: list[FakeStream] = []
        self.refusal: Outcome | None = None
        self.slow: Deferred[FakeStream] | None = None

    def dial(self) -> FakeStream | Deferred[FakeStream]:
        if self.refusal is not None:
            raise DialFailed(self.refusal)
        if self.slow is not None:
            return self.slow
        stream = FakeStream()
        self.streams.append(stream)
        return stream


def someBody(data: bytes) -> StreamedBody:
    """
    @return: a body that the client has sent all of.
    """
    body = StreamedBody(len(data), Client())
    body.add(data)
    body.end(())
    return body


class Client:
    """
    The client's side.

    @ivar heard: what it was told, in order; a whole response as its parts.
    @ivar heads: the heads among it.
    @ivar lines: of the fields, of the latest head.
    @ivar isBodyPaused: whether it is told to send no more.
    """

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.heads: list[CheckedResponse] = []
        self.lines = b""
        self.isBodyPaused = False

    def responseInformational(self, head: CheckedResponse) -> None:
        self.heard.append(head.status)

    def responseWhole(self, head: CheckedResponse, lines: bytes, body: bytes) -> None:
        self.responseHead(head, lines)
        if body:
            self.responseBody(body)
        self.responseEnd(())

    def responseHead(self, head: CheckedResponse, lines: bytes) -> None:
        self.heads.append(head)
        self.lines = lines
        self.heard.append(head.status)

    def responseBody(self, data: bytes) -> None:
        self.heard.append(data)

    def responseEnd(self, trailers: Fields) -> None:
        self.heard.append("end")

    def responseSwitched(
        self, head: CheckedResponse, lines: bytes, upstream: UpstreamConnection, rest: bytes
    ) -> None:
        self.heard.append(("switched", upstream.takeStream(), rest))

    def cut(self, reason: str) -> None:
        self.heard.append("cut")

    def answer(self, answer: Answer) -> None:
        self.heard.append(("answer", answer.status))

    def pauseBody(self) -> None:
        self.isBodyPaused = True

    def resumeBody(self) -> None:
        self.isBodyPaused = False


class First:
    """
    A policy that takes the first, and writes down what it is told.

    @ivar told: events in order.
    @ivar choices: given back instead, one for each call, as long as there are any.
    """

    needs: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.choices: list[object] = []
        self.asked: list[tuple[Backend, ...]] = []

    def choose(self, request: RequestInfo, backends: tuple[Backend, ...]) -> object:
        self.asked.append(backends)
        if not self.choices:
            return backends[0]
        choice = self.choices.pop(0)
        if isinstance(choice, Exception):
            raise choice
        return choice

    def backendAdmitted(self, backend: Backend) -> None:
        self.told.append(("admitted", backend.name))

    def backendRemoved(self, backend: Backend) -> None:
        self.told.append(("removed", backend.name))

    def exchangeFinished(self, backend: Backend, request: RequestInfo, outcome: Outcome) -> None:
        self.told.append((outcome.name, backend.name))


class Stage:
    """
    A distribution on doubles.
    """

    def __init__(self, buffering: Buffering = Buffering.auto, **budgets: Any) -> None:
        self.clock = Clock()
        self.policy = First()
        self.distribution = Distribution(
            self.clock, self.policy, GatewayBudgets(**budgets), Logger(), buffering
        )
        self.dialers: dict[str, FakeDialer] = {}

    def add(
        self, address: str, kind: BackendKind = BackendKind.child, slot: int | None = None
    ) -> Backend:
        """
        Admit a backend.
        """
        scheme = "tcp" if kind is BackendKind.remote else "unix"
        backend = Backend(f"{scheme}:{address}", kind, address, slot)
        self.dialers[address] = FakeDialer()
        self.distribution.add(backend, self.dialers[address])
        return backend

    def stream(self, address: str) -> FakeStream:
        """
        @return: the latest connection to a backend.
        """
        return self.dialers[address].streams[-1]

    def begin(self, method: bytes = b"GET", body: Body | None = None) -> tuple[Exchange, Client]:
        """
        Begin an exchange.
        """
        client = Client()
        head = RequestHead(method, b"/", HTTP_1_1, ((b"Host", b"x"),))
        request = checkRequest(head)
        request.length = NO_BODY if body is None else body.length
        info = RequestInfo("192.0.2.1", False, head)
        sent = upstreamHead(request, ClientView("192.0.2.1", False, b"x"))
        exchange = Exchange(self.distribution, request, sent, body, info, client)
        exchange.start()
        return exchange, client

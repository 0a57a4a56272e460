"""
One client: keeps its connection, has one request open at a time, and retries nothing.

It reads with h11, which knows nothing of this project's reading of HTTP, and which is strict: a
response is I{whole} only if its framing says so, I{cut} if the connection ended before that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import h11
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

# How long a client waits for an answer, in seconds.
PATIENCE = 60.0

_HOST = ("Host", "chaos.test")
# In one piece, so that a response isn't told to be larger than what is read at once.
_HEAD_LIMIT = 65536


@dataclass(frozen=True, slots=True)
class Asked:
    """
    A request.

    @ivar method: such as C{"GET"}.
    @ivar path: of its target.
    @ivar identity: of it alone.
    @ivar body: of it.
    @ivar fields: further ones of its head.
    @ivar slowness: how long the body takes to be sent, in seconds.
    """

    method: str
    path: str
    identity: str
    body: bytes = b""
    fields: tuple[tuple[str, str], ...] = ()
    slowness: float = 0.0

    def head(self) -> h11.Request:
        """
        @return: its head.
        """
        fields = [_HOST, ("X-Id", self.identity), *self.fields]
        if self.body or self.method == "POST":
            fields.append(("Content-Length", str(len(self.body))))
        return h11.Request(method=self.method, target=self.path, headers=fields)


@dataclass(slots=True)
class Got:
    """
    What came of it.

    @ivar end: C{"whole"}, C{"cut"}, C{"malformed"}, C{"refused"} or C{"late"}; L{None} as long
        as none of these is decided.
    @ivar status: of the response; 0 before there is one.
    @ivar body: so far.
    @ivar fields: of the response's head.
    @ivar began: when the last of the request was sent, or the connection asked for.
    @ivar ended: when its end was decided.
    """

    began: float
    end: str | None = None
    status: int = 0
    body: bytearray = field(default_factory=bytearray)
    fields: dict[bytes, bytes] = field(default_factory=dict)
    ended: float = 0.0


class Connection(Protocol):
    """
    A connection of a client.

    @ivar isOpen: whether another request can be sent.
    """

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_LIMIT)
        self._got: Got | None = None
        self._over: Deferred[None] | None = None
        self.isOpen = False

    def connectionMade(self) -> None:
        """
        It is there.
        """
        self.isOpen = True

    async def dribble(self, reactor: Any, asked: Asked, got: Got) -> None:
        """
        Send a request byte by byte.

        @param reactor: the reactor.
        @param asked: is sent.
        @param got: gets what comes.
        """
        over = self._begin(got)
        self._send(asked.head())
        for number in range(len(asked.body)):
            await deferLater(reactor, asked.slowness / len(asked.body))
            self._send(h11.Data(data=asked.body[number : number + 1]))
        got.began = time.monotonic()
        self._send(h11.EndOfMessage())
        await over

    def ask(self, asked: Asked, got: Got) -> Deferred[None]:
        """
        @param asked: is sent at once.
        @param got: gets what comes.
        @return: fires when that has an end.
        """
        over = self._begin(got)
        data = self._http.send(asked.head()) or b""
        if asked.body:
            data += self._http.send(h11.Data(data=asked.body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        assert self.transport is not None
        self.transport.write(data)
        return over

    def _begin(self, got: Got) -> Deferred[None]:
        self._got = got
        self._over = Deferred(lambda _: self._forget())
        return self._over

    def _forget(self) -> None:
        self._got = self._over = None
        self.drop()

    def _send(self, event: Any) -> None:
        if self.isOpen:
            assert self.transport is not None
            self.transport.write(self._http.send(event) or b"")

    def dataReceived(self, data: bytes) -> None:
        """
        @param data: of a response.
        """
        self._http.receive_data(data)
        self._read()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        @param reason: an orderly end may be the end of a response, a reset can't.
        """
        self.isOpen = False
        if self._got is None:
            return
        if reason.check(type(connectionDone.value)):
            self._http.receive_data(b"")
            self._read()
        self._end("cut")

    def drop(self) -> None:
        """
        Leave.
        """
        self.isOpen = False
        transport: Any = self.transport
        transport.abortConnection()

    def _read(self) -> None:
        try:
            while True:
                event = self._http.next_event()
                if event in (h11.NEED_DATA, h11.PAUSED):
                    return
                self._take(event)
        except h11.RemoteProtocolError:
            # h11 says the same of an end that comes too early.
            self._end("cut" if not self.isOpen else "malformed")
            if self.isOpen:
                self.drop()

    def _take(self, event: Any) -> None:
        got = self._got
        if isinstance(event, h11.ConnectionClosed) or got is None:
            # Closed between requests, or bytes that nobody has asked for.
            raise h11.RemoteProtocolError("not asked for")
        if isinstance(event, h11.Response):
            got.status = event.status_code
            got.fields = dict(event.headers)
        elif isinstance(event, h11.Data):
            got.body += event.data
        elif isinstance(event, h11.EndOfMessage):
            if set(self._http.states.values()) == {h11.DONE}:
                self._http.start_next_cycle()
            else:
                # Closed behind this response, or answered before all was sent.
                self.drop()
            self._end("whole")

    def _end(self, end: str) -> None:
        got, self._got = self._got, None
        over, self._over = self._over, None
        if got is None:
            return
        got.end, got.ended = end, time.monotonic()
        assert over is not None
        over.callback(None)


class Client:
    """
    One client.

    @ivar cookie: that it was given last, if any.
    """

    def __init__(self, reactor: Any, endpoint: IStreamClientEndpoint) -> None:
        """
        @param reactor: the reactor.
        @param endpoint: of the server.
        """
        self._reactor = reactor
        self._endpoint = endpoint
        self._factory = Factory.forProtocol(Connection)
        self._connection: Connection | None = None
        self.cookie = ""

    async def ask(self, asked: Asked) -> Got:
        """
        @param asked: is sent, on the connection of the last one if that is open.
        @return: what came of it.
        """
        got = Got(time.monotonic())
        asking: Deferred[None] = Deferred.fromCoroutine(self._ask(asked, got))
        try:
            await asking.addTimeout(PATIENCE, self._reactor)
        except TimeoutError:
            got.end = "late"
        except ConnectError:
            got.end = "refused"
        got.ended = got.ended or time.monotonic()
        cookie = got.fields.get(b"set-cookie", b"").partition(b";")[0].decode()
        self.cookie = cookie or self.cookie
        return got

    async def _ask(self, asked: Asked, got: Got) -> None:
        if self._connection is None or not self._connection.isOpen:
            connection = await self._endpoint.connect(self._factory)
            assert isinstance(connection, Connection)
            self._connection = connection
        if asked.slowness:
            await self._connection.dribble(self._reactor, asked, got)
        else:
            await self._connection.ask(asked, got)

    def leave(self) -> None:
        """
        Close the connection.
        """
        if self._connection is not None and self._connection.isOpen:
            self._connection.drop()

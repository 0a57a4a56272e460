"""
Runs ASGI applications with sessions: the test is their server and their browser.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, MutableMapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.sessions.faces import Memory, cookieOf
from twisted_multiserver.sessions.asgi import SCOPE_NAME, ASGISessions
from twisted_multiserver.sessions.data import SessionData
from twisted_multiserver.sessions.policy import SessionPolicy
from twisted_multiserver.sessions.requestsession import Sessions

Scope = Any
Message = MutableMapping[str, Any]


class Exchange:
    """
    The server's side of one request.

    @ivar sent: what has left.
    """

    def __init__(self, case: ASGICase, scope: Scope, *received: Message) -> None:
        self._case = case
        self.scope = scope
        self.sent: list[Message] = []
        self._received: asyncio.Queue[Message] = asyncio.Queue()
        for message in received:
            self._received.put_nowait(message)

    async def receive(self) -> Message:
        return await self._received.get()

    @property
    def unread(self) -> int:
        """
        How many messages the application hasn't received.
        """
        return self._received.qsize()

    def leave(self) -> None:
        """
        The client leaves.
        """
        self._received.put_nowait({"type": "http.disconnect"})

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        self._case.order.append(message["type"])

    @property
    def head(self) -> Message:
        return self.sent[0]

    @property
    def status(self) -> int:
        status: int = self.head["status"]
        return status

    @property
    def fields(self) -> dict[bytes, bytes]:
        return dict(self.head["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


class ASGICase(SynchronousTestCase):
    """
    Tests of applications that are served with sessions.

    @ivar order: what happened at the store and to the client, in this order.
    """

    def setUp(self) -> None:
        self.order: list[str] = []
        self.store = Memory()
        self.store.whenCalled = self.order.append
        self.sessions = Sessions(self.store)
        self.cookie: bytes | None = None

    def usePolicy(self, **rules: Any) -> None:
        self.sessions = Sessions(self.store, SessionPolicy(**rules))

    def scope(self, kind: str = "http", **more: Any) -> Scope:
        headers = [(b"host", b"www.example.com")]
        if self.cookie:
            headers.append((b"cookie", self.cookie))
        return {
            "type": kind,
            "scheme": "https",
            "method": "GET",
            "path": "/",
            "raw_path": b"/",
            "root_path": "",
            "headers": headers,
        } | more

    def run_(self, scenario: Coroutine[Any, Any, None]) -> None:
        asyncio.run(asyncio.wait_for(scenario, 30))

    async def serve(self, application: Any, exchange: Exchange) -> None:
        """
        Serve a request, and note its cookie as a browser does.
        """
        await ASGISessions(application, self.sessions)(
            exchange.scope, exchange.receive, exchange.send
        )
        for message in exchange.sent:
            cookie = cookieOf(message.get("headers", ()))
            if cookie is not None:
                self.cookie = cookie

    async def ask(self, application: Any, **more: Any) -> Exchange:
        """
        Serve a request to its end.
        """
        exchange = Exchange(
            self, self.scope(**more), {"type": "http.request", "body": b"", "more_body": False}
        )
        await self.serve(application, exchange)
        return exchange

    async def begin(self, **fields: Any) -> None:
        """
        Let the browser have a session with these fields.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            scope[SCOPE_NAME].update(fields)
            await answer(send)

        await self.ask(app)
        self.order.clear()
        self.store.calls.clear()

    async def read(self) -> dict[str, Any]:
        """
        Tell what the session holds for the next request.
        """
        found: dict[str, Any] = {}

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            found.update(scope[SCOPE_NAME])
            await answer(send)

        await self.ask(app)
        return found


async def answer(send: Any, status: int = 200, *pieces: bytes, headers: Any = ()) -> None:
    """
    Send a response.
    """
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def sessionOf(scope: Scope) -> SessionData:
    """
    Find a request's session.
    """
    data = scope[SCOPE_NAME]
    assert isinstance(data, SessionData)
    return data


async def turns() -> None:
    """
    Let everything go on that can.
    """
    for _ in range(10):
        await asyncio.sleep(0)

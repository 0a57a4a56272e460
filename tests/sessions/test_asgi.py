"""
ASGI applications and their sessions.
"""

from __future__ import annotations

from typing import Any

from tests.sessions.asgicase import ASGICase, Exchange, Scope, answer, sessionOf
from twisted_multiserver.sessions.asgi import ASGISessions, wrapASGI
from twisted_multiserver.sessions.current import CURRENT
from twisted_multiserver.sessions.errors import (
    SessionCorrupt,
    StoreUnavailable,
    TooLateForCookies,
)


class LoadTests(ASGICase):
    """
    What an application is called with.
    """

    def test_untouched(self) -> None:
        """
        A request without a session asks no store, and its messages pass as they are.
        """
        head = {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            await send(head)
            await send({"type": "http.response.body", "body": b"hello"})

        async def scenario() -> None:
            exchange = await self.ask(app)
            self.assertIs(exchange.head, head)
            self.assertEqual(exchange.body, b"hello")
            self.assertEqual(self.store.calls, [])

        self.run_(scenario())

    def test_session(self) -> None:
        """
        What one request puts into its session is there in the next one, which loads it once
        and writes nothing; the cookie is for TLS only.
        """

        async def scenario() -> None:
            await self.begin(user="ann")
            self.assertEqual((self.cookie or b"").partition(b"=")[0], b"__Host-sid")
            self.assertEqual(await self.read(), {"user": "ann"})
            self.assertEqual(self.store.calls, ["load"])

        self.run_(scenario())

    def test_plain(self) -> None:
        """
        Without TLS the cookie has another name.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope)["a"] = 1
            await answer(send)

        async def scenario() -> None:
            await self.ask(app, scheme="http")
            self.assertEqual((self.cookie or b"").partition(b"=")[0], b"sid")

        self.run_(scenario())

    def test_starletteName(self) -> None:
        """
        It is C{scope["session"]} too, unless there is one; the server's scope isn't changed.
        """
        seen: list[Scope] = []

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            seen.append(scope)
            await answer(send)

        async def scenario() -> None:
            exchange = await self.ask(app)
            self.assertIs(seen[0]["session"], sessionOf(seen[0]))
            self.assertNotIn("session", exchange.scope)
            await self.ask(app, session={"other": 1})
            self.assertEqual(seen[1]["session"], {"other": 1})

        self.run_(scenario())

    def test_loadFails(self) -> None:
        """
        A store that doesn't answer is a 503, and the application isn't called.
        """
        called: list[Scope] = []

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            called.append(scope)

        async def scenario() -> None:
            await self.begin(user="ann")
            self.store.error = StoreUnavailable("down")
            exchange = await self.ask(app)
            self.assertEqual((exchange.status, exchange.fields[b"retry-after"]), (503, b"1"))
            self.store.error = SessionCorrupt("rubbish")
            self.assertEqual((await self.ask(app)).status, 500)
            self.assertEqual(called, [])

        self.run_(scenario())

    def test_degraded(self) -> None:
        """
        Or the application is called with an empty session, if the policy says so.
        """
        seen: list[bool] = []

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            seen.append(sessionOf(scope).isDegraded)
            await answer(send)

        async def scenario() -> None:
            self.usePolicy(whenUnavailable="degrade")
            await self.begin(user="ann")
            self.store.error = StoreUnavailable("down")
            self.assertEqual((await self.ask(app)).status, 200)
            self.assertEqual(seen, [True])

        self.run_(scenario())

    def test_optedOut(self) -> None:
        """
        At and below some paths there is no session, wherever the application's root is; and
        that of another request, in whose context this one may begin, isn't there either.
        """
        seen: list[Scope] = []

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            self.assertIs(CURRENT.get(), None)
            seen.append(scope)
            await answer(send)

        async def outer(scope: Scope, receive: Any, send: Any) -> None:
            await self.ask(app, path="/static/a", raw_path=b"/static/a")
            await self.ask(app, path="/app/static", raw_path=b"/app/static", root_path="/app")
            await answer(send)

        async def scenario() -> None:
            self.usePolicy(optOut=("/static",))
            await self.begin(user="ann")
            await self.ask(outer)
            self.assertEqual(self.store.calls, ["load"])
            for scope in seen:
                self.assertNotIn("session", scope)
                self.assertNotIn("multiserver.session", scope)

        self.run_(scenario())

    def test_current(self) -> None:
        """
        The session is current while its request is answered, and not longer.
        """
        seen: list[Any] = []

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            seen.append(CURRENT.get())
            self.assertIs(seen[-1].data, sessionOf(scope))
            await answer(send)

        async def scenario() -> None:
            await self.ask(app)
            self.assertIsNone(CURRENT.get(None))

        self.run_(scenario())
        self.assertEqual(len(seen), 1)

    def test_lifespan(self) -> None:
        """
        What is no request passes untouched.
        """
        seen: list[Any] = []

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            seen.extend((scope, receive, send))

        async def scenario() -> None:
            scope = {"type": "lifespan"}
            exchange = Exchange(self, scope)
            receive, send = exchange.receive, exchange.send
            await ASGISessions(app, self.sessions)(scope, receive, send)
            self.assertEqual(seen, [{"type": "lifespan"}, receive, send])

        self.run_(scenario())

    def test_without(self) -> None:
        """
        Where there are no sessions, the application is what is served.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None: ...

        self.assertIs(wrapASGI(app, None), app)
        self.assertIsInstance(wrapASGI(app, self.sessions), ASGISessions)


class WebSocketTests(ASGICase):
    """
    WebSockets have a session, and store it when they say so.
    """

    async def connect(self, application: Any, **more: Any) -> Exchange:
        exchange = Exchange(self, self.scope("websocket", **more), {"type": "websocket.connect"})
        await self.serve(application, exchange)
        return exchange

    def test_commit(self) -> None:
        """
        What isn't committed isn't stored, and nothing is added to the handshake.
        """
        accept = {"type": "websocket.accept", "headers": []}

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            session = sessionOf(scope)
            self.assertEqual(session["user"], "ann")
            await receive()
            await send(accept)
            session["seen"] = 1
            await session.commit()
            session["unsaid"] = 2

        async def scenario() -> None:
            await self.begin(user="ann")
            exchange = await self.connect(app, scheme="wss")
            self.assertIs(exchange.head, accept)
            self.assertEqual(self.order, ["load", "websocket.accept", "commit"])
            self.assertEqual(await self.read(), {"user": "ann", "seen": 1})

        self.run_(scenario())

    def test_beginning(self) -> None:
        """
        No session can begin there, nor rotate or end: no cookie could say so.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            session = sessionOf(scope)
            for change in (lambda: session.update(a=1), session.rotate, session.destroy):
                self.assertRaises(TooLateForCookies, change)

        self.run_(self.connect(app))  # type: ignore[arg-type]
        self.assertEqual(self.store.calls, [])

    def test_loadFails(self) -> None:
        """
        The handshake is refused, with a response where the server can send one.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            raise AssertionError("not to be called")

        async def scenario() -> None:
            await self.begin(user="ann")
            self.store.error = StoreUnavailable("down")
            closed = await self.connect(app, scheme="wss")
            self.assertEqual(closed.sent, [{"type": "websocket.close", "code": 1013}])
            self.assertEqual(closed.unread, 0)
            extensions: Scope = {"websocket.http.response": {}}
            refused = await self.connect(app, scheme="wss", extensions=extensions)
            self.assertEqual(refused.head["type"], "websocket.http.response.start")
            self.assertEqual(refused.status, 503)

        self.run_(scenario())

"""
When an ASGI application's session is stored, and what its client sees.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tests.sessions.asgicase import ASGICase, Exchange, Scope, answer, sessionOf, turns
from twisted_multiserver.sessions.errors import SessionTooLarge, StoreUnavailable


class HeadTests(ASGICase):
    """
    The head waits.
    """

    def test_order(self) -> None:
        """
        What was changed is stored before the head leaves, and one write does it.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope)["a"] = 1
            await answer(send)

        async def scenario() -> None:
            await self.ask(app)
            self.assertEqual(self.order, ["commit", "http.response.start", "http.response.body"])

        self.run_(scenario())

    def test_waits(self) -> None:
        """
        Nothing leaves until the store has answered.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope)["a"] = 1
            await answer(send, 200, b"hello")

        async def scenario() -> None:
            exchange = Exchange(self, self.scope())
            self.store.hold()
            serving = asyncio.ensure_future(self.serve(app, exchange))
            await turns()
            self.assertEqual((self.store.calls, exchange.sent), (["commit"], []))
            self.store.release()
            await serving
            self.assertEqual((exchange.status, exchange.body), (200, b"hello"))

        self.run_(scenario())

    def test_fields(self) -> None:
        """
        The session's fields join those of the application, of whatever type they are.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope)["a"] = 1
            headers = [[b"Vary", b"Accept"], [b"Cache-Control", b"public"], (b"x", b"y")]
            await answer(send, headers=headers)

        async def scenario() -> None:
            fields = (await self.ask(app)).fields
            fields.pop(b"set-cookie")
            self.assertEqual(
                fields, {b"vary": b"Accept, Cookie", b"cache-control": b"no-store", b"x": b"y"}
            )

        self.run_(scenario())

    def test_serverError(self) -> None:
        """
        A response of 500 or more drops what was changed, but not that a session ended.
        """

        async def change(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope)["user"] = "bob"
            await answer(send, 502)

        async def end(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope).destroy()
            await answer(send, 500)

        async def scenario() -> None:
            await self.begin(user="ann")
            await self.ask(change)
            self.assertEqual(await self.read(), {"user": "ann"})
            await self.ask(end)
            self.assertEqual((self.store.records, self.cookie), ({}, b""))

        self.run_(scenario())

    def test_conflict(self) -> None:
        """
        A guarded field that another request has changed is a 409 of ours, and what the
        application says after it leads nowhere.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            session = sessionOf(scope)
            session.guard("cart")
            session["cart"] = ["mine"]
            await self.begin(cart=["theirs"])
            await answer(send, 200, b"done")

        async def scenario() -> None:
            await self.begin(cart=[])
            exchange = await self.ask(app)
            self.assertEqual(exchange.status, 409)
            self.assertNotIn(b"done", exchange.body)
            self.assertEqual(await self.read(), {"cart": ["theirs"]})

        self.run_(scenario())

    def test_gone(self) -> None:
        """
        If the session was ended meanwhile, a safe request is answered without its change.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope)["a"] = 1
            self.store.records.clear()
            await answer(send)

        async def scenario() -> None:
            for method, status in (("GET", 200), ("POST", 409)):
                self.cookie = None
                await self.begin(user="ann")
                self.assertEqual((await self.ask(app, method=method)).status, status)
                self.assertEqual(self.store.records, {})

        self.run_(scenario())

    def test_unavailable(self) -> None:
        """
        A store that fails is a 503 that says when to come again.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope)["a"] = 1
            self.store.error = StoreUnavailable("down")
            await answer(send)

        async def scenario() -> None:
            exchange = await self.ask(app)
            self.assertEqual((exchange.status, exchange.fields[b"retry-after"]), (503, b"1"))
            self.assertNotIn(b"set-cookie", exchange.fields)

        self.run_(scenario())

    def test_unstorable(self) -> None:
        """
        A value that can't be stored, or is too large, is the application's own error; its 500
        goes out.
        """
        values = [object(), "x" * 300_000]

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope)["cart"].append(values.pop())
            try:
                await answer(send)
            except (TypeError, SessionTooLarge) as error:
                await answer(send, 500, str(error).encode())

        async def scenario() -> None:
            await self.begin(cart=[])
            while values:
                exchange = await self.ask(app)
                self.assertEqual(exchange.status, 500)
                self.assertIn(b"cart", exchange.body)
                self.assertEqual(await self.read(), {"cart": []})

        self.run_(scenario())


class BodyTests(ASGICase):
    """
    What is changed behind the head.
    """

    def test_late(self) -> None:
        """
        It is stored before the last message of the body, and no earlier one waits.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200})
            sessionOf(scope)["a"] = 1
            await send({"type": "http.response.body", "body": b"1", "more_body": True})
            await send({"type": "http.response.body", "body": b"2"})

        async def scenario() -> None:
            await self.begin(user="ann")
            await self.ask(app)
            self.assertEqual(
                self.order,
                [
                    "load",
                    "http.response.start",
                    "http.response.body",
                    "commit",
                    "http.response.body",
                ],
            )

        self.run_(scenario())

    def test_declaredLength(self) -> None:
        """
        It is stored before the bytes that complete a body whose length is declared: to the
        client that is the end.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            head = [(b"Content-Length", b"3")]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            sessionOf(scope)["a"] = 1
            for piece in (b"1", b"23"):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                self.order.append(piece.decode())
            await send({"type": "http.response.body"})

        async def scenario() -> None:
            await self.begin(user="ann")
            await self.ask(app)
            self.assertEqual(
                [step for step in self.order if "." not in step], ["load", "1", "commit", "23"]
            )

        self.run_(scenario())

    def test_lateFails(self) -> None:
        """
        If it can't be stored, the application is told, and the body remains incomplete.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200})
            sessionOf(scope)["a"] = 1
            self.store.error = StoreUnavailable("down")
            await send({"type": "http.response.body", "body": b"done"})

        async def scenario() -> None:
            await self.begin(user="ann")
            exchange = Exchange(self, self.scope())
            with self.assertRaises(StoreUnavailable):
                await self.serve(app, exchange)
            self.assertEqual(len(exchange.sent), 1)

        self.run_(scenario())

    def test_background(self) -> None:
        """
        What a task changes that runs behind the response is stored too.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            await answer(send)
            sessionOf(scope)["a"] = 1

        async def scenario() -> None:
            await self.begin(user="ann")
            await self.ask(app)
            self.assertEqual(await self.read(), {"user": "ann", "a": 1})

        self.run_(scenario())

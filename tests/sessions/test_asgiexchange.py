"""
When an ASGI application's session is stored, and what its client sees.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tests.sessions.asgicase import ASGICase, Exchange, Scope, answer, sessionOf
from twisted_multiserver.sessions.errors import SessionTooLarge, StoreUnavailable


class Boom(Exception):
    """
    The application fails.
    """


async def turns() -> None:
    """
    Let everything go on that can.
    """
    for _ in range(10):
        await asyncio.sleep(0)


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


class EndTests(ASGICase):
    """
    Requests that don't end well.
    """

    def test_exception(self) -> None:
        """
        What an application changed before it failed is dropped, but not that a session ended;
        the server is told of the exception.
        """

        async def change(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope)["user"] = "bob"
            raise Boom

        async def end(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope).destroy()
            raise Boom

        async def scenario() -> None:
            await self.begin(user="ann")
            for app in (change, end):
                with self.assertRaises(Boom):
                    await self.ask(app)
                self.assertEqual(len(self.store.records), app is change)
                if app is change:
                    self.assertEqual(await self.read(), {"user": "ann"})

        self.run_(scenario())

    def test_exceptionBehindHead(self) -> None:
        """
        The same behind the head.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200})
            sessionOf(scope)["user"] = "bob"
            raise Boom

        async def scenario() -> None:
            await self.begin(user="ann")
            with self.assertRaises(Boom):
                await self.ask(app)
            self.assertEqual(await self.read(), {"user": "ann"})

        self.run_(scenario())

    def test_noResponse(self) -> None:
        """
        An application that doesn't answer has failed.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope)["user"] = "bob"

        async def scenario() -> None:
            await self.begin(user="ann")
            await self.ask(app)
            self.assertEqual(await self.read(), {"user": "ann"})

        self.run_(scenario())

    def test_clientGone(self) -> None:
        """
        What an application changes that hears of its client's end is stored, but no session
        begins.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            self.assertEqual((await receive())["type"], "http.disconnect")
            sessionOf(scope)["a"] = 1

        async def scenario() -> None:
            for there, count in (({"user": "ann"}, 1), (None, 0)):
                self.cookie = None
                self.store.records.clear()
                if there is not None:
                    await self.begin(**there)
                exchange = Exchange(self, self.scope())
                exchange.leave()
                await self.serve(app, exchange)
                self.assertEqual(len(self.store.records), count)
                if there is not None:
                    self.assertEqual(await self.read(), {"user": "ann", "a": 1})

        self.run_(scenario())

    def test_endsFirst(self) -> None:
        """
        The server hears of a failure when a session that was ended is gone, so that its 500
        says no more than is true.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope).destroy()
            raise Boom

        async def scenario() -> None:
            await self.begin(user="ann")
            serving = asyncio.ensure_future(self.ask(app))
            self.store.whenCalled = self._hold
            await turns()
            self.assertEqual((self.store.calls, serving.done()), (["load", "delete"], False))
            self.store.release()
            with self.assertRaises(Boom):
                await serving

        self.run_(scenario())

    def test_brokenPipe(self) -> None:
        """
        Some applications learn of it by an exception.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            await receive()
            sessionOf(scope)["a"] = 1
            raise BrokenPipeError

        async def scenario() -> None:
            await self.begin(user="ann")
            exchange = Exchange(self, self.scope())
            exchange.leave()
            with self.assertRaises(BrokenPipeError):
                await self.serve(app, exchange)
            self.assertEqual(await self.read(), {"user": "ann", "a": 1})

        self.run_(scenario())

    def test_cancelled(self) -> None:
        """
        A task that is cancelled while the store works stops waiting at once; what was begun
        there is done to its end, and once.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            await receive()
            sessionOf(scope).destroy()
            sessionOf(scope)["a"] = 1
            await answer(send)

        async def scenario() -> None:
            await self.begin(user="ann")
            exchange = Exchange(self, self.scope())
            exchange.leave()
            serving = asyncio.ensure_future(self.serve(app, exchange))
            self.store.whenCalled = self._hold
            await turns()
            self.assertEqual(self.store.calls, ["load", "delete"])
            serving.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await serving
            self.store.whenCalled = lambda name: None
            self.store.release()
            self.assertEqual(exchange.sent, [])
            self.assertEqual(self.store.calls, ["load", "delete", "commit"])
            self.assertEqual(len(self.store.records), 1)

        self.run_(scenario())

    def _hold(self, name: str) -> None:
        if name in ("commit", "delete"):
            self.store.hold()


class CommitTests(ASGICase):
    """
    C{session.commit()}.
    """

    def test_awaited(self) -> None:
        """
        It is awaited, and stored then.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope)["a"] = 1
            await sessionOf(scope).commit()
            self.order.append("committed")
            await answer(send)

        async def scenario() -> None:
            exchange = await self.ask(app)
            self.assertEqual(self.order[:3], ["commit", "committed", "http.response.start"])
            self.assertIn(b"set-cookie", exchange.fields)

        self.run_(scenario())

    def test_fails(self) -> None:
        """
        It fails with what the store says, and the response tries again.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope)["a"] = 1
            self.store.error = StoreUnavailable("down")
            with self.assertRaises(StoreUnavailable):
                await sessionOf(scope).commit()
            self.store.error = None
            await answer(send)

        async def scenario() -> None:
            self.assertEqual((await self.ask(app)).status, 200)
            self.assertEqual(await self.read(), {"a": 1})

        self.run_(scenario())

    def test_cancelled(self) -> None:
        """
        Who waits for it may be cancelled; the store isn't.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            sessionOf(scope)["a"] = 1
            self.store.hold()
            committing = asyncio.ensure_future(self._wait(sessionOf(scope).commit()))
            await turns()
            committing.cancel()
            await turns()
            self.assertTrue(committing.cancelled())
            self.store.release()
            await answer(send)

        async def scenario() -> None:
            await self.ask(app)
            self.assertEqual(self.store.calls, ["commit"])
            self.assertEqual(await self.read(), {"a": 1})

        self.run_(scenario())

    async def _wait(self, future: Any) -> None:
        await future

    def test_inThread(self) -> None:
        """
        In a thread, where frameworks run functions that block, it blocks.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            def view() -> None:
                sessionOf(scope)["a"] = 1
                self.assertIsNone(sessionOf(scope).commit())
                self.order.append("committed")

            await asyncio.to_thread(view)
            await answer(send)

        async def scenario() -> None:
            await self.ask(app)
            self.assertEqual(self.order[:3], ["commit", "committed", "http.response.start"])

        self.run_(scenario())

    def test_everywhere(self) -> None:
        """
        Logging out everywhere is awaited too.
        """

        async def app(scope: Scope, receive: Any, send: Any) -> None:
            session = sessionOf(scope)
            session.principal = "7"
            await session.commit()
            self.assertEqual(await session.destroyEverywhere(), 1)
            await answer(send)

        async def scenario() -> None:
            await self.ask(app)
            self.assertEqual(self.store.records, {})

        self.run_(scenario())

"""
ASGI applications whose requests don't end well, and C{session.commit()} in them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tests.sessions.asgicase import ASGICase, Exchange, Scope, answer, sessionOf, turns
from twisted_multiserver.sessions.errors import StoreUnavailable


class Boom(Exception):
    """
    The application fails.
    """


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

"""
Sites with sessions: whose requests have one, when it is loaded, and what users bring.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Protocol
from twisted.web.iweb import INonQueuedRequestFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface import provider

from tests.child.siteclient import Called
from tests.sessions.webcase import WebCase, changed, data
from tests.sessions.weblanes import CoreLane, HTTP2Lane, StockLane
from twisted_multiserver.child.web import QuietSite
from twisted_multiserver.sessions.errors import (
    NoSessionHere,
    SessionReadOnly,
    StoreConfigError,
    StoreUnavailable,
)
from twisted_multiserver.sessions.policy import SessionPolicy
from twisted_multiserver.sessions.requestsession import Sessions
from twisted_multiserver.sessions.site import (
    SessionRequestMixin,
    SynchronizedSite,
    sessionRequest,
    synchronize,
    withSessions,
)


class LoadTests:
    """
    Before any code of the application runs.
    """

    class Cases(WebCase):
        async def test_before(self) -> None:
            cookie = self.stored(a=1)
            lane = self.connect(lambda request: b"%r" % dict(data(request)))
            self.store.hold()
            self.ask(lane, b"/", cookie)
            await self.pause(lane)
            self.assertEqual((self.store.calls, lane.replies()), (["load"], []))
            self.store.release()
            reply = await self.whole(lane)
            self.assertEqual(reply.body, b"{'a': 1}")
            self.assertEqual(reply.field(b"vary"), [b"Cookie"])
            self.assertEqual(reply.field(b"set-cookie"), [])

        async def test_notAsked(self) -> None:
            """
            Without a cookie of ours the store isn't asked.
            """
            lane = self.connect(lambda request: b"%r" % dict(data(request)))
            for cookie in (b"", b"theirs=1", b"xsid=2; theirs=sid", b"sid=nonsense"):
                self.assertEqual((await self.get(lane, b"/", cookie)).body, b"{}")
            self.assertEqual(self.store.calls, [])

        async def test_unavailable(self) -> None:
            """
            503 while the store can't be asked; the application never hears of the request.
            """
            cookie = self.stored(a=1)
            lane, kept = self.keeping()
            for count, error in enumerate((StoreUnavailable("down"), StoreConfigError("wrong"))):
                self.store.error = error
                reply = await self.get(lane, b"/", cookie)
                self.assertEqual((reply.status, len(kept)), (503, 0))
                self.assertEqual(reply.field(b"retry-after"), [b"1"])
                self.assertTrue(reply.field(b"date"))
                self.assertEqual(len(lane.replies()), count + 1)
            # Those that need no session are served.
            self.ask(lane)
            (await self.arrival(lane, kept)).finish()
            self.assertEqual((await self.whole(lane, 2)).status, 200)

        async def test_corrupt(self) -> None:
            """
            A record that is no session of ours is left as it is.
            """
            cookie = self.stored(a=1)
            for record in self.store.memory.records.values():
                record.meta = b"?"
            reply = await self.get(self.connect(lambda request: b"hello"), b"/", cookie)
            self.assertEqual(reply.status, 500)
            self.assertEqual(len(self.store.memory.records), 1)

        async def test_degraded(self) -> None:
            cookie = self.stored(a=1)
            self.store.error = StoreUnavailable("down")

            def call(request: Request) -> bytes:
                self.assertTrue(data(request).isDegraded)
                self.assertRaises(SessionReadOnly, changed, request)
                return b"hello"

            lane = self.connect(call, SessionPolicy(whenUnavailable="degrade"))
            self.assertEqual((await self.get(lane, b"/", cookie)).body, b"hello")

        async def test_optedOut(self) -> None:
            """
            At and below some paths nobody has one.
            """
            cookie = self.stored(a=1)
            found: list[Any] = []

            def call(request: Request) -> bytes:
                try:
                    found.append(dict(data(request)))
                except NoSessionHere as error:
                    found.append(str(error))
                return b""

            lane = self.connect(call, SessionPolicy(optOut=("/static",)))
            for path in (b"/static", b"/static/a?b", b"/statics"):
                await self.get(lane, path, cookie)
            self.assertEqual(
                found,
                [
                    "/static is a path without sessions",
                    "/static/a is a path without sessions",
                    {"a": 1},
                ],
            )
            self.assertEqual(self.store.calls, ["load"])


class StockLoadTests(LoadTests.Cases):
    """
    HTTPChannel.
    """

    lane = StockLane


class CoreLoadTests(LoadTests.Cases):
    """
    The channel of children.
    """

    lane = CoreLane


class HTTP2LoadTests(LoadTests.Cases):
    """
    H2Stream.
    """

    lane = HTTP2Lane


class Own(Request):
    """
    A request class of somebody's own.
    """

    seen: list[str] = []

    def process(self) -> None:
        """
        The session is there already.
        """
        found: Any = self
        self.seen.append(repr(dict(data(found))))
        super().process()


class BroughtTests(WebCase):
    """
    Sites and request classes of users.
    """

    lane = StockLane

    async def serves(self, site: Site) -> None:
        """
        See that its requests have sessions, on two channels.
        """
        for lane in (StockLane(site), CoreLane(site)):
            cookie = (await self.get(lane)).cookie
            self.assertEqual(await self.read(cookie), {"x": 1})

    def brought(self, make: Any) -> Site:
        site = QuietSite(Called(lambda request: changed(request) and b""))
        site.timeOut = None
        site.requestFactory = make
        return synchronize(site, Sessions(self.store))

    async def test_class(self) -> None:
        site = self.brought(Own)
        Own.seen.clear()
        await self.serves(site)
        self.assertEqual(Own.seen, ["{}", "{}"])

    async def test_function(self) -> None:
        """
        One that makes requests of several classes, and knows nothing of queues.
        """
        kinds = [Own, Request]

        @provider(INonQueuedRequestFactory)
        def make(channel: Any, *args: Any, **keywords: Any) -> Request:
            kinds.append(kinds.pop(0))
            return kinds[-1](channel, *args, **keywords)

        site = self.brought(make)
        self.assertTrue(INonQueuedRequestFactory.providedBy(site.requestFactory))
        await self.serves(site)

    async def test_argument(self) -> None:
        site = self.site(lambda request: changed(request) and b"", requestFactory=Own)
        await self.serves(site)

    async def test_twice(self) -> None:
        """
        A Site that has sessions of its own keeps them.
        """
        site = self.site(lambda request: changed(request) and b"")
        synchronize(site, Sessions(None))  # type: ignore[arg-type]
        await self.serves(site)

    def test_classes(self) -> None:
        """
        A class stays what it was, and keeps its name.
        """
        sessions = Sessions(self.store)
        mixed = sessionRequest(Own, sessions)
        self.assertTrue(issubclass(mixed, (Own, SessionRequestMixin)))
        self.assertEqual(mixed.__name__, "Own")
        self.assertIs(sessionRequest(mixed, sessions), mixed)
        self.assertFalse(issubclass(Own, SessionRequestMixin))
        self.assertTrue(issubclass(withSessions(Own, sessions), Own))  # type: ignore[arg-type]

    async def test_cannotBegin(self) -> None:
        """
        A request class that raises ends its connection, as it would without sessions.
        """

        class Broken(Request):
            def process(self) -> None:
                raise ZeroDivisionError

        cookie = self.stored(a=1)
        lane = StockLane(self.brought(Broken))
        self.ask(lane, b"/", cookie)
        await self.pause(lane)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertFalse(lane.isOpen())

    async def test_unexpected(self) -> None:
        """
        A store that breaks its contract: 500, with a log of it.
        """
        cookie = self.stored(a=1)
        self.store.error = ZeroDivisionError()
        reply = await self.get(self.connect(lambda request: b""), b"/", cookie)
        self.assertEqual(reply.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_started(self) -> None:
        """
        A Site starts its store; one that isn't there yet is no reason not to serve.
        """
        for error in (None, StoreUnavailable("down"), StoreConfigError("wrong")):
            self.store.error = error
            site = self.site(lambda request: b"")
            site.startFactory()
            site.stopFactory()

    def test_store(self) -> None:
        """
        What can't be adapted to a store is refused.
        """
        self.assertRaises(TypeError, SynchronizedSite, Resource(), object())


class TakenOverTests(WebCase):
    """
    Applications that take their connection, as those of WebSockets do: nothing is held, and
    nothing stored but what they commit themselves.
    """

    lane = CoreLane

    async def test_takenOver(self) -> None:
        cookie = self.stored(a=1)

        def call(request: Any) -> int:
            data(request)["a"] += 1
            request.channel._protocolUpgradeForWebsockets(Protocol())
            request.channel.transport.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\nhello")
            data(request).commit()
            data(request)["b"] = 3
            return NOT_DONE_YET

        for count, lane in enumerate((StockLane(self.site(call)), CoreLane(self.site(call)))):
            self.store.calls.clear()
            self.ask(lane, b"/", cookie)
            await self.pause(lane)
            self.assertTrue(lane._sent().endswith(b"hello"))
            self.assertEqual(self.store.calls, ["load", "commit"])
            self.assertEqual(await self.read(cookie), {"a": 2 + count})

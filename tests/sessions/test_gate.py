"""
No byte of a response leaves before its session is stored, however the response is written,
on each kind of channel.
"""

from __future__ import annotations

import gzip
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.python.threadpool import ThreadPool
from twisted.web.error import UnsupportedMethod
from twisted.web.resource import EncodingResourceWrapper, Resource
from twisted.web.server import NOT_DONE_YET, GzipEncoderFactory, Request
from twisted.web.wsgi import WSGIResource

from tests.child.siteclient import Called
from tests.sessions.webcase import WebCase, changed, data
from tests.sessions.weblanes import CoreLane, HTTP2Lane, StockLane
from twisted_multiserver.sessions.errors import SessionConflict, StoreUnavailable
from twisted_multiserver.sessions.policy import SessionPolicy


class GateTests:
    """
    Held while the commit is on its way, then whole.
    """

    class Cases(WebCase):
        async def test_bytes(self) -> None:
            lane = self.connect(lambda request: changed(request) and b"hello")
            reply = await self.held(lane)
            self.assertEqual((reply.status, reply.body), (200, b"hello"))
            self.assertEqual(reply.field(b"content-length"), [b"5"])
            self.assertEqual(reply.field(b"vary"), [b"Cookie"])
            self.assertEqual(reply.field(b"cache-control"), [b"no-store"])
            self.assertEqual(await self.read(reply.cookie), {"x": 1})

        async def test_laterTurn(self) -> None:
            """
            Written piece by piece, with the end in yet another turn, during the hold and
            after it.
            """
            for isReleasedFirst in (False, True):
                lane, kept = self.keeping()
                self.store.calls.clear()
                self.store.hold()
                self.ask(lane)
                request = changed(await self.arrival(lane, kept))
                request.write(b"one")
                await self.pause(lane)
                request.write(b"two")
                self.assertEqual(lane.replies(), [])
                if isReleasedFirst:
                    self.store.release()
                    await self.until(lane, lane.replies)
                    request.write(b"three")
                    self.assertFalse(lane.replies()[0].isWhole)
                    request.finish()
                else:
                    request.write(b"three")
                    request.finish()
                    await self.pause(lane)
                    self.assertEqual(lane.replies(), [])
                    self.store.release()
                reply = await self.whole(lane)
                self.assertEqual(reply.body, b"onetwothree")

        async def test_notifyFinish(self) -> None:
            """
            The end is told when the response leaves; until then the request is as good as
            finished.
            """
            lane, kept = self.keeping()
            self.store.hold()
            self.ask(lane)
            request = await self.arrival(lane, kept)
            told: list[Any] = []
            request.notifyFinish().addBoth(told.append)
            changed(request).write(b"x")
            request.finish()
            self.assertTrue(request.finished)
            self.assertRaises(RuntimeError, request.write, b"y")
            request.finish()
            self.assertEqual(len(self.flushWarnings()), 1)
            await self.pause(lane)
            self.assertEqual(told, [])
            self.store.release()
            self.assertEqual((await self.whole(lane)).body, b"x")
            self.assertEqual(told, [None])

        async def test_headIsFrozen(self) -> None:
            """
            What is done to the head during the hold is as late as it would be without.
            """
            lane, kept = self.keeping()
            self.store.hold()
            self.ask(lane)
            request = changed(await self.arrival(lane, kept))
            request.setHeader(b"x-a", b"before")
            request.addCookie(b"theirs", b"1")
            request.write(b"x")
            request.setHeader(b"x-a", b"after")
            request.setResponseCode(500)
            request.finish()
            self.store.release()
            reply = await self.whole(lane)
            self.assertEqual(reply.status, 200)
            self.assertEqual(reply.field(b"x-a"), [b"before"])
            self.assertEqual(len(reply.field(b"set-cookie")), 2)

        async def test_writtenThenRaised(self) -> None:
            """
            An exception behind the first piece changes no head.
            """

            def call(request: Request) -> bytes:
                changed(request).write(b"begun ")
                raise ZeroDivisionError

            lane = self.connect(call)
            reply = await self.held(lane)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
            self.assertEqual(reply.status, 200)
            self.assertTrue(reply.body.startswith(b"begun "))

        async def test_raised(self) -> None:
            """
            A response of 500 drops what was changed.
            """

            def call(request: Request) -> bytes:
                changed(request)
                raise ZeroDivisionError

            reply = await self.get(self.connect(call))
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
            self.assertEqual((reply.status, reply.field(b"set-cookie")), (500, []))
            self.assertEqual(self.store.calls, [])

        async def test_withoutBody(self) -> None:
            for status in (204, 304):

                def call(request: Request, status: int = status) -> bytes:
                    changed(request).setResponseCode(status)
                    return b""

                self.store.calls.clear()
                reply = await self.held(self.connect(call))
                self.assertEqual((reply.status, reply.body), (status, b""))
                self.assertTrue(reply.cookie)

        async def test_nothing(self) -> None:
            """
            Finished without a write, with cookies of the application's own.
            """

            def call(request: Request) -> int:
                changed(request).addCookie(b"theirs", b"1")
                request.finish()
                return NOT_DONE_YET

            reply = await self.held(self.connect(call))
            self.assertEqual(reply.body, b"")
            self.assertEqual(len(reply.field(b"set-cookie")), 2)

        async def test_HEAD(self) -> None:
            """
            Also where a GET is faked.
            """
            lane = self.connect(lambda request: changed(request) and b"hello")
            reply = await self.held(lane, b"/", b"", b"HEAD")
            self.assertEqual(reply.field(b"content-length"), [b"5"])
            self.assertEqual(reply.body, b"")

            class OnlyGET(Resource):
                isLeaf = True

                def render(self, request: Request) -> bytes:
                    if request.method == b"HEAD":
                        raise UnsupportedMethod([b"GET"])
                    data(request).get("x")
                    request.write(b"swallowed")
                    changed(request)
                    return b"hello"

            self.store.calls.clear()
            lane = self.connect(OnlyGET())
            reply = await self.held(lane, b"/", b"", b"HEAD")
            self.assertEqual(reply.body, b"")

        async def test_pipelining(self) -> None:
            """
            Two at once: the first is held, the second is well.
            """
            lane = self.connect(
                lambda request: request.path if request.path == b"/b" else changed(request).path
            )
            self.store.hold()
            self.ask(lane, b"/a")
            self.ask(lane, b"/b")
            await self.pause(lane)
            if not lane.isHTTP2:
                self.assertEqual(lane.replies(), [])
            self.store.release()
            await self.until(lane, lambda: [r.isWhole for r in lane.replies()] == [True, True])
            self.assertEqual([reply.body for reply in lane.replies()], [b"/a", b"/b"])

        async def test_gzip(self) -> None:
            """
            An encoder writes around the request's own write; also without a piece.
            """
            accepts = (b"accept-encoding", b"gzip")
            for text in (b"hello " * 100, b""):

                def call(request: Request, text: bytes = text) -> int:
                    changed(request)
                    if text:
                        request.write(text)
                    request.finish()
                    return NOT_DONE_YET

                self.store.calls.clear()
                wrapped = EncodingResourceWrapper(Called(call), [GzipEncoderFactory()])
                site = self.site(lambda request: b"")
                site.resource = wrapped
                reply = await self.held(self.lane(site), b"/", b"", b"GET", accepts)
                self.assertEqual(gzip.decompress(reply.body), text)
                self.assertEqual(sorted(reply.field(b"vary")), [b"Cookie"])

        async def test_WSGI(self) -> None:
            """
            A WSGI application behind a resource that changes the session.
            """
            pool = ThreadPool(1, 1)
            pool.start()
            self.addCleanup(deferToThread, pool.stop)

            def application(environ: Any, startResponse: Any) -> Any:
                startResponse("200 OK", [("Set-Cookie", "theirs=1"), ("Content-Type", "a/b")])
                yield b"one"
                yield b"two"

            resource: Any = WSGIResource(reactor, pool, application)

            def called(request: Request) -> Any:
                changed(request)
                # It takes what is left of the path, and there is none.
                return resource.render(request)

            reply = await self.held(self.connect(called))
            self.assertEqual(reply.body, b"onetwo")
            self.assertEqual(len(reply.field(b"set-cookie")), 2)
            self.assertEqual(reply.field(b"content-type"), [b"a/b"])

        async def test_explicitCommit(self) -> None:
            """
            What was committed already holds nothing.
            """
            lane, kept = self.keeping()
            self.ask(lane)
            await self.arrival(lane, kept)
            await data(changed(kept[0])).commit()
            self.store.hold()
            kept[0].write(b"x")
            kept[0].finish()
            reply = await self.whole(lane)
            self.assertTrue(reply.cookie)

        async def test_degraded(self) -> None:
            """
            A session that could not be loaded looks empty, and nothing waits.
            """
            cookie = self.stored(a=1)
            self.store.error = StoreUnavailable("down")
            lane = self.connect(
                lambda request: b"%r" % dict(data(request)),
                policy=SessionPolicy(whenUnavailable="degrade"),
            )
            reply = await self.get(lane, b"/", cookie)
            self.assertEqual((reply.status, reply.body), (200, b"{}"))
            self.assertEqual(reply.field(b"set-cookie"), [])

        async def test_static(self) -> None:
            """
            What never looks at its session isn't touched.
            """
            cookie = self.stored(a=1)
            lane = self.connect(lambda request: b"hello")
            reply = await self.get(lane, b"/", cookie)
            self.assertEqual((reply.body, reply.field(b"vary")), (b"hello", []))
            self.assertEqual(self.store.calls, ["load"])


class StockGateTests(GateTests.Cases):
    """
    HTTPChannel.
    """

    lane = StockLane

    async def test_closeOfHTTP1(self) -> None:
        """
        A client that wants the connection closed sees it close, also behind a refusal.
        """
        for error in (None, StoreUnavailable("down"), SessionConflict("changed")):
            self.store.error = error
            lane = self.connect(lambda request: changed(request) and b"x")
            reply = await self.get(lane, b"/", b"", b"GET", (b"connection", b"close"))
            self.assertEqual(reply.field(b"connection"), [b"close"])
            self.assertFalse(lane.isOpen())


class CoreGateTests(GateTests.Cases):
    """
    The channel of children.
    """

    lane = CoreLane

    async def test_oneWrite(self) -> None:
        """
        What was held is one write, head and all; an empty response too.
        """
        for body in (b"hello", b""):
            lane = self.connect(lambda request, body=body: changed(request) and body)
            self.store.calls.clear()
            await self.held(lane)
            self.assertEqual(len(lane.client.stream.writes), 1)

    async def test_oneWriteOfNothing(self) -> None:
        """
        Also if the head was to leave before there turned out to be no more.
        """
        lane, kept = self.keeping()
        self.store.hold()
        self.ask(lane)
        request = changed(await self.arrival(lane, kept))
        request.write(b"")
        request.finish()
        self.store.release()
        await self.whole(lane)
        self.assertEqual(len(lane.client.stream.writes), 1)

    async def test_flush(self) -> None:
        """
        An empty write lets the head leave, when it may.
        """
        lane, kept = self.keeping()
        self.store.hold()
        self.ask(lane)
        await self.arrival(lane, kept)
        changed(kept[0]).write(b"")
        await self.pause(lane)
        self.assertEqual(lane.client.stream.sent, b"")
        self.store.release()
        self.assertIn(b"\r\n\r\n", lane.client.stream.sent)
        kept[0].finish()


class HTTP2GateTests(GateTests.Cases):
    """
    H2Stream.
    """

    lane = HTTP2Lane

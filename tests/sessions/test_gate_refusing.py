"""
Responses whose sessions can't be stored: the client never sees them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.interfaces import IPullProducer
from twisted.web.resource import EncodingResourceWrapper
from twisted.web.server import NOT_DONE_YET, GzipEncoderFactory, Request
from zope.interface import implementer

from tests.child.siteclient import Pushing
from tests.sessions.webcase import WebCase, changed, data
from tests.sessions.weblanes import CoreLane, HTTP2Lane, StockLane
from twisted_multiserver.sessions.errors import StoreUnavailable


def _note(logged: list[int], request: Any) -> None:
    logged.append(int(request.code))


@implementer(IPullProducer)
class Pulled:
    """
    Writes so many pieces, when it is asked.
    """

    def __init__(self, request: Any, count: int) -> None:
        self._request = request
        self._left = count
        self.isStopped = False
        request.registerProducer(self, False)

    def resumeProducing(self) -> None:
        self._request.write(b"%04d" % self._left)
        self._left -= 1
        if not self._left:
            self._request.unregisterProducer()
            self._request.finish()

    def stopProducing(self) -> None:
        self.isStopped = True


class RefusingTests:
    """
    An answer of ours in place of the application's.
    """

    class Cases(WebCase):
        async def test_unavailable(self) -> None:
            """
            503, and nothing of the application's; it is told, what it still writes is
            swallowed, and the connection goes on.
            """
            lane, kept = self.keeping()
            self.store.hold()
            self.ask(lane)
            await self.arrival(lane, kept)
            request, producer = kept[0], Pushing()
            told: list[Any] = []
            request.notifyFinish().addErrback(told.append)
            changed(request).setHeader(b"x-a", b"theirs")
            request.write(b"theirs")
            request.registerProducer(producer, True)
            self.store.error = StoreUnavailable("down")
            self.store.release()
            reply = await self.whole(lane)
            self.assertEqual(reply.status, 503)
            self.assertEqual(reply.field(b"retry-after"), [b"1"])
            self.assertEqual(reply.field(b"set-cookie") + reply.field(b"x-a"), [])
            self.assertNotIn(b"theirs", reply.body)
            self.assertEqual(len(told), 1)
            self.assertIsInstance(told[0].value, StoreUnavailable)
            self.assertEqual(producer.told, ["pause", "stop"])
            request.write(b"more")
            request.finish()
            self.store.error = None
            self.ask(lane)
            await self.until(lane, lambda: len(kept) == 2)
            kept[1].finish()
            await self.whole(lane, 1)
            self.assertEqual(lane.replies()[0], reply)

        async def test_unavailableBehindTheEnd(self) -> None:
            """
            The response was whole: render() gave bytes.  Its log says 503.
            """
            for method in (b"GET", b"HEAD"):
                logged: list[int] = []
                site = self.site(lambda request: changed(request) and b"theirs")
                site.log = partial(_note, logged)  # type: ignore[method-assign]
                self.store.error = StoreUnavailable("down")
                reply = await self.get(self.lane(site), b"/", b"", method)
                self.assertEqual((reply.status, logged), (503, [503]))
                self.assertNotIn(b"theirs", reply.body)

        async def test_unavailableForStatusWithoutBody(self) -> None:
            def call(request: Request) -> bytes:
                changed(request).setResponseCode(204)
                return b""

            self.store.error = StoreUnavailable("down")
            reply = await self.get(self.connect(call))
            self.assertEqual(reply.status, 503)
            self.assertTrue(reply.body)

        async def test_nothingOfTheirs(self) -> None:
            """
            Neither cookies, nor what twisted.web adds when a head is written, nor the end of
            what an encoder has begun.
            """

            def call(request: Request) -> bytes:
                changed(request).addCookie(b"theirs", b"1")
                request.setETag(b"theirs")
                request.setLastModified(0)
                return b"theirs"

            site = self.site(call)
            site.resource = EncodingResourceWrapper(site.resource, [GzipEncoderFactory()])
            self.store.error = StoreUnavailable("down")
            accepts = (b"accept-encoding", b"gzip")
            reply = await self.get(self.lane(site), b"/", b"", b"GET", accepts)
            self.assertEqual(reply.status, 503)
            for name in (b"set-cookie", b"etag", b"last-modified", b"content-encoding"):
                self.assertEqual(reply.field(name), [])
            self.assertEqual(reply.body[-1:], b"\n")
            if not self.lane.isHTTP2:
                self.assertEqual(reply.field(b"content-length"), [b"%d" % len(reply.body)])

        async def test_unavailableForPull(self) -> None:
            producers: list[Pulled] = []

            def call(request: Request) -> int:
                request.notifyFinish().addErrback(lambda _: None)
                producers.append(Pulled(changed(request), 50))
                return NOT_DONE_YET

            self.store.error = StoreUnavailable("down")
            reply = await self.get(self.connect(call))
            self.assertEqual(reply.status, 503)
            self.assertTrue(producers[0].isStopped)

        async def test_conflict(self) -> None:
            """
            A guarded field that was changed, and a session that was ended, meanwhile.
            """
            cookie = self.stored(a=1)
            lane, kept = self.keeping()
            for method, isGuarded, status in (
                (b"GET", True, 409),
                (b"POST", False, 409),
                (b"GET", False, 200),
            ):
                kept.clear()
                count = len(lane.replies())
                self.ask(lane, b"/", cookie, method, (b"content-length", b"0"))
                request = await self.arrival(lane, kept)
                request.notifyFinish().addErrback(lambda _: None)
                if isGuarded:
                    data(request).guard("a")
                data(request)["a"] = 2
                for record in self.store.memory.records.values():
                    if isGuarded:
                        record.fields["a"] = b"7"
                if not isGuarded:
                    self.store.memory.records.clear()
                request.write(b"theirs")
                request.finish()
                reply = await self.whole(lane, count)
                self.assertEqual(reply.status, status)
                if not self.store.memory.records:
                    cookie = self.stored(a=1)

        async def test_unstorable(self) -> None:
            """
            What the application put into the session can't be kept: 500, and a log of it.
            """

            def call(request: Request) -> bytes:
                data(request)["a"] = found = [1]
                found.append(object())  # type: ignore[arg-type]
                return b"theirs"

            reply = await self.get(self.connect(call))
            self.assertEqual(reply.status, 500)
            self.assertNotIn(b"theirs", reply.body)
            self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

        async def test_identifierOfEarlierCommit(self) -> None:
            """
            A refused response tells the client the identifier that an explicit commit has
            stored the session under.
            """
            cookie = self.stored(a=1)
            lane, kept = self.keeping()
            self.ask(lane, b"/", cookie)
            request = await self.arrival(lane, kept)
            request.notifyFinish().addErrback(lambda _: None)
            data(request).rotate()
            await data(request).commit()
            data(request)["b"] = 2
            self.store.error = StoreUnavailable("down")
            request.finish()
            reply = await self.whole(lane)
            self.store.error = None
            self.assertEqual(reply.status, 503)
            self.assertEqual(await self.read(reply.cookie), {"a": 1})

        async def test_notEndedNotForgotten(self) -> None:
            """
            A logout that fails leaves the client its cookie, so that it can try again.
            """
            cookie = self.stored(a=1)
            errors: list[Any] = [StoreUnavailable("down"), None]

            def call(request: Request) -> bytes:
                data(request).destroy()
                self.store.error = errors.pop(0)
                return b"bye"

            lane = self.connect(call)
            reply = await self.get(lane, b"/", cookie)
            self.assertEqual((reply.status, reply.field(b"set-cookie")), (503, []))
            self.store.error = None
            reply = await self.get(lane, b"/", cookie)
            self.assertEqual((reply.status, reply.cookie), (200, b"sid="))


class StockRefusingTests(RefusingTests.Cases):
    """
    HTTPChannel.
    """

    lane = StockLane


class CoreRefusingTests(RefusingTests.Cases):
    """
    The channel of children.
    """

    lane = CoreLane


class HTTP2RefusingTests(RefusingTests.Cases):
    """
    H2Stream.
    """

    lane = HTTP2Lane

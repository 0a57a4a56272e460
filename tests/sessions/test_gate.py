"""
No byte of a response leaves before its session is stored, however the response is written,
on each kind of channel.
"""

from __future__ import annotations

import gzip
from typing import Any

from twisted.internet import reactor
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from twisted.web.resource import EncodingResourceWrapper, Resource
from twisted.web.server import NOT_DONE_YET, GzipEncoderFactory, Request
from twisted.web.static import File
from twisted.web.wsgi import WSGIResource
from zope.interface import implementer

from tests.child.siteclient import Called, Pushing
from tests.sessions.webcase import CoreLane, HTTP2Lane, Reply, StockLane, WebCase, data
from twisted_multiserver.sessions.errors import (
    SessionConflict,
    StoreUnavailable,
    TooLateForCookies,
)
from twisted_multiserver.sessions.policy import SessionPolicy


def changed(request: Any) -> Any:
    """
    Change the request's session.
    """
    data(request)["x"] = 1
    return request


class ChangingFirst(Resource):
    """
    Changes the session of requests that another resource answers.
    """

    isLeaf = True

    def __init__(self, resource: Any) -> None:
        super().__init__()
        self._resource = resource

    def render(self, request: Request) -> Any:
        return self._resource.render(changed(request))


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


@implementer(IPushProducer)
class Flood:
    """
    Writes until it is paused.
    """

    def __init__(self, request: Any, count: int) -> None:
        self._request = request
        self._left = count
        self._isPaused = False
        self.told: list[str] = []
        request.registerProducer(self, True)

    def resumeProducing(self) -> None:
        self.told.append("resume")
        self._isPaused = False
        while self._left and not self._isPaused:
            self._left -= 1
            self._request.write(b"x" * 1024)
        if not self._left and not self._isPaused:
            self._left = -1
            self._request.unregisterProducer()
            self._request.finish()

    def pauseProducing(self) -> None:
        self.told.append("pause")
        self._isPaused = True

    def stopProducing(self) -> None:
        self.told.append("stop")
        self._isPaused = True


class GateTests:
    """
    Held while the commit is on its way, then whole.
    """

    class Cases(WebCase):
        async def held(self, lane: Any, *args: Any) -> Reply:
            """
            Ask, see that nothing leaves before the store has answered, and release.
            """
            count = len(lane.replies())
            self.store.hold()
            self.ask(lane, *args)
            await self.until(lane, lambda: "commit" in self.store.calls)
            await self.pause(lane)
            self.assertEqual(len(lane.replies()), count)
            self.store.release()
            reply = await self.whole(lane, count)
            self.assertEqual(self.store.calls.count("commit"), 1)
            return reply

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
                await self.until(lane, lambda kept=kept: kept)
                request = changed(kept[0])
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
            await self.until(lane, lambda: kept)
            request, told = kept[0], []
            request.notifyFinish().addBoth(told.append)
            changed(request).write(b"x")
            request.finish()
            self.assertTrue(request.finished)
            self.assertRaises(RuntimeError, request.write, b"y")
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
            await self.until(lane, lambda: kept)
            request = changed(kept[0])
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

                def render_GET(self, request: Request) -> bytes:
                    changed(request).write(b"swallowed")
                    return b"hello"

            OnlyGET.render_HEAD = None  # type: ignore[attr-defined]
            del OnlyGET.render_HEAD  # type: ignore[attr-defined]
            self.store.calls.clear()
            lane = self.connect(OnlyGET())
            reply = await self.held(lane, b"/", b"", b"HEAD")
            self.assertEqual(reply.body, b"")

        async def test_range(self) -> None:
            """
            206 and 304 of files.
            """
            path = self.mktemp()
            with open(path, "wb") as file:
                file.write(bytes(range(200)))
            lane = self.connect(ChangingFirst(File(path)))
            reply = await self.held(lane, b"/", b"", b"GET", (b"range", b"bytes=10-19"))
            self.assertEqual((reply.status, reply.body), (206, bytes(range(10, 20))))
            modified = reply.field(b"last-modified")[0]
            self.store.calls.clear()
            reply = await self.held(lane, b"/", b"", b"GET", (b"if-modified-since", modified))
            self.assertEqual((reply.status, reply.body), (304, b""))

        async def test_file(self) -> None:
            """
            A large file, by its pull producer.
            """
            path, content = self.mktemp(), bytes(range(256)) * 2000
            with open(path, "wb") as file:
                file.write(content)
            lane = self.connect(ChangingFirst(File(path)))
            reply = await self.held(lane)
            self.assertEqual(reply.body, content)

        async def test_pull(self) -> None:
            """
            A pull producer isn't asked during the hold, whether it came before or after it
            began.
            """
            for isBefore in (True, False):
                producers: list[Pulled] = []

                def call(
                    request: Request,
                    isBefore: bool = isBefore,
                    producers: list[Pulled] = producers,
                ) -> int:
                    changed(request)
                    if not isBefore:
                        request.write(b"")
                    producers.append(Pulled(request, 50))
                    return NOT_DONE_YET

                self.store.calls.clear()
                reply = await self.held(self.connect(call))
                self.assertEqual(reply.body, b"".join(b"%04d" % each for each in range(50, 0, -1)))

        async def test_push(self) -> None:
            """
            A push producer rests during the hold.
            """
            floods: list[Flood] = []
            for isBefore in (True, False):

                def call(request: Request, isBefore: bool = isBefore) -> int:
                    changed(request)
                    if not isBefore:
                        request.write(b"")
                    floods.append(Flood(request, 4))
                    if isBefore:
                        request.write(b"")
                    return NOT_DONE_YET

                self.store.calls.clear()
                reply = await self.held(self.connect(call))
                self.assertEqual(len(reply.body), 4096)
                self.assertEqual(floods[-1].told, ["pause", "resume"])

        async def test_slowReader(self) -> None:
            """
            The client takes nothing of what was held: the producer goes on resting, until it
            does.
            """
            lane, kept = self.keeping()
            lane.stall()
            self.store.hold()
            self.ask(lane)
            await self.until(lane, lambda: kept)
            request, producer = changed(kept[0]), Pushing()
            request.registerProducer(producer, True)
            request.write(b"x" * 100_000)
            self.assertEqual(producer.told, ["pause"])
            if isinstance(lane, StockLane):
                write = lane.transport.write

                def full(written: bytes) -> None:
                    # As a transport does whose buffer is full.
                    write(written)
                    lane.stall()

                lane.transport.write = full  # type: ignore[method-assign]
            self.store.release()
            await self.pause(lane)
            self.assertEqual(producer.told, ["pause"])
            lane.read()
            await self.until(lane, lambda: producer.told == ["pause", "resume"])
            request.unregisterProducer()
            request.finish()
            self.assertEqual(len((await self.whole(lane)).body), 100_000)

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
                reply = await self.held(type(self).lane(site), b"/", b"", b"GET", accepts)
                self.assertEqual(gzip.decompress(reply.body), text)
                self.assertEqual(sorted(reply.field(b"vary")), [b"Cookie"])

        async def test_WSGI(self) -> None:
            """
            A WSGI application behind a resource that changes the session.
            """
            pool = ThreadPool(1, 1)
            pool.start()
            self.addCleanup(pool.stop)

            def application(environ: Any, startResponse: Any) -> Any:
                startResponse("200 OK", [("Set-Cookie", "theirs=1"), ("Content-Type", "a/b")])
                yield b"one"
                yield b"two"

            resource: Any = WSGIResource(  # type: ignore[no-untyped-call]
                reactor, pool, application
            )

            def called(request: Request) -> Any:
                changed(request)
                # It takes what is left of the path, and there is none.
                return resource.render(request)

            reply = await self.held(self.connect(called))
            self.assertEqual(reply.body, b"onetwo")
            self.assertEqual(len(reply.field(b"set-cookie")), 2)
            self.assertEqual(reply.field(b"content-type"), [b"a/b"])

        # Clients that leave.

        async def test_leavesDuringHold(self) -> None:
            """
            The producer is stopped, the application told; what it changed is kept.
            """
            cookie = self.stored(a=1)
            lane, kept = self.keeping()
            self.ask(lane, b"/", cookie)
            await self.until(lane, lambda: kept)
            self.store.hold()
            request, producer, told = kept[0], Pushing(), []
            request.notifyFinish().addErrback(told.append)
            data(request)["a"] = 2
            request.registerProducer(producer, True)
            request.write(b"x")
            lane.leave()
            self.assertEqual(producer.told, ["pause", "stop"])
            self.assertEqual(len(told), 1)
            self.store.release()
            await self.pause(lane)
            self.assertEqual(await self.read(cookie), {"a": 2})

        async def test_leavesBehindTheEnd(self) -> None:
            """
            The same for a response that is whole and held.
            """
            cookie = self.stored(a=1)
            lane, kept = self.keeping()
            self.ask(lane, b"/", cookie)
            await self.until(lane, lambda: kept)
            self.store.hold()
            request, told = kept[0], []
            request.notifyFinish().addErrback(told.append)
            data(request)["a"] = 2
            request.write(b"x")
            request.finish()
            lane.leave()
            self.assertEqual(len(told), 1)
            self.store.release()
            await self.pause(lane)
            self.assertEqual(await self.read(cookie), {"a": 2})

        async def test_leavesBeforeCommit(self) -> None:
            """
            What the application changes is kept, also when it cleans up, and when it ends the
            response late; but not if it failed.
            """
            cookie = self.stored(a=1)
            lane, kept = self.keeping()
            self.ask(lane, b"/", cookie)
            await self.until(lane, lambda: kept)
            request = kept[0]
            request.notifyFinish().addErrback(lambda _: data(request).update(b=2))
            data(request)["a"] = 2
            lane.leave()
            await self.pause(lane)
            self.assertEqual(await self.read(cookie), {"a": 2, "b": 2})
            data(request)["c"] = 3
            request.write(b"nobody reads that")
            self.assertRaises(RuntimeError, request.finish)
            await self.pause(lane)
            self.assertEqual(await self.read(cookie), {"a": 2, "b": 2, "c": 3})

        async def test_leavesFailedApplication(self) -> None:
            cookie = self.stored(a=1)
            lane, kept = self.keeping()
            self.ask(lane, b"/", cookie)
            await self.until(lane, lambda: kept)
            request = kept[0]
            request.notifyFinish().addErrback(lambda _: request.setResponseCode(500))
            data(request)["a"] = 2
            lane.leave()
            await self.pause(lane)
            self.assertEqual(await self.read(cookie), {"a": 1})

        async def test_leavesDuringLoad(self) -> None:
            """
            The application never hears of the request.
            """
            cookie = self.stored(a=1)
            lane, kept = self.keeping()
            self.store.hold()
            self.ask(lane, b"/", cookie)
            await self.until(lane, lambda: "load" in self.store.calls)
            lane.leave()
            self.store.release()
            await self.pause(lane)
            self.assertEqual(kept, [])

        async def test_leavesAndStoreFails(self) -> None:
            """
            There is nobody to be refused.
            """
            lane, kept = self.keeping()
            self.store.hold()
            self.ask(lane)
            await self.until(lane, lambda: kept)
            changed(kept[0]).write(b"x")
            kept[0].notifyFinish().addErrback(lambda _: None)
            lane.leave()
            self.store.error = StoreUnavailable("down")
            self.store.release()
            await self.pause(lane)

        # Stores that fail.

        async def test_unavailable(self) -> None:
            """
            503, and nothing of the application's; it is told, what it still writes is
            swallowed, and the connection goes on.
            """
            lane, kept = self.keeping()
            self.store.hold()
            self.ask(lane)
            await self.until(lane, lambda: kept)
            request, told, producer = kept[0], [], Pushing()
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
                site.log = lambda request, logged=logged: logged.append(  # type: ignore[method-assign]
                    int(request.code)
                )
                self.store.error = StoreUnavailable("down")
                reply = await self.get(type(self).lane(site), b"/", b"", method)
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
                await self.until(lane, lambda: kept)
                request = kept[0]
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
            await self.until(lane, lambda: kept)
            request = kept[0]
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
            lane = self.connect(lambda request: data(request).destroy() or b"bye")
            self.store.hold()
            self.ask(lane, b"/", cookie)
            self.store.release()
            self.store.hold()
            await self.until(lane, lambda: "delete" in self.store.calls)
            self.store.error = StoreUnavailable("down")
            self.store.release()
            reply = await self.whole(lane)
            self.assertEqual((reply.status, reply.field(b"set-cookie")), (503, []))
            self.store.error = None
            reply = await self.get(lane, b"/", cookie)
            self.assertEqual((reply.status, reply.cookie), (200, b"sid="))

        # Changes behind the head.

        async def test_late(self) -> None:
            """
            They are stored before the end leaves, or before the last announced byte.
            """
            cookie = self.stored(a=1)
            for isAnnounced in (False, True):
                lane, kept = self.keeping()
                self.store.calls.clear()
                self.ask(lane, b"/", cookie)
                await self.until(lane, lambda kept=kept: kept)
                request = kept[0]
                if isAnnounced:
                    request.setHeader(b"content-length", b"6")
                data(request).get("a")
                request.write(b"one")
                await self.until(lane, lambda lane=lane: lane.replies() and lane.replies()[0].body)
                data(request)["a"] += 1
                self.assertRaises(TooLateForCookies, data(request).rotate)
                self.store.hold()
                request.write(b"two")
                request.finish()
                await self.pause(lane)
                (reply,) = lane.replies()
                self.assertEqual(reply.body, b"one" if isAnnounced else b"onetwo")
                self.assertFalse(reply.isWhole)
                self.store.release()
                self.assertEqual((await self.whole(lane)).body, b"onetwo")
                self.assertEqual(self.store.calls.count("commit"), 1)
            self.assertEqual(await self.read(cookie), {"a": 3})

        async def test_lateDuringHold(self) -> None:
            """
            What is changed while the response is held is stored before any of it leaves.
            """
            cookie = self.stored(a=1)
            lane, kept = self.keeping()
            self.ask(lane, b"/", cookie)
            await self.until(lane, lambda: kept)
            self.store.hold()
            request = kept[0]
            data(request)["a"] = 2
            request.write(b"one")
            data(request)["b"] = 3
            request.finish()
            held, self.store._held = self.store._held, []
            ((waiting, call),) = held or ()
            waiting.callback(call())
            await self.pause(lane)
            self.assertEqual(lane.replies(), [])
            self.store.release()
            self.assertEqual((await self.whole(lane)).body, b"one")
            self.assertEqual(await self.read(cookie), {"a": 2, "b": 3})

        async def test_lateAndStoreFails(self) -> None:
            """
            The client sees that its response isn't whole.
            """
            cookie = self.stored(a=1)
            for isAnnounced in (False, True):
                lane, kept = self.keeping()
                self.ask(lane, b"/", cookie)
                await self.until(lane, lambda kept=kept: kept)
                request, told = kept[0], []
                request.notifyFinish().addErrback(told.append)
                if isAnnounced:
                    request.setHeader(b"content-length", b"6")
                data(request).get("a")
                request.write(b"one")
                await self.until(lane, lane.replies)
                data(request)["a"] += 1
                self.store.error = StoreUnavailable("down")
                request.write(b"two")
                request.finish()
                await self.pause(lane)
                self.store.error = None
                (reply,) = lane.replies()
                self.assertFalse(reply.isWhole)
                self.assertFalse(lane.isOpen())
                self.assertEqual(len(told), 1)
                if isinstance(lane, HTTP2Lane):
                    self.assertEqual(lane.reset, [2])
            self.assertEqual(await self.read(cookie), {"a": 1})

        async def test_explicitCommit(self) -> None:
            """
            What was committed already holds nothing.
            """
            lane, kept = self.keeping()
            self.ask(lane)
            await self.until(lane, lambda: kept)
            await data(changed(kept[0])).commit()
            self.store.hold()
            kept[0].write(b"x")
            kept[0].finish()
            reply = await self.whole(lane)
            self.assertTrue(reply.cookie)

        # Ends of connections.

        async def test_loseConnection(self) -> None:
            """
            Waits for what was written before it.
            """
            lane, kept = self.keeping()
            self.store.hold()
            self.ask(lane)
            await self.until(lane, lambda: kept)
            request = changed(kept[0])
            request.notifyFinish().addErrback(lambda _: None)
            request.write(b"one")
            request.loseConnection()
            await self.pause(lane)
            self.assertEqual(lane.replies(), [])
            self.store.release()
            await self.until(lane, lane.replies)
            await self.pause(lane)
            self.assertEqual(lane.replies()[0].body, b"one")
            if not lane.isHTTP2:
                self.assertFalse(lane.isOpen())

        async def test_abort(self) -> None:
            """
            By force it ends at once.
            """
            lane, kept = self.keeping()
            self.store.hold()
            self.ask(lane)
            await self.until(lane, lambda: kept)
            request = changed(kept[0])
            request.notifyFinish().addErrback(lambda _: None)
            request.write(b"one")
            channel = request.channel
            if isinstance(lane, StockLane):
                self.assertRaises(AttributeError, lambda: channel.abortConnection)
                channel.transport.abortConnection()
            else:
                channel.abortConnection()
            await self.pause(lane)
            self.assertFalse(lane.isOpen())
            self.assertEqual(lane.replies(), [])
            if isinstance(lane, HTTP2Lane):
                # It tells its request nothing.
                request.connectionLost(Failure(ConnectionAborted()))
            self.store.release()
            await self.pause(lane)

        async def test_channelIsTheOldOne(self) -> None:
            """
            The gate passes on what it knows nothing of, and goes away.
            """
            lane, kept = self.keeping()
            self.store.hold()
            self.ask(lane)
            await self.until(lane, lambda: kept)
            request = kept[0]
            channel = request.channel
            changed(request).write(b"x")
            gate = request.channel
            self.assertIsNot(gate, channel)
            self.assertIs(gate.site, channel.site)
            self.assertFalse(request.isSecure())
            gate.persistent = False
            self.assertFalse(channel.persistent)
            self.store.release()
            self.assertIs(request.channel, channel)
            request.finish()
            await self.whole(lane)

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

    async def test_flush(self) -> None:
        """
        An empty write lets the head leave, when it may.
        """
        lane, kept = self.keeping()
        self.store.hold()
        self.ask(lane)
        await self.until(lane, lambda: kept)
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

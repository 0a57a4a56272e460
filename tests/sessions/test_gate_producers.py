"""
Producers of responses whose sessions are being stored: they rest, and nothing hangs.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from twisted.web.static import File
from zope.interface import implementer

from tests.child.siteclient import Pushing
from tests.sessions.webcase import WebCase, changed
from tests.sessions.weblanes import CoreLane, HTTP2Lane, StockLane


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


class ProducerTests:
    """
    Nobody asks them, and they ask nobody.
    """

    class Cases(WebCase):
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
            await self.arrival(lane, kept)
            request, producer = changed(kept[0]), Pushing()
            request.registerProducer(producer, True)
            request.write(b"x" * 100_000)
            self.assertEqual(producer.told, ["pause"])
            self.store.release()
            await self.pause(lane)
            self.assertEqual(producer.told, ["pause"])
            lane.read()
            await self.until(lane, lambda: producer.told == ["pause", "resume"])
            lane.stall()
            request.write(b"x" * 2**21)
            await self.until(lane, lambda: producer.told == ["pause", "resume", "pause"])
            lane.read()
            lane.read()
            await self.until(lane, lambda: producer.told[3:] == ["resume"])
            request.unregisterProducer()
            request.finish()
            self.assertEqual(len((await self.whole(lane)).body), 100_000 + 2**21)

        async def test_leavesBehindHold(self) -> None:
            """
            A producer that goes on is stopped by the channel, as ever.
            """
            lane, kept = self.keeping()
            self.ask(lane)
            request, producer = changed(await self.arrival(lane, kept)), Pushing()
            request.notifyFinish().addErrback(lambda _: None)
            request.registerProducer(producer, True)
            request.write(b"x")
            self.assertEqual(producer.told, ["pause", "resume"])
            if not lane.isHTTP2:
                # H2Stream tells nobody.
                lane.leave()
                self.assertEqual(producer.told[2:], ["stop"])
            else:
                request.unregisterProducer()
                request.finish()
                await self.whole(lane)


class StockProducerTests(ProducerTests.Cases):
    """
    HTTPChannel.
    """

    lane = StockLane


class CoreProducerTests(ProducerTests.Cases):
    """
    The channel of children.
    """

    lane = CoreLane


class HTTP2ProducerTests(ProducerTests.Cases):
    """
    H2Stream.
    """

    lane = HTTP2Lane

"""
Connections that end while a session is loaded or stored.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet import reactor
from twisted.internet.error import ConnectionAborted
from twisted.python.failure import Failure

from tests.child.siteclient import Pushing
from tests.sessions.webcase import WebCase, changed, data
from tests.sessions.weblanes import CoreLane, HTTP2Lane, StockLane
from twisted_multiserver.sessions.errors import StoreUnavailable


class LeavingTests:
    """
    What the application changed is kept, whoever ended the connection.
    """

    class Cases(WebCase):
        async def test_leavesDuringHold(self) -> None:
            """
            The producer is stopped, the application told; what it changed is kept.
            """
            cookie = self.stored(a=1)
            lane, kept = self.keeping()
            self.ask(lane, b"/", cookie)
            await self.arrival(lane, kept)
            self.store.hold()
            request, producer = kept[0], Pushing()
            told: list[Any] = []
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
            await self.arrival(lane, kept)
            self.store.hold()
            request = kept[0]
            told: list[Any] = []
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
            request = await self.arrival(lane, kept)
            later = partial(data(request).update, b=2)
            request.notifyFinish().addErrback(lambda _: reactor.callLater(0, later))
            data(request)["a"] = 2
            lane.leave()
            await self.pause(lane)
            self.assertEqual(self.store.calls.count("commit"), 1)
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
            request = await self.arrival(lane, kept)
            request.notifyFinish().addErrback(lambda _: request.setResponseCode(500))
            data(request)["a"] = 2
            lane.leave()
            await self.pause(lane)
            self.assertEqual(await self.read(cookie), {"a": 1})

        async def test_leavesFailedLogout(self) -> None:
            """
            What it has ended is ended; if the store can't, there is a log of it and no more.
            """
            for error, left in ((StoreUnavailable("down"), 1), (None, 0)):
                self.store.memory.records.clear()
                cookie = self.stored(a=1)
                lane, kept = self.keeping()
                self.ask(lane, b"/", cookie)
                request = await self.arrival(lane, kept)
                request.setResponseCode(500)
                data(request).destroy()
                self.store.error = error
                lane.leave()
                await self.pause(lane)
                self.assertEqual(len(self.store.memory.records), left)
                self.store.error = None

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
            self.store.hold()
            lane = self.connect(kept.append)
            self.ask(lane, b"/", cookie)
            lane.leave()
            self.store.error = StoreUnavailable("down")
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
            await self.arrival(lane, kept)
            changed(kept[0]).write(b"x")
            kept[0].notifyFinish().addErrback(lambda _: None)
            lane.leave()
            self.store.error = StoreUnavailable("down")
            self.store.release()
            await self.pause(lane)

        async def test_loseConnection(self) -> None:
            """
            Waits for what was written before it.
            """
            lane, kept = self.keeping()
            self.store.hold()
            self.ask(lane)
            request = changed(await self.arrival(lane, kept))
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
            request = changed(await self.arrival(lane, kept))
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
            request = await self.arrival(lane, kept)
            channel = request.channel
            changed(request).write(b"x")
            gate = request.channel
            self.assertIsNot(gate, channel)
            self.assertIs(gate.site, channel.site)
            self.assertFalse(request.isSecure())
            gate.writeSequence([b"y", b"z"])
            gate.persistent = False
            self.assertFalse(channel.persistent)
            self.store.release()
            self.assertIs(request.channel, channel)
            request.finish()
            self.assertEqual((await self.whole(lane)).body, b"xyz")


class StockLeavingTests(LeavingTests.Cases):
    """
    HTTPChannel.
    """

    lane = StockLane


class CoreLeavingTests(LeavingTests.Cases):
    """
    The channel of children.
    """

    lane = CoreLane


class HTTP2LeavingTests(LeavingTests.Cases):
    """
    H2Stream.
    """

    lane = HTTP2Lane

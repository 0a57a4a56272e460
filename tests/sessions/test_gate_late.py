"""
What is changed in a session behind the head of the response.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.sessions.webcase import WebCase, changed, data
from tests.sessions.weblanes import CoreLane, HTTP2Lane, StockLane
from twisted_multiserver.sessions.errors import StoreUnavailable, TooLateForCookies


def _hasBody(lane: Any) -> bool:
    return any(reply.body for reply in lane.replies())


class LateTests:
    """
    It is stored before the last byte.
    """

    class Cases(WebCase):
        async def test_late(self) -> None:
            """
            They are stored before the end leaves, or before the last announced byte.
            """
            cookie = self.stored(a=1)
            for isAnnounced in (False, True):
                lane, kept = self.keeping()
                self.store.calls.clear()
                self.ask(lane, b"/", cookie)
                request = await self.arrival(lane, kept)
                if isAnnounced:
                    request.setHeader(b"content-length", b"6")
                data(request).get("a")
                request.write(b"one")
                await self.until(lane, partial(_hasBody, lane))
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

        async def test_firstLate(self) -> None:
            """
            Behind the head a session that nobody has asked for before can be looked at.
            """
            lane, kept = self.keeping()
            self.ask(lane)
            request = await self.arrival(lane, kept)
            request.write(b"x")
            self.assertEqual(dict(data(request)), {})
            self.assertRaises(TooLateForCookies, changed, request)
            request.finish()
            self.assertEqual((await self.whole(lane)).field(b"set-cookie"), [])

        async def test_lateDuringHold(self) -> None:
            """
            What is changed while the response is held is stored before any of it leaves.
            """
            cookie = self.stored(a=1)
            lane, kept = self.keeping()
            self.ask(lane, b"/", cookie)
            await self.arrival(lane, kept)
            self.store.hold()
            request = kept[0]
            data(request)["a"] = 2
            request.write(b"one")
            data(request)["b"] = 3
            request.finish()
            held, self.store._held = self.store._held, []
            assert held is not None
            waiting, call = held.pop()
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
                request = await self.arrival(lane, kept)
                told: list[Any] = []
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


class StockLateTests(LateTests.Cases):
    """
    HTTPChannel.
    """

    lane = StockLane


class CoreLateTests(LateTests.Cases):
    """
    The channel of children.
    """

    lane = CoreLane


class HTTP2LateTests(LateTests.Cases):
    """
    H2Stream.
    """

    lane = HTTP2Lane

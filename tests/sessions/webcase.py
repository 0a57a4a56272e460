"""
Sites with sessions, in memory, and their clients.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from tests.child.siteclient import Called
from tests.sessions.weblanes import Lane, Reply, StockLane
from twisted_multiserver.sessions._isessiondata import ISessionData
from twisted_multiserver.sessions.data import SessionData
from twisted_multiserver.sessions.policy import SessionPolicy
from twisted_multiserver.sessions.site import SynchronizedSite
from twisted_multiserver.testing import MemorySynchronizer

# For what needs a thread, in seconds.
PATIENCE = 20.0


def changed(request: Any) -> Any:
    """
    Change the request's session.
    """
    data(request)["x"] = 1
    return request


class WebCase(TestCase):
    """
    @cvar lane: the kind of channel.
    """

    lane: ClassVar[Any]
    timeout = 30

    def setUp(self) -> None:
        self.store = MemorySynchronizer(time.time)

    def site(self, call: Any, policy: SessionPolicy | None = None, **more: Any) -> Site:
        """
        @param call: renders requests, or is a resource.
        """
        resource = call if isinstance(call, Resource) else Called(call)
        site = SynchronizedSite(resource, self.store, policy, **more)
        site.timeOut = None
        return site

    def connect(self, call: Any, policy: SessionPolicy | None = None, **more: Any) -> Any:
        return self.lane(self.site(call, policy, **more))

    def keeping(self, **more: Any) -> tuple[Any, list[Any]]:
        """
        @return: a connection, and the requests that wait for an answer.
        """
        kept: list[Any] = []

        def call(request: Request) -> int:
            kept.append(request)
            return NOT_DONE_YET

        return self.connect(call, **more), kept

    def stored(self, **fields: Any) -> bytes:
        """
        Put a session into the store.

        @return: its cookie.
        """

        def call(request: Request) -> bytes:
            data(request).update(fields)
            return b""

        lane = StockLane(self.site(call))
        lane.ask(b"GET", b"/", [])
        (reply,) = lane.replies()
        self.store.calls.clear()
        return reply.cookie

    async def until(self, lane: Lane, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            lane.turn()
            if condition():
                return
            await deferLater(reactor, 0)
        self.fail("it doesn't come about")

    async def arrival(self, lane: Lane, kept: list[Any]) -> Any:
        """
        @return: the last of the requests that wait for an answer.
        """
        await self.until(lane, lambda: kept)
        return kept[-1]

    async def pause(self, lane: Lane) -> None:
        """
        Give everything that could happen the time to happen.
        """
        for _ in range(20):
            lane.turn()
            await deferLater(reactor, 0)
        lane.turn()

    async def get(
        self,
        lane: Lane,
        target: bytes = b"/",
        cookie: bytes = b"",
        method: bytes = b"GET",
        *fields: tuple[bytes, bytes],
    ) -> Reply:
        """
        Ask, and wait for all of the response.
        """
        count = len(lane.replies())
        self.ask(lane, target, cookie, method, *fields)
        return await self.whole(lane, count)

    async def whole(self, lane: Lane, count: int = 0) -> Reply:
        """
        @param count: how many responses come before.
        """

        def isWhole() -> bool:
            replies = lane.replies()
            return len(replies) > count and replies[count].isWhole

        await self.until(lane, isWhole)
        return lane.replies()[count]

    def ask(
        self,
        lane: Lane,
        target: bytes = b"/",
        cookie: bytes = b"",
        method: bytes = b"GET",
        *fields: tuple[bytes, bytes],
    ) -> None:
        cookies = [(b"cookie", cookie)] if cookie else []
        lane.ask(method, target, [*cookies, *fields])

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

    async def read(self, cookie: bytes) -> dict[str, Any]:
        """
        @return: what the store has.
        """

        def call(request: Request) -> bytes:
            found.update(data(request))
            return b""

        found: dict[str, Any] = {}
        lane = StockLane(self.site(call))
        await self.get(lane, cookie=cookie)
        return found


def data(request: Any) -> SessionData:
    """
    @return: the session's.
    """
    found = ISessionData(request.getSession())
    assert isinstance(found, SessionData)
    return found

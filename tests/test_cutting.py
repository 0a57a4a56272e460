"""
Cutting responses of twisted.web's, on each kind of channel.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionAborted
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import NOT_DONE_YET, Request, Site

from tests.child.siteclient import Called
from tests.sessions.weblanes import CoreLane, HTTP2Lane, Lane, StockLane
from twisted_multiserver.cutting import cutResponse

INTERNAL_ERROR = 2


class CuttingTests(SynchronousTestCase):
    def site(self, kept: list[Any]) -> Site:
        def call(request: Request) -> int:
            request.setHeader(b"content-length", b"9")
            request.write(b"part")
            kept.append(request)
            return NOT_DONE_YET

        return Site(Called(call), reactor=MemoryReactorClock())

    def test_eachChannel(self) -> None:
        """
        The client sees that there is no more, and whoever waits for the request's end learns of
        it, once.
        """
        kind: type[Any]
        for kind in (StockLane, CoreLane, HTTP2Lane):
            kept: list[Any] = []
            lane: Lane = kind(self.site(kept))
            lane.ask(b"GET", b"/", [])
            ended = kept[0].notifyFinish()
            cutResponse(kept[0])
            lane.turn()
            (reply,) = lane.replies()
            self.assertFalse(lane.isOpen())
            self.assertFalse(reply.isWhole)
            self.failureResultOf(ended)

    def test_streamAlone(self) -> None:
        """
        Over HTTP/2 other requests of the client go on.
        """
        kept: list[Any] = []
        lane = HTTP2Lane(self.site(kept))
        lane.ask(b"GET", b"/", [])
        lane.ask(b"GET", b"/", [])
        ended = kept[0].notifyFinish()
        cutResponse(kept[0])
        self.failureResultOf(ended, ConnectionAborted)
        self.assertEqual(lane.reset, [INTERNAL_ERROR])
        self.assertNoResult(kept[1].notifyFinish())

"""
A stage for the demo page: several lives of it take turns in one process, and a crash
makes one leave and come back, as behind a master.  It needs no processes, so that what
the page shows can be tested by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.web.http import SERVICE_UNAVAILABLE
from twisted.web.pages import errorPage
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from twisted_multiserver.child.identity import Identity
from twisted_multiserver.demo.resources import Demo

AWAY = 0.4  # s from a crash to the next incarnation


class Stage(Resource):
    """
    A resource that gives each request to the next of several demos.
    """

    def __init__(self, reactor: IReactorTime, count: int) -> None:
        """
        @param reactor: brings the crashed back.
        @param count: how many slots there are.
        """
        Resource.__init__(self)
        self._reactor = reactor
        self._demos: dict[int, Demo] = {}
        self._turn = 0
        self._returns: list[Deferred[None]] = []
        for slot in range(count):
            self._enter(slot, 1, None)

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        """
        Give the request to whose turn it is.
        """
        slots = sorted(self._demos)
        if not slots:
            return errorPage(SERVICE_UNAVAILABLE, "Away", "Nobody is on the stage.")
        self._turn += 1
        demo = self._demos[slots[self._turn % len(slots)]]
        resource: IResource = demo.getChildWithDefault(path, request)
        return resource

    def whenComplete(self) -> Deferred[list[None]]:
        """
        Wait until all that crashed are back.
        """
        return gatherResults(self._returns)

    def _enter(self, slot: int, incarnation: int, previous: dict[str, object] | None) -> None:
        pid = 4000 + 10 * slot + incarnation
        identity = Identity(slot, 1, incarnation, pid, time.time(), previous, None)
        self._demos[slot] = Demo(identity, time.time, self._leaving(slot, incarnation))

    def _leaving(self, slot: int, incarnation: int) -> Callable[[], None]:
        def leave() -> None:
            del self._demos[slot]
            previous: dict[str, object] = {
                "description": "exit 1",
                "exitCode": 1,
                "signal": None,
                "at": time.time(),
            }
            back = deferLater(self._reactor, AWAY, self._enter, slot, incarnation + 1, previous)
            self._returns.append(back)

        return leave

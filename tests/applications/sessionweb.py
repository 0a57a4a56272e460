"""
A resource whose answers are written in every way, and whose sessions are the server's.
"""

from __future__ import annotations

from tempfile import NamedTemporaryFile
from typing import Any

import sessionklein
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.static import File

from twisted_multiserver.sessions._isessiondata import ISessionData

SIZE = 3_000_000


class Counting(Resource):
    """
    Counts in the session, and answers by calling a function.
    """

    isLeaf = True

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self._answer = answer

    def render(self, request: Any) -> Any:
        data = request.getSession(ISessionData)
        data["count"] = data.get("count", 0) + 1
        return self._answer(request, data)


def whole(request: Any, data: Any) -> bytes:
    """
    In one piece.
    """
    return b"%d" % data["count"]


def later(request: Any, data: Any) -> int:
    """
    In two, and the session changes between them.
    """

    def end(_: object) -> None:
        data["count"] += 1
        request.write(b"%d" % data["count"])
        request.finish()

    request.write(b"%d " % data["count"])
    deferLater(reactor, 0.01).addCallback(end)
    return NOT_DONE_YET


class Large(File):
    """
    A large file.
    """

    isLeaf = True

    def render(self, request: Any) -> Any:
        data = request.getSession(ISessionData)
        data["count"] = data.get("count", 0) + 1
        return super().render(request)


def resource() -> Resource:
    """
    @return: all of it.
    """
    root = Resource()
    root.putChild(b"whole", Counting(whole))
    root.putChild(b"later", Counting(later))
    with NamedTemporaryFile("wb", delete=False) as file:
        file.write(bytes(range(250)) * (SIZE // 250))
    root.putChild(b"large", Large(file.name))
    root.putChild(b"klein", sessionklein.browserResource())
    return root

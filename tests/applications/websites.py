"""
twisted.web applications of every kind.
"""

from __future__ import annotations

import json
import os
import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from twisted_multiserver.child.identity import current


def view(request: Request) -> bytes:
    """
    What an application learns of its client.
    """
    client = request.getClientAddress()
    host = request.getHost()
    return json.dumps(
        {
            "client": [type(client).__name__, client.host, client.port],
            "host": [type(host).__name__, host.host, host.port],
            "secure": request.isSecure(),
            "url": request.prePathURL().decode(),
            "hostname": request.getRequestHostname().decode(),
            "hostField": request.getHeader("host"),
            "identity": None if current() is None else current().slot,
            "pid": os.getpid(),
            "argv": sys.argv[1:],
            "path": sys.path[0],
        }
    ).encode()


class View(Resource):
    isLeaf = False

    def getChild(self, path: bytes, request: Request) -> Resource:
        return self

    def render_GET(self, request: Request) -> bytes:
        return view(request)

    def render_POST(self, request: Request) -> bytes:
        return request.content.read()


class Hog(Resource):
    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        print("hogging", file=sys.stderr)
        while True:
            pass


class Slow(Resource):
    """
    Sends the head at once, and the body when /release is asked.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Request] = []

    def render_GET(self, request: Request) -> int:
        request.write(b"begun ")
        self.waiting.append(request)
        request.notifyFinish().addErrback(self._lost)
        return NOT_DONE_YET

    def _lost(self, reason: object) -> None:
        self.waiting.clear()
        print("client gone", file=sys.stderr)


class Release(Resource):
    isLeaf = True

    def __init__(self, slow: Slow) -> None:
        super().__init__()
        self._slow = slow

    def render_GET(self, request: Request) -> bytes:
        for waiting in self._slow.waiting:
            waiting.write(b"finished")
            waiting.finish()
        self._slow.waiting.clear()
        return b"released"


class Halt(Resource):
    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        reactor.callLater(0, reactor.stop)
        return b"halting"


def tree() -> Resource:
    root = View()
    slow = Slow()
    root.putChild(b"", View())
    root.putChild(b"hog", Hog())
    root.putChild(b"slow", slow)
    root.putChild(b"release", Release(slow))
    root.putChild(b"halt", Halt())
    return root


resource = tree()


class OwnRequest(Request):
    def process(self) -> None:
        self.setHeader("x-own", "request")
        super().process()


site = Site(tree(), requestFactory=OwnRequest)


def functionMade(*arguments: object) -> OwnRequest:
    return OwnRequest(*arguments)


functionSite = Site(tree(), requestFactory=functionMade)


def factory() -> Resource:
    return tree()


def reactorFactory(given: object) -> Site:
    assert given is reactor
    return Site(tree())


def deferredFactory() -> Deferred[Resource]:
    made: Deferred[Resource] = Deferred()
    reactor.callLater(0.01, lambda: made.callback(tree()))
    return made


async def coroutineFactory() -> Resource:
    return await deferredFactory()


def failingFactory() -> Resource:
    raise RuntimeError("no database today")


def failingDeferredFactory() -> Deferred[Resource]:
    failed: Deferred[Resource] = Deferred()
    reactor.callLater(0.01, lambda: failed.errback(RuntimeError("no database tomorrow")))
    return failed


def leavingFactory() -> Resource:
    sys.exit("bad configuration")


def wrongFactory() -> str:
    return "no application"


text = "a string"

"""
Applications that are busy when they are to stop.  SIGUSR1 finishes what is begun.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import StreamingResponse
from starlette.routing import Route
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_multiserver.child.identity import current


class Slow(Resource):
    """
    Sends the head and a piece at once, the rest at the signal.
    """

    isLeaf = True

    def render_GET(self, request: Request) -> int:
        from twisted.internet import reactor

        def finish(*_signal: object) -> None:
            reactor.callFromThread(request.write, b"finished")
            reactor.callFromThread(request.finish)

        signal.signal(signal.SIGUSR1, finish)
        request.write(b"begun ")
        return NOT_DONE_YET


resource = Slow()


async def slow(request: StarletteRequest) -> StreamingResponse:
    loop, released = asyncio.get_running_loop(), asyncio.Event()
    signal.signal(signal.SIGUSR1, lambda *_: loop.call_soon_threadsafe(released.set))

    async def parts() -> Any:
        yield "begun "
        await released.wait()
        yield "finished"

    return StreamingResponse(parts())


app = Starlette(routes=[Route("/slow", slow)])


def stuck(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """
    A WSGI application whose thread never comes back.
    """
    print("stuck", file=sys.stderr)
    threading.Event().wait()
    return []


def endlessFactory() -> Deferred[Resource]:
    print("factory called", file=sys.stderr)
    return Deferred()


class Known(Resource):
    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        found = current()
        assert found is not None
        return json.dumps(dataclasses.asdict(found)).encode()


identity = Known()

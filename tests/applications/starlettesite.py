"""
A Starlette application with a lifespan.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

released = asyncio.Event()


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, str]]:
    print("lifespan begins", file=sys.stderr)
    yield {"given": "by lifespan"}
    print("lifespan ends", file=sys.stderr)


async def view(request: Request) -> JSONResponse:
    return JSONResponse(
        {
            "client": request.client.host if request.client else None,
            "scheme": request.url.scheme,
            "url": str(request.url),
            "root": request.scope["root_path"],
            "path": request.scope["path"],
            "server": request.scope["server"],
            "link": str(request.url_for("view")),
            "given": request.state.given,
            "loop": type(asyncio.get_running_loop()).__module__,
        }
    )


async def leave(request: Request) -> RedirectResponse:
    return RedirectResponse(request.url_for("view"))


async def upload(request: Request) -> PlainTextResponse:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
    return PlainTextResponse(str(size))


async def slow(request: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[str]:
        yield "begun "
        await released.wait()
        yield "finished"

    return StreamingResponse(parts())


async def release(request: Request) -> PlainTextResponse:
    released.set()
    return PlainTextResponse("released")


async def hear(request: Request) -> PlainTextResponse:
    while not await request.is_disconnected():
        await asyncio.sleep(0.01)
    print("client gone", file=sys.stderr)
    return PlainTextResponse("nobody hears this")


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(f"{socket.url} {socket.client.host if socket.client else None}")
    async for text in socket.iter_text():
        await socket.send_text(text.upper())


routes = [
    Route("/view", view),
    Route("/leave", leave),
    Route("/slow", slow),
    Route("/release", release),
    Route("/hear", hear),
    Route("/upload", upload, methods=["POST"]),
    WebSocketRoute("/echo", echo),
]
app = Starlette(routes=routes, lifespan=lifespan)


def factory() -> Starlette:
    return app


async def coroutineFactory() -> Starlette:
    await asyncio.sleep(0)
    return app


@asynccontextmanager
async def _failing(app: Starlette) -> AsyncIterator[None]:
    raise RuntimeError("no database for the lifespan")
    yield


failing = Starlette(routes=routes, lifespan=_failing)

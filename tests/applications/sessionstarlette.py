"""
A Starlette application whose sessions are the server's, and one with Starlette's own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket


async def state(request: Request) -> JSONResponse:
    return JSONResponse({"data": dict(request.session)})


async def nothing(request: Request) -> PlainTextResponse:
    return PlainTextResponse("no session")


async def login(request: Request) -> PlainTextResponse:
    request.session["user"] = "ann"
    request.session.rotate()
    return PlainTextResponse("in")


async def logout(request: Request) -> PlainTextResponse:
    request.session.destroy()
    return PlainTextResponse("out")


async def count(request: Request) -> PlainTextResponse:
    request.session["count"] = request.session.get("count", 0) + 1
    return PlainTextResponse(str(request.session["count"]))


def blockingCount(request: Request) -> PlainTextResponse:
    """
    Runs in a thread.
    """
    request.session["count"] = request.session.get("count", 0) + 1
    request.session.commit()
    return PlainTextResponse(str(request.session["count"]))


async def nested(request: Request) -> PlainTextResponse:
    request.session.setdefault("cart", []).append("book")
    return PlainTextResponse(str(len(request.session["cart"])))


async def save(request: Request) -> PlainTextResponse:
    request.session["saved"] = True
    await request.session.commit()
    return PlainTextResponse("saved")


async def broken(request: Request) -> PlainTextResponse:
    request.session["broken"] = True
    raise RuntimeError("broken on purpose")


async def streaming(request: Request) -> StreamingResponse:
    async def pieces() -> AsyncIterator[str]:
        yield "begun "
        request.session["late"] = True
        yield "done"

    return StreamingResponse(pieces())


async def forget(request: Request) -> PlainTextResponse:
    del request.session["late"]
    return PlainTextResponse("forgotten")


async def background(request: Request) -> PlainTextResponse:
    async def task() -> None:
        request.session["background"] = True

    return PlainTextResponse("later", background=BackgroundTask(task))


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(str(socket.session.get("user")))
    async for text in socket.iter_text():
        socket.session["said"] = text
        await socket.session.commit()
        await socket.send_text("noted")


views = (state, nothing, login, logout, count, blockingCount, nested, save, broken, streaming)
routes = [
    *(Route(f"/{view.__name__}", view) for view in (*views, forget, background)),
    WebSocketRoute("/echo", echo),
]
app = Starlette(routes=routes)
own = Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, secret_key="for tests")])

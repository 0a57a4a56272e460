"""
WebSocket servers for tests: one that a master finds, one that it starts.
"""

from __future__ import annotations

import asyncio
import http
from collections.abc import Sequence

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

SUBPROTOCOLS = [Subprotocol("chat"), Subprotocol("superchat")]

APPLICATION = """
import os
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute

closed = []

async def echo(socket):
    offered = socket.scope["subprotocols"]
    await socket.accept("superchat" if "superchat" in offered else None)
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            closed.append(message["code"])
            return
        if message.get("text") == "close":
            await socket.close(4001, "bye")
            return
        if message.get("text") == "pid":
            message = {"text": str(os.getpid())}
        if message.get("text") is not None:
            await socket.send_text(message["text"])
        else:
            await socket.send_bytes(message["bytes"])

async def codes(request):
    return JSONResponse(closed)

async def refuse(socket):
    await socket.close()

app = Starlette(routes=[
    WebSocketRoute("/echo", echo), WebSocketRoute("/refused", refuse), Route("/closed", codes)
])
"""


class EchoServer:
    """
    The server that the master didn't start.

    @ivar closed: the codes that connections were closed with.
    @ivar connections: those that are open.
    """

    def __init__(self) -> None:
        self.closed: list[int | None] = []
        self.connections: list[ServerConnection] = []

    async def serve(self, connection: ServerConnection) -> None:
        """
        @param connection: gets everything back, fragment by fragment.
        """
        self.connections.append(connection)
        try:
            while True:
                fragments = [each async for each in connection.recv_streaming()]
                if fragments == ["close"]:
                    await connection.close(4001, "bye")
                # An iterable is sent as one fragment each.
                await connection.send(fragments[0] if len(fragments) == 1 else fragments)
        except ConnectionClosed:
            self.connections.remove(connection)
            self.closed.append(connection.close_code)

    def select(
        self, connection: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        """
        @param connection: that it is for.
        @param offered: by the client.
        @return: the choice, which is not the first one.
        """
        return SUBPROTOCOLS[1] if SUBPROTOCOLS[1] in offered else None

    async def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """
        @param connection: that it came on.
        @param request: perhaps no WebSocket's.
        @return: an ordinary response, if it is none.
        """
        match request.path:
            case "/refused":
                return connection.respond(http.HTTPStatus.FORBIDDEN, "no")
            case "/plain":
                return connection.respond(http.HTTPStatus.OK, "plain")
            case "/silent":
                await asyncio.Event().wait()
        return None

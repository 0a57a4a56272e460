"""
The application for ASGI.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from chaos.served.orders import FIELDS, PAUSE, answerTo, end

Message = dict[str, Any]


async def application(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """
    @param scope: of a request.
    @param receive: gives what the client sends.
    @param send: takes what it gets.
    """
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    fields = dict(scope["headers"])
    answer = answerTo(
        scope["method"],
        scope["path"],
        fields.get(b"x-id", b"").decode(),
        fields.get(b"x-fault", b"").decode(),
        body,
        lambda: scope["multiserver.session"],
    )
    if answer is None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    head = [(name.lower().encode(), value.encode()) for name, value in FIELDS]
    if answer.length is not None:
        head.append((b"content-length", b"%d" % answer.length))
    await send({"type": "http.response.start", "status": 200, "headers": head})
    for piece in answer.pieces:
        await asyncio.sleep(answer.wait)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    if answer.ends:
        await asyncio.sleep(PAUSE)
        end()
    await send({"type": "http.response.body", "body": b""})

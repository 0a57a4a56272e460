"""
An ASGI application whose module imports the reactor.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor


async def app(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http", "no lifespan here"
    name = type(reactor).__name__.encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": name})

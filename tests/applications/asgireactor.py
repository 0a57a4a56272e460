"""
ASGI applications whose module imports the reactor.
"""

from __future__ import annotations

import asyncio
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure


async def app(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http", "no lifespan here"
    name = type(reactor).__name__.encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": name})


class _Ended(ProcessProtocol):
    def __init__(self) -> None:
        self.code: Deferred[int] = Deferred()

    def processEnded(self, reason: Failure) -> None:
        self.code.callback(reason.value.exitCode)


async def spawning(scope: Any, receive: Any, send: Any) -> None:
    """
    Runs a process that closes its pipes long before it ends.
    """
    assert scope["type"] == "http", "no lifespan here"
    ended = _Ended()
    script = "exec >&- 2>&- <&-; sleep 0.3; exit 7"
    reactor.spawnProcess(ended, "/bin/sh", ["sh", "-c", script], {"PATH": "/bin:/usr/bin"})
    code = await ended.code.asFuture(asyncio.get_running_loop())
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % code})

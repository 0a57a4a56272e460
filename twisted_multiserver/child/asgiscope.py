"""
An ASGI application as its client sees it, and its start watched.

uvicorn's ProxyHeaders set client and scheme.  What they leave out is set here: C{server},
which names a UNIX socket, and the prefix, which belongs to C{root_path} and C{path} both
(ASGI HTTP specification, "root_path").

A lifespan that fails at startup is a boot failure, and uvicorn only logs it; so what the
application says then is noted on its way to uvicorn.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from twisted_multiserver.child.bootfailure import EXIT_CRASHED, BootFailure
from twisted_multiserver.child.forwarded import authority, pathPrefix

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApplication = Callable[[Scope, Receive, Send], Awaitable[None]]


def seenByClient(scope: Scope) -> Scope:
    """
    Set what a request's forwarded fields say, where uvicorn does not.

    @param scope: of a request or a WebSocket; its scheme is the client's already.
        Changed.
    @return: the same scope.
    """
    host = forwardedHost = prefix = b""
    for name, value in scope["headers"]:
        if name == b"host":
            host = value
        elif name == b"x-forwarded-host":
            forwardedHost = value
        elif name == b"x-forwarded-prefix":
            prefix = pathPrefix(value)
    defaultPort = 443 if scope["scheme"] in ("https", "wss") else 80
    server, port = authority(forwardedHost or host, defaultPort)
    scope["server"] = (server.decode("ascii"), port)
    if prefix:
        rootPath = unquote(prefix.decode("ascii"))
        scope["root_path"] = rootPath
        scope["path"] = rootPath + scope["path"]
        scope["raw_path"] = prefix + scope["raw_path"]
    return scope


class WatchedApplication:
    """
    The user's application, between uvicorn and itself.

    @ivar failure: why its lifespan did not start, if it said so.
    """

    def __init__(self, application: ASGIApplication) -> None:
        self._application = application
        self.failure: BootFailure | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """
        Call the application.
        """
        if scope["type"] == "lifespan":
            return self._application(scope, receive, self._noting(send))
        return self._application(seenByClient(scope), receive, send)

    def _noting(self, send: Send) -> Send:
        async def noted(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                self.failure = lifespanFailure(message.get("message", ""))
            await send(message)

        return noted


def lifespanFailure(message: str) -> BootFailure:
    """
    Say why a lifespan did not start.

    @param message: what the application says; frameworks put a whole traceback there.
    """
    lines = message.strip().splitlines()
    reason = f"lifespan startup failed: {lines[-1]}" if lines else "lifespan startup failed"
    return BootFailure(reason, EXIT_CRASHED, message if len(lines) > 1 else None)

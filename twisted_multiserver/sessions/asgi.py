"""
Sessions for ASGI applications: C{scope["multiserver.session"]}, and C{scope["session"]}, which
is C{request.session} in Starlette.

Strategy: the session is loaded before the application is called; C{http.response.start} waits
until what was changed is stored; what is changed later is stored before the last bytes of the
body.  L{ASGIExchange<twisted_multiserver.sessions.asgiexchange.ASGIExchange>} does the latter.

The head of a WebSocket's response isn't touched: its session is there, can't begin, rotate or
end, and is stored by C{await session.commit()} and nothing else.

Invariants: a request that shows no cookie of ours waits for nothing; what isn't a request of
HTTP or a WebSocket passes untouched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_multiserver.sessions.asgiexchange import (
    ASGIExchange,
    Receive,
    Send,
    sendRefusal,
)
from twisted_multiserver.sessions.current import CURRENT
from twisted_multiserver.sessions.errors import SessionError
from twisted_multiserver.sessions.refusals import Refusal, refusalWhenOpening
from twisted_multiserver.sessions.requestsession import Sessions
from twisted_multiserver.sessions.settling import RequestSession

Scope = MutableMapping[str, Any]
ASGIApplication = Callable[[Scope, Receive, Send], Awaitable[None]]

# Where applications find their session.
SCOPE_NAME = "multiserver.session"
_SECURE = ("https", "wss")
# Try again later (RFC 6455 section 7.4, registry).
_TRY_AGAIN = 1013


class ASGISessions:
    """
    Gives an ASGI application its sessions; an ASGI application itself.

    It is called on asyncio's loop, and the loop is the one under Twisted's reactor.
    """

    _log = Logger()

    def __init__(self, application: ASGIApplication, sessions: Sessions) -> None:
        """
        @param application: the user's.
        @param sessions: those of this process.
        """
        self._application = application
        self._sessions = sessions
        self._covers = sessions.policy.covers if sessions.policy.optOut else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Serve a request.
        """
        kind = scope["type"]
        if kind not in ("http", "websocket"):
            await self._application(scope, receive, send)
            return
        if self._covers is not None and not self._covers(_pathOf(scope)):
            token = CURRENT.set(None)
            try:
                await self._application(scope, receive, send)
            finally:
                CURRENT.reset(token)
            return
        opened = self._sessions.open(
            [value for name, value in scope["headers"] if name == b"cookie"],
            scope.get("scheme") in _SECURE,
        )
        loop = asyncio.get_running_loop()
        if isinstance(opened, Deferred):
            try:
                session: RequestSession = await opened.asFuture(loop)
            except SessionError as error:
                await self._refuse(scope, receive, send, error)
                return
        else:
            session = opened
        exchange = ASGIExchange(session, loop, receive, send)
        session.run = exchange.run
        data = session.data
        scope = {**scope, SCOPE_NAME: data}
        scope.setdefault("session", data)
        token = CURRENT.set(session)
        try:
            if kind == "http":
                exchange.method = scope["method"]
                await self._application(scope, exchange.receive, exchange.send)
                ending = exchange.returned()
                if ending is not None:
                    await ending
            else:
                session.headSent()
                await self._application(scope, receive, send)
        except BaseException as error:
            if kind == "http":
                ending = exchange.failed(error)
                # What is cancelled ends at once, and the store by itself.
                if ending is not None and isinstance(error, Exception):
                    await ending
            raise
        finally:
            CURRENT.reset(token)

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, error: SessionError
    ) -> None:
        refusal = refusalWhenOpening(error)
        self._log.warn(
            "{path} is answered {status}, its session can't be loaded: {reason}",
            path=scope["path"],
            status=int(refusal.status),
            reason=str(error),
        )
        if scope["type"] == "http":
            await sendRefusal(send, refusal)
        else:
            await _refuseSocket(scope, receive, send, refusal)


def wrapASGI(application: ASGIApplication, sessions: Sessions | None) -> ASGIApplication:
    """
    @param application: the user's.
    @param sessions: those of this process; L{None} if there are to be none.
    @return: the application with its sessions.
    """
    return application if sessions is None else ASGISessions(application, sessions)


async def _refuseSocket(scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
    await receive()
    if "websocket.http.response" in (scope.get("extensions") or ()):
        await sendRefusal(send, refusal, "websocket.http.response")
    else:
        # Before the handshake any code is a 403.
        await send({"type": "websocket.close", "code": _TRY_AGAIN})


def _pathOf(scope: Scope) -> str:
    """
    @param scope: of a request.
    @return: its path as the client wrote it, below the application's root.
    """
    raw = scope.get("raw_path")
    path: str = scope["path"] if raw is None else raw.decode("latin-1")
    depth = scope.get("root_path", "").count("/")
    return "/" + path.split("/", depth + 1)[-1]

"""
One request of an ASGI application, between it and its server.

Invariants: the head waits until what the application changed is stored, and so do the bytes
that complete the body; a task that is cancelled (frameworks do that when the client leaves)
stops waiting for the store, but nothing that was begun there is cut short; what an application
that failed has changed is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_multiserver.sessions.errors import SessionError
from twisted_multiserver.sessions.refusals import Refusal, refusalFor
from twisted_multiserver.sessions.responsefields import mergeFields
from twisted_multiserver.sessions.settling import RequestSession
from twisted_multiserver.sessions.waiting import waitFor

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_BODIES = ("http.response.body", "http.response.pathsend", "http.response.zerocopysend")
_FAILED = 500


class ASGIExchange:
    """
    One request being answered.

    @ivar method: of the request.
    """

    _log = Logger()

    # Most requests leave these as they are.
    method = ""
    _hasHead = False
    _isRefused = False
    _isGone = False
    _declared: Iterable[tuple[bytes, bytes]] = ()
    _left: int | None = None

    def __init__(
        self,
        session: RequestSession,
        loop: asyncio.AbstractEventLoop,
        receive: Receive,
        send: Send,
    ) -> None:
        """
        @param session: of the request.
        @param loop: that runs.
        @param receive: the server's.
        @param send: the server's.
        """
        self._session = session
        self._loop = loop
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        """
        Pass on what the server has received.
        """
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._isGone = True
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """
        Pass on what the application sends, as soon as that may leave.
        """
        kind = message["type"]
        session = self._session
        if kind == "http.response.start" and not self._hasHead:
            settling = session.settle(self.method.encode("latin-1"), message["status"])
            if settling is not None:
                return self._beginLater(settling, message)
            message = self._begin(message)
        elif self._isRefused:
            return _nothing()
        elif session.isAccessed and kind in _BODIES and self._completes(message):
            finishing = session.finish()
            if finishing is not None:
                return self._completeLater(finishing, message)
        return self._send(message)

    def _begin(self, message: Message) -> Message:
        self._hasHead = True
        self._declared = message.get("headers", ())
        fields = self._session.fields()
        if not fields:
            return message
        application = [(bytes(name), bytes(value)) for name, value in self._declared]
        return {**message, "headers": mergeFields(application, fields)}

    async def _beginLater(self, settling: Deferred[None], message: Message) -> None:
        try:
            await self._stored(settling)
        except SessionError as error:
            refusal = refusalFor(error)
            if refusal is None:
                raise
            await self._refuse(refusal, error)
        else:
            await self._send(self._begin(message))

    async def _completeLater(self, finishing: Deferred[None], message: Message) -> None:
        # Whatever it fails with becomes the application's, whose response remains incomplete:
        # the client sees that it isn't acknowledged.
        await self._stored(finishing)
        await self._send(message)

    async def _refuse(self, refusal: Refusal, error: SessionError) -> None:
        self._hasHead = self._isRefused = True
        self._log.warn(
            "session {label}: answered {status}: {reason}",
            label=self._session.label,
            status=int(refusal.status),
            reason=str(error),
        )
        await sendRefusal(self._send, refusal)

    def _completes(self, message: Message) -> bool:
        """
        @param message: with a piece of the body.
        @return: whether the client has all of it afterwards.
        """
        if not message.get("more_body", False):
            return True
        if self._declared:
            self._left = _declaredLength(self._declared)
            self._declared = ()
        if self._left is None:
            return False
        self._left -= len(message.get("body", b""))
        return self._left <= 0

    def returned(self) -> Awaitable[None] | None:
        """
        The application has returned.

        @return: what to wait for; L{None} for nothing.
        """
        if self._isRefused:
            return None
        if self._hasHead or self._isGone:
            # The client has what it gets; nobody is told any more.
            return self._ended(self._session.abandoned())
        return self._ended(self._session.settle(b"", _FAILED))

    def failed(self, error: BaseException) -> Awaitable[None] | None:
        """
        The application has failed.

        @param error: what it has raised.
        @return: what to wait for; L{None} for nothing.
        """
        if self._isRefused:
            return None
        if self._isGone and isinstance(error, asyncio.CancelledError | OSError):
            # It was told that the client has left, in one of the ways that there are.
            return self._ended(self._session.abandoned())
        if not self._hasHead:
            return self._ended(self._session.settle(b"", _FAILED))
        return None

    def _ended(self, ending: Deferred[None] | None) -> Awaitable[None] | None:
        if ending is None:
            return None
        return asyncio.shield(ending.addErrback(self._notEnded).asFuture(self._loop))

    def _notEnded(self, failure: Failure) -> None:
        self._log.warn(
            "session {label} could not be ended: {reason}",
            label=self._session.label,
            reason=failure.getErrorMessage(),
        )

    def _stored(self, storing: Deferred[None]) -> Awaitable[None]:
        return asyncio.shield(storing.asFuture(self._loop))

    def run(self, call: Callable[[], Deferred[Any]]) -> Any:
        """
        Let the application wait for the store.

        @param call: asks the store; called in the loop's thread.
        @return: an C{asyncio.Future}; in another thread, where frameworks run functions that
            block, its result.
        """
        try:
            isHere = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            isHere = False
        if isHere:
            return asyncio.shield(call().asFuture(self._loop))
        return waitFor(self._loop.call_soon_threadsafe, call)


async def _nothing() -> None:
    """
    Nothing more is sent.
    """


async def sendRefusal(send: Send, refusal: Refusal, kind: str = "http.response") -> None:
    """
    @param send: the server's.
    @param refusal: what to send.
    @param kind: what the messages' types begin with.
    """
    fields = list(refusal.fields)
    await send({"type": f"{kind}.start", "status": int(refusal.status), "headers": fields})
    await send({"type": f"{kind}.body", "body": refusal.body})


def _declaredLength(fields: Iterable[tuple[bytes, bytes]]) -> int | None:
    for name, value in fields:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value)
    return None

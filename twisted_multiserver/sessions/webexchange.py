"""
One request of twisted.web and its session: when the head is known the session is settled, and
until that is done the L{gate<twisted_multiserver.sessions.gate>} keeps the response.

What is changed behind the head is stored before the last byte leaves: the last piece of a body
whose length was announced, else what ends the response.  If it can't be, the response is cut,
so that the client sees that it isn't acknowledged.

Invariants: the application never learns of the waiting, except that C{notifyFinish} fires
later; if its response is refused, it is told so there, as if the client had left, and whatever
it still writes is swallowed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request as HTTPRequest
from twisted.web.http_headers import Headers

from twisted_multiserver.cutting import cutResponse
from twisted_multiserver.sessions.gate import SessionGate
from twisted_multiserver.sessions.refusals import Refusal, refusalFor, unstorable
from twisted_multiserver.sessions.responsefields import mergedVary
from twisted_multiserver.sessions.settling import RequestSession

# Of what the application would have answered, this is no less true of our answer.
_KEPT = (b"Server", b"Date", b"Connection")


class WebExchange:
    """
    A request and its session.

    @ivar session: the session.
    """

    __slots__ = (
        "_end",
        "_gate",
        "_isFinishing",
        "_isRefused",
        "_isSettled",
        "_request",
        "session",
    )

    _log = Logger()

    def __init__(self, request: Any, session: RequestSession, end: Callable[[], None]) -> None:
        """
        @param request: a L{twisted.web.server.Request}.
        @param session: of it.
        @param end: what the request's own C{finish} does.
        """
        self.session = session
        self._request = request
        self._end = end
        self._gate: SessionGate | None = None
        self._isFinishing = False
        self._isRefused = False
        self._isSettled = bool(request.startedWriting)
        if self._isSettled:
            session.headSent()

    def writing(self, data: bytes) -> bool:
        """
        The application writes a piece of the body.

        @param data: the piece.
        @return: whether the request is to write it.
        """
        request = self._request
        if request._disconnected or request._inFakeHead or request.finished:
            return not self._isRefused
        if not request.startedWriting:
            self._settle()
        elif self._gate is None and self.session.isAccessed and self._completes(data):
            self._storeRest()
        return not self._isRefused

    def finishing(self) -> bool:
        """
        The application ends the response.

        @return: whether the request is to end it now.
        """
        request = self._request
        if self._isRefused:
            return False
        if request._disconnected:
            # Nobody waits, but what was done is done.
            self.abandon()
            return True
        if request.finished or request._inFakeHead:
            return True
        if not request.startedWriting:
            self._settle()
        elif self._gate is None:
            self._storeRest()
        if self._gate is None:
            return not self._isRefused
        self._isFinishing = True
        request.finished = 1
        return False

    def losing(self) -> None:
        """
        The client has left; the application is going to be told.
        """
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.stopProducer()

    def abandon(self) -> None:
        """
        The client has left, and the application has cleaned up: keep what it changed.
        """
        session, request = self.session, self._request
        if self._isRefused or (request.finished and not self._isFinishing):
            return
        if self._isSettled or request.code < 500:
            session.abandoned()
            return
        self._isSettled = True
        settling = session.settle(request.method, request.code)
        if settling is not None:
            settling.addErrback(self._warn, "not ended, and the client has left")

    def _settle(self) -> None:
        if self._isSettled:
            return
        self._isSettled = True
        settling = self.session.settle(self._request.method, self._request.code)
        if settling is None:
            self._addFields()
        else:
            self._wait(settling)

    def _storeRest(self) -> None:
        rest = self.session.finish()
        if rest is not None:
            self._wait(rest)

    def _wait(self, storing: Deferred[None]) -> None:
        self._gate = SessionGate(self._request)
        stored = Deferred.fromCoroutine(self._store(storing))
        stored.addCallbacks(self._release, self._refuse)
        stored.addErrback(partial(self._log.failure, "a response was lost"))

    async def _store(self, storing: Deferred[None]) -> None:
        await storing
        # The application went on meanwhile, and what waits may be the whole response.
        rest = self.session.finish()
        if rest is not None:
            await rest

    def _release(self, _: None) -> None:
        gate = self._gate
        if gate is None:
            # The client has left.
            return
        self._addFields(gate.head)
        self._gate = None
        gate.release(self._isFinishing)
        if self._isFinishing:
            self._isFinishing = False
            self._request.finished = 0
            self._end()

    def _addFields(self, head: Headers | None = None) -> None:
        """
        @param head: that is kept; L{None} if the request's own is still open, or has gone out.
        """
        request = self._request
        if head is None and request.startedWriting:
            return
        headers = request.responseHeaders if head is None else head
        for name, value in self.session.fields():
            if name == b"vary":
                there = headers.getRawHeaders(name, [])
                headers.setRawHeaders(name, [mergedVary(there, value)])
            elif name == b"cache-control":
                headers.setRawHeaders(name, [value])
            elif head is None and request.cookies:
                # With these the request is going to overwrite the field.
                request.cookies.append(value)
            else:
                headers.addRawHeader(name, value)
        self.session.headSent()

    def _completes(self, data: bytes) -> bool:
        """
        @param data: a piece of the body.
        @return: whether the client has all of it afterwards.
        """
        request = self._request
        lengths = request.responseHeaders.getRawHeaders(b"content-length", ())
        if len(lengths) != 1 or not lengths[0].isdigit():
            return False
        return bool(request.sentLength + len(data) >= int(lengths[0]))

    # What becomes of a response whose session can't be stored.

    def _refuse(self, failure: Failure) -> None:
        gate, self._gate = self._gate, None
        error, request = failure.value, self._request
        assert error is not None
        refusal = refusalFor(error)
        if refusal is None:
            refusal = unstorable()
            self._log.failure("the session of {path} can't be stored", failure, path=self._path)
        if gate is None:
            self._warn(failure, "not stored, and the client has left")
            return
        self._isRefused = True
        gate.remove()
        telling, request.notifications = request.notifications, []
        producer, request.producer = request.producer, None
        if request.startedWriting and gate.head is None:
            self._warn(failure, "not stored, the rest of the response is cut off")
            cutResponse(request)
        else:
            self._warn(failure, f"not stored, answered {int(refusal.status)}")
            self._answer(refusal)
        if producer is not None:
            producer.stopProducing()
        for each in telling:
            each.errback(failure)

    def _answer(self, refusal: Refusal) -> None:
        request, theirs = self._request, self._request.responseHeaders
        headers = Headers()
        for name in _KEPT:
            for value in theirs.getRawHeaders(name, ()):
                headers.addRawHeader(name, value)
        for name, value in refusal.fields:
            headers.addRawHeader(name, value)
        for name, value in self.session.fields():
            # An identifier that was handed out by an earlier commit is the only one that
            # works; but what could not be ended must not be forgotten.
            if name == b"set-cookie" and b"; Max-Age=0;" not in value:
                headers.addRawHeader(name, value)
        # As if nothing had been written, for which there is no other way.
        request.startedWriting = request.finished = request.chunked = request.sentLength = 0
        request.etag = request.lastModified = request._encoder = None
        request.cookies = []
        request.responseHeaders = headers
        request.setResponseCode(refusal.status)
        HTTPRequest.write(request, refusal.body)
        self._end()

    def _warn(self, failure: Failure, what: str) -> None:
        self._log.warn(
            "session {label}: {path}: {what}: {reason}",
            label=self.session.label,
            path=self._path,
            what=what,
            reason=failure.getErrorMessage(),
        )

    @property
    def _path(self) -> str:
        path: bytes = self._request.path
        return path.decode("latin-1")

"""
One request of a WSGI application, between it and its server (PEP 3333), in the application's
thread.

Strategy: C{start_response} is noted and passed on when the first byte of the body, or its end,
is about to leave: then the status is final, and the application's thread waits until what was
changed is stored.  What is changed later is stored before the bytes that complete a body of
declared length, and when the body is closed, behind which the server ends the response.

Invariant: the reactor's thread touches the session only while the application's waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import inf
from types import TracebackType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_multiserver.sessions.current import CURRENT
from twisted_multiserver.sessions.errors import SessionError
from twisted_multiserver.sessions.refusals import Refusal, refusalFor
from twisted_multiserver.sessions.responsefields import mergeFields
from twisted_multiserver.sessions.settling import RequestSession

Environ = dict[str, Any]
Head = list[tuple[str, str]]
StartResponse = Callable[..., Callable[[bytes], object]]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

_FAILED = 500


class WSGIExchange:
    """
    One request being answered; what its application returns to the server.
    """

    _log = Logger()

    def __init__(
        self,
        session: RequestSession,
        run: Callable[[Callable[[], Deferred[Any] | None]], Any],
        method: str,
        startResponse: StartResponse,
    ) -> None:
        """
        @param session: of the request.
        @param run: has the reactor's thread do something, and waits for it.
        @param method: of the request.
        @param startResponse: the server's.
        """
        self._session = session
        self._run = run
        self._method = method.encode("latin-1")
        self._startResponse = startResponse
        self._pieces: Iterable[bytes] = ()
        self._head: tuple[str, Head] | None = None
        self._write: Callable[[bytes], object] | None = None
        self._length = inf
        self._sent = 0
        self._isRefused = False
        self._hasFailed = False
        self._isExhausted = False

    def begin(
        self,
        application: Callable[[Environ, StartResponse], Iterable[bytes]],
        environ: Environ,
    ) -> WSGIExchange:
        """
        Call the application.

        @param application: the user's.
        @param environ: what it is called with.
        @return: this.
        """
        try:
            self._pieces = application(environ, self.startResponse)
        except BaseException:
            self._fail()
            raise
        return self

    def startResponse(
        self, status: str, headers: Head, excInfo: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """
        What the application is given as C{start_response}.
        """
        if excInfo is not None and excInfo[1] is not None:
            if self._write is not None:
                raise excInfo[1].with_traceback(excInfo[2])
        elif self._head is not None:
            raise AssertionError("start_response was called a second time")
        self._head = status, headers
        return self.write

    def write(self, data: bytes) -> None:
        """
        What C{start_response} returns.
        """
        if data:
            write = self._leaving(data)
            if not self._isRefused:
                write(data)

    def __iter__(self) -> Iterator[bytes]:
        """
        The body.
        """
        try:
            for piece in self._pieces:
                if piece:
                    self._leaving(piece)
                if self._isRefused:
                    break
                yield piece
            self._leaving(b"")
        except GeneratorExit:
            raise
        except BaseException:
            self._fail()
            raise
        self._isExhausted = True

    def close(self) -> None:
        """
        Called by the server, when it has the body or doesn't want it any more.
        """
        try:
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()
            session = self._session
            if session.isAccessed and not (self._isRefused or self._hasFailed):
                # What finish() fails with makes the server break the response off: the client
                # sees that it isn't acknowledged.  If it has left before the end, nobody does.
                self._run(session.finish if self._isExhausted else session.abandoned)
        finally:
            CURRENT.set(None)

    def _leaving(self, piece: bytes) -> Callable[[bytes], object]:
        """
        Wait until a piece of the body may leave.

        @param piece: empty for the end.
        @return: the server's C{write}.
        """
        self._sent += len(piece)
        if self._write is None:
            self._write = self._begin()
        elif piece and self._sent >= self._length and self._session.isAccessed:
            self._run(self._session.finish)
        return self._write

    def _begin(self) -> Callable[[bytes], object]:
        if self._head is None:
            raise AssertionError("start_response was not called before the body")
        status, headers = self._head
        session = self._session
        try:
            self._settle(int(status[:3]))
        except SessionError as error:
            refusal = refusalFor(error)
            if refusal is None:
                raise
            return self._refuse(refusal, error)
        session.headSent()
        fields = session.fields()
        if fields:
            merged = mergeFields(
                [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
                fields,
            )
            headers = _decoded(merged)
        self._length = _declaredLength(headers)
        return self._startResponse(status, headers)

    def _settle(self, status: int) -> None:
        session = self._session
        if session.isAccessed:
            self._run(lambda: session.settle(self._method, status))
        else:
            # Asks no store, and so no other thread.
            session.settle(self._method, status)

    def _refuse(self, refusal: Refusal, error: SessionError) -> Callable[[bytes], object]:
        self._isRefused = True
        self._session.headSent()
        self._log.warn(
            "session {label}: answered {status}: {reason}",
            label=self._session.label,
            status=int(refusal.status),
            reason=str(error),
        )
        status = refusal.status
        write = self._startResponse(f"{int(status)} {status.phrase}", _decoded(refusal.fields))
        write(refusal.body)
        return write

    def _fail(self) -> None:
        """
        The application has failed: what it changed is dropped, not that it ended a session.
        """
        self._hasFailed = True
        try:
            if self._write is None:
                self._settle(_FAILED)
        except SessionError as error:
            self._log.warn(
                "session {label} could not be ended: {reason}",
                label=self._session.label,
                reason=str(error),
            )
        finally:
            CURRENT.set(None)


def _decoded(fields: Iterable[tuple[bytes, bytes]]) -> Head:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]


def _declaredLength(headers: Head) -> float:
    for name, value in headers:
        if name.lower() == "content-length" and value.isdecimal():
            return int(value)
    return inf

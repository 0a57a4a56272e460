"""
Runs WSGI applications with sessions: the test is their server, their browser, and the
reactor's thread too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.sessions.faces import Memory, cookieOf
from twisted_multiserver.sessions.data import SessionData
from twisted_multiserver.sessions.requestsession import Sessions
from twisted_multiserver.sessions.settling import RequestSession
from twisted_multiserver.sessions.wsgiexchange import Environ, Head, WSGIExchange

Application = Callable[[Environ, Any], Iterable[bytes]]


class Closing:
    """
    A body with a C{close}.
    """

    def __init__(self, pieces: Iterable[bytes], whenClosed: Callable[[], object]) -> None:
        self._pieces = pieces
        self.close = whenClosed

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


class WSGICase(SynchronousTestCase):
    """
    Tests of one request after the other, as a browser makes them.

    @ivar order: what happened at the store and to the client, in this order.
    @ivar hops: how often the reactor's thread was asked.
    """

    def setUp(self) -> None:
        self.order: list[Any] = []
        self.hops = 0
        self.store = Memory()
        self.store.whenCalled = self.order.append
        self.sessions = Sessions(self.store)
        self.cookie: bytes | None = None
        self.head: tuple[str, Head] | None = None

    def run_(self, call: Callable[[], Deferred[Any] | None]) -> Any:
        self.hops += 1
        done = call()
        if done is None:
            return None
        results: list[Any] = []
        done.addBoth(results.append)
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

    def open(self) -> RequestSession:
        opened = self.sessions.open([self.cookie] if self.cookie else [], True)
        return self.successResultOf(opened) if isinstance(opened, Deferred) else opened

    def startResponse(self, status: str, headers: Head) -> Callable[[bytes], object]:
        self.assertIsNone(self.head, "one response for each request")
        self.head = status, headers
        self.order.append(status)
        return self.order.append

    def ask(self, application: Application, method: str = "GET", most: int = 99) -> None:
        """
        Serve a request.

        @param most: the client leaves when it has so many pieces.
        """
        self.head = None
        session = self.open()
        session.run = self.run_
        exchange = WSGIExchange(session, self.run_, method, self.startResponse)
        body = exchange.begin(application, {"session": session.data})
        try:
            for piece in body:
                if piece:
                    self.assertIsNotNone(self.head)
                    self.order.append(piece)
                most -= 1
                if most == 0:
                    break
        finally:
            body.close()
        self.cookie = self.told()

    def told(self) -> bytes | None:
        """
        @return: the cookie that the browser has after the response.
        """
        if self.head is None:
            return self.cookie
        cookie = cookieOf((name.encode(), value.encode()) for name, value in self.head[1])
        return self.cookie if cookie is None else cookie

    def begin(self, **fields: Any) -> None:
        """
        Let the browser have a session with these fields.
        """

        def app(environ: Environ, start: Any) -> list[bytes]:
            sessionOf(environ).update(fields)
            start("200 OK", [])
            return []

        self.ask(app)
        self.order.clear()
        self.hops = 0

    def read(self) -> dict[str, Any]:
        """
        Tell what the session holds for the next request.
        """
        return dict(self.open().data)

    @property
    def status(self) -> int:
        assert self.head is not None
        return int(self.head[0][:3])


def sessionOf(environ: Environ) -> SessionData:
    """
    Find a request's session.
    """
    data = environ["session"]
    assert isinstance(data, SessionData)
    return data

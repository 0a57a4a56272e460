"""
The class that is mixed into those of requests to give them sessions.

Strategy: the session is loaded before any code of the application runs, and from then on a
L{WebExchange<twisted_multiserver.sessions.webexchange.WebExchange>} watches the response.  A
request without a cookie whose session nobody asks for has none, and pays next to nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import datetimeToString
from twisted.web.server import Request

from twisted_multiserver.sessions.errors import NoSessionHere, SessionError
from twisted_multiserver.sessions.refusals import refusalWhenOpening
from twisted_multiserver.sessions.requestsession import Sessions
from twisted_multiserver.sessions.settling import RequestSession
from twisted_multiserver.sessions.webexchange import WebExchange
from twisted_multiserver.sessions.websession import WebSession

if TYPE_CHECKING:
    _Base = Request
else:
    # Mixed into request classes that derive from Request, perhaps by way of others.
    _Base = object


class SessionRequestMixin(_Base):
    """
    Mixed in before a request class.

    @cvar sharedSessions: those of the process.
    @cvar sessionCookies: the names that a session's cookie may have.
    """

    sharedSessions: Sessions
    sessionCookies: frozenset[bytes]
    _sessionLog = Logger()
    _sessionExchange: WebExchange | None = None
    _webSession: WebSession | None = None

    def process(self) -> None:
        """
        Load the session, and begin with the request.
        """
        received = self.received_cookies
        # Most that come without ours come with others.
        if received and not self.sessionCookies.isdisjoint(received) and self._hasSessions():
            cookies = self.requestHeaders.getRawHeaders(b"cookie", ())
            opened = self.sharedSessions.open(cookies, self._isSessionSecure())
            if isinstance(opened, Deferred):
                opened.addCallbacks(self._sessionOpened, self._sessionNotOpened)
                opened.addErrback(self._sessionFailed)
                return
            self._beginSession(opened)
        super().process()  # type: ignore[no-untyped-call]

    def getSession(self, sessionInterface: Any = None, forceNotSecure: bool = False) -> Any:
        """
        Tell the request's session.

        @param sessionInterface: what it is to be adapted to, as
            L{ISessionData<twisted_multiserver.interfaces.ISessionData>}.
        @param forceNotSecure: without effect: a client that came by TLS has no other session.
        @return: the session, a L{twisted.web.server.Session}, or its adapter.
        @raise NoSessionHere: if the path has no sessions.
        """
        session = self._webSession
        if session is None:
            # A request class of somebody's own may ask before the traversal begins.
            channel: Any = self.channel if self.site is None else self
            session = self._webSession = WebSession(channel.site, self.requestSession)
        return session if sessionInterface is None else session.getComponent(sessionInterface)

    @property
    def session(self) -> WebSession | None:
        """
        The session that L{getSession} has told; L{None} if nobody has asked.
        """
        return self._webSession

    @property
    def requestSession(self) -> RequestSession:
        """
        The request's way with its session.

        @raise NoSessionHere: if the path has no sessions.
        """
        exchange = self._sessionExchange
        if exchange is None:
            if not self._hasSessions():
                path = self.path.decode("latin-1")
                raise NoSessionHere(f"{path} is a path without sessions")
            opened = self.sharedSessions.open((), self._isSessionSecure())
            assert isinstance(opened, RequestSession)
            exchange = self._beginSession(opened)
        return exchange.session

    def write(self, data: bytes) -> None:
        """
        Write a piece of the body.

        @param data: leaves when what the session has become until now is stored.
        """
        exchange = self._sessionExchange
        if exchange is None or exchange.writing(data):
            super().write(data)  # type: ignore[no-untyped-call]

    def finish(self) -> None:
        """
        End the response, as soon as what the session has become is stored.
        """
        exchange = self._sessionExchange
        if exchange is None or exchange.finishing():
            super().finish()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure) -> None:
        """
        The client has left.

        @param reason: why.
        """
        exchange = self._sessionExchange
        if exchange is not None:
            exchange.losing()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        if exchange is not None and self.site is not None:
            # Behind what the application does when it hears of it.
            self.site.reactor.callLater(0, exchange.abandon)

    def _hasSessions(self) -> bool:
        return self.sharedSessions.policy.covers(self.path.decode("latin-1"))

    def _isSessionSecure(self) -> bool:
        return bool(self.isSecure())  # type: ignore[no-untyped-call]

    def _beginSession(self, session: RequestSession) -> WebExchange:
        exchange = self._sessionExchange = WebExchange(self, session, super().finish)
        return exchange

    def _sessionOpened(self, session: RequestSession) -> None:
        if not self._disconnected:
            self._beginSession(session)
            super().process()  # type: ignore[no-untyped-call]

    def _sessionNotOpened(self, failure: Failure) -> None:
        error = failure.value
        assert error is not None
        refusal = refusalWhenOpening(error)
        log = self._sessionLog
        report = log.warn if failure.check(SessionError) else partial(log.failure, failure=failure)
        report(
            "{path}: answered {status}, the session can't be loaded: {reason}",
            path=self.path.decode("latin-1"),
            status=int(refusal.status),
            reason=failure.getErrorMessage(),
        )
        if self._disconnected:
            return
        self.setResponseCode(refusal.status)
        self.setHeader(b"Date", datetimeToString())  # type: ignore[no-untyped-call]
        for name, value in refusal.fields:
            self.setHeader(name, value)  # type: ignore[no-untyped-call]
        self.write(refusal.body)
        self.finish()

    def _sessionFailed(self, failure: Failure) -> None:
        # What a request class of somebody's own raises when it should have begun; by itself
        # the channel would end the connection, too.
        self._sessionLog.failure("a request could not begin", failure)
        self.loseConnection()  # type: ignore[no-untyped-call]

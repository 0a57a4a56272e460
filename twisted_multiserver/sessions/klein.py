"""
Sessions for Klein.

Two ways in, for two kinds of clients.  Browsers have cookies: L{RequestProcurer} gives Klein
the request's own session, which a Site with sessions loads and commits, as for everybody
else.  Programs have a token that they send in a field: Klein's own C{SessionProcurer} finds
their sessions in a L{TokenStore}.

What C{authorize} gives, and so Klein's C{Authorization}, is what the session is adapted to:
C{registerAdapter(Account, twisted.web.server.Session, IAccount)} for those of browsers,
C{registerAdapter(Account, TokenSession, IAccount)} for those of programs, and C{ISessionData}
for both.

This is the only file that imports Klein.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from klein.interfaces import (
    ISession,
    ISessionProcurer,
    ISessionStore,
    NoSuchSession,
    SessionMechanism,
    TooLateForCookies,
)
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.components import Componentized
from zope.interface import Interface, implementer

from twisted_multiserver.sessions._isessiondata import ISessionData
from twisted_multiserver.sessions.data import SessionData
from twisted_multiserver.sessions.errors import NoSessionHere, StoreUnavailable
from twisted_multiserver.sessions.requestsession import Sessions
from twisted_multiserver.sessions.settling import RequestSession
from twisted_multiserver.sessions.websession import WebSession

# A session that nothing is put into isn't kept, but what Klein has told a client the
# identifier of must be there when it comes back.
_KEPT = "klein"


@implementer(ISession)
class BrowserSession:
    """
    A request's own session, as Klein knows one.

    @ivar isConfidential: whether the client came by TLS.
    @ivar authenticatedBy: its cookie.
    """

    def __init__(self, session: WebSession, isConfidential: bool) -> None:
        """
        @param session: of the request.
        @param isConfidential: whether the client came by TLS.
        """
        self._session = session
        self.isConfidential = isConfidential
        self.authenticatedBy = SessionMechanism.Cookie

    @property
    def identifier(self) -> str:
        """
        What can't be guessed and is the same until the session is rotated, for Klein's forms;
        not what the cookie says.
        """
        return self._session.uid.decode("ascii")

    def authorize(self, interfaces: Iterable[type[Interface]]) -> Deferred[dict[Any, Any]]:
        """
        @param interfaces: that the session is to be adapted to.
        @return: fires with what provides them, by those that can be had.
        """
        return succeed(_adapted(self._session, interfaces))


@implementer(ISessionProcurer)
class RequestProcurer:
    """
    Gives Klein the request's own session.  A GET that has none begins one: Klein asks what it
    is called when it writes a form, which is when the head has gone out.
    """

    def procureSession(self, request: Any, forceInsecure: bool = False) -> Deferred[BrowserSession]:
        """
        @param request: of a Site with sessions.
        @param forceInsecure: without effect: a client that came by TLS has no other session.
        @return: fires with its session; fails with C{NoSuchSession} if its path has none,
            and with C{TooLateForCookies} if one would have to begin, but the response has
            begun already.
        """
        procured = request.getComponent(ISession)
        if procured is None:
            try:
                session: WebSession = request.getSession()
            except NoSessionHere as error:
                return fail(NoSuchSession(str(error)))
            data = session.data
            if data.isNew and request.startedWriting:
                return fail(TooLateForCookies("the head of the response has gone out"))
            if data.isNew and request.method == b"GET" and not data.isDegraded:
                data[_KEPT] = True
            procured = BrowserSession(session, bool(request.isSecure()))
            request.setComponent(ISession, procured)
        return succeed(procured)


@implementer(ISession)
class TokenSession(Componentized):
    """
    A session that a token leads to, by a request or without one.  What is put into
    C{ISessionData(session)} is stored by its C{commit()}, and not before.

    @ivar identifier: the token.
    @ivar isConfidential: whether it came by TLS.
    @ivar authenticatedBy: how it came.
    """

    def __init__(self, session: RequestSession, isConfidential: bool, authenticatedBy: Any) -> None:
        """
        @param session: stored.
        @param isConfidential: whether the token came by TLS.
        @param authenticatedBy: how it came.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self.identifier = session.identifier
        self.isConfidential = isConfidential
        self.authenticatedBy = authenticatedBy
        self._data = session.data

    @property
    def data(self) -> SessionData:
        """
        The mapping that C{ISessionData(session)} is.
        """
        return self._data

    def getComponent(self, interface: Any, default: Any = None) -> Any:
        """
        @param interface: that it is to be adapted to.
        @param default: if it can't be.
        @return: what provides that.
        """
        if interface is ISessionData:
            return self._data
        return super().getComponent(interface, default)  # type: ignore[no-untyped-call]

    def authorize(self, interfaces: Iterable[type[Interface]]) -> Deferred[dict[Any, Any]]:
        """
        @param interfaces: that the session is to be adapted to.
        @return: fires with what provides them, by those that can be had.
        """
        return succeed(_adapted(self, interfaces))


@implementer(ISessionStore)
class TokenStore:
    """
    Keeps sessions for programs, for Klein's C{SessionProcurer}.
    """

    def __init__(self, sessions: Sessions) -> None:
        """
        @param sessions: such as a SynchronizedSite's C{sharedSessions}.
        """
        self._sessions = sessions

    def newSession(self, isConfidential: bool, authenticatedBy: Any) -> Deferred[TokenSession]:
        """
        @param isConfidential: whether its token goes by TLS.
        @param authenticatedBy: how it goes.
        @return: fires with a session, stored.
        """
        opened = self._sessions.open((), isConfidential)
        assert isinstance(opened, RequestSession)
        opened.data[_KEPT] = True
        return opened.commit().addCallback(
            lambda _: TokenSession(opened, isConfidential, authenticatedBy)
        )

    def loadSession(
        self, identifier: str, isConfidential: bool, authenticatedBy: Any
    ) -> Deferred[TokenSession]:
        """
        @param identifier: the token.
        @param isConfidential: whether it came by TLS.
        @param authenticatedBy: how it came.
        @return: fires with its session; fails with C{NoSuchSession} if there is none, and with
            C{StoreUnavailable}.
        """

        def loaded(session: RequestSession) -> TokenSession:
            if session.data.isDegraded:
                raise StoreUnavailable("the store of sessions could not be asked")
            if session.data.isNew:
                raise NoSuchSession("there is no session with this token")
            return TokenSession(session, isConfidential, authenticatedBy)

        opened = self._sessions.resume(identifier, isConfidential)
        loading = opened if isinstance(opened, Deferred) else succeed(opened)
        return loading.addCallback(loaded)

    def sentInsecurely(self, identifiers: Sequence[str]) -> None:
        """
        Without effect, as for Klein's own store.

        @param identifiers: of all requests that came without TLS; also those that may.
        """


def _adapted(session: Componentized, interfaces: Iterable[type[Interface]]) -> dict[Any, Any]:
    found = {each: session.getComponent(each) for each in interfaces}
    return {each: provider for each, provider in found.items() if provider is not None}

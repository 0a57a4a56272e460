"""
Sessions for WSGI applications: C{environ["multiserver.session"]}.

The session is loaded by the reactor's thread, before a thread of the application is taken for
the request: a slow store keeps no threads busy that other requests could use.  From there on
it belongs to the application's thread, which waits whenever the reactor's works on it:
L{WSGIExchange<twisted_multiserver.sessions.wsgiexchange.WSGIExchange>} says when.

Both halves are needed, L{WSGISessions} around the resource and L{wrapWSGI} around the
application in it; the session gets from one to the other by Twisted's context, which thread
pools carry into their threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python import context
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from twisted_multiserver.sessions.current import CURRENT
from twisted_multiserver.sessions.errors import SessionError
from twisted_multiserver.sessions.refusals import refusalWhenOpening
from twisted_multiserver.sessions.requestsession import Sessions
from twisted_multiserver.sessions.settling import RequestSession
from twisted_multiserver.sessions.waiting import waitFor
from twisted_multiserver.sessions.wsgiexchange import Environ, StartResponse, WSGIExchange

Application = Callable[[Environ, StartResponse], Iterable[bytes]]

# Where applications find their session.
ENVIRON_NAME = "multiserver.session"


class _Leaf(Protocol):
    """
    What L{WSGIResource<twisted.web.wsgi.WSGIResource>} is.
    """

    def render(self, request: Request) -> int:
        """
        Answer a request.
        """


@implementer(IResource)
class WSGISessions:
    """
    Gives the requests of a WSGI resource their sessions.
    """

    isLeaf = True
    _log = Logger()

    def __init__(self, resource: _Leaf, sessions: Sessions) -> None:
        """
        @param resource: a L{WSGIResource<twisted.web.wsgi.WSGIResource>}, with an
            application from L{wrapWSGI}.
        @param sessions: those of this process.
        """
        self._resource = resource
        self._sessions = sessions

    def render(self, request: Request) -> int:
        """
        Call the application in a thread, as soon as the session is there.
        """
        policy = self._sessions.policy
        if policy.optOut and not policy.covers(request.path.decode("latin-1")):
            return self._call(request, None)
        opened = self._sessions.open(
            request.requestHeaders.getRawHeaders(b"cookie", ()), request.isSecure()
        )
        if not isinstance(opened, Deferred):
            return self._call(request, opened)
        Deferred.fromCoroutine(self._callWhenOpened(request, opened)).addErrback(
            request.processingFailed
        )
        return NOT_DONE_YET

    async def _callWhenOpened(self, request: Request, opened: Deferred[RequestSession]) -> None:
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)
        try:
            session = await opened
        except SessionError as error:
            if not gone:
                self._refuse(request, error)
            return
        if not gone:
            self._call(request, session)

    def _call(self, request: Request, session: RequestSession | None) -> int:
        rendered: int = context.call({RequestSession: session}, self._resource.render, request)
        return rendered

    def _refuse(self, request: Request, error: SessionError) -> None:
        refusal = refusalWhenOpening(error)
        self._log.warn(
            "{path} is answered {status}, its session can't be loaded: {reason}",
            path=request.path.decode("latin-1"),
            status=int(refusal.status),
            reason=str(error),
        )
        request.setResponseCode(refusal.status)
        for name, value in refusal.fields:
            request.setHeader(name, value)
        request.write(refusal.body)
        request.finish()

    def getChildWithDefault(self, name: bytes, request: IRequest) -> IResource:
        """
        There are no children below a WSGI application.
        """
        raise RuntimeError("a WSGI application has no child resources")

    def putChild(self, path: bytes, child: IResource) -> None:
        """
        There are no children below a WSGI application.
        """
        raise RuntimeError("a WSGI application has no child resources")


def wrapWSGI(application: Application, reactor: IReactorFromThreads) -> Application:
    """
    @param application: the user's.
    @param reactor: its thread asks the store.
    @return: the application with the session of its request, which L{WSGISessions} loads.
    """
    run = partial(waitFor, reactor.callFromThread)

    def withSession(environ: Environ, startResponse: StartResponse) -> Iterable[bytes]:
        session: Any = context.get(RequestSession)
        # The thread has been another request's.
        CURRENT.set(session)
        if session is None:
            return application(environ, startResponse)
        session.run = run
        environ[ENVIRON_NAME] = session.data
        exchange = WSGIExchange(session, run, environ["REQUEST_METHOD"], startResponse)
        return exchange.begin(application, environ)

    return withSession

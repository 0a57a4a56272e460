"""
Sites of twisted.web whose sessions are kept in a store.

What makes a Site's requests is replaced by what makes the same with
L{sessions<twisted_multiserver.sessions.sessionrequest.SessionRequestMixin>}; the Site, its
resources and its channels stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import INonQueuedRequestFactory
from twisted.web.resource import IResource
from twisted.web.server import Request, Site
from zope.interface import alsoProvides

from twisted_multiserver.sessions._isynchronizer import ISessionSynchronizer
from twisted_multiserver.sessions.codec import SessionCodec
from twisted_multiserver.sessions.errors import SessionError
from twisted_multiserver.sessions.policy import SessionPolicy
from twisted_multiserver.sessions.requestsession import Sessions
from twisted_multiserver.sessions.sealing import SessionSealing
from twisted_multiserver.sessions.sessionrequest import SessionRequestMixin

__all__ = [
    "SessionRequestMixin",
    "SynchronizedSite",
    "sessionRequest",
    "synchronize",
    "withSessions",
]

RequestMaker = Callable[..., Request]


def sessionRequest(requestClass: type[Request], sessions: Sessions) -> type[Request]:
    """
    Give the requests of a class sessions.

    @param requestClass: of a Site.
    @param sessions: those of the process.
    @return: a subclass of it; itself if its requests have sessions already.
    """
    if issubclass(requestClass, SessionRequestMixin):
        return requestClass
    names = (sessions.policy.cookieName(isSecure) for isSecure in (True, False))
    facts = {
        "sharedSessions": sessions,
        "sessionCookies": frozenset(name.encode("ascii") for name in names),
    }
    return type(requestClass.__name__, (SessionRequestMixin, requestClass), facts)


def withSessions(make: RequestMaker, sessions: Sessions) -> RequestMaker:
    """
    Give requests sessions, whatever makes them.

    @param make: a Site's: a class, or a function.
    @param sessions: those of the process.
    @return: the same with sessions.
    """
    if isinstance(make, type):
        found: RequestMaker = sessionRequest(make, sessions)
    else:
        found = _mixing(make, sessions)
    if INonQueuedRequestFactory.providedBy(make):
        # A class doesn't pass on to its subclasses what it provides itself.
        alsoProvides(found, INonQueuedRequestFactory)
    return found


def _mixing(make: RequestMaker, sessions: Sessions) -> RequestMaker:
    classes: dict[type[Request], type[Request]] = {}

    def made(*args: Any, **keywords: Any) -> Request:
        request = make(*args, **keywords)
        # It is made by a function of the user's, so its class is known only now.
        kind = type(request)
        mixed = classes.get(kind)
        if mixed is None:
            mixed = classes[kind] = sessionRequest(kind, sessions)
        request.__class__ = mixed
        return request

    return made


def synchronize(site: Site, sessions: Sessions) -> Site:
    """
    Give the requests of a Site sessions, from the next connection on.

    @param site: changed.
    @param sessions: those of the process.
    @return: the same.
    """
    # Or a class, which C{Site} calls in the same way.
    make: Any = withSessions(site.requestFactory, sessions)
    site.requestFactory = make
    return site


class SynchronizedSite(Site):
    """
    A Site whose sessions are kept in a store.

    @ivar sharedSessions: those of the process, with their counters.
    """

    _log = Logger()

    def __init__(
        self,
        resource: IResource,
        synchronizer: object,
        policy: SessionPolicy | None = None,
        *args: Any,
        codec: SessionCodec | None = None,
        sealing: SessionSealing | None = None,
        **keywords: Any,
    ) -> None:
        """
        @param resource: the root.
        @param synchronizer: the store: an
            L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>}, or
            what can be adapted to one.  It is started when the site is, unless it was
            already; whoever made it stops it.
        @param policy: the rules; L{None} for the usual ones.
        @param args: as for a Site, behind the resource.
        @param codec: writes values; L{None} for the usual one.
        @param sealing: encrypts them; L{None} for no encryption.
        @param keywords: as for a Site.
        """
        super().__init__(resource, *args, **keywords)  # type: ignore[no-untyped-call]
        store = ISessionSynchronizer(synchronizer)
        self.sharedSessions = Sessions(store, policy, codec=codec, sealing=sealing)
        synchronize(self, self.sharedSessions)

    def startFactory(self) -> None:
        """
        Begin to serve.
        """
        super().startFactory()
        starting = self.sharedSessions.synchronizer.start()
        starting.addErrback(self._notStarted)

    def _notStarted(self, failure: Failure) -> None:
        failure.trap(SessionError)
        self._log.error("sessions: {reason}", reason=failure.getErrorMessage())

"""
A request's session as twisted.web's own: what C{request.getSession()} gives.

It is made anew for each request.  What is to outlive that is put into
C{ISessionData(session)}; adapters work as ever, but what they keep in themselves is gone with
the request, of which there is a warning.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from twisted.logger import Logger
from twisted.web.server import Session, Site
from zope.interface import classImplements

from twisted_multiserver.sessions._isessiondata import ISessionData
from twisted_multiserver.sessions.data import SessionData
from twisted_multiserver.sessions.settling import RequestSession

classImplements(SessionData, ISessionData)

# Classes of adapters that there was a warning of.
_warned: set[type] = set()


class WebSession(Session):
    """
    One request's session.

    C{sessionTimeout} is without effect: the policy has the times.  C{sessionNamespaces} lives
    as long as the request.
    """

    _log = Logger()

    def __init__(self, site: Site, session: RequestSession) -> None:
        """
        @param site: of the request.
        @param session: of the request.
        """
        self._session = session
        # It takes from the site no more than the clock.
        super().__init__(site, b"")  # type: ignore[no-untyped-call]

    @property
    def data(self) -> SessionData:
        """
        The mapping that C{ISessionData(session)} is.
        """
        return self._session.data

    @property
    def uid(self) -> bytes:
        """
        What is the same for all requests of the session until it is rotated, and can't be
        guessed.  It doesn't lead to the session: a page may show it.
        """
        # What depends on it depends on the cookie.
        self._session.data.isNew  # noqa: B018
        identifier = self._session.identifier.encode("ascii")
        return sha256(b"uid " + identifier).hexdigest().encode("ascii")

    @uid.setter
    def uid(self, uid: bytes) -> None:
        """
        @param uid: what twisted.web would have it be.
        """

    def startCheckingExpiration(self) -> None:
        """
        Without effect: the store ends it when its time is over.
        """

    def expire(self) -> None:
        """
        End the session, for all requests; who asked to be told here is told now.
        """
        self.data.destroy()
        callbacks, self.expireCallbacks = self.expireCallbacks, []
        for call in callbacks:
            call()

    def getComponent(self, interface: Any, default: Any = None) -> Any:
        """
        @param interface: that it is to be adapted to.
        @param default: if it can't be.
        @return: what provides that, the same for the whole request.
        """
        if interface is ISessionData:
            return self.data
        component: Any = super().getComponent(  # type: ignore[no-untyped-call]
            interface, default
        )
        if component is not default:
            self._warnOf(component)
        return component

    def setComponent(self, interfaceClass: Any, component: Any) -> None:
        """
        @param interfaceClass: that the session will be adaptable to.
        @param component: what it is adapted to.
        """
        self._warnOf(component)
        super().setComponent(interfaceClass, component)  # type: ignore[no-untyped-call]

    def _warnOf(self, component: Any) -> None:
        kind = type(component)
        if kind in _warned:
            return
        ours = (self, self.data)
        names = [
            name
            for name, value in getattr(component, "__dict__", {}).items()
            if not any(value is each for each in ours)
        ]
        if names:
            _warned.add(kind)
            self._log.warn(
                "{kind} is made anew for each request, and what it keeps in {names} is lost:"
                " put that into ISessionData(session)",
                kind=f"{kind.__module__}.{kind.__qualname__}",
                names=", ".join(sorted(names)),
            )

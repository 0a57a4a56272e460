"""
The demo's routes: the page, its facts as JSON, and the button.

Every answer may be of another process than the last, so nothing may be cached.  The
button's answer must reach the client before the process ends; that is known once the
connection is closed, since closing waits for what was written (C{loseConnection}).  So
the crash leaves the request unfinished on purpose and waits for the connection's end.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from twisted.web.error import UnsupportedMethod
from twisted.web.http import SEE_OTHER
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_multiserver.child.identity import Identity, current
from twisted_multiserver.demo.page import Page
from twisted_multiserver.demo.status import Life
from twisted_multiserver.sessions._isessiondata import ISessionData
from twisted_multiserver.sessions.data import SessionData
from twisted_multiserver.sessions.errors import NoSessionHere
from twisted_multiserver.sessions.site import SessionRequestMixin


def _path(request: Request) -> str:
    # As the client sees it, with whatever prefix the demo is mounted under.
    url: bytes = request.prePathURL()
    return urlsplit(url.decode("ascii")).path


def _session(request: Request) -> SessionData | None:
    """
    @param request: of a visitor.
    @return: what is remembered of them; L{None} where there are no sessions, as in a Site of
        somebody's own, whose memory the demo leaves alone.
    """
    if not isinstance(request, SessionRequestMixin):
        return None
    try:
        data: SessionData = request.getSession(ISessionData)
    except NoSessionHere:
        return None
    return data


class _Route(Resource):
    """
    A leaf with the methods it names, and the fields that every answer has.
    """

    isLeaf = True
    allowedMethods: tuple[bytes, ...] = (b"GET", b"HEAD")
    contentType = b"application/json"

    def __init__(self, life: Life) -> None:
        Resource.__init__(self)
        self._life = life

    def render(self, request: Request) -> bytes | int:
        """
        Answer, or refuse a method that this route has not.
        """
        if request.method not in self.allowedMethods:
            raise UnsupportedMethod(self.allowedMethods)
        headers = request.responseHeaders
        headers.setRawHeaders(b"content-type", [self.contentType])
        headers.setRawHeaders(b"cache-control", [b"no-store"])
        headers.setRawHeaders(b"x-content-type-options", [b"nosniff"])
        return self.answer(request)

    def answer(self, request: Request) -> bytes | int:
        """
        Answer a request whose method is allowed.
        """
        raise NotImplementedError

    def _whole(self, request: Request, body: bytes) -> bytes:
        # HEAD gets the length of what GET would send (RFC 9110 9.3.2).
        request.setHeader(b"content-length", b"%d" % len(body))
        return b"" if request.method == b"HEAD" else body


class StatusRoute(_Route):
    """
    C{/status}: the facts as JSON.
    """

    def answer(self, request: Request) -> bytes:
        """
        Tell the facts.
        """
        session = _session(request)
        visits = None if session is None else session.get("visits", 0)
        return self._whole(request, self._life.status(visits).toJSON())


class PageRoute(_Route):
    """
    C{/}: the page.  A GET is a visit; a HEAD is not.
    """

    contentType = b"text/html; charset=utf-8"

    def __init__(self, life: Life, page: Page) -> None:
        super().__init__(life)
        self._page = page

    def answer(self, request: Request) -> bytes:
        """
        Show the page.
        """
        visits = self._visits(request)
        request.setHeader(b"content-security-policy", self._page.contentSecurityPolicy)
        request.setHeader(b"referrer-policy", b"no-referrer")
        # Mounted as /app and asked for without a slash at the end: the links need one.
        base = _path(request).rstrip("/") + "/"
        body = self._page.render(self._life.status(visits), base)
        return self._whole(request, body)

    def _visits(self, request: Request) -> int | None:
        isVisit, session = request.method == b"GET", _session(request)
        if session is None:
            if isVisit:
                self._life.visited()
            return None
        visits = int(session.get("visits", 0))
        if isVisit and not session.isDegraded:
            visits = session["visits"] = visits + 1
        return visits


class CrashRoute(_Route):
    """
    C{/crash}: answer, then end the process as a crash would.
    """

    allowedMethods = (b"POST",)

    def __init__(self, life: Life, crash: Callable[[], object]) -> None:
        super().__init__(life)
        self._crash = crash

    def answer(self, request: Request) -> int:
        """
        Tell the script who is about to end, or send a form without script back to the
        page, where another child will answer.
        """
        if b"application/json" in (request.getHeader(b"accept") or b""):
            body = self._life.status().toJSON()
        else:
            body = b""
            request.setResponseCode(SEE_OTHER)
            request.responseHeaders.removeHeader(b"content-type")
            base = _path(request).rpartition("/")[0] + "/"
            request.setHeader(b"location", base.encode("ascii"))
        request.setHeader(b"connection", b"close")
        request.setHeader(b"content-length", b"%d" % len(body))
        request.notifyFinish().addBoth(lambda _: self._crash())
        request.write(body)
        request.loseConnection()
        return NOT_DONE_YET


class Demo(Resource):
    """
    The root: the page itself, wherever it is mounted.
    """

    def __init__(
        self, identity: Identity | None, now: Callable[[], float], crash: Callable[[], object]
    ) -> None:
        """
        @param identity: who this child is; L{None} outside a child.
        @param now: the wall clock, in seconds since the epoch.
        @param crash: ends the process.
        """
        Resource.__init__(self)
        life = Life(identity, now)
        self._page = PageRoute(life, Page())
        self.putChild(b"", self._page)
        self.putChild(b"status", StatusRoute(life))
        self.putChild(b"crash", CrashRoute(life, crash))

    def render(self, request: Request) -> bytes | int:
        """
        Show the page, for whoever left out the slash at the end.
        """
        return self._page.render(request)


def _crash() -> None:
    print("demo: the button was pressed, ending with exit status 1", file=sys.stderr, flush=True)
    # No clean-up, as in a real crash: nothing may keep the process alive.
    os._exit(1)


def site() -> Demo:
    """
    Make the demo application.

    @return: the resource to serve as the root, or to mount anywhere.
    """
    return Demo(current(), time.time, _crash)

"""
A browser and a server, in one thread and without sockets, for applications of frameworks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.python import context

from tests.sessions.faces import Memory, cookieOf
from twisted_multiserver.sessions.asgi import ASGISessions
from twisted_multiserver.sessions.policy import SessionPolicy
from twisted_multiserver.sessions.requestsession import Sessions
from twisted_multiserver.sessions.settling import RequestSession
from twisted_multiserver.sessions.wsgi import wrapWSGI


@dataclass(frozen=True)
class Reply:
    """
    A response.
    """

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def names(self) -> list[bytes]:
        """
        The names of the cookies that it sets or deletes.
        """
        return sorted(
            value.split(b"=")[0] for name, value in self.fields if name.lower() == b"set-cookie"
        )

    @property
    def vary(self) -> list[bytes]:
        return [value for name, value in self.fields if name.lower() == b"vary"]

    def json(self) -> Any:
        return json.loads(self.body)


class Browser:
    """
    What both kinds have in common.

    @ivar cookie: what it sends; empty for nothing.
    """

    def __init__(self, application: Any, store: Memory, **rules: Any) -> None:
        self.application = application
        self.store = store
        self.sessions = Sessions(store, SessionPolicy(**rules))
        self.cookie = b""

    def get(self, target: str, method: str = "GET") -> Reply:
        """
        Ask, and note the cookie.
        """
        url = urlsplit(target)
        reply = self.exchange(method, url.path, url.query)
        cookie = cookieOf(reply.fields)
        self.cookie = self.cookie if cookie is None else cookie
        return reply

    def exchange(self, method: str, path: str, query: str) -> Reply:
        raise NotImplementedError


class ASGIBrowser(Browser):
    """
    For ASGI applications.
    """

    def exchange(self, method: str, path: str, query: str) -> Reply:
        return asyncio.run(self._exchange(method, path, query))

    async def _exchange(self, method: str, path: str, query: str) -> Reply:
        headers = [(b"host", b"www.example.com")]
        if self.cookie:
            headers.append((b"cookie", self.cookie))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "https",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("203.0.113.9", 0),
            "server": ("www.example.com", 443),
        }
        sent: list[Any] = []
        complete = asyncio.Event()
        received = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            if received:
                return received.pop()
            await complete.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                complete.set()

        try:
            await ASGISessions(self.application, self.sessions)(scope, receive, send)
        # Servers answer 500 whatever it is, unless the application has answered already.
        except Exception:
            if not sent:
                return Reply(500, [], b"")
        body = b"".join(message.get("body", b"") for message in sent)
        return Reply(sent[0]["status"], list(sent[0]["headers"]), body)


class _Reactor:
    def callFromThread(self, call: Callable[[], None]) -> None:
        call()


class WSGIBrowser(Browser):
    """
    For WSGI applications.
    """

    def exchange(self, method: str, path: str, query: str) -> Reply:
        cookies = [self.cookie] if self.cookie else []
        opened = self.sessions.open(cookies, True)
        sessions: list[RequestSession] = []
        if isinstance(opened, Deferred):
            opened.addCallback(sessions.append)
        else:
            sessions.append(opened)
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "www.example.com",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "www.example.com",
            "REMOTE_ADDR": "203.0.113.9",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": BytesIO(),
            "wsgi.errors": StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        if self.cookie:
            environ["HTTP_COOKIE"] = self.cookie.decode()
        covers = self.sessions.policy.covers(path)
        session = sessions[0] if covers else None
        reply: Reply = context.call({RequestSession: session}, self._serve, environ)
        return reply

    def _serve(self, environ: Any) -> Reply:
        heads: list[Any] = []
        pieces: list[bytes] = []

        def start(status: str, headers: Any, excInfo: Any = None) -> Callable[[bytes], object]:
            heads.append((status, headers))
            return pieces.append

        reactor: Any = _Reactor()
        body: Any = wrapWSGI(self.application, reactor)(environ, start)
        pieces.extend(body)
        if hasattr(body, "close"):
            body.close()
        ((status, headers),) = heads
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return Reply(int(status[:3]), fields, b"".join(pieces))

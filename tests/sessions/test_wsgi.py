"""
WSGI applications and their sessions, under twisted.web, in threads.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Iterator
from typing import Any

from twisted.internet import reactor as globalReactor
from twisted.internet.error import ConnectionDone
from twisted.internet.threads import deferToThread
from twisted.python import context
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Site
from twisted.web.test.requesthelper import DummyRequest
from twisted.web.wsgi import WSGIResource
from zope.interface.verify import verifyObject

from tests.sessions.faces import Memory, cookieOf
from twisted_multiserver.sessions.current import CURRENT
from twisted_multiserver.sessions.errors import StoreUnavailable
from twisted_multiserver.sessions.policy import SessionPolicy
from twisted_multiserver.sessions.requestsession import Sessions
from twisted_multiserver.sessions.settling import RequestSession
from twisted_multiserver.sessions.wsgi import ENVIRON_NAME, WSGISessions, wrapWSGI
from twisted_multiserver.sessions.wsgiexchange import Environ

reactor: Any = globalReactor


class WSGITests(TestCase):
    """
    A WSGI application on one thread behind a Site.
    """

    def setUp(self) -> None:
        self.store = Memory()
        self.cookie: bytes | None = None

    def start(self, application: Any, **rules: Any) -> None:
        pool = ThreadPool(minthreads=0, maxthreads=1)
        pool.start()
        self.addCleanup(deferToThread, pool.stop)
        resource = WSGIResource(reactor, pool, wrapWSGI(application, reactor))
        self.sessions = Sessions(self.store, SessionPolicy(**rules))
        site = Site(WSGISessions(resource, self.sessions))
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self._port = port.getHost().port

    async def ask(self, path: str = "/", method: str = "GET") -> Any:
        """
        Make a request as a browser does; the body is in C{response.text}.
        """
        response = await deferToThread(self._ask, path, method)
        fields = [(name.encode(), value.encode()) for name, value in response.getheaders()]
        cookie = cookieOf(fields)
        self.cookie = self.cookie if cookie is None else cookie
        return response

    def _ask(self, path: str, method: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Connection": "close"}
        if self.cookie:
            headers["Cookie"] = self.cookie.decode()
        connection.request(method, path, headers=headers)
        response: Any = connection.getresponse()
        response.text = response.read()
        connection.close()
        return response

    async def test_session(self) -> None:
        """
        What one request puts into its session is there in the next one.
        """

        def app(environ: Environ, start: Any) -> list[bytes]:
            session = environ[ENVIRON_NAME]
            session["count"] = session.get("count", 0) + 1
            start("200 OK", [("Content-Type", "text/plain")])
            return [b"%d" % session["count"]]

        self.start(app)
        for count in (b"1", b"2", b"3"):
            response = await self.ask()
            self.assertEqual(response.text, count)
        self.assertEqual(self.store.calls, ["commit", "load", "commit", "load", "commit"])
        self.assertIsNone(response.headers["set-cookie"])

    async def test_current(self) -> None:
        """
        The session is current in the application's thread until its body is closed, and not
        for the next request in that thread.
        """
        seen: list[bool] = []

        def app(environ: Environ, start: Any) -> Iterable[bytes]:
            start("200 OK", [])

            def pieces() -> Iterator[bytes]:
                current: Any = CURRENT.get()
                data = environ.get(ENVIRON_NAME)
                seen.append(data is not None and current is not None and current.data is data)
                yield b"hello"

            return pieces()

        self.start(app, optOut=("/static",))
        for path in ("/static/x", "/", "/static/x"):
            self.assertEqual((await self.ask(path)).status, 200)
        self.assertEqual(seen, [False, True, False])

    async def test_loadFails(self) -> None:
        """
        A store that doesn't answer is a 503, and takes no thread.
        """
        called: list[Environ] = []

        def app(environ: Environ, start: Any) -> list[bytes]:
            called.append(environ)
            start("200 OK", [])
            return []

        self.start(app)
        self.cookie = b"sid=" + b"a" * 43
        self.store.error = StoreUnavailable("down")
        response = await self.ask()
        self.assertEqual((response.status, response.headers["retry-after"]), (503, "1"))
        self.assertEqual(called, [])

    async def test_lateFails(self) -> None:
        """
        If a late change can't be stored, the response is broken off.
        """

        def app(environ: Environ, start: Any) -> Iterator[bytes]:
            session = environ[ENVIRON_NAME]
            session["a"] = 1
            start("200 OK", [])
            yield b"hello"
            self.store.error = StoreUnavailable("down")
            session["b"] = 2

        self.start(app)
        with self.assertRaises(http.client.IncompleteRead):
            await self.ask()
        self.assertEqual(len(self.flushLoggedErrors(StoreUnavailable)), 1)

    async def test_commit(self) -> None:
        """
        C{session.commit()} waits in the application's thread; the reactor goes on.
        """

        def app(environ: Environ, start: Any) -> list[bytes]:
            session = environ[ENVIRON_NAME]
            session["a"] = 1
            session.commit()
            start("200 OK", [])
            return [b"%d" % len(self.store.records)]

        self.start(app)
        self.store.hold()
        self.store.whenCalled = lambda name: reactor.callLater(0, self.store.release)
        response = await self.ask()
        self.assertEqual(response.text, b"1")


class GoneTests(SynchronousTestCase):
    """
    Clients that leave while their session is loaded.
    """

    def test_gone(self) -> None:
        """
        They take no thread, and are answered nothing.
        """
        called: list[Any] = []

        class Resource:
            def render(self, request: Any) -> int:
                called.append(context.get(RequestSession))
                return NOT_DONE_YET

        store = Memory()
        resource = WSGISessions(Resource(), Sessions(store))
        for leaves in (False, True):
            for error in (None, StoreUnavailable("down")):
                store.hold()
                request: Any = DummyRequest([])
                request.path = b"/"
                request.isSecure = bool
                request.requestHeaders.setRawHeaders(b"cookie", [b"sid=" + b"a" * 43])
                self.assertIs(resource.render(request), NOT_DONE_YET)
                if leaves:
                    request.processingFailed(Failure(ConnectionDone()))
                store.error = error
                store.release()
                store.error = None
                self.assertEqual(request.finished, not leaves and error is not None)
        self.assertEqual(len(called), 1)
        self.assertIsInstance(called[0], RequestSession)

    def test_leaf(self) -> None:
        """
        There is nothing below a WSGI application.
        """
        resource: Any = WSGISessions(WSGIResource(None, None, None), Sessions(Memory()))
        self.assertTrue(verifyObject(IResource, resource))
        self.assertTrue(resource.isLeaf)
        self.assertRaises(RuntimeError, resource.getChildWithDefault, b"", None)
        self.assertRaises(RuntimeError, resource.putChild, b"", None)

"""
C{request.session}, with the real Starlette.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.applications.sessionstarlette import app, own
from tests.sessions.browser import ASGIBrowser
from tests.sessions.faces import Memory
from twisted_multiserver.sessions.errors import StoreUnavailable


class StarletteTests(SynchronousTestCase):
    """
    A Starlette application.
    """

    def setUp(self) -> None:
        self.store = Memory()
        self.browser = ASGIBrowser(app, self.store)

    def state(self) -> object:
        return self.browser.get("/state").json()["data"]

    def test_nothing(self) -> None:
        """
        An endpoint that doesn't look at its session says nothing of it.
        """
        reply = self.browser.get("/nothing")
        self.assertEqual((reply.names, reply.vary, self.store.calls), ([], [], []))

    def test_count(self) -> None:
        """
        What one request puts into its session is there in the next one; the cookie comes
        once.
        """
        self.assertEqual(self.browser.get("/count").names, [b"__Host-sid"])
        reply = self.browser.get("/count")
        self.assertEqual((reply.text, reply.names, reply.vary), ("2", [], [b"Cookie"]))

    def test_threads(self) -> None:
        """
        So it is for endpoints that Starlette runs in threads, and C{commit} blocks there.
        """
        for count in ("1", "2"):
            self.assertEqual(self.browser.get("/blockingCount").text, count)
        self.assertEqual(self.store.calls, ["commit", "load", "commit"])

    def test_nested(self) -> None:
        """
        A change inside a value is noticed.
        """
        for count in ("1", "2", "3"):
            self.assertEqual(self.browser.get("/nested").text, count)

    def test_login(self) -> None:
        """
        Logging in gives another cookie; logging out ends the session.
        """
        self.browser.get("/count")
        before = self.browser.cookie
        self.browser.get("/login")
        after = self.browser.cookie
        self.assertNotEqual(after, before)
        self.assertEqual(self.state(), {"count": 1, "user": "ann"})
        self.browser.get("/logout")
        self.assertEqual((self.browser.cookie, self.store.records), (b"", {}))
        self.browser.cookie = after
        self.assertEqual(self.state(), {})

    def test_broken(self) -> None:
        """
        An endpoint that fails leaves the session as it was.
        """
        self.browser.get("/count")
        self.assertEqual(self.browser.get("/broken").status, 500)
        self.assertEqual(self.state(), {"count": 1})

    def test_late(self) -> None:
        """
        What a stream or a background task changes is kept.
        """
        self.browser.get("/save")
        self.assertEqual(self.browser.get("/streaming").text, "begun done")
        self.browser.get("/background")
        self.assertEqual(self.state(), {"saved": True, "late": True, "background": True})

    def test_unavailable(self) -> None:
        """
        If the session can't be stored, the client isn't told that it is.
        """
        self.store.error = StoreUnavailable("down")
        reply = self.browser.get("/count")
        self.assertEqual((reply.status, reply.names), (503, []))

    def test_ownMiddleware(self) -> None:
        """
        Starlette's own sessions go on working where they are asked for.
        """
        browser = ASGIBrowser(own, self.store)
        self.assertEqual(browser.get("/count").names, [b"session"])
        self.assertEqual(self.store.calls, [])

"""
C{flask.session}, with the real Flask.
"""

from __future__ import annotations

import copy

import flask
from twisted.trial.unittest import SynchronousTestCase

from tests.applications.sessionflask import app
from tests.sessions.browser import WSGIBrowser
from tests.sessions.faces import Memory
from twisted_multiserver.sessions.errors import StoreUnavailable


class FlaskTests(SynchronousTestCase):
    """
    A Flask application.
    """

    def setUp(self) -> None:
        self.store = Memory()
        self.browser = WSGIBrowser(app, self.store)

    def test_nothing(self) -> None:
        """
        A view that doesn't look at its session says nothing of it.
        """
        reply = self.browser.get("/nothing")
        self.assertEqual((reply.names, reply.vary, self.store.calls), ([], [], []))

    def test_count(self) -> None:
        """
        What one request puts into its session is there in the next one; there is one cookie,
        and it comes once.
        """
        self.assertEqual(self.browser.get("/count").names, [b"__Host-sid"])
        reply = self.browser.get("/count")
        self.assertEqual((reply.text, reply.names, reply.vary), ("2", [], [b"Cookie"]))

    def test_nested(self) -> None:
        """
        A change inside a value needs no C{session.modified}.
        """
        for count in ("1", "2", "3"):
            self.assertEqual(self.browser.get("/nested").text, count)

    def test_login(self) -> None:
        """
        Logging in rotates the session and says whose it is; logging out ends it.
        """
        self.browser.get("/count")
        before = self.browser.cookie
        self.browser.get("/login")
        after = self.browser.cookie
        self.assertNotEqual(after, before)
        self.assertEqual(
            self.browser.get("/state").json(),
            {
                "data": {"count": 1, "user": "ann"},
                "messages": ["welcome"],
                "principal": "7",
                "new": False,
                "permanent": True,
            },
        )
        self.browser.get("/logout")
        self.assertEqual((self.browser.cookie, self.store.records), (b"", {}))
        self.browser.cookie = after
        self.assertEqual(self.browser.get("/state").json()["data"], {})

    def test_commit(self) -> None:
        """
        What else a session can do is reached through C{flask.session}.
        """
        self.browser.get("/save")
        self.assertEqual(self.store.calls, ["commit"])
        self.browser.get("/nested")
        self.assertEqual(self.browser.get("/guarded").status, 200)
        self.browser.get("/clear")
        self.assertEqual(self.browser.get("/state").json()["data"], {})

    def test_broken(self) -> None:
        """
        A view that fails leaves the session as it was.
        """
        self.browser.get("/count")
        self.assertEqual(self.browser.get("/broken").status, 500)
        self.assertEqual(self.browser.get("/state").json()["data"], {"count": 1})

    def test_streaming(self) -> None:
        """
        What a stream changes is kept.
        """
        self.browser.get("/count")
        self.assertEqual(self.browser.get("/streaming").text, "begun done")
        self.assertIs(self.browser.get("/state").json()["data"]["late"], True)

    def test_unavailable(self) -> None:
        """
        If the session can't be stored, the client isn't told that it is.
        """
        self.store.error = StoreUnavailable("down")
        self.assertEqual(self.browser.get("/count").status, 503)

    def test_outside(self) -> None:
        """
        Where there is no session, it is empty, and an attempt to change it says why.
        """
        excepted = WSGIBrowser(app, self.store, optOut=("/state", "/count"))
        self.assertEqual(excepted.get("/count").status, 500)
        with app.test_request_context("/"):
            self.assertNotIn("a", flask.session)
            with self.assertRaisesRegex(RuntimeError, "isn't served by twisted_multiserver"):
                flask.session["a"] = 1

    def test_permanent(self) -> None:
        """
        How long a session lives isn't Flask's to say, and nothing is stored of it.
        """
        with app.test_request_context("/", environ_base={"multiserver.session": {"a": 1}}):
            flask.session.permanent = False
            self.assertTrue(flask.session.permanent)
            self.assertEqual(dict(flask.session), {"a": 1})

    def test_copy(self) -> None:
        """
        It can be copied, as debuggers do.
        """
        with app.test_request_context("/", environ_base={"multiserver.session": {"a": 1}}):
            self.assertEqual(dict(copy.copy(flask.session)), {"a": 1})

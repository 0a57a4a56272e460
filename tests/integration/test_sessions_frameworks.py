"""
The children of a real master share the sessions of an application: Flask, Starlette, Django.

Requests take turns between two children, so that each sees what the other one stored.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase
from websockets.sync.client import connect

from tests.integration.childharness import APPLICATIONS
from tests.integration.twistdharness import Answer, Twistd, fetch

HOST = "www.example.com"
# As many requests as it takes for chance to be no explanation.
ROUNDS = 20


class FrameworkTests(SynchronousTestCase):
    """
    Flask, by WSGI; other frameworks do the same.
    """

    application = "sessionflask.app"
    logins: ClassVar[tuple[tuple[str, str], ...]] = (("/login", "/logout"),)

    def setUp(self) -> None:
        folder = tempfile.mkdtemp(prefix="sessions")
        self.addCleanup(shutil.rmtree, folder)
        self.master = Twistd(
            self,
            "--listen=tcp:0:interface=127.0.0.1",
            f"--chdir={APPLICATIONS}",
            f"--app={self.application}",
            "--children=2",
            "--balancer=round-robin",
            "--session-except=/nothing",
            f"--sessions=sqlite://{folder}/sessions.sqlite",
        )
        self.port = self.master.waitUntilReady()
        self.cookie = ""

    def ask(self, path: str) -> Answer:
        """
        Ask as a browser does.
        """
        headers = {"Host": HOST} | ({"Cookie": self.cookie} if self.cookie else {})
        answer = fetch(self.port, path, headers=headers)
        told = answer.headers.get("set-cookie", "")
        if told.startswith("sid="):
            pair = told.partition(";")[0]
            self.cookie = "" if pair.endswith("=") else pair
        return answer

    def state(self) -> Any:
        """
        What the next child knows of the session.
        """
        return json.loads(self.ask("/state").body)["data"]

    def test_shared(self) -> None:
        """
        What one child has stored the other has at once; the cookie comes once.  Below a path
        without sessions there is none.  The children stop as ever.
        """
        first = self.ask("/count")
        self.assertIn("; Path=/; HttpOnly; SameSite=Lax", first.headers["set-cookie"])
        for number in range(2, ROUNDS):
            answer = self.ask("/count")
            self.assertEqual(answer.body, b"%d" % number)
            self.assertNotIn("set-cookie", answer.headers)
        answer = self.ask("/nothing")
        self.assertEqual((answer.status, answer.body), (200, b"no session"))
        self.assertNotIn("vary", answer.headers)
        self.assertEqual(self.master.stop(), 0)
        self.assertEqual(self.master.leftovers(), set())
        self.assertNotIn("Traceback", self.master.log)

    def test_login(self) -> None:
        """
        Who logs in at one child is logged in at the other, under another identifier, and
        whoever has the one before is not; logging out holds everywhere.
        """
        for login, logout in self.logins:
            self.ask("/count")
            before = self.cookie
            self.assertEqual(self.ask(login).body, b"in")
            after, self.cookie = self.cookie, before
            self.assertEqual(self.state(), {})
            self.cookie = after
            for _ in range(2):
                self.assertEqual(self.state()["count"], 1)
            self.assertEqual(self.ask(logout).body, b"out")
            self.assertEqual(self.cookie, "")
            for _ in range(2):
                self.cookie = after
                self.assertEqual(self.state(), {})

    def test_late(self) -> None:
        """
        What is changed behind the head is stored when the response has ended.  A request that
        fails leaves the session as it was.
        """
        self.ask("/count")
        for _ in range(ROUNDS):
            self.assertEqual(self.ask("/streaming").body, b"begun done")
            self.assertEqual(self.state(), {"count": 1, "late": True})
            self.assertEqual(self.ask("/forget").body, b"forgotten")
        self.assertEqual(self.ask("/broken").status, 500)
        self.assertEqual(self.state(), {"count": 1})


class DjangoWSGITests(FrameworkTests):
    """
    Django, by WSGI.
    """

    application = "sessiondjango.wsgi"
    logins = (("/login", "/logout"), ("/alogin", "/alogout"))


class DjangoASGITests(DjangoWSGITests):
    """
    Django, by ASGI.
    """

    application = "sessiondjango.asgi"


class StarletteTests(FrameworkTests):
    """
    Starlette, by ASGI.
    """

    application = "sessionstarlette.app"

    def test_threads(self) -> None:
        """
        Endpoints that Starlette runs in threads have the session too; a WebSocket reads it,
        and what it commits is there for all.
        """
        for number in range(1, ROUNDS):
            self.assertEqual(self.ask("/blockingCount").body, b"%d" % number)
        self.ask("/login")
        uri = f"ws://127.0.0.1:{self.port}/echo"
        with connect(uri, additional_headers={"Cookie": self.cookie}) as webSocket:
            self.assertEqual(webSocket.recv(), "ann")
            webSocket.send("hello")
            self.assertEqual(webSocket.recv(), "noted")
        self.assertEqual(self.state(), {"count": ROUNDS - 1, "user": "ann", "said": "hello"})

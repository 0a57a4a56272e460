"""
The children of a real master share the sessions of a resource, however it answers; with
Klein below it.
"""

from __future__ import annotations

import re
import shutil
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.childharness import APPLICATIONS
from tests.integration.twistdharness import Answer, Twistd, fetch

# As many requests as it takes for chance to be no explanation.
ROUNDS = 20
SIZE = 3_000_000


class WebTests(SynchronousTestCase):
    """
    Requests take turns between two children.
    """

    def setUp(self) -> None:
        folder = tempfile.mkdtemp(prefix="sessions")
        self.addCleanup(shutil.rmtree, folder)
        self.master = Twistd(
            self,
            "--listen=tcp:0:interface=127.0.0.1",
            f"--chdir={APPLICATIONS}",
            "--app=sessionweb.resource",
            "--children=2",
            "--balancer=round-robin",
            f"--sessions=sqlite://{folder}/sessions.sqlite",
        )
        self.port = self.master.waitUntilReady()
        self.cookie = ""

    def ask(self, path: str, method: str = "GET", form: str | None = None) -> Answer:
        """
        Ask as a browser does.
        """
        headers = {"Cookie": self.cookie} if self.cookie else {}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = None if form is None else form.encode()
        answer = fetch(self.port, path, method, body, headers)
        told = answer.headers.get("set-cookie", "")
        if told:
            self.cookie = told.partition(";")[0]
        return answer

    def test_shared(self) -> None:
        """
        What one child has answered with, the other knows: in one piece, in two with a change
        between them, with a large file.  The children stop as ever.
        """
        self.assertEqual(self.ask("/whole").body, b"1")
        count = 1
        for _ in range(ROUNDS):
            self.assertEqual(self.ask("/whole").body, b"%d" % (count + 1))
            self.assertEqual(self.ask("/later").body, b"%d %d" % (count + 2, count + 3))
            count += 3
            self.assertEqual(self.ask("/whole", "HEAD").body, b"")
            count += 1
        for _ in range(2):
            large = self.ask("/large")
            self.assertEqual(len(large.body), SIZE)
            self.assertEqual(large.body, bytes(range(250)) * (SIZE // 250))
        self.assertNotIn("set-cookie", large.headers)
        self.assertEqual(self.ask("/whole").body, b"%d" % (count + 3))
        self.assertEqual(self.master.stop(), 0)
        self.assertEqual(self.master.leftovers(), set())
        self.assertNotIn("Traceback", self.master.log)

    def test_klein(self) -> None:
        """
        A form from one child logs in at the other.
        """
        form = self.ask("/klein/form")
        old = self.cookie
        token = re.search(rb'value="(\w{64})"', form.body)
        assert token is not None, form.body
        fields = f"name=bob&__csrf_protection__={token[1].decode()}"
        self.assertEqual(self.ask("/klein/enter", "POST", fields).body, b"welcome")
        for _ in range(4):
            self.assertEqual(self.ask("/klein/me").body, b"you are bob")
        self.cookie = old
        self.assertEqual(self.ask("/klein/me").status, 401)

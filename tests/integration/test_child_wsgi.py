"""
Children that serve WSGI: Flask and Django.
"""

from __future__ import annotations

import threading

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.childharness import LaunchedChild


class FlaskTests(SynchronousTestCase):
    """
    A real Flask application.
    """

    def test_view(self) -> None:
        """
        The environ is the client's view.
        """
        child = LaunchedChild(self, "flasksite.app").ready()
        self.assertEqual(
            child.request("/view").json(),
            {
                "client": "203.0.113.9",
                "scheme": "https",
                "url": "https://www.example.com/view",
                "root": "",
                "path": "/view",
                "link": "https://www.example.com/view",
                "port": "443",
                "multiprocess": True,
                "multithread": True,
            },
        )

    def test_prefix(self) -> None:
        """
        A stripped prefix is SCRIPT_NAME.
        """
        seen = (
            LaunchedChild(self, "flasksite.app", kind="wsgi")
            .ready()
            .request("/view", X_Forwarded_Prefix="/app", X_Forwarded_Host="www.example.com:8443")
            .json()
        )
        self.assertEqual((seen["root"], seen["path"], seen["port"]), ("/app", "/view", "8443"))
        self.assertEqual(seen["link"], "https://www.example.com:8443/app/view")

    def test_redirects(self) -> None:
        """
        Redirects lead to the client's side of the world.
        """
        child = LaunchedChild(self, "flasksite.app").ready()
        self.assertEqual(
            child.request("/leave").headers["location"], "https://www.example.com/view"
        )
        self.assertEqual(
            child.request("/slash", X_Forwarded_Prefix="/app").headers["location"],
            "https://www.example.com/app/slash/",
        )

    def test_bodies(self) -> None:
        """
        Bodies with a length and chunked ones, which WSGI has no word for.
        """
        child = LaunchedChild(self, "flasksite.app").ready()
        self.assertEqual(child.request("/upload", "POST", b"x" * 300_000).body, b"300000")
        chunked = (b"x" * 1000 for _ in range(300))
        self.assertEqual(
            child.request("/upload", "POST", chunked).body,
            b"300000",
        )

    def test_factory(self) -> None:
        """
        C{create_app} is a factory.
        """
        child = LaunchedChild(self, "flasksite:create_app").ready()
        self.assertEqual(child.request("/view").status, 200)

    def meet(self, child: LaunchedChild, count: int) -> list[bytes]:
        """
        Ask for C{/together}, which answers when three are in it at once.
        """
        answers: list[bytes] = []
        asking = [
            threading.Thread(target=lambda: answers.append(child.request("/together").body))
            for _ in range(count)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        return answers

    def test_threads(self) -> None:
        """
        As many requests run at once as there are threads.
        """
        child = LaunchedChild(self, "flasksite.app", threads=3).ready()
        self.assertEqual(len(set(self.meet(child, 3))), 3)

    def test_clientGone(self) -> None:
        """
        An endless response ends with its client, and its generator is closed.
        """
        child = LaunchedChild(self, "flasksite.app").ready()
        connection = child.connect()
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
        self.assertIn(b"200", connection.recv(65536))
        connection.close()
        child.stderrUntil("generator closed")
        self.assertEqual(child.stop(), 0)

    def test_endlessResponseAtStop(self) -> None:
        """
        A response that never ends is cut when the budget is over, and the threads end.
        """
        child = LaunchedChild(self, "flasksite.app", stopBudget=0.5).ready()
        connection = child.connect()
        self.addCleanup(connection.close)
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
        self.assertIn(b"200", connection.recv(65536))
        self.assertEqual(child.stop(), 0)

    def test_error(self) -> None:
        """
        An exception is a 500 and in the log, and the child lives on.
        """
        child = LaunchedChild(self, "flasksite.app").ready()
        self.assertEqual(child.request("/broken").status, 500)
        child.stderrUntil("broken on purpose")
        self.assertEqual(child.request("/view").status, 200)


class DjangoTests(SynchronousTestCase):
    """
    A real Django project, by WSGI.
    """

    def setUp(self) -> None:
        self.child = LaunchedChild(self, "djangosite.wsgi").ready()

    def test_view(self) -> None:
        """
        Address, scheme, port and absolute URLs are the client's.
        """
        self.assertEqual(
            self.child.request("/view/", X_Forwarded_Prefix="/app").json(),
            {
                "client": "203.0.113.9",
                "scheme": "https",
                "port": "443",
                "url": "https://www.example.com/app/view/",
                "link": "https://www.example.com/app/view/",
            },
        )

    def test_redirect(self) -> None:
        """
        Django's own redirect to the slash, and one of the application's.
        """
        self.assertEqual(self.child.request("/view").headers["location"], "/view/")
        self.assertEqual(
            self.child.request("/leave/").headers["location"], "https://www.example.com/view/"
        )

    def test_body(self) -> None:
        """
        Request bodies arrive, chunked ones too.
        """
        self.assertEqual(self.child.request("/upload/", "POST", b"x" * 9999).body, b"9999")
        chunked = (b"x" * 100 for _ in range(10))
        self.assertEqual(
            self.child.request("/upload/", "POST", chunked).body,
            b"1000",
        )

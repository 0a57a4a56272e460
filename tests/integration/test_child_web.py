"""
Children that serve twisted.web: every way to name one, and what it sees of its client.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.childharness import APPLICATIONS, LaunchedChild


class KindTests(SynchronousTestCase):
    """
    Each kind of name leads to a served application.
    """

    def serve(self, name: str, kind: str = "auto") -> None:
        child = LaunchedChild(self, name, kind=kind).ready()
        self.assertEqual(child.request("/view").status, 200, name)
        self.assertEqual(child.stop(), 0, name)

    def test_resource(self) -> None:
        """
        A resource, by both forms of the name.
        """
        self.serve("websites.resource")
        self.serve("websites:resource", "resource")

    def test_sites(self) -> None:
        """
        A Site, and factories of all sorts.
        """
        for name in ("factory", "reactorFactory", "deferredFactory", "coroutineFactory", "View"):
            self.serve(f"websites:{name}")

    def test_demandedFactory(self) -> None:
        """
        A factory that is demanded as one.
        """
        self.serve("websites.deferredFactory", "factory")

    def test_siteKeepsRequestClassAndLog(self) -> None:
        """
        A Site of the user's keeps its own request class, or function, and its access log.
        """
        for name in ("websites.site", "websites.functionSite"):
            child = LaunchedChild(self, name).ready()
            answer = child.request("/view")
            self.assertEqual(answer.headers["x-own"], "request")
            self.assertEqual(answer.json()["client"], ["IPv4Address", "203.0.113.9", 0])
            child.stop()
            self.assertIn('"GET /view HTTP/1.1" 200', child.stderr())
            self.assertIn("203.0.113.9", child.stderr())

    def test_bundledDemo(self) -> None:
        """
        The demo is an application like any other.
        """
        child = LaunchedChild(self, "twisted_multiserver.demo.site", slot=2).ready()
        self.assertEqual(child.request("/status").json()["slot"], 2)

    def test_noExtraNoise(self) -> None:
        """
        A boot and a stop write nothing that the application didn't.
        """
        child = LaunchedChild(self, "websites.resource").ready()
        child.stop()
        self.assertEqual((child.stdout(), child.stderr()), ("", ""))

    def test_folderIsFirstOnPath(self) -> None:
        """
        The folder that the child was started in comes before everything else.
        """
        child = LaunchedChild(self, "websites.resource").ready()
        self.assertEqual(child.request("/view").json()["path"], str(APPLICATIONS))

    def test_argumentsAreNotTheApplications(self) -> None:
        """
        An application that parses sys.argv doesn't meet the label.
        """
        self.assertEqual(
            LaunchedChild(self, "websites.resource").ready().request().json()["argv"], []
        )


class ClientViewTests(SynchronousTestCase):
    """
    The application sees the world as its client does.
    """

    def setUp(self) -> None:
        self.child = LaunchedChild(self, "websites.resource").ready()

    def see(self, path: str = "/a", **fields: str) -> dict[str, Any]:
        answer = self.child.request(path, **fields)
        self.assertEqual(answer.status, 200)
        found: dict[str, Any] = answer.json()
        return found

    def test_https(self) -> None:
        """
        Address, host, port and scheme.
        """
        seen = self.see()
        self.assertEqual(seen["client"], ["IPv4Address", "203.0.113.9", 0])
        self.assertEqual(seen["host"], ["IPv4Address", "www.example.com", 443])
        self.assertTrue(seen["secure"])
        self.assertEqual(seen["url"], "https://www.example.com/a")
        self.assertEqual(seen["hostField"], "www.example.com")

    def test_portAndPlainHTTP(self) -> None:
        """
        A port that isn't the scheme's own stays in URLs.
        """
        seen = self.see(X_Forwarded_Proto="http", X_Forwarded_Host="www.example.com:8080")
        self.assertFalse(seen["secure"])
        self.assertEqual(seen["host"], ["IPv4Address", "www.example.com", 8080])
        self.assertEqual(seen["url"], "http://www.example.com:8080/a")

    def test_ipv6(self) -> None:
        """
        IPv6 at both ends, in brackets where URLs need them.
        """
        seen = self.see(X_Forwarded_For="2001:db8::7", X_Forwarded_Host="[2001:db8::1]:8443")
        self.assertEqual(seen["client"], ["IPv6Address", "2001:db8::7", 0])
        self.assertEqual(seen["host"], ["IPv6Address", "2001:db8::1", 8443])
        self.assertEqual(seen["hostField"], "[2001:db8::1]:8443")
        self.assertEqual(seen["url"], "https://[2001:db8::1]:8443/a")

    def test_prefix(self) -> None:
        """
        The prefix that was stripped is part of every URL.
        """
        seen = self.see("/a/b", X_Forwarded_Prefix="/my%20app/v%2F1")
        self.assertEqual(seen["url"], "https://www.example.com/my%20app/v%2F1/a/b")

    def test_garbage(self) -> None:
        """
        Fields that can't be read are no error.
        """
        seen = self.see(
            X_Forwarded_For="nobody, at all",
            X_Forwarded_Proto="gopher",
            X_Forwarded_Host="a host:99999999",
            X_Forwarded_Prefix="app?x",
        )
        self.assertEqual(seen["client"], ["IPv4Address", "0.0.0.0", 0])
        self.assertEqual(seen["url"], "http://localhost/a")

    def test_absent(self) -> None:
        """
        Without any forwarded field, and without Host in HTTP/1.0.
        """
        connection = self.child.connect()
        self.addCleanup(connection.close)
        connection.sendall(b"GET /a HTTP/1.0\r\n\r\n")
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b" 200 ", head.splitlines()[0])
        self.assertEqual(json.loads(body)["url"], "http://localhost/a")

    def test_keptAlive(self) -> None:
        """
        Each request of a connection has its own client.
        """
        connection = self.child.connect()
        self.addCleanup(connection.close)
        reader = connection.makefile("rb")
        self.addCleanup(reader.close)
        for number in range(3):
            connection.sendall(
                b"GET /a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.%d\r\n\r\n" % number
            )
            length = 0
            while (line := reader.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            self.assertEqual(json.loads(reader.read(length))["client"][1], f"192.0.2.{number}")

    def test_body(self) -> None:
        """
        Bodies arrive whole, with a length and chunked.
        """
        body = b"0123456789" * 100_000
        self.assertEqual(self.child.request(method="POST", body=body).body, body)
        chunks = (body[at : at + 1000] for at in range(0, len(body), 1000))
        self.assertEqual(
            self.child.request(method="POST", body=chunks).body,
            body,
        )


class KleinTests(SynchronousTestCase):
    """
    A real Klein application.
    """

    def setUp(self) -> None:
        self.child = LaunchedChild(self, "kleinsite.app").ready()

    def test_urls(self) -> None:
        """
        Address, scheme and absolute URLs are the client's.
        """
        self.assertEqual(
            self.child.request("/view/x", X_Forwarded_Prefix="/app").json(),
            {
                "client": "203.0.113.9",
                "secure": True,
                "url": "https://www.example.com/app/view/x",
                "link": "https://www.example.com/else",
                "absolute": "https://www.example.com/app/view/other",
            },
        )

    def test_redirect(self) -> None:
        """
        A redirect leads to the client's side of the world.
        """
        answer = self.child.request("/leave")
        self.assertEqual(
            (answer.status, answer.headers["location"]), (302, "https://www.example.com/view/x")
        )

    def test_body(self) -> None:
        """
        A request body arrives.
        """
        self.assertEqual(self.child.request("/upload", "POST", b"x" * 200_000).body, b"200000")


class DisconnectTests(SynchronousTestCase):
    """
    The client goes away.
    """

    def test_applicationIsTold(self) -> None:
        """
        The request's notifyFinish fires while the response is unfinished.
        """
        child = LaunchedChild(self, "websites.resource").ready()
        connection = child.connect()
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertIn(b"200", connection.recv(65536))
        connection.close()
        child.stderrUntil("client gone")


class EntranceTests(SynchronousTestCase):
    """
    The socket is the master's.
    """

    def test_fileAndModeStay(self) -> None:
        """
        Neither the socket's file nor its mode is the child's to change.
        """
        child = LaunchedChild(self, "websites.resource")
        path = Path(child.socketPath)
        path.chmod(0o600)
        child.ready()
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        child.stop()
        self.assertTrue(path.exists())

    def test_backlogStays(self) -> None:
        """
        More connections than Twisted's backlog of 50 queue while the child boots or works.
        """
        child = LaunchedChild(self, "websites.resource").ready()
        hog = child.connect()
        self.addCleanup(hog.close)
        hog.sendall(b"GET /hog HTTP/1.1\r\nHost: h\r\n\r\n")
        child.stderrUntil("hogging")
        for _ in range(200):
            waiting = child.connect()
            self.addCleanup(waiting.close)

"""
L{twisted_multiserver.demo.resources}: the routes, over a connection in memory.
"""

from __future__ import annotations

import json

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from twisted_multiserver.child.identity import Identity
from twisted_multiserver.demo import site
from twisted_multiserver.demo.resources import Demo


class Answer:
    """
    One response, as its bytes say.
    """

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        self.status = int(first.split()[1])
        self.fields = {
            name.lower(): value for name, value in (line.split(": ", 1) for line in lines)
        }


class RouteTests(SynchronousTestCase):
    """
    The demo in a real Site, over transports in memory.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.crashes = 0
        identity = Identity(2, 1, 7, 4711, 0.0, None, None)
        self.demo = Demo(identity, self.clock.seconds, self.crash)

    def crash(self) -> None:
        self.crashes += 1

    def connect(self, root: Resource | None = None) -> tuple[Protocol, StringTransport]:
        factory = Site(root or self.demo, reactor=self.clock)
        channel = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        transport = StringTransport(
            IPv4Address("TCP", "127.0.0.1", 8080), IPv4Address("TCP", "127.0.0.1", 1)
        )
        channel.makeConnection(transport)
        return channel, transport

    def ask(
        self, method: str, target: str, fields: str = "", root: Resource | None = None
    ) -> Answer:
        channel, transport = self.connect(root)
        channel.dataReceived(
            f"{method} {target} HTTP/1.1\r\nHost: x.test:8080\r\n{fields}\r\n".encode()
        )
        return Answer(transport.value())

    def visits(self) -> int:
        count: int = json.loads(self.ask("GET", "/status").body)["visits"]
        return count

    def test_page(self) -> None:
        """
        The page is HTML that nobody keeps, with its policy.
        """
        answer = self.ask("GET", "/")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.fields["content-type"], "text/html; charset=utf-8")
        self.assertEqual(answer.fields["cache-control"], "no-store")
        self.assertIn("default-src 'none'", answer.fields["content-security-policy"])
        self.assertIn(b"<h1>Child 2 answered</h1>", answer.body)

    def test_visits(self) -> None:
        """
        Each GET of the page is a visit; HEAD and polls are none.
        """
        self.assertIn(b'data-fact="visits">1<', self.ask("GET", "/").body)
        self.assertIn(b'data-fact="visits">2<', self.ask("GET", "/").body)
        self.ask("HEAD", "/")
        self.ask("GET", "/status")
        self.assertEqual(self.visits(), 2)

    def test_head(self) -> None:
        """
        HEAD answers what GET would, without the body.
        """
        for target in ("/", "/status"):
            head = self.ask("HEAD", target)
            get = self.ask("GET", target)
            self.assertEqual(head.body, b"")
            self.assertEqual(head.status, 200)
            self.assertEqual(head.fields["content-length"], get.fields["content-length"])
            self.assertEqual(head.fields["content-type"], get.fields["content-type"])

    def test_status(self) -> None:
        """
        The facts are JSON that nobody keeps.
        """
        answer = self.ask("GET", "/status")
        self.assertEqual(answer.fields["content-type"], "application/json")
        self.assertEqual(answer.fields["cache-control"], "no-store")
        self.assertEqual(json.loads(answer.body)["pid"], 4711)

    def test_wrongMethod(self) -> None:
        """
        Only POST crashes; only GET and HEAD read.
        """
        for method, target, allowed in (
            ("GET", "/crash", "POST"),
            ("HEAD", "/crash", "POST"),
            ("POST", "/status", "GET, HEAD"),
            ("POST", "/", "GET, HEAD"),
        ):
            answer = self.ask(method, target, "Content-Length: 0\r\n")
            self.assertEqual((answer.status, answer.fields["allow"]), (405, allowed))
        self.assertEqual(self.crashes, 0)

    def test_notFound(self) -> None:
        """
        Other paths are not there.
        """
        self.assertEqual(self.ask("GET", "/favicon.ico").status, 404)

    def test_crash(self) -> None:
        """
        The script is told whom it hit; the process ends once the connection has, so
        when the answer is on its way, and not before.
        """
        channel, transport = self.connect()
        channel.dataReceived(
            b"POST /crash HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n"
            b"Content-Length: 0\r\n\r\n"
        )
        answer = Answer(transport.value())
        self.assertEqual(answer.status, 200)
        self.assertEqual(int(answer.fields["content-length"]), len(answer.body))
        self.assertEqual(answer.fields["connection"], "close")
        facts = json.loads(answer.body)
        self.assertEqual((facts["slot"], facts["pid"], facts["generation"]), (2, 4711, 1))
        self.assertTrue(transport.disconnecting)
        self.assertEqual(self.crashes, 0)
        channel.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.crashes, 1)

    def test_crashByForm(self) -> None:
        """
        A form without script is sent back to the page.
        """
        answer = self.ask("POST", "/crash", "Accept: text/html\r\nContent-Length: 0\r\n")
        self.assertEqual((answer.status, answer.fields["location"]), (303, "/"))
        self.assertEqual(answer.fields["content-length"], "0")
        self.assertNotIn("content-type", answer.fields)

    def test_mounted(self) -> None:
        """
        Below another path, with or without the slash, the links lead to where it is.
        """
        root = Resource()
        root.putChild(b"a pp", self.demo)
        for target in ("/a%20pp", "/a%20pp/"):
            body = self.ask("GET", target, root=root).body
            self.assertIn(b'data-base="/a%20pp/"', body)
            self.assertIn(b'action="/a%20pp/crash"', body)
        answer = self.ask("POST", "/a%20pp/crash", "Content-Length: 0\r\n", root=root)
        self.assertEqual(answer.fields["location"], "/a%20pp/")


class SiteTests(SynchronousTestCase):
    """
    L{site}, the application's name.
    """

    def test_names(self) -> None:
        """
        It is found by its dotted name, and needs no argument.
        """
        self.assertIs(namedAny("twisted_multiserver.demo.site"), site)
        self.assertIsInstance(site(), Demo)

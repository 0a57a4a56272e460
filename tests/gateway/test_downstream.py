"""
The client's side: what a backend gets of its requests, and the client of the answers.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.doubles import OK, FakeStream, Stage
from twisted_multiserver.gateway.accessline import AccessRecord
from twisted_multiserver.gateway.accesslog import AccessLog
from twisted_multiserver.gateway.downstream import ClientSide, WhoIs
from twisted_multiserver.gateway.logged import LoggedClientSide
from twisted_multiserver.http1.connections import ServerConnections, ServerLimits
from twisted_multiserver.http1.forwarding import ClientView
from twisted_multiserver.http1.trust import TrustedProxies

GET = b"GET /a HTTP/1.1\r\nHost: example.com\r\n"


class Records(AccessLog):
    """
    Keeps what it is told.
    """

    def __init__(self) -> None:
        self.records: list[AccessRecord] = []

    def add(self, record: AccessRecord) -> None:
        self.records.append(record)


class DownstreamCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.stage = Stage(queue=0.0)
        self.client = FakeStream()
        distribution = self.stage.distribution
        self.connections = ServerConnections(
            ServerLimits(), distribution.seconds, distribution.sweep
        )
        self.view = ClientView("192.0.2.1", False, b"127.0.0.1:80")

    def serve(self, whoIs: WhoIs | None = None) -> None:
        ClientSide(self.client, self.connections, self.stage.distribution, self.view, whoIs)


class RequestTests(DownstreamCase):
    def test_forwarded(self) -> None:
        self.stage.add("a")
        self.serve()
        self.client.receives(GET + b"X-Forwarded-For: 6.6.6.6\r\n\r\n")
        self.assertEqual(
            self.stage.stream("a").sent,
            GET + b"Via: 1.1 twisted_multiserver\r\nX-Forwarded-For: 192.0.2.1\r\n"
            b"X-Forwarded-Proto: http\r\nX-Forwarded-Host: example.com\r\n\r\n",
        )

    def test_trusted(self) -> None:
        """
        A trusted proxy is believed, for each request anew.
        """
        self.stage.add("a")
        self.serve(TrustedProxies(["192.0.2.0/24"]).believedView)
        for address in (b"198.51.100.7", b"198.51.100.8"):
            lines = b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: https\r\n" % address
            self.client.receives(GET + lines + b"\r\n")
            self.assertIn(lines, self.stage.stream("a").sent)
            self.stage.stream("a").receives(OK)
        self.assertEqual(self.client.sent.count(b"HTTP/1.1 200"), 2)

    def test_lastHop(self) -> None:
        """
        A request that may go no further is answered here (RFC 9110 section 7.6.2).
        """
        self.stage.add("a")
        self.serve()
        self.client.receives(
            b"OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"
            b"TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"
        )
        self.assertEqual(self.stage.dialers["a"].streams, [])
        self.assertIn(b"HTTP/1.1 200 OK\r\nAllow: ", self.client.sent)
        self.assertIn(b"HTTP/1.1 405 Method Not Allowed\r\nAllow: ", self.client.sent)

    def test_forTLS(self) -> None:
        """
        What is for TLS only isn't served without (RFC 9110 section 7.4), unless somebody
        who is trusted says that the client came by TLS.
        """
        self.stage.add("a")
        self.serve(TrustedProxies(["192.0.2.0/24"]).believedView)
        lines = b"GET https://a/ HTTP/1.1\r\nHost: a\r\n"
        self.client.receives(lines + b"X-Forwarded-Proto: https\r\n\r\n")
        self.stage.stream("a").receives(OK)
        self.client.receives(lines + b"\r\n")
        self.assertEqual(len(self.stage.dialers["a"].streams), 1)
        self.assertIn(b"HTTP/1.1 421 ", self.client.sent)


class LogTests(DownstreamCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = Records()
        LoggedClientSide(
            self.client,
            self.connections,
            self.stage.distribution,
            self.view,
            None,
            self.log,
        )

    def test_answered(self) -> None:
        """
        Each request is one record, pipelined ones too.
        """
        self.stage.add("a")
        fields = b"User-Agent: x\r\nReferer: /y\r\n\r\n"
        self.client.receives((GET + fields) * 2)
        for _ in range(2):
            self.stage.stream("a").receives(OK)
        first, second = self.log.records
        self.assertEqual(
            (first.status, first.bytesSent, first.backend, first.tries, first.ending),
            (200, 2, "a", 1, "whole"),
        )
        self.assertEqual((second.agent, second.referer), (b"x", b"/y"))

    def test_streamed(self) -> None:
        self.stage.add("a")
        self.client.receives(GET + b"\r\n")
        self.stage.stream("a").receives(b"HTTP/1.1 201 X\r\nContent-Length: 4\r\n\r\nab")
        self.assertEqual(self.log.records, [])
        self.stage.stream("a").receives(b"cd")
        (record,) = self.log.records
        self.assertEqual((record.status, record.bytesSent, record.ending), (201, 4, "whole"))

    def test_cut(self) -> None:
        self.stage.add("a")
        self.client.receives(GET + b"\r\n")
        self.stage.stream("a").receives(b"HTTP/1.1 200 X\r\nContent-Length: 70000\r\n\r\nab")
        self.stage.stream("a").ends(clean=False)
        self.assertEqual([each.ending for each in self.log.records], ["cut"])
        self.assertEqual(self.client.state, "aborted")

    def test_clientGone(self) -> None:
        self.stage.add("a")
        self.client.receives(GET + b"\r\n")
        self.client.ends(clean=True)
        (record,) = self.log.records
        self.assertEqual((record.status, record.ending), (0, "clientGone"))

    def test_ours(self) -> None:
        """
        An answer of our own has no backend, and for a HEAD no body.
        """
        for method in (b"GET", b"HEAD"):
            self.client.receives(method + GET[3:] + b"\r\n")
        get, head = self.log.records
        self.assertEqual((get.status, get.backend, head.bytesSent), (503, None, 0))
        self.assertGreater(get.bytesSent, 0)

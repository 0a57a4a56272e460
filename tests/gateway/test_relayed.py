"""
Whole responses that are passed on as they came, and those that can't be.
"""

from __future__ import annotations

from tests.gateway.test_downstream import GET, DownstreamCase, Records
from twisted_multiserver.balancing.affinity import Affinity
from twisted_multiserver.gateway.logged import LoggedClientSide

REQUEST = GET + b"\r\n"
HEAD = b"HTTP/1.1 201 Made\r\nDate: Wed, 21 Aug 2024 10:11:12 GMT\r\nContent-Length: 2\r\n"
VIA = b"Via: 1.1 twisted_multiserver\r\n"


class RelayedTests(DownstreamCase):
    def setUp(self) -> None:
        super().setUp()
        self.backend = self.stage.add("a")

    def gets(self, response: bytes, request: bytes = REQUEST) -> bytes:
        """
        @param response: of the backend.
        @param request: of the client.
        @return: what the client gets.
        """
        self.client.receives(request)
        self.stage.stream("a").receives(response)
        self.assertEqual(self.stage.distribution.open, 0)
        self.assertEqual(self.backend.inFlight, 0)
        return self.client.sent

    def test_asItCame(self) -> None:
        """
        What is said of the backend's connection ends here, and nothing else is changed.
        """
        self.serve()
        for line, isReused in ((b"", True), (b"Connection: close\r\n", False)):
            self.client.sent = b""
            got = self.gets(HEAD + line + b"\r\nok")
            self.assertEqual(got, HEAD + VIA + b"\r\nok")
            self.assertEqual(self.stage.stream("a").state == "open", isReused)

    def test_counted(self) -> None:
        self.serve()
        self.gets(HEAD + b"\r\nok")
        statistics = self.backend.statistics
        self.assertEqual((statistics.requests, statistics.whole), (1, 1))
        self.assertEqual(statistics.bytesReceived, 2)
        self.assertEqual(statistics.bytesSent, len(self.stage.stream("a").sent))
        self.assertEqual(self.stage.policy.told[-1], ("ok", "a"))

    def test_noDate(self) -> None:
        self.serve()
        got = self.gets(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        self.assertIn(b"\r\nDate: ", got)

    def test_clientCloses(self) -> None:
        self.serve()
        got = self.gets(HEAD + b"\r\nok", GET + b"Connection: close\r\n\r\n")
        self.assertIn(b"\r\nConnection: close\r\n", got)
        self.assertEqual(self.client.state, "closed")

    def test_cookie(self) -> None:
        """
        A policy's cookie is added.
        """
        self.stage.policy.choices = [Affinity(self.backend, b"stay=1")]
        self.serve()
        got = self.gets(HEAD + b"\r\nok")
        self.assertIn(b"\r\nSet-Cookie: stay=1\r\n", got)

    def test_hiddenCookie(self) -> None:
        """
        A policy's cookie doesn't reach the backend.
        """
        self.stage.distribution.hiddenCookie = b"stay"
        self.serve()
        self.gets(HEAD + b"\r\nok", GET + b"Cookie: a=b; stay=1\r\n\r\n")
        self.assertIn(b"Cookie: a=b\r\n", self.stage.stream("a").sent)

    def test_head(self) -> None:
        self.serve()
        got = self.gets(HEAD + b"\r\n", REQUEST.replace(b"GET", b"HEAD"))
        self.assertEqual(got, HEAD + VIA + b"\r\n")

    def test_logged(self) -> None:
        """
        It is one record, with what was sent, also if it couldn't go as it came.
        """
        log = Records()
        LoggedClientSide(
            self.client, self.connections, self.stage.distribution, self.view, None, log
        )
        self.gets(HEAD + b"\r\nok")
        self.gets(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        self.assertEqual(
            [(each.status, each.bytesSent, each.ending) for each in log.records],
            [(201, 2, "whole"), (200, 2, "whole")],
        )

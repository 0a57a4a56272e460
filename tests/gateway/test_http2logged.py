"""
L{twisted_multiserver.gateway.http2logged}.
"""

from __future__ import annotations

from typing import Any, cast

from tests.gateway.doubles import OK
from tests.gateway.http2client import HTTP2Case
from twisted_multiserver.gateway.accessline import AccessRecord, combinedLine
from twisted_multiserver.gateway.accesslog import AccessLog


class Records:
    """
    An access log that keeps what it is given.
    """

    def __init__(self) -> None:
        self.kept: list[AccessRecord] = []

    def add(self, record: AccessRecord) -> None:
        self.kept.append(record)


class LogTests(HTTP2Case):
    def setUp(self) -> None:
        self.records = Records()
        self.log = cast(AccessLog, self.records)
        super().setUp()

    def told(self) -> tuple[Any, ...]:
        """
        @return: status, bytes, backend, tries and ending of the one record.
        """
        (record,) = self.records.kept
        return record.status, record.bytesSent, record.backend, record.tries, record.ending

    def test_line(self) -> None:
        """
        Everything in its place, with the version as other servers write it.
        """
        self.ask(b"GET", (b"user-agent", b"u"), (b"referer", b"r"), path=b"/a?b")
        self.answers(OK)
        (record,) = self.records.kept
        line = combinedLine(record)
        self.assertTrue(line.startswith(b"192.0.2.7 - - ["))
        self.assertTrue(line.endswith(b'] "GET /a?b HTTP/2.0" 200 2 "r" "u"\n'), line)
        self.assertEqual(record.host, b"example.com")
        self.assertEqual(self.told(), (200, 2, self.backend.name, 1, "whole"))

    def test_pieces(self) -> None:
        self.ask()
        self.answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        self.assertEqual(self.records.kept, [])
        self.answers(b"1\r\nc\r\n0\r\n\r\n")
        self.assertEqual(self.told(), (200, 3, self.backend.name, 1, "whole"))

    def test_cut(self) -> None:
        self.ask()
        self.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\nab")
        self.stage.stream("a").ends(True)
        self.assertEqual(self.told(), (200, 2, self.backend.name, 1, "cut"))

    def test_clientGone(self) -> None:
        """
        By a reset, and with its connection.
        """
        for leave in (self.leaveStream, self.leaveConnection):
            self.records.kept.clear()
            number = self.ask()
            leave(number)
            self.assertEqual(self.told(), (0, 0, self.backend.name, 1, "clientGone"))

    def leaveStream(self, number: int) -> None:
        self.client.reset_stream(number)
        self.flush()

    def leaveConnection(self, number: int) -> None:
        self.stream.ends(False)

    def test_own(self) -> None:
        """
        An answer of our own has no backend.
        """
        self.stage.distribution.pool.remove(self.backend)
        number = self.ask()
        self.assertEqual(self.told(), (503, len(self.body(number)), None, 0, "whole"))

"""
The clients of C{make chaos}: a response that has ended is told from one that was cut.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chaos.clients import Asked, Connection, Got

_DONE = Failure(ConnectionDone())
_RESET = Failure(ConnectionLost())
_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_NEITHER = b"HTTP/1.1 200 OK\r\n\r\n"


class ReadingTests(SynchronousTestCase):
    """
    What comes of a request.
    """

    def asked(self, *data: bytes, end: Failure | None = None) -> Got:
        """
        @param data: that comes.
        @param end: of the connection.
        @return: what was made of it.
        """
        self.connection = Connection()
        self.connection.makeConnection(StringTransport())
        got = Got(0.0)
        self.over = self.connection.ask(Asked("GET", "/", "r1"), got)
        for piece in filter(None, data):
            self.connection.dataReceived(piece)
        if end is not None:
            self.connection.connectionLost(end)
        return got

    def test_whole(self) -> None:
        """
        As its framing says; the connection is there for the next request.
        """
        for data in (_LENGTH + b"hello", _CHUNKS + b"5\r\nhello\r\n0\r\n\r\n"):
            got = self.asked(*(data[at : at + 1] for at in range(len(data))))
            self.assertEqual((got.end, got.status, bytes(got.body)), ("whole", 200, b"hello"))
            self.assertTrue(self.connection.isOpen)
            self.successResultOf(self.over)

    def test_cut(self) -> None:
        """
        It ends too early, be it in good order.
        """
        for data in (b"", b"HTTP/1.1 200", _LENGTH + b"hell", _CHUNKS + b"5\r\nhello\r\n"):
            for end in (_DONE, _RESET):
                got = self.asked(data, end=end)
                self.assertEqual(got.end, "cut", (data, end))
                self.assertFalse(self.connection.isOpen)

    def test_untilTheEnd(self) -> None:
        """
        One with neither a length nor chunks ends with the connection, but not by a reset.
        """
        self.assertEqual(self.asked(_NEITHER, b"hello", end=_DONE).end, "whole")
        self.assertEqual(self.asked(_NEITHER, b"hello", end=_RESET).end, "cut")

    def test_malformed(self) -> None:
        """
        It is no response.
        """
        got = self.asked(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")
        self.assertEqual(got.end, "malformed")

    def test_notAskedFor(self) -> None:
        """
        Something comes between requests: the connection isn't used again.
        """
        self.asked(_LENGTH + b"hello")
        self.connection.dataReceived(_LENGTH + b"hello")
        self.assertFalse(self.connection.isOpen)

    def test_late(self) -> None:
        """
        Nobody waits any more: what comes then is nobody's.
        """
        got = self.asked(_LENGTH)
        self.over.cancel()
        self.failureResultOf(self.over)
        self.connection.connectionLost(_RESET)
        self.assertIsNone(got.end)

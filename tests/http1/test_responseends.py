"""
Reading responses: how they end, too early, too late, or in another protocol.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.http1.test_responsereader import end, feed, head, reading
from twisted_multiserver.http1.heads import BadMessage
from twisted_multiserver.http1.responsereader import ResponseReader, Truncated
from twisted_multiserver.http1.wholeresponses import readWhole


class SwitchTests(SynchronousTestCase):
    DATA = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"

    def test_switched(self) -> None:
        """
        What is behind the head belongs to the other protocol, and is never lost.
        """
        fields = ((b"Upgrade", b"x"), (b"Connection", b"upgrade"))
        expected = head(101, *fields, reason=b"Switching Protocols")
        self.assertEqual(expected["upgrade"], b"x")
        for rest in (b"", b"HTTP/1.1 200 OK\r\n\r\n"):
            reader = reading(upgrade=b"w, x")
            self.assertEqual(feed(reader, [self.DATA + rest]), [(expected, rest)])
            self.assertTrue(reader.ended)
            self.assertIsNone(readWhole(self.DATA + rest, False))
        for cut in range(1, len(self.DATA)):
            parts = [self.DATA[:cut], self.DATA[cut:]]
            self.assertEqual(feed(reading(upgrade=b"w, x"), parts), [(expected, b"")])

    def test_notAsked(self) -> None:
        """
        Nobody asked for another protocol, or for this one (RFC 9110 section 7.8).
        """
        for upgrade in (None, b"y", b"xx", b""):
            with self.assertRaises(BadMessage):
                reading(upgrade=upgrade).receive(self.DATA)
        with self.assertRaises(BadMessage):
            reading(upgrade=b"x").receive(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")

    def test_names(self) -> None:
        """
        Names of protocols are compared without case.
        """
        for upgrade in (b"x", b"X", b"w,X", b"w , x"):
            self.assertEqual(len(feed(reading(upgrade=upgrade), [self.DATA])), 1)

    def test_informationalBefore(self) -> None:
        events = feed(reading(upgrade=b"w, x"), [b"HTTP/1.1 100 x\r\n\r\n" + self.DATA + b"z"])
        self.assertEqual(events[0], head(100, reason=b"x"))
        self.assertEqual(len(events), 2)

    def test_declined(self) -> None:
        """
        A server that doesn't switch answers as ever.
        """
        data = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        self.assertEqual(feed(reading(upgrade=b"w, x"), [data])[-1], end(True))


class EndTests(SynchronousTestCase):
    """
    What is behind a response's end, or missing before it.
    """

    def test_trailingBytes(self) -> None:
        """
        Bytes that nobody asked for come to nothing, and the connection with them.
        """
        for data in (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 204 OK\r\n\r\n0",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx",
        ):
            reader = reading()
            self.assertEqual(feed(reader, [data])[-1], end(False))
            self.assertEqual(reader.receive(b"more"), [])
            self.assertEqual(reader.connectionEnded(), [])

    def test_truncated(self) -> None:
        """
        A connection that ends inside of a response is told as such, wherever.
        """
        for data in (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 OK\r\n\r\n",
        ):
            for cut in range(len(data)):
                reader = reading()
                reader.receive(data[:cut])
                self.assertFalse(reader.ended)
                with self.assertRaises(Truncated):
                    reader.connectionEnded()

    def test_nextOne(self) -> None:
        """
        Each response on a connection is read for itself.
        """
        reader = reading(b"HEAD")
        data = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
        self.assertEqual(feed(reader, [data])[-1], end(True))
        reader.begin(b"GET")
        self.assertFalse(reader.ended)
        self.assertEqual(feed(reader, [data + b"ok"])[1:], [b"ok", end(True)])
        whole = readWhole(data + b"ok", False)
        assert whole is not None
        self.assertEqual(whole.body, b"ok")
        self.assertEqual(ResponseReader().ended, False)

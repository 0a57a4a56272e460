"""
The fast way of reading responses gives what the other way gives, and is taken.
"""

from __future__ import annotations

from hypothesis import event, given, settings
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.headstrategies import responseHeads
from tests.http1.samples import RESPONSES, head
from twisted_multiserver.http1.heads import HEAD_LIMIT, BadMessage
from twisted_multiserver.http1.responsereader import ResponseReader, parseResponse
from twisted_multiserver.http1.responses import CheckedResponse, checkResponse
from twisted_multiserver.http1.wholeresponses import readPlainResponse


def shown(response: CheckedResponse) -> dict[str, object]:
    """
    @return: all that can be seen of a response.
    """
    return {
        "status": response.status,
        "reason": response.reason,
        "version": response.version,
        "passing": response.passing,
        "length": response.length,
        "persists": response.persists,
        "upgrade": response.upgrade,
        "fields": response.fields,
    }


def slowly(data: bytes) -> CheckedResponse:
    """
    @param data: bytes that begin with a head.
    @return: the response, read line by line.
    """
    return checkResponse(parseResponse(data[: data.index(b"\r\n\r\n")]))


class EqualTests(SynchronousTestCase):
    def same(self, data: bytes) -> bool:
        """
        @param data: bytes that begin with a head.
        @return: whether the fast way was taken.
        """
        plain = readPlainResponse(data)
        if plain is None:
            return False
        fast, end = plain
        try:
            slow = slowly(data)
        except ValueError as refusal:
            self.fail(f"only the fast way takes {data!r}: {refusal!r}")
        self.assertEqual(shown(fast), shown(slow), data)
        self.assertEqual(end, data.index(b"\r\n\r\n") + 4)
        return True

    def test_realServers(self) -> None:
        """
        What they send is read the fast way.
        """
        missed = [
            name
            for name, data in RESPONSES.items()
            if not (self.same(data) and self.same(data + b"\r\n\r\nHTTP/1.1"))
        ]
        self.assertEqual(missed, [])

    def test_notForIt(self) -> None:
        """
        What it must leave to the other way, which takes it.
        """
        for data in (
            head("HTTP/1.0 200 OK", "Content-Length: 5"),
            head("HTTP/1.1 100 Continue"),
            head("HTTP/1.1 101 Switching Protocols", "Connection: upgrade", "Upgrade: websocket"),
            head("HTTP/1.1 200"),
            head("HTTP/1.1 200 OK", "Content-Length: 5", "Content-Length: 5"),
            head("HTTP/1.1 200 OK", "Content-Length: 5, 5"),
            head("HTTP/1.1 200 OK", "Connection: X-A", "X-A: b"),
            head("HTTP/1.1 200 OK", "Upgrade: h2c"),
            head("HTTP/1.1 200 OK", "X:"),
        ):
            self.assertIsNone(readPlainResponse(data), data)
            slowly(data)

    def test_twoConnections(self) -> None:
        """
        However many Connection fields there are, one C{close} closes (RFC 9112 section
        9.3).
        """
        for first in ("close", "Close", "keep-alive"):
            for second in ("close", "keep-alive"):
                for between in ((), ("X: y",), ("Content-Length: 5",)):
                    self.same(
                        head(
                            "HTTP/1.1 200 OK",
                            f"Connection: {first}",
                            *between,
                            f"Connection: {second}",
                        )
                    )

    def test_notWhole(self) -> None:
        """
        A beginning is nothing, wherever it ends.
        """
        for data in RESPONSES.values():
            for size in range(len(data)):
                self.assertIsNone(readPlainResponse(data[:size]))

    def test_limit(self) -> None:
        """
        Only what the reader takes too.
        """
        start = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: "
        for excess in range(-6, 3):
            data = start + b"x" * (HEAD_LIMIT - len(start) + excess) + b"\r\n\r\n"
            try:
                whole = bool(ResponseReader().receive(data))
            except BadMessage:
                whole = False
            self.assertLessEqual(self.same(data), whole)

    @settings(deadline=None, max_examples=600)
    @given(responseHeads())
    def test_mutated(self, data: bytes) -> None:
        event(f"fast: {self.same(data)}")

    def test_oftenTaken(self) -> None:
        """
        What is tried above gets through the fast way often, and often it doesn't.
        """
        taken = []

        @settings(deadline=None, max_examples=300, derandomize=True, database=None)
        @given(responseHeads())
        def look(data: bytes) -> None:
            taken.append(readPlainResponse(data) is not None)

        look()
        self.assertGreater(sum(taken), len(taken) // 8)
        self.assertGreater(taken.count(False), len(taken) // 8)

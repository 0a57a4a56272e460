"""
How much work bytes can make: no more than a little for each, whatever they are.

Strategy: copies and searches are counted, by bytes that count them.  What happens inside
of a regular expression can't be counted; there, sixteen times the bytes must not need
more than four times sixteen times the processor's time, where backtracking would need
sixteen times sixteen times and more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, SupportsIndex, TypeAlias

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.doubles import FakeStream, ScriptedResponder
from twisted_multiserver.http1.connections import ServerConnections, ServerLimits
from twisted_multiserver.http1.forwarding import (
    VIA,
    ClientView,
    hasDate,
    linesForClient,
    upstreamHead,
)
from twisted_multiserver.http1.framing import ChunkedBody
from twisted_multiserver.http1.heads import BadMessage
from twisted_multiserver.http1.requestreader import RequestReader
from twisted_multiserver.http1.responsereader import ResponseReader
from twisted_multiserver.http1.responses import CheckedResponse
from twisted_multiserver.http1.server import ServerConnection
from twisted_multiserver.http1.wholeresponses import readWhole
from twisted_multiserver.streams.sweep import Sweep

SMALL = 3500
LARGE = 16 * SMALL
CLIENT = ClientView("192.0.2.1", False, b"a")


class Counting(bytes):
    """
    Bytes that count what is copied and looked at, and so do those made of them.
    """

    work = 0

    @classmethod
    def note(cls, made: bytes) -> Counting:
        cls.work += len(made)
        return cls(made)

    def __add__(self, other: Any) -> Counting:
        return self.note(bytes(self) + bytes(other))

    def __radd__(self, other: Any) -> Counting:
        return self.note(bytes(other) + bytes(self))

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return self.note(found) if isinstance(found, bytes) else found

    def find(
        self,
        sub: Any,
        start: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
    ) -> int:
        found = super().find(sub, start, end)
        first = 0 if start is None else int(start)
        last = len(self) if end is None else min(len(self), int(end))
        Counting.work += (last if found < 0 else found) - first
        return found


Feed: TypeAlias = Callable[[list[bytes]], None]


def intoRequest(parts: list[bytes]) -> None:
    reader = RequestReader()
    for part in parts:
        reader.receive(part)


def intoResponse(parts: list[bytes]) -> None:
    reader = ResponseReader()
    for part in parts:
        reader.receive(part)


def intoChunks(parts: list[bytes]) -> None:
    body = ChunkedBody()
    for part in parts:
        body.read(part)


class Deaf(ScriptedResponder):
    """
    Keeps nothing of bodies.
    """

    def requestBody(self, data: bytes) -> None:
        pass


def intoServer(parts: list[bytes]) -> None:
    clock = Clock()
    connections = ServerConnections(ServerLimits(), clock.seconds, Sweep(clock))
    connection = ServerConnection(FakeStream(), connections, Deaf())
    for part in parts:
        connection.dataReceived(part)


def counted(feed: Feed, data: bytes, size: int) -> int:
    """
    @return: the bytes copied and looked at when data comes in pieces of a size.
    """
    Counting.work = 0
    feed([Counting(data[at : at + size]) for at in range(0, len(data), size)])
    return Counting.work


def requestOf(size: int) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Abc: defgh\r\n" * (size // 14) + b"\r\n"


def responseOf(size: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + b"X-Abc: defgh\r\n" * (size // 14) + b"\r\n"


def chunksOf(size: int) -> bytes:
    return b"1\r\nx\r\n" * (size // 6) + b"0\r\n\r\n"


def postOf(size: int) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunksOf(size)


class CountedTests(SynchronousTestCase):
    CASES: tuple[tuple[Feed, Callable[[int], bytes]], ...] = (
        (intoRequest, requestOf),
        (intoResponse, responseOf),
        (intoChunks, chunksOf),
        (intoServer, requestOf),
        (intoServer, postOf),
    )

    def test_counts(self) -> None:
        """
        The count counts.
        """
        Counting.work = 0
        some = b"" + Counting(b"abc") + b"de"
        self.assertEqual((some, Counting.work), (b"abcde", 8))
        self.assertEqual((some[1:3], some.find(b"e"), Counting.work), (b"bc", 4, 14))

    def test_atOnce(self) -> None:
        """
        Twice the bytes in one or two pieces are twice the work, and no byte is touched
        often.
        """
        for feed, make in self.CASES:
            for parts in (1, 2):
                small, large = make(30000), make(60000)
                less = counted(feed, small, len(small) // parts + 1)
                more = counted(feed, large, len(large) // parts + 1)
                self.assertLess(more, len(large) * 12, (feed, make, parts))
                self.assertLess(more, 2.5 * less + 1000, (feed, make, parts))

    def test_byteByByte(self) -> None:
        """
        The worst cut: a head is copied for each piece, which its limit bounds; chunks
        aren't, since nothing of them is kept.
        """
        for feed, make in self.CASES:
            small = counted(feed, make(15000), 1)
            large = counted(feed, make(30000), 1)
            self.assertLess(large, 4.5 * small, (feed, make))
        for feed, make in ((intoChunks, chunksOf), (intoServer, postOf)):
            self.assertLess(counted(feed, make(30000), 1), 30000 * 40, (feed, make))

    def test_smallChunks(self) -> None:
        """
        Many chunks in one piece are found without copying the rest for each.
        """
        self.assertLess(counted(intoChunks, chunksOf(60000), 60000), 60000 * 5)


def sink(values: Iterable[object]) -> None:
    """
    Take all.
    """
    for _ in values:
        pass


def allOfRequest(data: bytes) -> None:
    """
    All that is done with a request's head.
    """
    try:
        found = RequestReader().receive(data)
    except BadMessage:
        return
    if found is not None:
        request = found[0]
        sink(request.head.fields)
        upstreamHead(request, CLIENT, hiddenCookie=b"sid")


def allOfResponse(data: bytes) -> None:
    """
    All that is done with a response's head.
    """
    whole = readWhole(data, False)
    if whole is not None:
        whole.passedOn(VIA)
    try:
        events = ResponseReader().receive(data)
    except BadMessage:
        return
    if events and isinstance(events[0], CheckedResponse):
        sink(events[0].fields)
        hasDate(linesForClient(events[0]))


def allOfChunks(data: bytes) -> None:
    for fromServer in (True, False):
        try:
            ChunkedBody(fromServer).read(data)
        except BadMessage:
            pass


_LINE = b"GET / HTTP/1.1\r\nHost: a\r\n"
_STATUS = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"


def _repeated(start: bytes, piece: bytes, end: bytes) -> Callable[[int], bytes]:
    return lambda size: start + piece * (size // len(piece)) + end


REQUESTS = {
    "blanks in a value": _repeated(_LINE + b"X: a", b" ", b"b\r\n\r\n"),
    "blanks in a cookie": _repeated(_LINE + b"Cookie: sid=", b" ", b"b\r\n\r\n"),
    "blanks before a value": _repeated(_LINE + b"X:", b" ", b"b\r\n\r\n"),
    "blanks behind a value": _repeated(_LINE + b"X: b", b" \t", b"\r\n\r\n"),
    "blanks and no end": _repeated(_LINE + b"X: b", b" ", b"\x00\r\n\r\n"),
    "no colon": _repeated(_LINE, b"x", b"\r\n\r\n"),
    "colons": _repeated(_LINE + b"X", b":", b"\r\n\r\n"),
    "empty fields": _repeated(_LINE, b"a:\r\n", b"\r\n"),
    "short fields": _repeated(_LINE, b"a: b\r\n", b"\r\n"),
    "short fields without an end": _repeated(_LINE, b"a: b\r\n", b"a: b"),
    "short fields and a bad one": _repeated(_LINE, b"a: b\r\n", b"a\r\n\r\n"),
    "Connection lines": _repeated(_LINE, b"Connection: close\r\n", b"\r\n"),
    "names in Connection": _repeated(_LINE + b"Connection: a", b",a", b"\r\n\r\n"),
    "other names in Connection": _repeated(_LINE + b"Connection: ", b"abc,", b"\r\n\r\n"),
    "commas in Transfer-Encoding": _repeated(_LINE + b"Transfer-Encoding: ", b",", b"\r\n\r\n"),
    "cookies": _repeated(_LINE + b"Cookie: a", b";sid=1", b"\r\n\r\n"),
    "Cookie lines": _repeated(_LINE, b"Cookie: sid=1\r\n", b"\r\n"),
    "a long Host": _repeated(b"GET / HTTP/1.1\r\nHost: ", b"%41a.", b"!\r\n\r\n"),
    "a long bad Host": _repeated(b"GET / HTTP/1.1\r\nHost: ", b"%41a.", b"/\r\n\r\n"),
    "colons in Host": _repeated(b"GET / HTTP/1.1\r\nHost: [", b":", b"\r\n\r\n"),
    "a long method": _repeated(b"", b"x", b" / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a long target": _repeated(b"GET /", b"x", b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a long bad target": _repeated(b"GET /", b"x", b"\xe4 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "blanks in a target": _repeated(b"GET /", b" x", b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a long URL": _repeated(b"GET http://", b"a.", b"? HTTP/1.1\r\nHost: a\r\n\r\n"),
    "nearly our names": _repeated(_LINE, b"X-Forwardef: a\r\n", b"\r\n"),
    "a digit too many": _repeated(_LINE + b"Content-Length: ", b"1", b"\r\n\r\n"),
    "carriage returns": _repeated(_LINE + b"X: ", b"\r", b"\r\n\r\n"),
}
RESPONSES = {
    "blanks in a value": _repeated(_STATUS + b"X: a", b" ", b"b\r\n\r\n"),
    "blanks behind a value": _repeated(_STATUS + b"X: b", b" \t", b"\r\n\r\n"),
    "blanks in the reason": _repeated(b"HTTP/1.1 200 ", b" ", b"\r\n\r\n"),
    "empty fields": _repeated(_STATUS, b"a:\r\n", b"\r\n"),
    "short fields": _repeated(_STATUS, b"a: b\r\n", b"\r\n"),
    "nearly Date": _repeated(_STATUS, b"Datf: b\r\n", b"\r\n"),
    "lengths": _repeated(_STATUS, b"Content-Length: 0\r\n", b"\r\n"),
    "a list of lengths": _repeated(_STATUS + b"Content-Length: 0", b",0", b"\r\n\r\n"),
    "names in Connection": _repeated(_STATUS + b"Connection: a", b",a", b"\r\n\r\n"),
    "no colon": _repeated(_STATUS, b"x", b"\r\n\r\n"),
}
CHUNKS = {
    "small chunks": _repeated(b"", b"1\r\nx\r\n", b"0\r\n\r\n"),
    "long extensions": _repeated(b"", b"1;" + b" " * 1000 + b"\r\nx\r\n", b"0\r\n\r\n"),
    "a bad size": _repeated(b"1", b" ", b"x\r\n"),
    "semicolons": _repeated(b"1", b";", b"\x00\r\n"),
    "one chunk": _repeated(b"%x\r\n" % LARGE, b"x", b"\r\n"),
    "trailers": lambda size: b"0\r\n" + b"a:\r\n" * (size // 8) + b"\r\n",
    "blanks in a trailer": lambda size: b"0\r\nA: " + b" " * (size // 4) + b"b\r\n\r\n",
}


def seconds(do: Callable[[bytes], None], data: bytes, times: int) -> float:
    """
    @return: the processor's time that it takes.
    """
    start = time.process_time()
    for _ in range(times):
        do(data)
    return time.process_time() - start


class TimedTests(SynchronousTestCase):
    def linear(
        self, do: Callable[[bytes], None], makers: dict[str, Callable[[int], bytes]]
    ) -> None:
        """
        Sixteen times the bytes need about sixteen times the time, at least once of some.
        """
        worse = []
        for name, make in makers.items():
            small, large = make(SMALL), make(LARGE)
            most = 4 * max(0.0005, *(seconds(do, small, 16) for _ in range(3)))
            if not any(seconds(do, large, 1) < most for _ in range(3)):
                worse.append(name)
        self.assertEqual(worse, [])

    def test_requests(self) -> None:
        self.linear(allOfRequest, REQUESTS)

    def test_responses(self) -> None:
        self.linear(allOfResponse, RESPONSES)

    def test_chunks(self) -> None:
        self.linear(allOfChunks, CHUNKS)

"""
A client that sends bytes as they are and reads answers strictly (RFC 9112).

Invariants: a conversation never lasts longer than its patience after the last byte it
was sent; an answer that isn't well-formed is a problem, not an exception.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.conformance.rawbackend import Fields, Malformed, readChunks, readFields

# How long to wait for an answer or for the end of the connection, in seconds.
PATIENCE = 5.0

# Between two pieces, so that they are read one by one as a rule, in seconds.
_PAUSE = 0.005

_STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-9][0-9][0-9]) [\t -~\x80-\xff]*")
_LENGTH = re.compile(r"[0-9]{1,18}")

Address = str | tuple[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A response.

    @ivar fields: names and values, in order.
    """

    version: str
    status: int
    fields: Fields
    body: bytes

    def values(self, name: str) -> list[str]:
        """
        @param name: of a field, in any case.
        @return: the values of its lines.
        """
        return [value for key, value in self.fields if key.lower() == name.lower()]


def readAnswer(data: bytes, method: str, ended: bool) -> tuple[Answer, bytes] | None:
    """
    @param data: what has come.
    @param method: of the request that is answered.
    @param ended: whether no more will come.
    @return: the first answer and the bytes behind it; None when there is more to come.
    @raise Malformed: when that's no answer.
    """
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        return None
    first, *lines = head.split(b"\r\n")
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        raise Malformed(f"status line {first[:80]!r}")
    status = int(match[2])
    bare = Answer(match[1].decode(), status, readFields(lines), b"")
    lengths, codings = bare.values("Content-Length"), bare.values("Transfer-Encoding")
    if len(lengths) > 1 or (lengths and (codings or not _LENGTH.fullmatch(lengths[0]))):
        raise Malformed(f"framed by {lengths} and {codings}")
    if method == "HEAD" or status < 200 or status in (204, 304):
        return bare, rest
    if codings:
        if [coding.lower() for coding in codings] != ["chunked"]:
            raise Malformed(f"framed by {codings}")
        chunks = readChunks(rest, 0)
        if chunks is None:
            return None
        body, _, end = chunks
        return Answer(bare.version, status, bare.fields, body), rest[end:]
    if lengths:
        length = int(lengths[0])
        if len(rest) < length:
            return None
        return Answer(bare.version, status, bare.fields, rest[:length]), rest[length:]
    return (Answer(bare.version, status, bare.fields, rest), b"") if ended else None


class Conversation:
    """
    One connection.

    @ivar answers: final ones, in order.
    @ivar interim: those with a status below 200.
    @ivar closed: whether the server has ended the connection.
    @ivar problem: what was wrong with the bytes that came, or that none came.
    """

    def __init__(self, address: Address, methods: Sequence[str] = ()) -> None:
        """
        @param address: of the server.
        @param methods: of the requests to be sent; GET where there is none.
        """
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self._socket = socket.socket(family)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(address)
        if family == socket.AF_INET:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._methods = methods
        self._data = b""
        self.answers: list[Answer] = []
        self.interim: list[Answer] = []
        self.closed = False
        self.problem = ""

    def send(self, pieces: Sequence[bytes], halfClose: bool = False) -> None:
        """
        @param pieces: sent one by one.
        @param halfClose: whether nothing will follow, and the server is told so.
        """
        try:
            for number, piece in enumerate(pieces):
                if number:
                    select.select([self._socket], [], [], _PAUSE)
                self._socket.sendall(piece)
            if halfClose:
                self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            # A server may have answered and closed before it has read everything.
            return

    def listen(self, enough: Callable[[], bool]) -> None:
        """
        Read until it is enough, the server closes, sends nonsense, or doesn't go on.

        @param enough: asked after each answer.
        """
        deadline = time.monotonic() + PATIENCE
        while not enough() and not self.problem:
            if self._readOne():
                continue
            if self.closed:
                if self._data:
                    self.problem = f"cut off: {self._data[:100]!r}"
                return
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                self.problem = f"nothing more in {PATIENCE} s"
                return
            self._receive()

    def late(self) -> bytes:
        """
        @return: what has come by now and has not been asked for; notices an end, too.
        """
        while not self.closed and select.select([self._socket], [], [], 0)[0]:
            self._receive()
        return self._data

    def close(self) -> None:
        """
        End it.
        """
        self._socket.close()

    def _receive(self) -> None:
        try:
            data = self._socket.recv(65536)
        except ConnectionError:
            data = b""
        self._data += data
        self.closed = not data

    def _readOne(self) -> bool:
        number = len(self.answers)
        method = self._methods[number] if number < len(self._methods) else "GET"
        try:
            found = readAnswer(self._data, method, self.closed)
        except Malformed as problem:
            self.problem = f"not an answer: {problem}"
            return False
        if found is None:
            return False
        answer, self._data = found
        (self.interim if answer.status < 200 else self.answers).append(answer)
        return True

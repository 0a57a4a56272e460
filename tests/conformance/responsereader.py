"""
A client that believes nothing: it reads responses to the letter of RFC 9112.

Strategy: blocking reads on a raw socket and a reader of its own, so that what is
tested isn't read by what is tested.

Invariants: a response counts as whole only when its framing says so; whatever a
strict client would stumble over is L{Malformed}.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType

# The longest wait for a byte of a response, in seconds.
PATIENCE = 20.0

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d) ([\t\x20-\x7e\x80-\xff]*)")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t\x20-\x7e\x80-\xff]*)?")


class Malformed(Exception):
    """
    No client has to understand this.
    """


class End(Enum):
    """
    How a response ended.
    """

    whole = "whole, and the connection goes on"
    closed = "whole, and the connection has to end"
    cut = "cut short"
    nothing = "the connection ended without a response"
    silence = "nothing came any more"


@dataclass(slots=True)
class Seen:
    """
    A response as the client got it.

    @ivar interim: the 1xx statuses before it.
    @ivar status: of the final response; 0 before it is there.
    @ivar fields: of the final response, names in lower case.
    @ivar body: as far as it came.
    @ivar trailers: of the final response.
    @ivar end: how it ended.
    """

    interim: list[int] = field(default_factory=list)
    status: int = 0
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    end: End = End.nothing

    def values(self, name: bytes) -> tuple[bytes, ...]:
        """
        @param name: of a field, in lower case.
        @return: its values, in order.
        """
        return tuple(value for each, value in self.fields if each == name)

    def members(self, name: bytes) -> list[bytes]:
        """
        @param name: of a field that is a list, in lower case.
        @return: the list's members in lower case.
        """
        joined = b",".join(self.values(name)).lower()
        return [member.strip(b" \t") for member in joined.split(b",") if member.strip(b" \t")]


class _Ended(Exception):
    """
    The connection has ended.
    """


class RawClient:
    """
    One connection to a server.

    @ivar socket: for what only a raw socket can do.
    """

    def __init__(self, port: int) -> None:
        """
        @param port: on 127.0.0.1.
        """
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> RawClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def exchange(self, request: bytes) -> Seen:
        """
        @param request: the bytes of a whole request.
        @return: what came of it.
        @raise Malformed: if that is no proper response.
        """
        try:
            self.socket.sendall(request)
        except OSError:
            # It may have been refused before it was all there; the answer tells.
            pass
        method, _, rest = request.partition(b" ")
        return self.read(method, rest.partition(b"\r\n")[0].endswith(b"HTTP/1.1"))

    def read(self, method: bytes = b"GET", modern: bool = True) -> Seen:
        """
        Read a response.

        @param method: of the request.
        @param modern: whether the request was HTTP/1.1.
        @return: what came.
        @raise Malformed: if that is no proper response.
        """
        seen = Seen()
        try:
            self._readHeads(seen, modern)
            self._readBody(seen, method, modern)
        except TimeoutError:
            seen.end = End.silence
        except (_Ended, OSError):
            seen.end = End.cut if seen.status or self._buffer else End.nothing
        return seen

    def take(self, size: int) -> bytes:
        """
        @param size: of what is expected behind a 101, in bytes.
        @return: so many bytes; fewer if the connection ends.
        """
        try:
            while len(self._buffer) < size:
                self._more()
        except (_Ended, OSError):
            pass
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def readEnd(self) -> bytes:
        """
        @return: what still comes until the connection ends.
        @raise Malformed: if it does not.
        """
        data, self._buffer = self._buffer, b""
        try:
            while more := self.socket.recv(65536):
                data += more
        except TimeoutError:
            raise Malformed("the connection does not end") from None
        except ConnectionError:
            pass
        return data

    def _readHeads(self, seen: Seen, modern: bool) -> None:
        while True:
            seen.status, fields = self._readHead()
            if seen.status >= 200 or seen.status == 101:
                seen.fields = fields
                return
            if not modern:
                raise Malformed(f"{seen.status} for HTTP/1.0")
            if {b"content-length", b"transfer-encoding"} & {name for name, _ in fields}:
                raise Malformed(f"{seen.status} with framing")
            seen.interim.append(seen.status)
            seen.status = 0

    def _readHead(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        line, *lines = self._through(b"\r\n\r\n").split(b"\r\n")
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            raise Malformed(f"status line {line[:200]!r}")
        return int(match[2]), _fields(lines)

    def _readBody(self, seen: Seen, method: bytes, modern: bool) -> None:
        codings, lengths = seen.members(b"transfer-encoding"), seen.values(b"content-length")
        if codings and (lengths or not modern or codings != [b"chunked"]):
            raise Malformed(f"framing {codings} {lengths}")
        if len(lengths) > 1 or not all(re.fullmatch(rb"[0-9]+", each) for each in lengths):
            raise Malformed(f"framing {lengths}")
        options = seen.members(b"connection")
        lasts = b"close" not in options if modern else b"keep-alive" in options
        seen.end = End.whole if lasts else End.closed
        if method == b"HEAD" or seen.status in (101, 204, 304):
            return
        if codings:
            self._readChunks(seen)
        elif lengths:
            self._readExactly(int(lengths[0]), seen)
        else:
            seen.end = End.closed
            self._readUntilClosed(seen)

    def _readChunks(self, seen: Seen) -> None:
        while True:
            line = self._through(b"\r\n")
            match = _CHUNK.fullmatch(line)
            if match is None:
                raise Malformed(f"chunk size {line[:200]!r}")
            size = int(match[1], 16)
            if not size:
                break
            self._readExactly(size, seen)
            if self._through(b"\r\n"):
                raise Malformed("a chunk is longer than its size")
        lines = []
        while line := self._through(b"\r\n"):
            lines.append(line)
        seen.trailers = _fields(lines)

    def _readExactly(self, size: int, seen: Seen) -> None:
        size += len(seen.body)
        while len(seen.body) < size:
            if not self._buffer:
                self._more()
            missing = size - len(seen.body)
            seen.body += self._buffer[:missing]
            self._buffer = self._buffer[missing:]

    def _readUntilClosed(self, seen: Seen) -> None:
        # A reset, unlike an orderly end, comes out as a cut.
        while True:
            seen.body += self._buffer
            self._buffer = b""
            try:
                self._more()
            except _Ended:
                return

    def _through(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            if len(self._buffer) > 1024 * 1024:
                raise Malformed("a line without an end")
            self._more()
        data, _, self._buffer = self._buffer.partition(mark)
        return data

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise _Ended
        self._buffer += data


def _fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    fields = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None or not _VALUE.fullmatch(match[2]):
            raise Malformed(f"field {line[:200]!r}")
        fields.append((match[1].lower(), match[2]))
    return fields

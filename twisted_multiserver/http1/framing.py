"""
Framing: where a body ends (RFC 9112 sections 6 and 7).

Strategy: the head alone decides, once, by the rules of section 6.3 in their
order; a body reader then takes bytes until its end.  Framing is never relayed:
each side of the gateway makes its own.

Invariants: two framings that disagree are refused, never guessed at (section
6.3, items 3 and 5); a body that stops early is reported as such, so that the
client's copy can be cut short as well (section 8); sizes are bounded.
"""

from __future__ import annotations

import re
from typing import Protocol

from twisted_multiserver.http1.grammar import findBareEnd, isToken, matchField
from twisted_multiserver.http1.heads import BadMessage, Fields, fieldValues, listMembers

# What may be there of a chunk's line before its end has come.
_mayBecomeSize = re.compile(
    rb"[0-9A-Fa-f]{1,15}(?:[ \t]*+(?:;[\t\x20-\x7e\x80-\xff]*+)?)?\r?"
).fullmatch
# RFC 9112 section 7.1.1. Some servers fill up the size with blanks, some clients would like to.
_isSize = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*+;[\t\x20-\x7e\x80-\xff]*+)?").fullmatch
_isServersSize = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*+(?:;[\t\x20-\x7e\x80-\xff]*+)?").fullmatch
_CHUNK_LINE_LIMIT = 4096
# What all extensions may take beyond the bytes of the body (RFC 9112 section 7.1.1).
_EXTENSIONS_LIMIT = 16384
_TRAILERS_LIMIT = 16384


class UnknownCoding(BadMessage):
    """
    A transfer coding that can't be undone.
    """


class BodyReader(Protocol):
    """
    Takes the bytes behind a head until the body has ended.

    @ivar ended: whether the body is complete.
    @ivar endsAtClose: whether only the connection's end completes it.
    @ivar missing: bytes that are announced and haven't come, as far as is known.
    @ivar trailers: the trailer fields, once ended.
    """

    ended: bool
    endsAtClose: bool
    missing: int
    trailers: Fields

    def read(self, data: bytes) -> tuple[list[bytes], bytes]:
        """
        @param data: further bytes of the connection.
        @return: pieces of the body, and what is left behind its end.
        @raise BadMessage: for bytes that the framing forbids.
        """


class LengthBody:
    """
    A body of a known number of bytes, possibly none.
    """

    __slots__ = ("ended", "missing")

    endsAtClose = False
    trailers: Fields = ()

    def __init__(self, length: int) -> None:
        """
        @param length: bytes.
        """
        self.missing = length
        self.ended = length == 0

    def read(self, data: bytes) -> tuple[list[bytes], bytes]:
        """
        See L{BodyReader.read}.
        """
        piece, rest = data[: self.missing], data[self.missing :]
        self.missing -= len(piece)
        self.ended = self.missing == 0
        return ([piece] if piece else []), rest


class CloseBody:
    """
    A body that ends with its connection (RFC 9112 section 6.3, item 8).
    """

    __slots__ = ()

    endsAtClose = True
    ended = False
    missing = 0
    trailers: Fields = ()

    def read(self, data: bytes) -> tuple[list[bytes], bytes]:
        """
        See L{BodyReader.read}.
        """
        return ([data] if data else []), b""


class ChunkedBody:
    """
    A body in the chunked coding (RFC 9112 section 7.1).
    """

    __slots__ = (
        "_buffer",
        "_expectsLineEnd",
        "_extensions",
        "_inTrailers",
        "_matchSize",
        "_trailerSize",
        "_trailers",
        "ended",
        "missing",
        "trailers",
    )

    endsAtClose = False

    def __init__(self, fromServer: bool = False) -> None:
        """
        @param fromServer: whether a server sends it, whose blanks are overlooked.
        """
        self._matchSize = _isServersSize if fromServer else _isSize
        self.ended = False
        self.trailers: Fields = ()
        self._buffer = b""
        self.missing = 0
        self._expectsLineEnd = False
        self._inTrailers = False
        self._trailers: list[tuple[bytes, bytes]] = []
        self._trailerSize = 0
        self._extensions = 0

    def read(self, data: bytes) -> tuple[list[bytes], bytes]:
        """
        See L{BodyReader.read}.
        """
        pieces: list[bytes] = []
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        # By position, since cutting the rest off anew for each chunk is quadratic.
        at, size = 0, len(data)
        while not self.ended:
            if self.missing:
                end = min(at + self.missing, size)
                if end > at:
                    pieces.append(data[at:end])
                    self.missing -= end - at
                    at = end
                if self.missing:
                    return pieces, b""
                self._expectsLineEnd = True
            found = data.find(b"\r\n", at, at + _CHUNK_LINE_LIMIT + 2)
            if found < 0:
                self._buffer = self._begunLine(data[at:])
                return pieces, b""
            self._takeLine(data[at:found])
            at = found + 2
        return pieces, data[at:]

    def _begunLine(self, begun: bytes) -> bytes:
        """
        See early that nothing good can come of it, instead of waiting for its end.
        """
        if self._expectsLineEnd:
            isFine = begun in b"\r"
        elif self._inTrailers:
            isFine = findBareEnd(begun) is None
        else:
            isFine = not begun or _mayBecomeSize(begun) is not None
        if not isFine or len(begun) > _CHUNK_LINE_LIMIT + 1:
            raise BadMessage("a chunk's line is malformed or too long")
        return begun

    def _takeLine(self, line: bytes) -> None:
        if self._expectsLineEnd:
            if line:
                raise BadMessage("a chunk is longer than its size says")
            self._expectsLineEnd = False
        elif self._inTrailers:
            self._takeTrailer(line)
        else:
            match = self._matchSize(line)
            if match is None or len(line) > _CHUNK_LINE_LIMIT:
                raise BadMessage("a chunk's size is malformed")
            self.missing = int(match[1], 16)
            self._inTrailers = self.missing == 0
            self._extensions += len(line) - len(match[1]) - self.missing
            if self._extensions > _EXTENSIONS_LIMIT:
                raise BadMessage("the extensions of chunks are too long")

    def _takeTrailer(self, line: bytes) -> None:
        if not line:
            self.ended = True
            self.trailers = tuple(self._trailers)
            return
        match = matchField(line)
        self._trailerSize += len(line)
        if match is None or self._trailerSize > _TRAILERS_LIMIT:
            raise BadMessage("a trailer field is malformed or too long")
        self._trailers.append((match[1], match[2].strip(b" \t")))


def contentLength(fields: Fields) -> int | None:
    """
    Read Content-Length (RFC 9110 section 8.6).

    @param fields: the fields of a head.
    @return: bytes, or L{None} if there is none.
    @raise BadMessage: if it is no number, or several that differ.
    """
    values = fieldValues(fields, b"content-length")
    if not values:
        return None
    members = {value.strip(b" \t") for value in b",".join(values).split(b",")} - {b""}
    if not members:
        raise BadMessage("Content-Length is empty")
    if len(members) > 1:
        raise BadMessage("there are two Content-Lengths that differ")
    (value,) = members
    if not re.fullmatch(rb"[0-9]{1,18}", value):
        raise BadMessage("Content-Length is no number")
    return int(value)


def isChunked(fields: Fields) -> bool:
    """
    Read Transfer-Encoding (RFC 9112 section 6.1).

    @param fields: the fields of a head.
    @return: whether the body is chunked, and nothing else.
    @raise UnknownCoding: for a coding that isn't known.
    @raise BadMessage: if it is no list of codings, or chunked isn't once and the last.
    """
    if not fieldValues(fields, b"transfer-encoding"):
        return False
    members = listMembers(fields, b"transfer-encoding")
    if members == [b"chunked"]:
        return True
    if not members or b"chunked" in members[:-1] or not all(map(isToken, members)):
        raise BadMessage("Transfer-Encoding is malformed")
    raise UnknownCoding("the transfer coding is unknown")

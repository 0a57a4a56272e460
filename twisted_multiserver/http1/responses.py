"""
Reading responses: the bytes of an upstream connection become heads, body pieces
and ends.

Strategy: one strict reader, fed as bytes arrive, cut anywhere.  A head is read
only when it is whole; its lines are matched one by one against the grammar of
RFC 9112 sections 4 and 5.

Invariants: whatever order and size the pieces come in, the events are the same
(body pieces joined); a head is at most L{HEAD_LIMIT} bytes; bare CR or LF, NUL,
line folding and blanks around names are refused (sections 2.2, 5.1, 5.2); bytes
behind an end, which nobody asked for, are dropped and the connection with them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from twisted_multiserver.http1.framing import BodyReader, responseBody
from twisted_multiserver.http1.heads import (
    HTTP_1_1,
    BadMessage,
    Fields,
    ResponseHead,
    listMembers,
)

HEAD_LIMIT = 65536

_STATUS_LINE = re.compile(rb"(HTTP/1\.[0-9]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?\Z")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]++):[ \t]*+([\t\x20-\x7e\x80-\xff]*+)\Z")


@dataclass(frozen=True, slots=True)
class EndOfResponse:
    """
    A response is complete.

    @ivar reusable: whether the connection can carry a further request.
    @ivar trailers: the trailer fields.
    """

    reusable: bool
    trailers: Fields = ()


ResponseEvent: TypeAlias = ResponseHead | bytes | EndOfResponse


class Truncated(BadMessage):
    """
    The connection ended inside of a response.
    """


def readHead(block: bytes) -> ResponseHead:
    """
    Read one whole response head.

    @param block: the bytes from the status line up to the empty line, without
        the CRLF CRLF that ends them.
    @return: the head, HTTP/1.2 and above shown as HTTP/1.1.
    @raise BadMessage: for anything that the grammar doesn't allow.
    """
    lines = block.split(b"\r\n")
    status = _STATUS_LINE.match(lines[0])
    if status is None:
        raise BadMessage("the status line is malformed")
    fields = []
    for line in lines[1:]:
        field = _FIELD.match(line)
        if field is None:
            raise BadMessage("a field line is malformed")
        fields.append((field[1], field[2].rstrip(b" \t")))
    version = status[1] if status[1] == b"HTTP/1.0" else HTTP_1_1
    return ResponseHead(int(status[2]), status[3] or b"", version, tuple(fields))


class ResponseReader:
    """
    Reads the response to one request.
    """

    def __init__(self, method: bytes) -> None:
        """
        @param method: of the request; it decides whether a body follows.
        """
        self._method = method
        self._buffer = b""
        self._scanned = 0
        self._head: ResponseHead | None = None
        self._body: BodyReader | None = None
        self.ended = False

    def receive(self, data: bytes) -> list[ResponseEvent]:
        """
        Take what has arrived.

        @param data: bytes of the connection, any number of them.
        @return: what they complete, in order.
        @raise BadMessage: if they are no response; nothing of the connection can
            be believed any more.
        """
        events: list[ResponseEvent] = []
        while data and not self.ended:
            if self._body is None:
                data = self._receiveHead(data, events)
            else:
                pieces, data = self._body.read(data)
                events.extend(pieces)
                self._endIfComplete(data, events)
        return events

    def connectionEnded(self) -> list[ResponseEvent]:
        """
        Take the end of the connection.

        @return: the end of a response that ends with its connection.
        @raise Truncated: if it comes inside of a response.
        """
        if self.ended:
            return []
        if self._body is None or not self._body.endsAtClose:
            raise Truncated("the connection ended inside of a response")
        self.ended = True
        return [EndOfResponse(reusable=False)]

    def _receiveHead(self, data: bytes, events: list[ResponseEvent]) -> bytes:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
        if end < 0:
            self._scanned = len(self._buffer)
            # Up to three bytes of the end may be there.
            if self._scanned > HEAD_LIMIT + 3:
                raise BadMessage("the head is too long")
            return b""
        if end > HEAD_LIMIT:
            raise BadMessage("the head is too long")
        block, rest = self._buffer[:end], self._buffer[end + 4 :]
        self._buffer, self._scanned = b"", 0
        head = readHead(block)
        if head.status == 101:
            raise BadMessage("101 Switching Protocols, which was not asked for")
        if not head.isInformational:
            self._head, self._body = head, responseBody(self._method, head)
        events.append(head)
        if self._body is not None:
            self._endIfComplete(rest, events)
        return rest

    def _endIfComplete(self, rest: bytes, events: list[ResponseEvent]) -> None:
        assert self._body is not None
        if self._body.ended:
            self.ended = True
            reusable = not rest and self._persists()
            events.append(EndOfResponse(reusable, self._body.trailers))

    def _persists(self) -> bool:
        """
        Whether the connection persists (RFC 9112 section 9.3).
        """
        assert self._head is not None
        options = listMembers(self._head.fields, b"connection")
        if self._head.version == HTTP_1_1:
            return b"close" not in options
        return b"keep-alive" in options

"""
Reading responses: the bytes of an upstream connection become heads, body pieces and ends.

Strategy: one regular expression knows whole heads as servers really send them; whatever
it doesn't match is read line by line and judged.  A response that is complete in one
piece needs no events.

Invariants: where the fast way accepts, the other accepts too and gives the same; whatever
order and size the pieces come in, the events are the same (body pieces joined, a complete
response counting as its parts); a head is at most L{HEAD_LIMIT} bytes, and at most
L{INFORMATIONAL_LIMIT} informational ones come before it; bare CR or LF, NUL, line folding
and blanks around names are refused (RFC 9112 sections 2.2, 5.1, 5.2); bytes behind an
end, which nobody asked for, are dropped and the connection with them.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from twisted_multiserver.http1.framing import BodyReader, ChunkedBody, CloseBody, LengthBody
from twisted_multiserver.http1.grammar import TOKEN, VALUE, findBareEnd
from twisted_multiserver.http1.heads import HEAD_LIMIT, HTTP_1_1, BadMessage, Fields, ResponseHead
from twisted_multiserver.http1.requests import CHUNKED
from twisted_multiserver.http1.responses import (
    SWITCHING_PROTOCOLS,
    UNTIL_CLOSE,
    CheckedResponse,
    checkResponse,
)
from twisted_multiserver.http1.wholeresponses import WITHOUT_BODY

INFORMATIONAL_LIMIT = 32

_matchStatusLine = re.compile(
    rf"(HTTP/1\.[0-9]) ([1-5][0-9][0-9])(?: ({VALUE}))?".encode()
).fullmatch
# A server's blanks behind a name are removed (RFC 9112 section 5.1); a client's are refused.
_matchServersFields = re.compile(rf"(?:{TOKEN}[ \t]*+:{VALUE}\r\n)++".encode()).fullmatch
_findServersFields = re.compile(rb"([^: \t]++)[ \t]*+:([^\r]*+)\r\n").findall


class EndOfResponse:
    """
    A response is complete.

    @ivar reusable: whether the connection can carry a further request.
    @ivar trailers: the trailer fields.
    """

    __slots__ = ("reusable", "trailers")

    def __init__(self, reusable: bool, trailers: Fields = ()) -> None:
        self.reusable = reusable
        self.trailers = trailers


class Switched:
    """
    The server speaks another protocol from now on.

    @ivar head: the response.
    @ivar rest: its first bytes in that protocol.
    """

    __slots__ = ("head", "rest")

    def __init__(self, head: CheckedResponse, rest: bytes) -> None:
        self.head = head
        self.rest = rest


ResponseEvent: TypeAlias = CheckedResponse | bytes | EndOfResponse | Switched


class Truncated(BadMessage):
    """
    The connection ended inside of a response.
    """


def parseResponse(block: bytes) -> ResponseHead:
    """
    Take a whole head apart, line by line.

    @param block: the bytes from the status line up to the empty line, without
        the CRLF CRLF that ends them.
    @return: the neutral head, HTTP/1.2 and above shown as HTTP/1.1.
    @raise BadMessage: for anything that the grammar doesn't allow.
    """
    line, _, lines = block.partition(b"\r\n")
    status = _matchStatusLine(line)
    if status is None:
        raise BadMessage("the status line is malformed")
    lines += b"\r\n"
    if lines != b"\r\n" and _matchServersFields(lines) is None:
        raise BadMessage("a field line is malformed")
    fields = [(name, value.strip(b" \t")) for name, value in _findServersFields(lines)]
    version = status[1] if status[1] == b"HTTP/1.0" else HTTP_1_1
    return ResponseHead(int(status[2]), status[3] or b"", version, tuple(fields))


class ResponseReader:
    """
    Reads the responses on one connection, one at a time.

    @ivar ended: whether the present one is complete.
    """

    __slots__ = (
        "_body",
        "_buffer",
        "_head",
        "_informational",
        "_isHead",
        "_scanned",
        "_upgrade",
        "ended",
    )

    def __init__(self) -> None:
        self._buffer = b""
        self._scanned = 0
        self._informational = 0
        self._head: CheckedResponse | None = None
        self._body: BodyReader | None = None
        self.begin(b"GET")

    def begin(self, method: bytes, upgrade: bytes | None = None) -> None:
        """
        Expect a response.

        @param method: of the request; it decides whether a body follows.
        @param upgrade: the protocols that the request would change to.
        """
        self._isHead = method == b"HEAD"
        self._upgrade = upgrade
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
            if findBareEnd(self._buffer, max(0, self._scanned - 1)):
                raise BadMessage("a line ends without CR LF, or a NUL is among the bytes")
            self._scanned = len(self._buffer)
            # Up to three bytes of the end may be there.
            if self._scanned > HEAD_LIMIT + 3:
                raise BadMessage("the head is too long")
            return b""
        if end > HEAD_LIMIT:
            raise BadMessage("the head is too long")
        block, rest = self._buffer[:end], self._buffer[end + 4 :]
        self._buffer, self._scanned = b"", 0
        head = checkResponse(parseResponse(block))
        if head.status == SWITCHING_PROTOCOLS:
            if not isOneOf(head.upgrade, self._upgrade):
                raise BadMessage("101 Switching Protocols, which was not asked for")
            self.ended = True
            events.append(Switched(head, rest))
            return b""
        if head.isInformational:
            self._informational += 1
            if self._informational > INFORMATIONAL_LIMIT:
                raise BadMessage("too many informational responses")
        else:
            self._head, self._body = head, self._bodyOf(head)
        events.append(head)
        if self._body is not None:
            self._endIfComplete(rest, events)
        return rest

    def _bodyOf(self, head: CheckedResponse) -> BodyReader:
        """
        Decide how the body is framed (RFC 9112 section 6.3).
        """
        if self._isHead or head.status in WITHOUT_BODY:
            return LengthBody(0)
        if head.length == CHUNKED:
            return ChunkedBody(fromServer=True)
        return CloseBody() if head.length == UNTIL_CLOSE else LengthBody(head.length)

    def _endIfComplete(self, rest: bytes, events: list[ResponseEvent]) -> None:
        assert self._body is not None
        assert self._head is not None
        if self._body.ended:
            self.ended = True
            events.append(EndOfResponse(not rest and self._head.persists, self._body.trailers))
            self._head = self._body = None
            self._informational = 0


def isOneOf(chosen: bytes | None, offered: bytes | None) -> bool:
    """
    @param chosen: the protocol that a server changes to.
    @param offered: those that the client asked for.
    @return: whether it is among them (RFC 9110 section 7.8; names of protocols are
        compared without case).
    """
    if not chosen or not offered:
        return False
    return chosen.strip().lower() in [each.strip().lower() for each in offered.split(b",")]

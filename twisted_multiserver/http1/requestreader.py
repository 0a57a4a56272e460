"""
Reading requests: bytes become a checked head, or are refused.

Strategy: one regular expression knows whole heads as clients really send them; whatever
it doesn't match, the reader behind it takes apart line by line and judges.

Invariants: where the fast way accepts, the other accepts too and gives the same (a
property test holds them equal); however the bytes are cut, the result is the same; a head
is at most L{HEAD_LIMIT} bytes; bare CR or LF, NUL, line folding and blanks around names
are refused (RFC 9112 sections 2.2, 5.1, 5.2), as soon as they are seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from twisted_multiserver.http1.grammar import (
    TARGET,
    caseless,
    findBareEnd,
    matchField,
    plainLines,
)
from twisted_multiserver.http1.heads import HTTP_1_0, HTTP_1_1, RequestHead
from twisted_multiserver.http1.names import ENDS_AT_REQUEST, OURS, OURS_BEGIN
from twisted_multiserver.http1.requests import (
    CHUNKED,
    NO_BODY,
    TARGET_LIMIT,
    CheckedRequest,
    Refused,
    checkRequest,
)
from twisted_multiserver.http1.targets import HOST

HEAD_LIMIT = 65536
_CLOSE: Final = len(b"close")

_ENDING = [*sorted(name.decode() for name in ENDS_AT_REQUEST), "max-forwards"]

Matcher: TypeAlias = Callable[[bytes], re.Match[bytes] | None]


def _matcher(plain: str) -> Matcher:
    connection = rf"(?:{caseless('connection')}: ([Kk]eep-[Aa]live|[Cc]lose)\r\n({plain}))?+"
    framing = (
        rf"(?:(?:{caseless('content-length')}: ([0-9]{{1,18}}+)"
        rf"|{caseless('transfer-encoding')}: ([Cc]hunked))\r\n({plain}))?+"
    )
    # Host is there, once; Connection and framing are in front of it or anywhere behind.
    return re.compile(
        (
            rf"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?=/)({TARGET}) HTTP/1\.1\r\n({plain})"
            rf"{connection}{framing}{caseless('host')}: ({HOST})\r\n({plain})"
            rf"{connection}{framing}{connection}\r\n"
        ).encode("latin-1")
    ).match


matchHead = _matcher(plainLines([*_ENDING, *OURS], OURS_BEGIN))
# What a master sends, which speaks of its client; where the next hop is the application.
matchForwarded = _matcher(plainLines(_ENDING))

_matchRequestLine = re.compile(rb"([^ ]+) ([^ ]+) (HTTP/([0-9])\.([0-9]))").fullmatch


def readPlainRequest(data: bytes, matcher: Matcher = matchHead) -> CheckedRequest | None:
    """
    Read a head as most clients send it.

    @param data: bytes that begin with a request.
    @param matcher: knows them: L{matchHead}, or L{matchForwarded}, which leaves what is said of
        the client among the lines that pass.
    @return: the checked request; L{None} if the head is not whole, or not one that this
        way knows.
    """
    match = matcher(data)
    if match is None:
        return None
    # p: plain lines, c: Connection, n: Content-Length, t: Transfer-Encoding; what isn't
    # there is empty.
    method, target, p1, c1, p2, n1, t1, p3, host, p4, c2, p5, n2, t2, p6, c3, p7 = match.groups(b"")
    end = match.end()
    if (
        (c1 and (c2 or c3))
        or (c2 and c3)
        or ((n1 or t1) and (n2 or t2))
        or end > HEAD_LIMIT
        or len(target) > TARGET_LIMIT
    ):
        # A field is there twice, or something is too long: for the judge.
        return None
    size = n1 or n2
    return CheckedRequest(
        method,
        target,
        HTTP_1_1,
        host,
        p1 + p2 + p3 + p4 + p5 + p6 + p7,
        int(size) if size else CHUNKED if t1 or t2 else NO_BODY,
        len(c1 or c2 or c3) != _CLOSE,
        data if end == len(data) else data[:end],
    )


def parseRequest(head: bytes) -> RequestHead:
    """
    Take a whole head apart, line by line.

    @param head: from the request line on, with the empty line at its end.
    @return: the neutral head; HTTP/1.2 and above is HTTP/1.1.
    @raise Refused: for anything that the grammar doesn't allow.
    """
    lines = head[:-4].split(b"\r\n")
    method, target, version = _requestLine(lines[0])
    fields = []
    for line in lines[1:]:
        field = matchField(line)
        if field is None:
            raise Refused(400, "a field line is malformed")
        fields.append((field[1], field[2].strip(b" \t")))
    return RequestHead(method, target, version, tuple(fields))


def _requestLine(line: bytes) -> tuple[bytes, bytes, bytes]:
    match = _matchRequestLine(line)
    if match is None:
        raise Refused(400, "the request line is malformed")
    if match[4] != b"1":
        raise Refused(505, "the version is not HTTP/1")
    return match[1], match[2], HTTP_1_0 if match[5] == b"0" else HTTP_1_1


class RequestReader:
    """
    Reads the heads of one connection.

    @ivar isBegun: whether a part of a head has come.
    @ivar isFresh: whether nothing at all has come since the last head.
    """

    __slots__ = ("_buffer", "_checked", "_matcher", "_maySkip", "isBegun", "isFresh")

    def __init__(self, matcher: Matcher = matchHead) -> None:
        """
        @param matcher: as for L{readPlainRequest}.
        """
        self._matcher = matcher
        self._buffer = b""
        self._checked = 0
        self._maySkip = True
        self.isBegun = False
        self.isFresh = True

    def receive(self, data: bytes) -> tuple[CheckedRequest, bytes] | None:
        """
        Take what has arrived.

        @param data: bytes of the connection, none of them of a body.
        @return: a checked request and what came behind its head; L{None} if more is
            needed.
        @raise Refused: if the bytes are no request that may go on.
        """
        if self.isFresh:
            plain = readPlainRequest(data, self._matcher)
            if plain is not None:
                return plain, data[plain.size :]
        self.isFresh = False
        self._buffer += data
        if self._maySkip and len(self._buffer) > 1:
            self._maySkip = False
            if self._buffer.startswith(b"\r\n"):
                # RFC 9112 section 2.2: some clients send a line's end after a body.
                self._buffer, self._checked = self._buffer[2:], 0
        self.isBegun = bool(self._buffer)
        if not self.isBegun:
            return None
        found = self._buffer.find(b"\r\n\r\n", max(0, self._checked - 3))
        if found < 0:
            self._checkBegun()
            return None
        head, rest = self._buffer[: found + 4], self._buffer[found + 4 :]
        if len(head) > HEAD_LIMIT:
            raise _tooLong(head)
        self._buffer, self._checked = b"", 0
        self.isBegun, self.isFresh, self._maySkip = False, True, True
        plain = readPlainRequest(head, self._matcher)
        return plain or checkRequest(parseRequest(head)), rest

    def _checkBegun(self) -> None:
        """
        See early that nothing good can come of it.
        """
        buffer, checked = self._buffer, self._checked
        if findBareEnd(buffer, max(0, checked - 1)):
            raise Refused(400, "a line ends without CR LF, or a NUL is among the bytes")
        lineEnd = buffer.find(b"\r\n", max(0, checked - 1))
        if lineEnd >= 0 and buffer.find(b"\r\n", 0, checked) < 0:
            _requestLine(buffer[:lineEnd])
        self._checked = len(buffer)
        if self._checked > HEAD_LIMIT:
            raise _tooLong(buffer)


def _tooLong(head: bytes) -> Refused:
    line = head.partition(b"\r\n")[0]
    if len(line) > TARGET_LIMIT + 100:
        return Refused(414, "the target is too long")
    return Refused(431, "the head is too long")

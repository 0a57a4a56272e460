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

from twisted_multiserver.http1.grammar import TOKEN, VALUE, findBareEnd
from twisted_multiserver.http1.heads import HEAD_LIMIT, HTTP_1_0, HTTP_1_1, RequestHead
from twisted_multiserver.http1.plainrequests import Matcher, matchHead, readPlainRequest
from twisted_multiserver.http1.requests import (
    TARGET_LIMIT,
    CheckedRequest,
    Refused,
    checkRequest,
)

_matchFields = re.compile(rf"(?:{TOKEN}:{VALUE}\r\n)*+\r\n".encode()).fullmatch
# In lines that match: names, and values without the blanks at their ends.
_findFields = re.compile(rb"([^:]++):[ \t]*+([^\r]*[^ \t\r]|)[ \t]*+\r\n").findall
_matchRequestLine = re.compile(rb"([^ ]+) ([^ ]+) (HTTP/([0-9])\.([0-9]))").fullmatch


def parseRequest(head: bytes) -> RequestHead:
    """
    Take a whole head apart, line by line.

    @param head: from the request line on, with the empty line at its end.
    @return: the neutral head; HTTP/1.2 and above is HTTP/1.1.
    @raise Refused: for anything that the grammar doesn't allow.
    """
    lineEnd = head.find(b"\r\n")
    method, target, version = _requestLine(head[:lineEnd])
    if _matchFields(head, lineEnd + 2) is None:
        raise Refused(400, "a field line is malformed")
    return RequestHead(method, target, version, tuple(_findFields(head, lineEnd + 2)))


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

    def receive(self, data: bytes, isTried: bool = False) -> tuple[CheckedRequest, bytes] | None:
        """
        Take what has arrived.

        @param data: bytes of the connection, none of them of a body.
        @param isTried: whether it is known that the data are no plain request.
        @return: a checked request and what came behind its head; L{None} if more is
            needed.
        @raise Refused: if the bytes are no request that may go on.
        """
        wasFresh = self.isFresh
        if wasFresh:
            if not isTried:
                plain = readPlainRequest(data, self._matcher)
                if plain is not None:
                    return plain, data[plain.size :]
            end = data.find(b"\r\n\r\n") + 4
            if 4 < end <= HEAD_LIMIT and not data.startswith(b"\r\n"):
                return checkRequest(parseRequest(data[:end]), isParsed=True), data[end:]
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
        if not wasFresh:
            plain = readPlainRequest(head, self._matcher)
            if plain is not None:
                return plain, rest
        return checkRequest(parseRequest(head), isParsed=True), rest

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

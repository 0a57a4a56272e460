"""
The fast way of reading responses: one expression for whole heads as servers really send them,
and responses that are there with all of their body.

Strategy: a whole response goes on as the bytes that came.  Of its head, only what is said of
the connection ends here; our Via stands in its place.

Invariant: where this way accepts, L{checkResponse} accepts too and gives the same (a property
test holds them equal); what is passed on as it came says the same as what is made anew.
"""

from __future__ import annotations

import re
from typing import Final

from twisted_multiserver.http1.date import findDate
from twisted_multiserver.http1.grammar import TRIMMED, VALUE, caseless, plainLines
from twisted_multiserver.http1.heads import HEAD_LIMIT, HTTP_1_1
from twisted_multiserver.http1.names import ENDS_AT_RESPONSE
from twisted_multiserver.http1.requests import CHUNKED
from twisted_multiserver.http1.responses import UNTIL_CLOSE, CheckedResponse

WITHOUT_BODY = frozenset({204, 304})

_PLAIN = plainLines(
    sorted(name.decode() for name in ENDS_AT_RESPONSE),
    often=("Con(?:tent-Length|nection): ",),
)
_KEEP_ALIVE = rf"(?:{caseless('keep-alive')}: {TRIMMED}\r\n)?+"


def _connection(value: str) -> str:
    return rf"({_KEEP_ALIVE}{caseless('connection')}: {value}\r\n{_KEEP_ALIVE})"


_CONNECTION = rf"(?:{_connection('[Kk]eep-[Aa]live')}|{_connection('[Cc]lose')})"
_FRAMING = (
    rf"(?:({caseless('content-length')}: ([0-9]{{1,18}}+)\r\n)"
    rf"|({caseless('transfer-encoding')}: [Cc]hunked\r\n))"
)
# Connection is there at most once, in front of framing or behind.
_matchHead = re.compile(
    (
        rf"HTTP/1\.1 ([2-5][0-9][0-9]) ({VALUE})\r\n{_PLAIN}"
        rf"(?:{_CONNECTION}{_PLAIN})?+(?:{_FRAMING})?+"
        rf"(?:\r\n|{_PLAIN}(?:(?(3)(?!)|(?(4)(?!)|{_CONNECTION})){_PLAIN})?+\r\n)"
    ).encode("latin-1")
).match
# The groups: lines that are said of the connection, in front of framing and behind; framing.
_KEEPS: Final = 3
_CLOSES: Final = 4
_LENGTH_LINE: Final = 5
_LENGTH: Final = 6
_CHUNKED: Final = 7
_LATER_KEEPS: Final = 8
_LATER_CLOSES: Final = 9
_CONNECTIONS: Final = (_KEEPS, _CLOSES, _LATER_KEEPS, _LATER_CLOSES)
_FOUR: Final = ord("4")


class WholeResponse:
    """
    A response that is there with all of its body.

    @ivar persists: whether the connection can carry a further request behind it.
    @ivar size: of the body, in bytes.
    """

    __slots__ = ("_group", "_isFramed", "_match", "persists", "size")

    def __init__(
        self, match: re.Match[bytes], group: int, persists: bool, size: int, isFramed: bool
    ) -> None:
        """
        @param match: of the head.
        @param group: of the lines that speak of the connection; 0 for none.
        @param persists: see the attribute.
        @param size: see the attribute.
        @param isFramed: whether what the head says of the body is true.
        """
        self._isFramed = isFramed
        self._match = match
        self._group = group
        self.persists = persists
        self.size = size

    @property
    def status(self) -> int:
        """
        Of the head.
        """
        return int(self._match[1])

    @property
    def head(self) -> CheckedResponse:
        """
        The head.
        """
        return _headOf(self._match, self._group, self.persists)

    @property
    def body(self) -> bytes:
        """
        All of the body.
        """
        match = self._match
        return match.string[match.end() :]

    def passedOn(self, via: bytes) -> bytes:
        """
        Make of it what a client gets that goes on with its connection.

        @param via: a line to be put in.
        @return: head and body; empty if it can't go as it came.
        """
        match, group = self._match, self._group
        data, end = match.string, match.end()
        if not self._isFramed or (
            not 0 < data.find(b"\nDate: ") < end and findDate(data, 0, end) is None
        ):
            return b""
        if group:
            start, stop = match.span(group)
        else:
            start = stop = end - 2
        return data[:start] + via + data[stop:]


def readWhole(data: bytes, isHead: bool) -> WholeResponse | None:
    """
    Read a response as most servers send it, if it is all there.

    @param data: bytes that begin with a response.
    @param isHead: whether it answers a HEAD.
    @return: the response; L{None} if the data are anything else, or more.
    """
    match = _matchHead(data)
    if match is None:
        return None
    end = match.end()
    size = len(data) - end
    length = match[_LENGTH]
    isFramed = True
    if isHead or (data[11] == _FOUR and int(match[1]) in WITHOUT_BODY):
        if size:
            return None
        # RFC 9112 section 6.1, RFC 9110 section 8.6.
        isFramed = not match[_CHUNKED] and (length is None or match[1] != b"204")
    elif length is None or int(length) != size:
        return None
    if end > HEAD_LIMIT:
        return None
    group = match.lastindex
    if group == _LATER_KEEPS:
        return WholeResponse(match, _LATER_KEEPS, True, size, isFramed)
    if group == _LATER_CLOSES:
        return WholeResponse(match, _LATER_CLOSES, False, size, isFramed)
    if match.start(_KEEPS) > 0:
        return WholeResponse(match, _KEEPS, True, size, isFramed)
    if match.start(_CLOSES) > 0:
        return WholeResponse(match, _CLOSES, False, size, isFramed)
    return WholeResponse(match, 0, True, size, isFramed)


def readPlainResponse(data: bytes) -> tuple[CheckedResponse, int] | None:
    """
    Read a final head as most servers send it.

    @param data: bytes that begin with a response.
    @return: the checked response and where its head ends; L{None} if the head is not
        whole, or not one that this way knows.
    """
    match = _matchHead(data)
    if match is None or match.end() > HEAD_LIMIT:
        return None
    groups = [each for each in _CONNECTIONS if match.start(each) > 0]
    group = groups[0] if groups else 0
    return _headOf(match, group, group not in (_CLOSES, _LATER_CLOSES)), match.end()


def _headOf(match: re.Match[bytes], group: int, persists: bool) -> CheckedResponse:
    size = match[_LENGTH]
    lines = match.string[match.end(2) + 1 : match.end() - 2]
    # A line that is there once is found by what it is.
    for line in (match[group] if group else None, match[_LENGTH_LINE], match[_CHUNKED]):
        if line is not None:
            lines = lines.replace(b"\n" + line, b"\n", 1)
    return CheckedResponse(
        int(match[1]),
        match[2],
        HTTP_1_1,
        lines[1:],
        int(size) if size else CHUNKED if match[_CHUNKED] else UNTIL_CLOSE,
        persists,
    )

"""
The fast way of reading requests: one expression for whole heads as clients really send them.

Strategy: what is found stays where it is.  A request knows the bytes of its head without the
lines that end here, mostly one slice, since that is what goes on to a backend; everything
else is cut out of it when somebody asks.

Invariant: where this way accepts, L{checkRequest} accepts too and gives the same (a property
test holds them equal).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from twisted_multiserver.http1.grammar import TARGET, caseless, findFields, plainLines
from twisted_multiserver.http1.heads import HEAD_LIMIT, HTTP_1_1, Fields
from twisted_multiserver.http1.names import ENDS_AT_REQUEST, OURS, OURS_BEGIN
from twisted_multiserver.http1.requests import (
    CHUNKED,
    NO_BODY,
    NO_WISHES,
    TARGET_LIMIT,
    CheckedRequest,
    Wishes,
)
from twisted_multiserver.http1.targets import HOST

Matcher: TypeAlias = Callable[[bytes], re.Match[bytes] | None]

# The groups that are there mostly.
_HOST: Final = 3
_KEEP_ALIVE: Final = 10
# What POST, PUT and PATCH begin with, which have a body, or say that they have none.
_P: Final = ord("P")


def _matcher(plain: str) -> Matcher:
    name = caseless("connection")
    connection = rf"(?:(?:({name}: [Kk]eep-[Aa]live\r\n)|({name}: [Cc]lose\r\n)){plain})?+"
    framing = (
        rf"(?:((?:{caseless('content-length')}: ([0-9]{{1,18}}+)"
        rf"|{caseless('transfer-encoding')}: [Cc]hunked)\r\n){plain})?+"
    )
    target = rf"{TARGET.removesuffix('++')}{{1,{TARGET_LIMIT}}}+"
    host = rf"(?!\r)({HOST})\r\n"
    # Host is there, once, mostly first; Connection and framing are in front of it or
    # anywhere behind.
    return re.compile(
        (
            rf"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?=/)({target}) HTTP/1\.1\r\n"
            rf"(?:Host: {host}{plain}"
            rf"|(?!Host: ){plain}{connection}{framing}({caseless('host')}: {host}){plain})"
            rf"(?:\r\n|{connection}{framing}{connection}\r\n)"
        ).encode("latin-1")
    ).match


_ENDING = [*sorted(name.decode() for name in ENDS_AT_REQUEST), "max-forwards"]
_COMMON = (
    *("Cache-Control", "Content-Type", "Cookie", "Pragma", "Priority"),
    *("Upgrade-Insecure-Requests", "User-Agent", "X-Requested-With"),
)
matchHead = _matcher(plainLines([*_ENDING, *OURS], OURS_BEGIN, _COMMON))
# What a master sends, which speaks of its client; where the next hop is the application.
matchForwarded = _matcher(plainLines(_ENDING, (), _COMMON))


class PlainRequest(CheckedRequest):
    """
    A request that was read the fast way.

    @ivar lines: the request line, Host and the other fields that go on, each with its CRLF.
    """

    __slots__ = ("_match", "lines")

    version = HTTP_1_1
    wishes: Wishes = NO_WISHES

    def __init__(self, match: re.Match[bytes], lines: bytes, end: int) -> None:
        """
        @param match: of the whole head.
        @param lines: see the attribute.
        @param end: where the head ends.
        """
        self._match = match
        self.method, self.host = match.group(1, _HOST)
        self.lines = lines
        self.length = NO_BODY
        self.keepAlive = True
        self.size = end

    @property
    def target(self) -> bytes:
        """
        See L{CheckedRequest.target}.
        """
        return self._match[2]

    @property
    def passing(self) -> bytes:
        """
        See L{CheckedRequest.passing}.
        """
        lines = self.lines
        return lines[lines.index(b"\n", lines.index(b"\n") + 1) + 1 :]

    @property
    def fields(self) -> Fields:
        """
        See L{CheckedRequest.fields}.
        """
        data = self._match.string
        return tuple(findFields(data[data.index(b"\n") + 1 : self.size]))


class BareRequest(PlainRequest):
    """
    One with a method and without anything that more would be told of to a backend than its
    lines, and what we say.
    """

    __slots__ = ()


def readPlainRequest(data: bytes, matcher: Matcher = matchHead) -> PlainRequest | None:
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
    end = match.end()
    if end > HEAD_LIMIT:
        return None
    last = match.lastindex
    if last == _HOST:
        # Nothing in it ends here.
        return (PlainRequest if data[0] == _P else BareRequest)(match, data[: end - 2], end)
    if last == _KEEP_ALIVE and match.start(_HOST) > 0:
        start, stop = match.span(_KEEP_ALIVE)
        lines = data[:start] + data[stop : end - 2]
        return (PlainRequest if data[0] == _P else BareRequest)(match, lines, end)
    return _withoutEnding(match, data, end)


def _withoutEnding(match: re.Match[bytes], data: bytes, end: int) -> PlainRequest | None:
    host, keep1, close1, framing1, size1, hostLine = match.group(_HOST, 4, 5, 6, 7, 8)
    keep2, close2, framing2, size2, keep3, close3 = match.group(10, 11, 12, 13, 14, 15)
    connection1, connection2, connection3 = keep1 or close1, keep2 or close2, keep3 or close3
    if (
        (connection1 and (connection2 or connection3))
        or (connection2 and connection3)
        or (framing1 and framing2)
    ):
        # A field is there twice: for the judge.
        return None
    lines = data[: end - 2]
    # A line that is there once is found by what it is.
    connection = connection1 or connection2 or connection3
    if connection:
        lines = lines.replace(b"\n" + connection, b"\n", 1)
    framing = framing1 or framing2
    length = NO_BODY
    if framing:
        lines = lines.replace(b"\n" + framing, b"\n", 1)
        size = size1 or size2
        length = int(size) if size else CHUNKED
    if hostLine:
        host = match[9]
        start, _, rest = lines.replace(b"\n" + hostLine, b"\n", 1).partition(b"\n")
        lines = b"%b\nHost: %b\r\n%b" % (start, host, rest)
    request = PlainRequest(match, lines, end)
    request.host = host
    request.length = length
    request.keepAlive = not (close1 or close2 or close3)
    return request

"""
Judging responses: a neutral head becomes a checked one, or can't be believed.

Strategy: one function, L{checkResponse}, holds every rule, whichever way the head was
read; the fast reader (L{twisted_multiserver.http1.responsereader}) only knows heads for
which the outcome is plain, and gives the same.

Rules: two framings that could disagree, and a transfer coding that can't be undone, are
refused (RFC 9112 section 6.3); whether the connection persists is said by the version and
by Connection (section 9.3).
"""

from __future__ import annotations

from typing import Final

from twisted_multiserver.http1.framing import contentLength, isChunked
from twisted_multiserver.http1.grammar import findFields
from twisted_multiserver.http1.heads import HTTP_1_1, BadMessage, Fields, ResponseHead, listMembers
from twisted_multiserver.http1.names import ENDS_AT_RESPONSE, namedBy
from twisted_multiserver.http1.requests import CHUNKED, joinLines

UNTIL_CLOSE: Final = -2
SWITCHING_PROTOCOLS = 101


class CheckedResponse:
    """
    The head of a response that was judged good.

    @ivar status: 100 to 599.
    @ivar reason: the reason phrase, possibly empty.
    @ivar version: C{b"HTTP/1.1"} or C{b"HTTP/1.0"}.
    @ivar passing: lines of the fields that go on to the client, each with its CRLF:
        without those that end at a hop, and framing.
    @ivar length: bytes of the body, as the head alone says it; L{CHUNKED}, or
        L{UNTIL_CLOSE}.
    @ivar persists: whether the connection can carry a further request behind it.
    @ivar upgrade: the protocol that is spoken from now on, with status 101.
    """

    __slots__ = ("length", "passing", "persists", "reason", "status", "upgrade", "version")

    def __init__(
        self,
        status: int,
        reason: bytes,
        version: bytes,
        passing: bytes,
        length: int,
        persists: bool,
        upgrade: bytes | None = None,
    ) -> None:
        self.status = status
        self.reason = reason
        self.version = version
        self.passing = passing
        self.length = length
        self.persists = persists
        self.upgrade = upgrade

    @property
    def isInformational(self) -> bool:
        """
        Whether a further head follows (RFC 9110 section 15.2).
        """
        return self.status < 200

    @property
    def fields(self) -> Fields:
        """
        The fields that go on.
        """
        return tuple(findFields(self.passing))


def checkResponse(head: ResponseHead) -> CheckedResponse:
    """
    Judge a head.

    @param head: as it was read.
    @return: the checked response.
    @raise BadMessage: if it contradicts itself.
    """
    # Most fields mean nothing here.
    noted = tuple([field for field in head.fields if field[0].lower() in ENDS_AT_RESPONSE])
    chunked = isChunked(noted)
    length = contentLength(noted)
    if chunked and (length is not None or head.version != HTTP_1_1):
        raise BadMessage("Transfer-Encoding beside Content-Length, or in HTTP/1.0")
    options = listMembers(noted, b"connection")
    ends = ENDS_AT_RESPONSE | namedBy(options) if options else ENDS_AT_RESPONSE
    isSwitch = head.status == SWITCHING_PROTOCOLS
    return CheckedResponse(
        head.status,
        head.reason,
        head.version,
        joinLines([field for field in head.fields if field[0].lower() not in ends]),
        CHUNKED if chunked else UNTIL_CLOSE if length is None else length,
        b"close" not in options and (head.version == HTTP_1_1 or b"keep-alive" in options),
        b", ".join(head.values(b"upgrade")) if isSwitch else None,
    )

"""
How a response to a client is framed: the one place of the rule.

Source: RFC 9112 section 6.3 (which bodies have which length), section 7.1 (chunked, for who
knows it), section 9.3 (whether the connection persists); RFC 9110 section 8.6 (no
Content-Length with 204).
"""

from __future__ import annotations

from typing import Final

from twisted_multiserver.http1.heads import HTTP_1_1
from twisted_multiserver.http1.requests import CheckedRequest

_WITHOUT_BODY: Final = frozenset({204, 304})


def frameResponse(
    request: CheckedRequest, status: int, length: int | None, mayPersist: bool
) -> tuple[bytes, int | None, bool, bool, bool]:
    """
    Decide on the framing of a response.

    @param request: that it answers.
    @param status: 200 to 599.
    @param length: bytes of the body; L{None} if that isn't known.
    @param mayPersist: whether the connection could carry a further request.
    @return: the lines that say so; how many bytes of a body go over the connection, L{None}
        if that isn't known; whether there is none whatever the application writes; whether
        it is chunked; whether the connection persists.
    """
    isNew = request.version == HTTP_1_1
    isBodiless = status in _WITHOUT_BODY or request.method == b"HEAD"
    isChunked = False
    isPersistent = mayPersist and request.keepAlive
    lines = b""
    if length is not None:
        if status != 204:
            lines = b"Content-Length: %d\r\n" % length
    elif not isBodiless:
        if isNew:
            isChunked = True
            lines = b"Transfer-Encoding: chunked\r\n"
        else:
            # Its end is the connection's.
            isPersistent = False
    if not isPersistent:
        lines += b"Connection: close\r\n"
    elif not isNew:
        lines += b"Connection: keep-alive\r\n"
    return lines, 0 if isBodiless else length, isBodiless, isChunked, isPersistent

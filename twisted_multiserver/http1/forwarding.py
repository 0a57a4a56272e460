"""
Forwarding: what a backend gets of a request, and a client of a response.

Strategy: checked heads bring the lines that pass; here the gateway's own are added::

    Via is added, both ways                       RFC 9110 section 7.6.3
    the gateway's word on the client is written   RFC 7239 section 8.1
      (X-Forwarded-*); the client's own was dropped
    framing is made anew                          RFC 9112 section 6
    Date is added when absent                     RFC 9110 section 6.6.1

Invariant: the bytes for a backend are exactly one request head, since every part of them
was checked before (RFC 9112 section 11.1).
"""

from __future__ import annotations

from twisted_multiserver.http1.cookies import withoutCookie
from twisted_multiserver.http1.date import findDate, httpDate
from twisted_multiserver.http1.grammar import findFields
from twisted_multiserver.http1.heads import HTTP_1_1, Fields
from twisted_multiserver.http1.names import NOT_IN_TRAILERS, isOurs
from twisted_multiserver.http1.plainrequests import PlainRequest
from twisted_multiserver.http1.requests import (
    CHUNKED,
    NO_BODY,
    NO_WISHES,
    CheckedRequest,
    joinLines,
)
from twisted_multiserver.http1.responses import CheckedResponse
from twisted_multiserver.http1.targets import originForm

PSEUDONYM = b"twisted_multiserver"
_VIA = {
    version: b"Via: %b %b\r\n" % (name, PSEUDONYM)
    for version, name in (
        (b"HTTP/1.0", b"1.0"),
        (b"HTTP/1.1", b"1.1"),
        (b"HTTP/2", b"2"),
        (b"HTTP/2.0", b"2"),
    )
}
VIA = _VIA[HTTP_1_1]
_METHODS_WITH_BODY = frozenset({b"POST", b"PUT", b"PATCH"})


class ClientView:
    """
    What only the side that faces the client knows of it.

    @ivar address: the client's IP address as text; L{None} if it has none.
    @ivar secure: whether it came by TLS.
    @ivar listener: host and port that it came to, for clients that name none.
    @ivar host: what it asked a trusted proxy for; L{None} for what the request says.
    @ivar lines: the fields that say so to a backend.
    """

    __slots__ = ("_tail", "_tailHost", "address", "host", "lines", "listener", "secure")

    def __init__(
        self, address: str | None, secure: bool, listener: bytes, host: bytes | None = None
    ) -> None:
        self.address = address
        self.secure = secure
        self.listener = listener
        self.host = host
        known = b"" if address is None else b"X-Forwarded-For: %b\r\n" % address.encode("ascii")
        self.lines = known + b"X-Forwarded-Proto: %b\r\n" % (b"https" if secure else b"http")
        self._tail = self._tailHost = b""

    def tail(self, host: bytes) -> bytes:
        """
        Make what a backend gets behind a plain head.

        @param host: that the client asks; one at a time is remembered.
        @return: the lines, and the empty one.
        """
        if host != self._tailHost:
            self._tailHost = host
            self._tail = b"%b%bX-Forwarded-Host: %b\r\n\r\n" % (
                VIA,
                self.lines,
                self.host or host,
            )
        return self._tail


def upstreamHead(
    request: CheckedRequest,
    client: ClientView,
    target: bytes | None = None,
    prefix: bytes = b"",
    hiddenCookie: bytes | None = None,
) -> bytes:
    """
    Make the head that a backend gets.

    @param request: from the client.
    @param client: who that is.
    @param target: the target in origin form, if a prefix was stripped.
    @param prefix: what was stripped, raw.
    @param hiddenCookie: the name of a cookie of our own, which ends here.
    @return: the bytes up to and with the empty line.
    """
    isPlain = (
        request.length == NO_BODY
        and request.wishes is NO_WISHES
        and (request.method == b"GET" or request.method not in _METHODS_WITH_BODY)
    )
    if (
        isinstance(request, PlainRequest)
        and target is None
        and (hiddenCookie is None or hiddenCookie not in request.lines)
    ):
        # The bytes that came, and what we say.
        tail = client.tail(request.host)
        if isPlain:
            return request.lines + tail
        return b"%b%b%b\r\n" % (request.lines, tail[:-2], _furtherLines(request))
    passing = request.passing
    if hiddenCookie is not None and hiddenCookie in passing:
        passing = joinLines(withoutCookie(tuple(findFields(passing)), hiddenCookie))
    host = request.host or client.listener
    return b"%b %b HTTP/1.1\r\nHost: %b\r\n%b%b%bX-Forwarded-Host: %b\r\n%b%b\r\n" % (
        request.method,
        target or originForm(request.method, request.target),
        host,
        passing,
        _VIA[request.version],
        client.lines,
        client.host or host,
        b"X-Forwarded-Prefix: %b\r\n" % prefix if prefix else b"",
        b"" if isPlain else _furtherLines(request),
    )


def _furtherLines(request: CheckedRequest) -> bytes:
    lines, wishes = b"", request.wishes
    if request.length > NO_BODY:
        lines = b"Content-Length: %d\r\n" % request.length
    elif request.length == CHUNKED:
        lines = b"Transfer-Encoding: chunked\r\n"
    elif request.method in _METHODS_WITH_BODY:
        # RFC 9110 section 8.6.
        lines = b"Content-Length: 0\r\n"
    if wishes.expectsContinue:
        lines += b"Expect: 100-continue\r\n"
    if wishes.maxForwards is not None:
        lines += b"Max-Forwards: %d\r\n" % (wishes.maxForwards - 1)
    if wishes.upgrade is not None:
        lines += b"Connection: Upgrade\r\nUpgrade: %b\r\n" % wishes.upgrade
    return lines


def linesForClient(response: CheckedResponse, cookie: bytes | None = None) -> bytes:
    """
    Make the field lines that the client gets, but for framing and Connection.

    @param response: from a backend.
    @param cookie: the value of a Set-Cookie field of our own, if there is one.
    @return: the lines, each with its CRLF.
    """
    passing = response.passing
    lines = passing + _VIA[response.version]
    # As two servers of three write it; the exact look is dearer.
    if b"\nDate: " not in passing and not hasDate(passing):
        lines += b"Date: %b\r\n" % httpDate()
    if cookie is not None:
        lines += b"Set-Cookie: %b\r\n" % cookie
    return lines


def upgradeLines(response: CheckedResponse, lines: bytes) -> bytes:
    """
    Make the head after which another protocol is spoken (RFC 9110 section 7.8).

    @param response: with status 101.
    @param lines: as L{linesForClient} made them.
    @return: the whole head.
    """
    return b"HTTP/1.1 101 %b\r\n%bConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % (
        response.reason or b"Switching Protocols",
        lines,
        response.upgrade or b"",
    )


def finalAnswer(request: CheckedRequest) -> tuple[int, bytes, bytes, bytes] | None:
    """
    Answer as the last one that a request may reach (RFC 9110 section 7.6.2).

    @param request: with a Max-Forwards that counts.
    @return: status, reason, field lines and body; L{None} if it may go further.
    """
    if request.wishes.maxForwards != 0:
        return None
    lines = b"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\nDate: %b\r\n" % httpDate()
    if request.method == b"OPTIONS":
        return 200, b"OK", lines, b""
    return 405, b"Method Not Allowed", lines, b""


def hasDate(lines: bytes) -> bool:
    """
    @param lines: of fields.
    @return: whether Date is among them.
    """
    found = b"\n" + lines
    return b"\ndate: " in found or findDate(found) is not None


def passingTrailers(trailers: Fields) -> Fields:
    """
    @param trailers: of a message.
    @return: those that can't change what it means (RFC 9110 section 6.5.1).
    """
    return tuple(
        field
        for field in trailers
        if field[0].lower() not in NOT_IN_TRAILERS and not isOurs(field[0].lower())
    )

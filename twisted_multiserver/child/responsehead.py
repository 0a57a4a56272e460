"""
The head that an application gives to its response, and whether a client may be sent it.

Sources: RFC 9110 section 5.5 (no control bytes in values), section 15 (statuses); RFC 9112
section 4 (no control bytes in the reason phrase).

Invariants: what is framing is the core's affair, and never among the lines; of names, twisted.web
sees to it that they are tokens, and of values, that they have no line ends.
"""

from __future__ import annotations

from typing import Final, NoReturn, TypeAlias

from twisted.web.http import RESPONSES
from twisted.web.http_headers import Headers

_FRAMING: Final = frozenset({b"Connection", b"Content-Length", b"Keep-Alive", b"Transfer-Encoding"})
_CONTROL: Final = bytes(sorted({*range(32), 127} - {*b"\t\r\n"}))
_NOT_IN_REASON: Final = _CONTROL + b"\r\n"
# More is no length that anybody could send.
_DIGITS: Final = 18


class UnsendableHead(ValueError):
    """
    No client may be sent this head.
    """


# Status, reason phrase, lines of fields without framing, and bytes of the body; None if that
# isn't said.
GivenHead: TypeAlias = tuple[int, bytes, bytes, int | None]


def isInterim(code: bytes) -> bool:
    """
    @param code: a status, in digits.
    @return: whether another head must follow, for which twisted.web has no way.
    """
    return len(code) == 3 and code.startswith(b"1")


def readGivenHead(code: bytes, reason: bytes, headers: Headers) -> tuple[GivenHead, bool]:
    """
    @param code: the status, in digits.
    @param reason: its phrase; what can't be in one is left out.
    @param headers: the fields, framing among them.
    @return: the head, and whether the connection is to end behind it.
    @raise UnsendableHead: says what is wrong with it.
    """
    status = int(code)
    if not 200 <= status <= 599:
        raise UnsendableHead(f"status {status} {reason.decode('latin-1')!r}")
    length, closes = None, False
    given: list[bytes] = []
    for name, values in headers.getAllRawHeaders():
        if name not in _FRAMING:
            for value in values:
                given += (name, b": ", value, b"\r\n")
        elif name == b"Content-Length":
            last = values[-1] if values else b""
            length = int(last) if last.isdigit() and len(last) <= _DIGITS else None
        elif name == b"Connection":
            closes = b"close" in b",".join(values).lower()
    lines = b"".join(given)
    if len(lines.translate(None, _CONTROL)) != len(lines):
        _refuse(headers)
    return (status, _cleaned(status, reason), lines, length), closes


def bareHead(version: bytes, code: bytes, reason: bytes, headers: Headers) -> bytes:
    """
    Write a head as it is, framing and all, for a connection that is the application's.

    @param version: of the request.
    @param code: the status, in digits.
    @param reason: its phrase.
    @param headers: the fields.
    @raise UnsendableHead: says what is wrong with it.
    """
    lines = b"".join(
        [b"%b: %b\r\n" % (name, v) for name, values in headers.getAllRawHeaders() for v in values]
    )
    if len(lines.translate(None, _CONTROL)) != len(lines):
        _refuse(headers)
    return b"%b %b %b\r\n%b\r\n" % (version, code, _cleaned(int(code), reason), lines)


def _cleaned(status: int, reason: bytes) -> bytes:
    known = RESPONSES.get(status)
    return reason if reason == known else reason.translate(None, _NOT_IN_REASON)


def _refuse(headers: Headers) -> NoReturn:
    names = [
        name.decode("ascii")
        for name, values in headers.getAllRawHeaders()
        if any(value != value.translate(None, _CONTROL) for value in values)
    ]
    raise UnsendableHead(f"control bytes in {', '.join(names)}")

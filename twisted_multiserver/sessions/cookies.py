"""
The session's cookie, read and written (RFC 6265bis).

It is read from the raw C{Cookie} fields: two cookies of our name mean that somebody else has
set one, from another path or a neighbouring domain, and nothing tells which is ours.  Then
there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from math import ceil
from typing import Final, Literal

# Browsers shorten what lives longer (RFC 6265bis 5.5).
MAX_AGE_LIMIT = 400 * 86400


class Repeated(Enum):
    """
    The cookie is there more than once.
    """

    repeated = "repeated"


REPEATED: Final = Repeated.repeated


def sessionCookie(
    fields: Sequence[bytes], name: bytes
) -> bytes | Literal[Repeated.repeated] | None:
    """
    @param fields: the values of all C{Cookie} fields of a request.
    @param name: of the cookie.
    @return: its value; L{None} if it isn't there, L{REPEATED} if it is there more than once.
    """
    found = None
    for field in fields:
        # Nearly always there is no more to do.
        if name not in field:
            continue
        for pair in field.split(b";"):
            key, equals, value = pair.partition(b"=")
            if equals and key.strip(b" \t") == name:
                if found is not None:
                    return REPEATED
                found = value.strip(b" \t")
    return found


def cookieAttributes(isSecure: bool, sameSite: str) -> bytes:
    """
    @param isSecure: whether the cookie is for TLS only.
    @param sameSite: C{Strict}, C{Lax} or C{None}.
    @return: what all lines about the cookie end with: a browser removes a cookie only if its
        attributes are the same.
    """
    if not isSecure and sameSite == "None":
        # Browsers would refuse the cookie.
        sameSite = "Lax"
    secure = b"; Secure" if isSecure else b""
    return b"; Path=/" + secure + b"; HttpOnly; SameSite=" + sameSite.encode("ascii")


def setCookie(name: bytes, value: bytes, maxAge: float, attributes: bytes) -> bytes:
    """
    @param name: of the cookie.
    @param value: of the cookie.
    @param maxAge: how long the browser keeps it, in seconds.
    @param attributes: as L{cookieAttributes} made them.
    @return: the value of a C{Set-Cookie} field.
    """
    seconds = min(MAX_AGE_LIMIT, max(1, ceil(maxAge)))
    return b"%b=%b; Max-Age=%d%b" % (name, value, seconds, attributes)


def deleteCookie(name: bytes, attributes: bytes) -> bytes:
    """
    @param name: of the cookie.
    @param attributes: as L{cookieAttributes} made them.
    @return: the value of a C{Set-Cookie} field.
    """
    return b"%b=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT%b" % (name, attributes)

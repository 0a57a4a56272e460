"""
Names of fields, by what happens to them in a gateway: the one place of each rule::

    hop-by-hop fields end here, both ways           RFC 9110 section 7.6.1
    framing is made anew, never relayed             RFC 9112 section 6
    a proxy's authentication is its own affair      RFC 9110 section 11.7
    what says where a client is, is only ours       RFC 7239 section 8.1
    what would change the meaning of a message      RFC 9110 section 6.5.1
      isn't taken from its trailers

All in lower case.
"""

from __future__ import annotations

import re

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)
FRAMING = frozenset({b"content-length"})
_PROXY_ONLY = frozenset({b"proxy-authenticate", b"proxy-authorization"})
ENDS_AT_REQUEST = HOP_BY_HOP | FRAMING | _PROXY_ONLY | {b"expect", b"host"}
ENDS_AT_RESPONSE = HOP_BY_HOP | FRAMING

# Options of Connection that name no field, or one that ends here anyway (RFC 9110 section
# 7.6.1).
_NO_NAMES = HOP_BY_HOP | {b"close"}

# CGI and WSGI give "_" and "-" the same name, so one stands for the other here too.
OURS = ("forwarded", "x~real~ip")
OURS_BEGIN = ("x~forwarded~",)
OURS_INITIALS = bytes({ord(name[0]) for name in (*OURS, *OURS_BEGIN)})
isOurs = re.compile(
    "|".join(
        [name.replace("~", "[-_]") + r"\Z" for name in OURS]
        + [name.replace("~", "[-_]") for name in OURS_BEGIN]
    ).encode()
).match


def namedBy(options: list[bytes]) -> set[bytes]:
    """
    @param options: what Connection says, in lower case.
    @return: the names of fields that end at this hop besides those that always do.
    """
    return {*options} - _NO_NAMES


NOT_IN_TRAILERS = (
    ENDS_AT_REQUEST
    | ENDS_AT_RESPONSE
    | {
        b"age",
        b"authorization",
        b"cache-control",
        b"content-encoding",
        b"content-range",
        b"content-type",
        b"cookie",
        b"date",
        b"expires",
        b"location",
        b"max-forwards",
        b"pragma",
        b"range",
        b"retry-after",
        b"set-cookie",
        b"vary",
        b"warning",
        b"www-authenticate",
    }
)

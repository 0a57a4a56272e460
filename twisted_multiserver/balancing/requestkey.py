"""
What of a request decides where it goes: C{--hash-key}.

A request without the key counts by its client's address, so that it is served like any
other and still goes where the client went before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.http1.cookies import cookieValues

# RFC 9110 section 5.6.2, which RFC 6265 section 4.1.1 takes for cookies too.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")


@dataclass(frozen=True, slots=True)
class RequestKey:
    """
    Which part of a request is looked at.

    @ivar source: C{"address"}, C{"header"} or C{"cookie"}.
    @ivar name: of the field (in lower case) or of the cookie.
    """

    source: str
    name: bytes = b""

    @property
    def needsHead(self) -> bool:
        """
        Whether the request's head must have been read.
        """
        return self.source != "address"

    def of(self, request: RequestInfo) -> bytes:
        """
        Find the key.

        @param request: what is known of it.
        @return: the key; the client's address where the request has none.
        """
        head = request.head
        if head is not None:
            if self.source == "header":
                values = head.values(self.name)
                if values:
                    return b",".join(values)
            elif self.source == "cookie":
                values = cookieValues(head.fields, self.name)
                if values:
                    return values[0]
        return request.clientAddress.encode("utf-8", "surrogateescape")


def parseRequestKey(text: str) -> RequestKey:
    """
    Read C{--hash-key}.

    @param text: C{"address"}, C{"header:NAME"} or C{"cookie:NAME"}.
    @return: which part of a request is meant.
    @raise ConfigError: if it is none of these.
    """
    source, colon, name = text.partition(":")
    if source == "address" and not colon:
        return RequestKey("address")
    if source in ("header", "cookie") and _TOKEN.match(name):
        isField = source == "header"
        return RequestKey(source, (name.lower() if isField else name).encode("ascii"))
    raise ConfigError(f"the hash key is {text!r}, it must be address, header:NAME or cookie:NAME")

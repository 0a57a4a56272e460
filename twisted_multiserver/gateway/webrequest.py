"""
A twisted.web request as neutral values.

Invariants: the path prefix under which the resource is mounted is stripped from
the raw target by counting segments, so that percent-encodings (C{%2F}) reach the
application as the client wrote them; the request's own state isn't changed.  A Cookie
that HTTP/2 cut into several fields is one again (RFC 9113 section 8.2.3).
"""

from __future__ import annotations

from typing import IO

from twisted.web.server import Request

from twisted_multiserver.gateway.body import BodyTaker
from twisted_multiserver.gateway.clientview import clientView
from twisted_multiserver.http1.forwarding import ClientView
from twisted_multiserver.http1.heads import Fields, RequestHead
from twisted_multiserver.http1.targets import originForm

_PIECE = 65536


class WebBody:
    """
    The body of a twisted.web request, which is whole before the request is
    rendered (in memory, or in a temporary file if it is large).

    See L{Body<twisted_multiserver.gateway.body.Body>}.
    """

    trailers: Fields = ()
    taker: BodyTaker | None = None

    def __init__(self, content: IO[bytes], length: int) -> None:
        """
        @param content: the request's content.
        @param length: of it, in bytes.
        """
        self._content = content
        self.length = length
        self.isEnded = False
        content.seek(0)

    def read(self) -> bytes:
        """
        @return: the next piece; empty at the end.
        """
        piece = self._content.read(_PIECE)
        self.isEnded = not piece
        return piece


def headOf(request: Request) -> RequestHead:
    """
    Make a neutral head.

    @param request: as twisted.web has read it.
    @return: its head as the client sent it, the target raw.
    """
    fields = tuple(
        (name, value)
        for name, values in request.requestHeaders.getAllRawHeaders()
        for value in ([b"; ".join(values)] if name == b"Cookie" else values)
    )
    return RequestHead(request.method, request.uri, request.clientproto, fields)


def splitTarget(method: bytes, target: bytes, segments: int) -> tuple[bytes, bytes]:
    """
    Strip the prefix under which a resource is mounted.

    @param method: of the request.
    @param target: the request target, raw.
    @param segments: how many path segments belong to the prefix.
    @return: the raw prefix, empty or C{b"/..."}; and the rest in origin form.
    """
    target = originForm(method, target)
    path, mark, query = target.partition(b"?")
    if not segments or not path.startswith(b"/"):
        return b"", target
    parts = path.split(b"/")
    prefix = b"/".join(parts[: segments + 1])
    rest = b"/" + b"/".join(parts[segments + 1 :])
    return prefix.rstrip(b"/"), rest + mark + query


def viewOf(request: Request) -> ClientView:
    """
    Tell what is known of the client.

    @param request: as twisted.web has read it.
    @return: the client's side of the request.
    """
    return clientView(request.getClientAddress(), request.getHost(), bool(request.isSecure()))


def bodyOf(request: Request) -> WebBody | None:
    """
    Find the body.

    @param request: as twisted.web has read it.
    @return: the body; L{None} if it is empty.
    """
    content = request.content
    length = content.seek(0, 2) if content is not None else 0
    return WebBody(content, length) if content is not None and length else None

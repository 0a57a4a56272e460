"""
A twisted.web request as neutral values.

Invariants: the path prefix under which the resource is mounted is stripped from
the raw target by counting segments, so that percent-encodings (C{%2F}) reach the
application as the client wrote them; the request's own state isn't changed.  A Cookie
that HTTP/2 cut into several fields is one again (RFC 9113 section 8.2.3).
"""

from __future__ import annotations

from twisted.web.server import Request

from twisted_multiserver.gateway.clientview import clientView
from twisted_multiserver.gateway.storedbody import StoredBody
from twisted_multiserver.http1.forwarding import ClientView
from twisted_multiserver.http1.heads import RequestHead
from twisted_multiserver.http1.targets import originForm


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


def bodyOf(request: Request) -> StoredBody | None:
    """
    Find the body.

    @param request: as twisted.web has read it.
    @return: the body, which is whole before a request is rendered; L{None} if it is empty.
    """
    content = request.content
    length = content.seek(0, 2) if content is not None else 0
    return StoredBody(content, length) if content is not None and length else None

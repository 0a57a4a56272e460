"""
A twisted.web request as neutral values.

Invariants: the path prefix under which the resource is mounted is stripped from
the raw target by counting segments, so that percent-encodings (C{%2F}) reach the
application as the client wrote them; the request's own state isn't changed.
"""

from __future__ import annotations

from typing import IO

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.web.server import Request

from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.http1.fields import ClientView, originForm
from twisted_multiserver.http1.heads import RequestHead

_METHODS_WITH_BODY = frozenset({b"POST", b"PUT", b"PATCH"})


class WebBody:
    """
    The body of a twisted.web request, which is whole before the request is
    rendered (in memory, or in a temporary file if it is large).
    """

    def __init__(self, content: IO[bytes]) -> None:
        """
        @param content: the request's content.
        """
        self._content = content

    def rewind(self) -> None:
        """
        Start from the beginning.
        """
        self._content.seek(0)

    def read(self, size: int) -> bytes:
        """
        @param size: at most so many bytes.
        @return: the next bytes; none at the end.
        """
        return self._content.read(size)


def headOf(request: Request) -> RequestHead:
    """
    Make a neutral head.

    @param request: as twisted.web has read it.
    @return: its head as the client sent it, the target raw.
    """
    fields = tuple(
        (name, value)
        for name, values in request.requestHeaders.getAllRawHeaders()
        for value in values
    )
    return RequestHead(request.method, request.uri, request.clientproto, fields)


def splitTarget(target: bytes, segments: int) -> tuple[bytes, bytes]:
    """
    Strip the prefix under which a resource is mounted.

    @param target: the request target, raw.
    @param segments: how many path segments belong to the prefix.
    @return: the raw prefix, empty or C{b"/..."}; and the rest in origin form.
    """
    target = originForm(target)
    path, mark, query = target.partition(b"?")
    if not segments or not path.startswith(b"/"):
        return b"", target
    parts = path.split(b"/")
    prefix = b"/".join(parts[: segments + 1])
    rest = b"/" + b"/".join(parts[segments + 1 :])
    return prefix.rstrip(b"/"), rest + mark + query


def viewOf(request: Request, prefix: bytes) -> ClientView:
    """
    Tell what is known of the client.

    @param request: as twisted.web has read it.
    @param prefix: what was stripped from the target.
    @return: the client's side of the request.
    """
    listener = request.getHost()
    port = getattr(listener, "port", None)
    name = getattr(listener, "host", "localhost")
    host = f"[{name}]" if ":" in name else name
    return ClientView(
        address=_address(request),
        secure=bool(request.isSecure()),
        listener=(host if port is None else f"{host}:{port}").encode("ascii", "replace"),
        prefix=prefix,
    )


def infoOf(request: Request, head: RequestHead) -> RequestInfo:
    """
    Tell what a policy may know.

    @param request: as twisted.web has read it.
    @param head: its neutral head.
    @return: the facts.
    """
    return RequestInfo(_address(request) or "", bool(request.isSecure()), head)


def bodyOf(request: Request, head: RequestHead) -> tuple[WebBody | None, int | None]:
    """
    Find the body.

    @param request: as twisted.web has read it.
    @param head: its neutral head.
    @return: the body, L{None} if it is empty; and its length in bytes, L{None} if
        the request doesn't speak of one (RFC 9110 section 8.6).
    """
    content = request.content
    length = content.seek(0, 2) if content is not None else 0
    if length:
        assert content is not None
        return WebBody(content), length
    announced = head.values(b"content-length") or head.values(b"transfer-encoding")
    return None, 0 if announced or head.method in _METHODS_WITH_BODY else None


def _address(request: Request) -> str | None:
    address = request.getClientAddress()
    if isinstance(address, IPv4Address | IPv6Address):
        return address.host
    return None

"""
Fields: which pass through the gateway, which end here, which are added.

Every rule is a function over a neutral head, the same for each face of the
gateway::

    hop-by-hop fields, and those that Connection names, end here, both ways
                                                  RFC 9110 section 7.6.1
    framing is made anew, never relayed           RFC 9112 section 6
    Via is added, both ways                       RFC 9110 section 7.6.3
    what a client says of its own address is dropped; the gateway's word is
    written instead (X-Forwarded-*)               RFC 7239 section 8.1
    Host must be there exactly once; a target in absolute form wins over it
                                                  RFC 9112 section 3.2
    Cookie is one field in HTTP/1.1               RFC 9113 section 8.2.3

Invariant: a field that an application may trust (X-Forwarded-*, Forwarded) is
never one that came from a client, whichever way it is spelt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from twisted_multiserver.http1.cookies import withoutCookie
from twisted_multiserver.http1.framing import contentLength
from twisted_multiserver.http1.heads import (
    HTTP_1_0,
    HTTP_1_1,
    Fields,
    RequestHead,
    ResponseHead,
    listMembers,
)

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_PROXY_ONLY = frozenset({b"proxy-authenticate", b"proxy-authorization"})
_FRAMING = frozenset({b"content-length"})
# CGI and WSGI give "_" and "-" the same name, so one stands for the other here too.
_FROM_US = re.compile(rb"(?:forwarded|x[-_]forwarded[-_].*|x[-_]real[-_]ip)\Z", re.I | re.S)
_ENDS_AT_REQUEST = HOP_BY_HOP | _PROXY_ONLY | _FRAMING | {b"expect", b"host"}
_ENDS_AT_RESPONSE = HOP_BY_HOP | _FRAMING
PSEUDONYM = b"twisted_multiserver"

_ABSOLUTE = re.compile(rb"https?://([^/?]*)", re.I)
# RFC 3986 section 3.2.2, with the port; no user information (RFC 9110 section 4.2.4).
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]*)(?::[0-9]{0,5})?\Z")


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    A request that ends here.

    @ivar status: the answer.
    @ivar reason: for people, one line.
    """

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class ClientView:
    """
    What only the side that faces the client knows of a request.

    @ivar address: the client's IP address as text; L{None} if it has none.
    @ivar secure: whether it came by TLS.
    @ivar listener: host and port that it came to, for clients that name none.
    @ivar prefix: the raw path prefix that was stripped from the target.
    """

    address: str | None
    secure: bool
    listener: bytes
    prefix: bytes = b""


def refuse(head: RequestHead) -> Refusal | None:
    """
    Judge a request before a backend is asked.

    @param head: as the client sent it.
    @return: why it ends here, or L{None}.
    """
    hosts = head.values(b"host")
    if len(hosts) > 1:
        return Refusal(400, "more than one Host")
    if not hosts and head.version != HTTP_1_0:
        return Refusal(400, "no Host")
    if hosts and not _HOST.match(hosts[0]):
        return Refusal(400, "a malformed Host")
    authority = _authority(head.target)
    if authority is not None and (not authority or not _HOST.match(authority)):
        return Refusal(400, "a malformed host in the target")
    if head.method == b"CONNECT":
        return Refusal(501, "CONNECT is not supported")
    return None


def endToEnd(fields: Fields, ends: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    """
    Leave out the fields that end here.

    @param fields: as received.
    @param ends: the names, in lower case, that end here in this direction;
        those that Connection names are added.
    @return: the fields that pass, in their order.
    """
    named = listMembers(fields, b"connection")
    gone = ends.union(named) if named else ends
    return [field for field in fields if field[0].lower() not in gone]


def requestForUpstream(
    head: RequestHead,
    client: ClientView,
    target: bytes,
    bodyLength: int | None,
    hiddenCookie: bytes | None = None,
) -> RequestHead:
    """
    Make the request that a backend gets.

    @param head: as the client sent it.
    @param client: what is known of the client.
    @param target: the target in origin form, its prefix stripped.
    @param bodyLength: bytes of the body; L{None} if the request has none.
    @param hiddenCookie: the name of a cookie of our own, which ends here.
    @return: the head to be sent.
    """
    host = _authority(head.target) or (head.values(b"host") or [client.listener])[0]
    fields = head.fields if hiddenCookie is None else withoutCookie(head.fields, hiddenCookie)
    passing = [
        field for field in endToEnd(fields, _ENDS_AT_REQUEST) if not _FROM_US.match(field[0])
    ]
    cookies = [value for name, value in passing if name.lower() == b"cookie"]
    if len(cookies) > 1:
        passing = [field for field in passing if field[0].lower() != b"cookie"]
        passing.append((b"Cookie", b"; ".join(cookies)))
    added = [(b"Via", _received(head.version) + b" " + PSEUDONYM)]
    if client.address is not None:
        added.append((b"X-Forwarded-For", client.address.encode("ascii")))
    added.append((b"X-Forwarded-Proto", b"https" if client.secure else b"http"))
    added.append((b"X-Forwarded-Host", host))
    if client.prefix:
        added.append((b"X-Forwarded-Prefix", client.prefix))
    if bodyLength is not None:
        added.append((b"Content-Length", b"%d" % bodyLength))
    return RequestHead(head.method, target, HTTP_1_1, ((b"Host", host), *passing, *added))


def responseForClient(head: ResponseHead, cookie: bytes | None = None) -> ResponseHead:
    """
    Make the response that the client gets.

    @param head: as a backend sent it.
    @param cookie: the value of a Set-Cookie field of our own, if there is one.
    @return: the head with the fields that pass; Content-Length among them, once,
        which the client's side keeps or replaces by framing of its own.
    """
    passing = endToEnd(head.fields, _ENDS_AT_RESPONSE)
    passing.append((b"Via", _received(head.version) + b" " + PSEUDONYM))
    if cookie is not None:
        passing.append((b"Set-Cookie", cookie))
    length = contentLength(head.fields)
    # RFC 9110 section 8.6: a 204 must not have one, and clients wait for its bytes.
    if length is not None and head.status != 204:
        passing.append((b"Content-Length", b"%d" % length))
    return ResponseHead(head.status, head.reason, head.version, tuple(passing))


def originForm(target: bytes) -> bytes:
    """
    Bring a request target into origin form (RFC 9112 section 3.2.1).

    @param target: origin form, absolute form, or C{b"*"}.
    @return: the path with its query; C{b"*"} as it is.
    """
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        return target
    path = target[absolute.end() :]
    return path if path.startswith(b"/") else b"/" + path


def _authority(target: bytes) -> bytes | None:
    """
    Find the host, with its port, that a target in absolute form names.
    """
    absolute = _ABSOLUTE.match(target)
    return None if absolute is None else absolute[1]


def _received(version: bytes) -> bytes:
    return version.removeprefix(b"HTTP/").replace(b"2.0", b"2")

"""
Heads of HTTP/2 as the neutral heads of all others, and back.

Strategy: only what HTTP/2 has of its own is judged here (RFC 9113 sections 8.2 and 8.3);
what comes through is a head like any other, for the same judge
(L{checkRequest<twisted_multiserver.http1.requests.checkRequest>}).

Two ways to say no: what section 8.1.1 calls malformed is L{Malformed}, and its stream is
reset; what is only not acceptable is L{Refused<twisted_multiserver.http1.requests.Refused>},
and answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from twisted_multiserver.http1.grammar import findFields, isToken, isValue
from twisted_multiserver.http1.heads import BadMessage, Fields, RequestHead, listMembers
from twisted_multiserver.http1.requests import (
    CHUNKED,
    NO_BODY,
    CheckedRequest,
    Refused,
    Wishes,
    checkRequest,
)

HTTP_2: Final = b"HTTP/2"
HEAD_LIMIT: Final = 65536

# What a field counts for beyond its own bytes: RFC 9113 section 6.5.2.
_FIELD_SIZE = 32
_PSEUDO = frozenset({b":method", b":scheme", b":authority", b":path"})
# RFC 9113 section 8.2.2.
_CONNECTION_SPECIFIC = frozenset(
    {b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"}
)
_SCHEMES = frozenset({b"http", b"https"})


class Malformed(BadMessage):
    """
    No request of HTTP/2, whatever it says.
    """


def requestOf(fields: Iterable[tuple[bytes, bytes]], isWhole: bool) -> CheckedRequest:
    """
    Judge a head.

    @param fields: of a request, the pseudo-fields among them, a Cookie in one piece.
    @param isWhole: whether it ends with its head.
    @return: the checked request.
    @raise Malformed: see above.
    @raise Refused: see above.
    """
    fields = tuple(fields)
    if sum(len(name) + len(value) + _FIELD_SIZE for name, value in fields) > HEAD_LIMIT:
        raise Refused(431, "the head is too large")
    pseudo, regular = _split(fields)
    head = RequestHead(
        _method(pseudo), _target(pseudo), HTTP_2, _hosted(pseudo.get(b":authority"), regular)
    )
    request = checkRequest(head)
    if isWhole:
        if request.length > 0:
            raise Malformed("a Content-Length, and no body")
        request.length = NO_BODY
    elif not head.values(b"content-length"):
        if head.method == b"TRACE":
            raise Refused(400, "TRACE with a body")
        request.length = CHUNKED
    expects = request.length != NO_BODY and bool(listMembers(head.fields, b"expect"))
    request.wishes = Wishes(expects, None, request.wishes.maxForwards)
    return request


def trailersOf(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    """
    @param fields: behind a body.
    @return: the same, checked.
    @raise Malformed: if there is one that must not be in trailers, or is none.
    """
    pseudo, regular = _split(tuple(fields))
    if pseudo:
        raise Malformed("a pseudo-field in trailers")
    return regular


def responseFields(status: int, lines: bytes, length: int | None) -> list[tuple[bytes, bytes]]:
    """
    @param status: 100 to 599.
    @param lines: of the fields that the client gets.
    @param length: bytes of the body; L{None} if that isn't known.
    @return: the fields of the response's head.
    """
    fields = [(b":status", b"%d" % status)]
    fields += [(name.lower(), value) for name, value in findFields(lines)]
    # RFC 9110 section 8.6.
    if length is not None and status >= 200 and status != 204:
        fields.append((b"content-length", b"%d" % length))
    return fields


def _split(fields: Fields) -> tuple[dict[bytes, bytes], Fields]:
    """
    Part the pseudo-fields, which come first, from the others (RFC 9113 section 8.3).
    """
    pseudo: dict[bytes, bytes] = {}
    regular: list[tuple[bytes, bytes]] = []
    for name, value in fields:
        # RFC 9113 section 8.2.1.
        if not isValue(value) or value != value.strip(b" \t"):
            raise Malformed("a value holds a byte that it must not, or begins or ends so")
        if name.startswith(b":"):
            if regular or name in pseudo or name not in _PSEUDO:
                raise Malformed("a pseudo-field that is unknown, repeated or too late")
            pseudo[name] = value
            continue
        if not isToken(name) or name != name.lower():
            raise Malformed("a name holds a byte that it must not")
        if name in _CONNECTION_SPECIFIC or (name == b"te" and value.lower() != b"trailers"):
            raise Malformed("a field that is about a connection")
        regular.append((name, value))
    return pseudo, tuple(regular)


def _method(pseudo: dict[bytes, bytes]) -> bytes:
    method = pseudo.get(b":method", b"")
    if not isToken(method):
        raise Malformed("no method")
    return method


def _target(pseudo: dict[bytes, bytes]) -> bytes:
    """
    RFC 9113 section 8.3.1; of a CONNECT, section 8.5.
    """
    scheme, path = pseudo.get(b":scheme"), pseudo.get(b":path")
    method = pseudo[b":method"]
    if method == b"CONNECT":
        if scheme is not None or path is not None or not pseudo.get(b":authority"):
            raise Malformed("CONNECT to a path, or to nobody")
        return pseudo[b":authority"]
    if not scheme or not path:
        raise Malformed("no scheme or no path")
    if not path.startswith(b"/") and (path != b"*" or method != b"OPTIONS"):
        raise Malformed("a path that is none")
    if scheme not in _SCHEMES:
        raise Refused(400, "a scheme that is not served")
    return path


def _hosted(authority: bytes | None, fields: Fields) -> Fields:
    """
    @return: the fields, with the authority as Host, which may be there too if it says
        the same (RFC 9113 section 8.3.1).
    """
    hosts = [value for name, value in fields if name == b"host"]
    if authority == b"" or b"" in hosts:
        raise Refused(400, "an empty authority")
    if authority is None:
        return fields
    if any(host.lower() != authority.lower() for host in hosts):
        raise Refused(400, "Host is not the authority")
    return ((b"host", authority), *(field for field in fields if field[0] != b"host"))

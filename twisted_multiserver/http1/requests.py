"""
Judging requests: a neutral head becomes a checked one, or is refused.

Strategy: one function, L{checkRequest}, holds every rule of what is accepted, whichever
way the head came; the fast reader (L{twisted_multiserver.http1.requestreader}) only knows
heads for which the outcome is plain, and gives the same.

Rules: two framings that could disagree are refused (RFC 9112 section 6.3), and so is a
transfer coding that isn't understood (section 6.1); Host must be there exactly once
(section 3.2), an absolute target wins over it (section 3.2.2); whatever is in a head, no
part of it can become two lines (section 11.1).
"""

from __future__ import annotations

import re
from typing import Final

from twisted_multiserver.http1.framing import UnknownCoding, isChunked
from twisted_multiserver.http1.grammar import isTarget, isToken, isValue
from twisted_multiserver.http1.heads import (
    HTTP_1_0,
    HTTP_1_1,
    BadMessage,
    Fields,
    RequestHead,
    members,
)
from twisted_multiserver.http1.names import ENDS_AT_REQUEST, OURS_INITIALS, isOurs, namedBy
from twisted_multiserver.http1.targets import authorityOf, isForTLS, isHost

NO_BODY: Final = 0
CHUNKED: Final = -1

TARGET_LIMIT = 16384

_NOTED = ENDS_AT_REQUEST | {b"max-forwards"}
_WISHES = frozenset({b"expect", b"max-forwards", b"upgrade"})
_isLength = re.compile(rb"[0-9]{1,18}").fullmatch


class Refused(BadMessage):
    """
    A request that ends here.

    @ivar status: the answer.
    """

    def __init__(self, status: int, reason: str) -> None:
        """
        @param status: such as 400.
        @param reason: for people, one line.
        """
        super().__init__(reason)
        self.status = status


class Wishes:
    """
    What few requests ask for.

    @ivar expectsContinue: whether it waits for 100 Continue before it sends the body.
    @ivar upgrade: the protocol it would change to; L{None} for none.
    @ivar maxForwards: how many more hops an OPTIONS or TRACE may take; L{None} for any.
    @ivar needsTLS: whether its target names a resource that is for connections by TLS only
        (RFC 9110 section 7.4).
    """

    __slots__ = ("expectsContinue", "maxForwards", "needsTLS", "upgrade")

    def __init__(
        self,
        expectsContinue: bool,
        upgrade: bytes | None,
        maxForwards: int | None,
        needsTLS: bool = False,
    ) -> None:
        self.needsTLS = needsTLS
        self.expectsContinue = expectsContinue
        self.upgrade = upgrade
        self.maxForwards = maxForwards


NO_WISHES: Final = Wishes(False, None, None)


class CheckedRequest:
    """
    The head of a request that was judged good, whichever way it was read.

    @ivar method: such as C{b"GET"}.
    @ivar host: the authority that the client asks; empty if it named none.
    @ivar length: bytes of the body; L{NO_BODY}, or L{CHUNKED}.
    @ivar keepAlive: whether the client would go on with its connection.
    @ivar size: bytes of the head, if it was read from bytes.
    """

    __slots__ = ("host", "keepAlive", "length", "method", "size")

    method: bytes
    host: bytes
    length: int
    keepAlive: bool
    size: int

    @property
    def target(self) -> bytes:
        """
        The request target, raw.
        """
        raise NotImplementedError

    @property
    def version(self) -> bytes:
        """
        C{b"HTTP/1.1"}, C{b"HTTP/1.0"} or C{b"HTTP/2"}.
        """
        raise NotImplementedError

    @property
    def wishes(self) -> Wishes:
        """
        What few requests ask for; mostly L{NO_WISHES}.
        """
        raise NotImplementedError

    @property
    def passing(self) -> bytes:
        """
        Lines of the fields that go on to a backend, each with its CRLF: without those that
        end at a hop, framing, Host, and what only we may say.
        """
        raise NotImplementedError

    @property
    def fields(self) -> Fields:
        """
        All fields as the client sent them.
        """
        raise NotImplementedError

    @property
    def head(self) -> RequestHead:
        """
        The neutral head.
        """
        return RequestHead(self.method, self.target, self.version, self.fields)

    @property
    def description(self) -> str:
        """
        What a log line calls this request: method and target, bounded in length.
        """
        target = self.target.decode("latin-1")
        shown = target if len(target) <= 200 else target[:200] + "..."
        return f"{self.method.decode('latin-1')} {shown}"


class JudgedRequest(CheckedRequest):
    """
    A request that was judged field by field.
    """

    __slots__ = ("fields", "passing", "target", "version", "wishes")

    target: bytes
    version: bytes
    wishes: Wishes
    passing: bytes
    fields: Fields

    def __init__(
        self,
        method: bytes,
        target: bytes,
        version: bytes,
        host: bytes,
        passing: bytes,
        length: int,
        keepAlive: bool,
        wishes: Wishes,
        fields: Fields,
    ) -> None:
        """
        The arguments are the attributes.
        """
        self.method = method
        self.target = target
        self.version = version
        self.host = host
        self.passing = passing
        self.length = length
        self.keepAlive = keepAlive
        self.wishes = wishes
        self.fields = fields
        self.size = 0


def checkRequest(head: RequestHead, isParsed: bool = False) -> JudgedRequest:
    """
    Judge a head.

    @param head: as it was read, or made from another protocol's request.
    @param isParsed: whether its fields are known to be names and values.
    @return: the checked request.
    @raise Refused: if it must not go further.
    """
    _checkGrammar(head)
    if not isParsed:
        _checkFields(head.fields)
    # Most fields mean nothing here: those that do are looked up by their names.
    noted: dict[bytes, list[bytes]] = {}
    passing = []
    for field in head.fields:
        name = field[0].lower()
        if name in _NOTED:
            noted.setdefault(name, []).append(field[1])
            if name not in ENDS_AT_REQUEST:
                passing.append(field)
        elif name[0] not in OURS_INITIALS or not isOurs(name):
            passing.append(field)
    host = _checkHost(head, noted.get(b"host", []))
    length = _checkFraming(head, noted)
    options = members(noted[b"connection"]) if b"connection" in noted else []
    isNew = head.version == HTTP_1_1
    wishes = NO_WISHES
    if not _WISHES.isdisjoint(noted) or isForTLS(head.target):
        wishes = Wishes(
            _checkExpectation(head, noted) and isNew and length != NO_BODY,
            _upgrade(noted) if isNew and b"upgrade" in options and length == NO_BODY else None,
            _maxForwards(head, noted),
            isForTLS(head.target),
        )
    ends = namedBy(options)
    if ends or wishes.maxForwards is not None:
        if wishes.maxForwards is not None:
            ends.add(b"max-forwards")
        passing = [field for field in passing if field[0].lower() not in ends]
    return JudgedRequest(
        head.method,
        head.target,
        head.version,
        host,
        joinLines(passing),
        length,
        b"close" not in options and (isNew or b"keep-alive" in options),
        wishes,
        head.fields,
    )


def joinLines(fields: list[tuple[bytes, bytes]] | Fields) -> bytes:
    """
    @param fields: checked names and values.
    @return: their lines, each with its CRLF.
    """
    return b"".join([b"%b: %b\r\n" % field for field in fields])


def _checkGrammar(head: RequestHead) -> None:
    if not isToken(head.method):
        raise Refused(400, "the method is malformed")
    if not isTarget(head.target):
        raise Refused(400, "the target is empty or holds a byte that it must not")
    if len(head.target) > TARGET_LIMIT:
        raise Refused(414, "the target is too long")
    if head.method == b"CONNECT":
        raise Refused(501, "CONNECT is not supported")
    isPath = head.target.startswith(b"/") or authorityOf(head.target) is not None
    if not isPath and (head.target != b"*" or head.method != b"OPTIONS"):
        raise Refused(400, "the target is neither a path nor a URL")


def _checkFields(fields: Fields) -> None:
    for name, value in fields:
        if not isToken(name) or not isValue(value):
            raise Refused(400, "a field holds a byte that it must not")


def _checkHost(head: RequestHead, hosts: list[bytes]) -> bytes:
    if len(hosts) > 1:
        raise Refused(400, "more than one Host")
    if not hosts and head.version != HTTP_1_0:
        raise Refused(400, "no Host")
    if hosts and not isHost(hosts[0]):
        raise Refused(400, "a malformed Host")
    authority = authorityOf(head.target)
    if authority is None:
        return hosts[0] if hosts else b""
    # RFC 9110 section 4.2.1: a URL of ours names a host.
    if not authority or authority.startswith(b":") or not isHost(authority):
        raise Refused(400, "a malformed host in the target")
    return authority


def _checkFraming(head: RequestHead, noted: dict[bytes, list[bytes]]) -> int:
    lengths = noted.get(b"content-length", [])
    try:
        chunked = b"transfer-encoding" in noted and isChunked(head.fields)
    except UnknownCoding as unknown:
        raise Refused(501, str(unknown)) from unknown
    except BadMessage as bad:
        raise Refused(400, str(bad)) from bad
    if chunked and (lengths or head.version == HTTP_1_0):
        raise Refused(400, "Transfer-Encoding beside Content-Length, or in HTTP/1.0")
    if chunked:
        length = CHUNKED
    elif not lengths:
        length = NO_BODY
    elif len(lengths) > 1 or not _isLength(lengths[0]):
        raise Refused(400, "Content-Length is no number")
    else:
        length = int(lengths[0])
    if length != NO_BODY and head.method == b"TRACE":
        raise Refused(400, "TRACE with a body")
    return length


def _checkExpectation(head: RequestHead, noted: dict[bytes, list[bytes]]) -> bool:
    expected = members(noted.get(b"expect", []))
    if expected and head.version != HTTP_1_0 and {*expected} != {b"100-continue"}:
        raise Refused(417, "an expectation that nobody here can meet")
    return bool(expected)


def _maxForwards(head: RequestHead, noted: dict[bytes, list[bytes]]) -> int | None:
    """
    RFC 9110 section 7.6.2; other methods pass it on as it is.
    """
    values = noted.get(b"max-forwards", [])
    if head.method not in (b"OPTIONS", b"TRACE") or not values:
        return None
    if len(values) > 1 or not _isLength(values[0]):
        raise Refused(400, "Max-Forwards is no number")
    return int(values[0])


def _upgrade(noted: dict[bytes, list[bytes]]) -> bytes | None:
    protocols = [each for each in members(noted.get(b"upgrade", [])) if each != b"h2c"]
    return b", ".join(protocols) or None

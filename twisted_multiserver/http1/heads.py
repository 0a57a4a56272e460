"""
Heads: the neutral values that every part of the request flow speaks in.

A head is the same value whether it was read from a socket, made from a
twisted.web request or written by a test; every rule about fields is a function
over it (see L{twisted_multiserver.http1.requests}).

Invariants: all text is L{bytes}, as it was on the wire; names keep the sender's
case and are compared without it (RFC 9110 section 5.1); order and repetition of
fields are kept (section 5.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

Fields: TypeAlias = tuple[tuple[bytes, bytes], ...]

HTTP_1_0 = b"HTTP/1.0"
HTTP_1_1 = b"HTTP/1.1"

# So many bytes of a head are read, with its first line.
HEAD_LIMIT = 65536


class BadMessage(ValueError):
    """
    The peer's bytes are not a message that may be believed (its fault, not ours).
    """


def fieldValues(fields: Fields, name: bytes) -> list[bytes]:
    """
    Find every value of one field.

    @param fields: the fields of a head.
    @param name: the field's name in lower case.
    @return: the values in their order, one for each line, not split at commas.
    """
    return [value for key, value in fields if key.lower() == name]


def listMembers(fields: Fields, name: bytes) -> list[bytes]:
    """
    Read a field that is a comma-separated list of tokens (RFC 9110 section 5.6.1).

    @param fields: the fields of a head.
    @param name: the field's name in lower case.
    @return: the members of all its lines, in lower case, without empty ones.
    """
    return members(fieldValues(fields, name))


def members(values: list[bytes]) -> list[bytes]:
    """
    Read the values of a field that is a comma-separated list of tokens.

    @param values: of all its lines.
    @return: the members, in lower case, without empty ones.
    """
    if not values:
        return []
    found = b",".join(values).lower().split(b",")
    return [member for member in (raw.strip(b" \t") for raw in found) if member]


class RequestHead(NamedTuple):
    """
    The head of a request (RFC 9112 section 3).

    @ivar method: such as C{b"GET"}; case matters.
    @ivar target: the request target, raw: percent-encodings are never touched.
    @ivar version: C{b"HTTP/1.1"}, C{b"HTTP/1.0"} or C{b"HTTP/2"}.
    @ivar fields: names and values.
    """

    method: bytes
    target: bytes
    version: bytes
    fields: Fields

    def values(self, name: bytes) -> list[bytes]:
        """
        @param name: a field's name in lower case.
        @return: every value of that field.
        """
        return fieldValues(self.fields, name)

    @property
    def description(self) -> str:
        """
        What a log line calls this request: method and target, bounded in length.
        """
        target = self.target.decode("latin-1")
        shown = target if len(target) <= 200 else target[:200] + "..."
        return f"{self.method.decode('latin-1')} {shown}"


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """
    The head of a response (RFC 9112 section 4).

    @ivar status: 100 to 599.
    @ivar reason: the reason phrase, possibly empty.
    @ivar version: C{b"HTTP/1.1"} or C{b"HTTP/1.0"}.
    @ivar fields: names and values.
    """

    status: int
    reason: bytes
    version: bytes
    fields: Fields

    @property
    def isInformational(self) -> bool:
        """
        Whether a further head follows (RFC 9110 section 15.2).
        """
        return self.status < 200

    def values(self, name: bytes) -> list[bytes]:
        """
        @param name: a field's name in lower case.
        @return: every value of that field.
        """
        return fieldValues(self.fields, name)

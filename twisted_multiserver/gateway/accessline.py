"""
A line of the access log, made of what is to be told of one request.

Formats: Combined, as Apache httpd and nginx write it, and JSON, one object a line
(RFC 8259; times as RFC 3339 has them).

Invariant: whatever a client sends, a line is exactly one, is printable ASCII, and can be
taken apart in one way only, so that nobody can forge a line or a part of one.  Everything
else is escaped: in Combined as C{\\xHH}, the quote and the backslash too (as nginx does, so
that a quote in a line always ends a part), and the space where spaces end parts.

Strategy: nearly all requests have nothing to be escaped.  Finding that out is quick, and only
the others pay for more.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

Ending: TypeAlias = Literal["whole", "cut", "clientGone"]

# As C locales have them: %b of strftime() would follow the process's locale.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# What may stand as it is in a text between quotes, and in a word that a space ends.  What is
# left when it is deleted is unsafe; a regular expression takes three times as long.
_IN_TEXT = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
_IN_WORD = _IN_TEXT.replace(b" ", b"")

_UNSAFE_IN_TEXT = re.compile(rb"[^%b]" % re.escape(_IN_TEXT))
_UNSAFE_IN_WORD = re.compile(rb"[^%b]" % re.escape(_IN_WORD))


# Not frozen: that would make it several times as dear to make, once for each request.
@dataclass(slots=True)
class AccessRecord:
    """
    One request and what became of it.

    @ivar clientAddress: without a port; L{None} if it has none (UNIX sockets).
    @ivar startedAt: when it began, in seconds since the epoch.
    @ivar method: as the client sent it.
    @ivar target: as the client sent it.
    @ivar version: such as C{b"HTTP/1.1"}.
    @ivar status: what the client was told; 0 if it left before.
    @ivar bytesSent: of the response's body.
    @ivar referer: the field's value; L{None} without one.
    @ivar agent: the value of User-Agent; L{None} without one.
    @ivar host: what the client asked for.
    @ivar backend: the name of the one that answered; L{None} if the answer is our own.
    @ivar seconds: from its head to the end of the response.
    @ivar tries: how many times it was sent to a backend.
    @ivar ending: C{"whole"}; C{"cut"}: the response could not be completed; C{"clientGone"}:
        the client left before it was.
    """

    clientAddress: str | None
    startedAt: float
    method: bytes
    target: bytes
    version: bytes
    status: int
    bytesSent: int
    referer: bytes | None
    agent: bytes | None
    host: bytes
    backend: str | None
    seconds: float
    tries: int
    ending: Ending


LineFormat: TypeAlias = Callable[[AccessRecord], bytes]


# Requests in flight began in several seconds; most in one of the last few.
@lru_cache(maxsize=64)
def _combinedTime(second: int) -> bytes:
    local = time.localtime(second)
    rest = time.strftime("%Y:%H:%M:%S %z", local)
    return f"{local.tm_mday:02}/{_MONTHS[local.tm_mon - 1]}/{rest}".encode("ascii")


@lru_cache(maxsize=64)
def _jsonSecond(second: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode("ascii")


def _escaped(match: re.Match[bytes]) -> bytes:
    return b"\\x%02X" % match[0][0]


def _addressWord(address: str | None) -> bytes:
    # Its place must not be empty.  Whatever isn't ASCII is escaped, even what UTF-8 forbids.
    return (address or "-").encode("utf-8", "surrogatepass")


def combinedLine(record: AccessRecord) -> bytes:
    """
    Write in the Combined format, with the time in the local zone.

    @param record: one request.
    @return: a line, with its end.
    """
    address = _addressWord(record.clientAddress)
    method, target, version = record.method, record.target, record.version
    if (address + method + target + version).translate(None, _IN_WORD):
        address = _UNSAFE_IN_WORD.sub(_escaped, address)
        method = _UNSAFE_IN_WORD.sub(_escaped, method)
        target = _UNSAFE_IN_WORD.sub(_escaped, target)
        version = _UNSAFE_IN_WORD.sub(_escaped, version)
    referer, agent = record.referer, record.agent
    if referer is None:
        referer = b"-"
    if agent is None:
        agent = b"-"
    if (referer + agent).translate(None, _IN_TEXT):
        referer = _UNSAFE_IN_TEXT.sub(_escaped, referer)
        agent = _UNSAFE_IN_TEXT.sub(_escaped, agent)
    return b'%b - - [%b] "%b %b %b" %d %d "%b" "%b"\n' % (
        address,
        _combinedTime(int(record.startedAt)),
        method,
        target,
        version,
        record.status,
        record.bytesSent,
        referer,
        agent,
    )


def _jsonBytes(value: bytes | None) -> bytes:
    if value is None:
        return b"null"
    if value.translate(None, _IN_TEXT):
        # Each byte a character: whatever it is, it is valid and can be had back.
        return json.dumps(value.decode("latin-1")).encode("ascii")
    return b'"%b"' % value


# Addresses and backends' names come again and again.
@lru_cache(maxsize=1024)
def _jsonText(value: str | None) -> bytes:
    return json.dumps(value).encode("ascii")


def jsonLine(record: AccessRecord) -> bytes:
    """
    Write as a JSON object, with the time in UTC.

    The keys are C{time}, C{client}, C{method}, C{target}, C{version}, C{status}, C{bytes},
    C{referer}, C{agent}, C{host}, C{backend}, C{seconds}, C{tries} and C{ending}, in this
    order; docs/howto/log-requests.md says what they are.

    @param record: one request.
    @return: a line, with its end.
    """
    second, milliseconds = divmod(int(record.startedAt * 1000), 1000)
    return (
        b'{"time":"%b.%03dZ","client":%b,"method":%b,"target":%b,"version":%b,"status":%d,'
        b'"bytes":%d,"referer":%b,"agent":%b,"host":%b,"backend":%b,"seconds":%.6f,"tries":%d,'
        b'"ending":"%b"}\n'
    ) % (
        _jsonSecond(second),
        milliseconds,
        _jsonText(record.clientAddress),
        _jsonBytes(record.method),
        _jsonBytes(record.target),
        _jsonBytes(record.version),
        record.status,
        record.bytesSent,
        _jsonBytes(record.referer),
        _jsonBytes(record.agent),
        _jsonBytes(record.host),
        _jsonText(record.backend),
        record.seconds,
        record.tries,
        record.ending.encode("ascii"),
    )


FORMATS: dict[str, LineFormat] = {"combined": combinedLine, "json": jsonLine}

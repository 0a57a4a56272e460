"""
A session as Redis has it: keys, what goes into the scripts and what comes out of them; see
L{redisscripts<twisted_multiserver.sessions.redisscripts>}.
"""

from __future__ import annotations

from math import ceil

from twisted_multiserver.sessions.errors import SessionCorrupt
from twisted_multiserver.sessions.record import SessionDelta, StoredSession
from twisted_multiserver.sessions.redisscripts import Argument


def sessionKey(key: bytes) -> bytes:
    """
    @param key: of a session.
    @return: of its hash.
    """
    return b"s:{%s}" % key.hex().encode()


def indexKey(principal: bytes) -> bytes:
    """
    @param principal: in UTF-8.
    @return: the key of their index.
    """
    return b"p:%s" % principal


def milliseconds(ttl: float) -> int:
    """
    @param ttl: in seconds.
    @return: at least 1.
    """
    return max(1, ceil(ttl * 1000))


def changeArguments(delta: SessionDelta, until: float | None = None) -> list[Argument]:
    """
    @param delta: for L{COMMIT} and L{ROTATE}.
    @param until: when it is too late, in seconds of the server's clock; L{None} for never.
    @return: their C{ARGV}.
    """
    flags = (
        (b"c" if delta.create else b"")
        + (b"x" if delta.clear else b"")
        + (b"m" if delta.meta is not None or delta.create else b"")
        + (b"p" if delta.principal is not None else b"")
    )
    arguments: list[Argument] = [
        delta.operation,
        milliseconds(delta.ttl),
        flags,
        delta.meta or b"",
        (delta.principal or "").encode(),
        len(delta.expect),
        len(delta.unset),
        0 if until is None else milliseconds(until),
    ]
    for name, value in delta.expect.items():
        arguments += (_field(name), 0 if value is None else 1, value or b"")
    arguments += map(_field, delta.unset)
    for name, value in delta.set.items():
        arguments += (_field(name), value)
    return arguments


def loaded(answer: bytes) -> StoredSession:
    """
    @param answer: of L{LOAD}.
    @return: the session.
    @raise SessionCorrupt: if what is stored is none.
    """
    end = answer.index(b";")
    ttl, *sizes = map(int, answer[1:end].split(b","))
    start = end + 1
    pieces: list[bytes] = []
    for size in sizes:
        end = start + size
        pieces.append(answer[start:end])
        start = end
    own: dict[bytes, bytes] = {}
    fields: dict[str, bytes] = {}
    try:
        for name, value in zip(pieces[::2], pieces[1::2], strict=True):
            if name[:1] == b"d":
                fields[str(name[1:], "utf-8")] = value
            else:
                own[name] = value
        principal = str(own.get(b"p", b""), "utf-8")
    except UnicodeDecodeError as error:
        raise SessionCorrupt("redis: a name in a session isn't UTF-8") from error
    meta = own.get(b"m")
    if meta is None:
        raise SessionCorrupt("redis: a hash that should be a session doesn't say what it is")
    if ttl < 0:
        raise SessionCorrupt("redis: a hash that should be a session never expires")
    # In its last millisecond it has 0 left.
    return StoredSession(meta, fields, max(ttl, 1) / 1000, principal)


def _field(name: str) -> bytes:
    return b"d" + name.encode()

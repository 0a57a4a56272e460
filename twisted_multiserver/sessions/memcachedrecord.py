"""
A session as one blob, for stores that know nothing but blobs.

Format, all numbers big-endian::

    version (1 byte), is a tombstone (1 byte), expires at (epoch seconds, 8-byte float),
    operations (1 byte: how many; 16 bytes each, the newest last),
    meta, principal (4 bytes: length; data),
    fields (4 bytes: how many), for each its name and its value (as meta)

Nothing may follow.  A blob holds its own expiry since servers know whole seconds only, and
are late.  A tombstone stands where a session was that has another key now; it has the
operation that moved it, and is no session.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from struct import Struct, error

from twisted_multiserver.sessions.errors import SessionCorrupt
from twisted_multiserver.sessions.record import (
    OPERATION_SIZE,
    OPERATIONS_KEPT,
    CommitResult,
    SessionDelta,
)

_VERSION = 1
_HEAD = Struct(">BBdB")
_LENGTH = Struct(">I")


@dataclass(frozen=True, slots=True)
class Record:
    """
    A session.

    @ivar expiry: when it ends, in epoch seconds.
    @ivar meta: what the record says of itself.
    @ivar fields: the values by their names.
    @ivar principal: whom it belongs to; empty for nobody.
    @ivar operations: the last that were applied, the newest last.
    @ivar isTombstone: whether the session has another key now.
    """

    expiry: float
    meta: bytes = b""
    fields: tuple[tuple[str, bytes], ...] = ()
    principal: str = ""
    operations: tuple[bytes, ...] = ()
    isTombstone: bool = False

    def isAlive(self, now: float) -> bool:
        """
        @param now: the time, in epoch seconds.
        @return: whether this is a session that hasn't ended.
        """
        return not self.isTombstone and self.expiry > now

    def encode(self) -> bytes:
        """
        @return: the blob.
        """
        pieces = [
            _HEAD.pack(_VERSION, self.isTombstone, self.expiry, len(self.operations)),
            *self.operations,
        ]
        for item in (self.meta, self.principal.encode()):
            pieces += (_LENGTH.pack(len(item)), item)
        pieces.append(_LENGTH.pack(len(self.fields)))
        for name, value in self.fields:
            data = name.encode()
            pieces += (_LENGTH.pack(len(data)), data, _LENGTH.pack(len(value)), value)
        return b"".join(pieces)


def decode(blob: bytes) -> Record:
    """
    @param blob: as L{Record.encode} made it.
    @return: the record.
    @raise SessionCorrupt: if it is something else.
    """
    try:
        return _decode(blob)
    except (error, ValueError) as fault:
        raise SessionCorrupt(
            "memcached: what is stored under the key of a session is none"
        ) from fault


def _decode(blob: bytes) -> Record:
    version, tombstone, expiry, count = _HEAD.unpack_from(blob)
    if version != _VERSION or tombstone > 1 or count > OPERATIONS_KEPT or not isfinite(expiry):
        raise ValueError("not a record of this version")
    at = _HEAD.size
    operations = []
    for _ in range(count):
        operation, at = _piece(blob, at, OPERATION_SIZE)
        operations.append(operation)
    meta, at = _counted(blob, at)
    principal, at = _counted(blob, at)
    [size] = _LENGTH.unpack_from(blob, at)
    at += _LENGTH.size
    fields: dict[str, bytes] = {}
    for _ in range(size):
        name, at = _counted(blob, at)
        value, at = _counted(blob, at)
        fields[str(name, "utf-8")] = value
    if at != len(blob) or len(fields) != size:
        raise ValueError("something is left over, or there twice")
    return Record(
        expiry,
        meta,
        tuple(fields.items()),
        str(principal, "utf-8"),
        tuple(operations),
        bool(tombstone),
    )


def _counted(blob: bytes, at: int) -> tuple[bytes, int]:
    [size] = _LENGTH.unpack_from(blob, at)
    return _piece(blob, at + _LENGTH.size, size)


def _piece(blob: bytes, at: int, size: int) -> tuple[bytes, int]:
    end = at + size
    if end > len(blob):
        raise ValueError("cut off")
    return blob[at:end], end


def changed(record: Record | None, delta: SessionDelta, now: float) -> Record | CommitResult:
    """
    Apply a delta.

    @param record: what is stored; L{None} for nothing.
    @param delta: what changes.
    @param now: the time, in epoch seconds.
    @return: what is to be stored; or the result, if nothing is.
    """
    if record is not None and not record.isAlive(now):
        record = None
    if record is None:
        if not delta.create:
            return CommitResult.gone
        record = Record(0.0)
    elif delta.operation in record.operations:
        return CommitResult.ok
    elif delta.create:
        return CommitResult.conflict
    fields = dict(record.fields)
    for name, value in delta.expect.items():
        if fields.get(name) != value:
            return CommitResult.conflict
    if delta.clear:
        fields.clear()
    for name in delta.unset:
        fields.pop(name, None)
    fields.update(delta.set)
    return Record(
        now + delta.ttl,
        record.meta if delta.meta is None else delta.meta,
        tuple(fields.items()),
        record.principal if delta.principal is None else delta.principal,
        (*record.operations, delta.operation)[-OPERATIONS_KEPT:],
    )

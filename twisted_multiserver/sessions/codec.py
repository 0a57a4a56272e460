"""
How values are written: JSON with tags, so that they come back as what they were.

What JSON has no word for is an object with one name that begins with C{$}: C{{"$set": [1]}}.
A dictionary that could be taken for one, or whose keys aren't all strings, is written as
C{{"$dict": [[key, value], ...]}}.  Types are taken exactly: an instance of a subclass would
come back as something else, so it is refused.

Invariants: equal values of the same construction are written as the same bytes in every
process (sets are sorted by what is written), and C{encode(decode(data)) == data}; so a change
inside a value is found by comparing bytes.  Nothing that is read ever makes code run.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from json import JSONDecoder, JSONEncoder
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from twisted_multiserver.sessions.errors import SessionCorrupt

MAX_DEPTH = 50
# From here on Python refuses to write integers in decimal (4300 digits).
_DECIMAL_BITS = 14_000


class SessionCodec(Protocol):
    """
    Writes and reads the values of sessions.
    """

    def encode(self, value: Any) -> bytes:
        """
        @param value: any.
        @return: how it is written; always the same for what L{decode} returned for it.
        @raise TypeError: if it can't be written such that it comes back the same; says
            where in the value, and of which type.
        """

    def decode(self, data: bytes) -> Any:
        """
        @param data: what was written.
        @return: the value.
        @raise SessionCorrupt: if it isn't what L{encode} writes.
        """


class TaggedJSON:
    """
    Writes C{None}, C{bool}, C{int}, C{float}, C{str}, C{bytes}, C{list}, C{tuple}, C{dict}
    (with keys of all these that hash), C{set}, C{frozenset}, C{datetime}, C{date}, C{time},
    C{timedelta}, C{UUID} and C{Decimal}.
    """

    __slots__ = ()

    def encode(self, value: Any) -> bytes:
        """
        Part of L{SessionCodec}.
        """
        try:
            packed = _pack(value, 0)
        except _Refused:
            raise TypeError(_findRefused(value)) from None
        # Surrogates are no Unicode, but Python's strings may hold them.
        return _write(packed).encode("utf-8", "surrogatepass")

    def decode(self, data: bytes) -> Any:
        """
        Part of L{SessionCodec}.
        """
        try:
            return _read(data.decode("utf-8", "surrogatepass"))
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
            raise SessionCorrupt(f"it can't be read: {type(error).__name__}") from error


class _Refused(Exception):
    """
    A value can't be written; says why.
    """


_TOO_DEEP = f"a value can't be stored that is nested more than {MAX_DEPTH} deep, or in itself"


_write = JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def _pack(value: Any, depth: int) -> Any:
    """
    @param value: any.
    @param depth: how many containers it is in.
    @return: what JSON has words for.
    @raise _Refused: if there is nothing such.
    """
    pack = _PACK.get(type(value))
    if pack is None:
        raise _Refused(f"a value of {_name(value)} can't be stored")
    if depth > MAX_DEPTH:
        raise _Refused(_TOO_DEEP)
    return pack(value, depth + 1)


def _packNative(value: Any, _: int) -> Any:
    return value


def _packInt(value: int, _: int) -> Any:
    return value if value.bit_length() < _DECIMAL_BITS else {"$int": hex(value)}


def _packList(value: list[Any], depth: int) -> Any:
    return [_pack(item, depth) for item in value]


def _packDict(value: dict[Any, Any], depth: int) -> Any:
    isPlain = all(type(key) is str for key in value)
    if isPlain and not (len(value) == 1 and next(iter(value)).startswith("$")):
        return {key: _pack(item, depth) for key, item in value.items()}
    return {"$dict": [[_pack(key, depth), _pack(item, depth)] for key, item in value.items()]}


def _packSorted(tag: str) -> Callable[[Any, int], Any]:
    def pack(value: set[Any] | frozenset[Any], depth: int) -> Any:
        # The order of a set differs from process to process.
        return {tag: sorted((_pack(item, depth) for item in value), key=_write)}

    return pack


def _packText(tag: str, write: Callable[[Any], Any]) -> Callable[[Any, int], Any]:
    def pack(value: Any, _: int) -> Any:
        return {tag: write(value)}

    return pack


def _parts(value: timedelta) -> list[Any]:
    return [value.days, value.seconds, value.microseconds]


def _zone(zone: tzinfo | None) -> Any:
    """
    @param zone: of a date or time.
    @return: seconds and name, or a key of the time zone database.
    """
    if zone is None:
        return None
    if type(zone) is timezone:
        offset = zone.utcoffset(None)
        name = zone.tzname(None)
        parts = _parts(offset)
        return parts if name == timezone(offset).tzname(None) else [*parts, name]
    if type(zone) is ZoneInfo and zone.key is not None:
        return zone.key
    raise _Refused(f"a time zone of {_name(zone)} can't be stored")


def _readZone(zone: Any) -> tzinfo | None:
    if zone is None:
        return None
    if isinstance(zone, str):
        return ZoneInfo(zone)
    offset = timedelta(*zone[:3])
    return timezone(offset, *zone[3:]) if offset or zone[3:] else UTC


def _clock(value: datetime | time) -> Any:
    return [value.replace(tzinfo=None).isoformat(), value.fold, _zone(value.tzinfo)]


def _readDatetime(parts: list[Any]) -> datetime:
    text, fold, zone = parts
    return datetime.fromisoformat(text).replace(fold=fold, tzinfo=_readZone(zone))


def _readTime(parts: list[Any]) -> time:
    text, fold, zone = parts
    return time.fromisoformat(text).replace(fold=fold, tzinfo=_readZone(zone))


_PACK: dict[type, Callable[[Any, int], Any]] = {
    str: _packNative,
    bool: _packNative,
    float: _packNative,
    type(None): _packNative,
    int: _packInt,
    list: _packList,
    dict: _packDict,
    tuple: lambda value, depth: {"$tuple": _packList(value, depth)},
    set: _packSorted("$set"),
    frozenset: _packSorted("$frozenset"),
    bytes: _packText("$bytes", lambda value: b64encode(value).decode("ascii")),
    datetime: _packText("$datetime", _clock),
    time: _packText("$time", _clock),
    date: _packText("$date", date.isoformat),
    timedelta: _packText(
        "$timedelta", lambda value: [value.days, value.seconds, value.microseconds]
    ),
    UUID: _packText("$uuid", lambda value: value.hex),
    Decimal: _packText("$decimal", str),
}

_UNPACK: dict[str, Callable[[Any], Any]] = {
    "$int": lambda text: int(text, 16),
    "$dict": dict,
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$bytes": lambda text: b64decode(text, validate=True),
    "$datetime": _readDatetime,
    "$time": _readTime,
    "$date": date.fromisoformat,
    "$timedelta": lambda parts: timedelta(*parts),
    "$uuid": lambda text: UUID(int=int(text, 16)),
    "$decimal": Decimal,
}


def _unpack(found: dict[str, Any]) -> Any:
    """
    @param found: an object, what is in it already unpacked.
    @return: what it stands for.
    """
    if len(found) == 1:
        [(tag, value)] = found.items()
        if tag.startswith("$"):
            return _UNPACK[tag](value)
    return found


_read = JSONDecoder(object_hook=_unpack).decode


def _findRefused(value: Any) -> str:
    """
    @param value: can't be written.
    @return: where in it the reason is, and which.
    """
    path = ""
    while True:
        for step, item in _items(value):
            try:
                _pack(item, 0)
            except _Refused as refused:
                if refused.args[0] == _TOO_DEEP:
                    return _TOO_DEEP
                path += step
                value = item
                break
        else:
            break
    try:
        _pack(value, 0)
    except _Refused as refused:
        return f"at {path}, {refused}" if path else str(refused)
    return _TOO_DEEP


def _name(value: object) -> str:
    kind = type(value)
    return f"type {kind.__module__}.{kind.__qualname__}"


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    """
    @param value: perhaps a container.
    @return: how to get to each thing in it, and the thing.
    """
    kind = type(value)
    if kind is dict:
        for key, item in value.items():
            yield f"[key {key!r}]", key
            yield f"[{key!r}]", item
    elif kind in (list, tuple):
        for index, item in enumerate(value):
            yield f"[{index}]", item
    elif kind in (set, frozenset):
        for item in value:
            yield "{...}", item

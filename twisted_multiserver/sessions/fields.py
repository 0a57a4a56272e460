"""
The fields of one session as a request sees them, and what it changed: the algebra of the
delta.

Strategy: what the store said (the base) stays as bytes until somebody looks; values are
decoded one by one.  Nobody has to say that C{session["cart"].append(x)} changed something:
values that can change are written again and compared with their old bytes.  Only what
differs is in the difference, so that requests that change different fields lose nothing.

Invariants: what is visible is the base without what is gone, and with what was assigned;
C{base} is what we know to be stored and changes only when the store has said that a
difference was applied.  A change made while a difference is on its way to the store belongs
to the next one.

A session belongs to one request and is used by one thread at a time, so there are no locks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from twisted_multiserver.sessions.codec import SessionCodec
from twisted_multiserver.sessions.errors import SessionCorrupt, SessionTooLarge
from twisted_multiserver.sessions.sealing import SessionSealing

# A value of these can't change inside.  A tuple can: it may hold a list.
_IMMUTABLE = frozenset(
    (str, int, float, bool, type(None), bytes, datetime, date, time, timedelta, Decimal, UUID)
)
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class FieldRules:
    """
    How fields are written, and how many there may be.

    @ivar codec: writes values.
    @ivar sealing: encrypts them.
    @ivar maxKeys: how many fields a session may have.
    @ivar maxName: how long a name may be, in bytes of UTF-8.
    @ivar maxSize: how large all names and values may be together, in bytes.
    """

    codec: SessionCodec
    sealing: SessionSealing
    maxKeys: int
    maxName: int
    maxSize: int


@dataclass(frozen=True, slots=True)
class FieldChange:
    """
    How the visible fields differ from the stored ones.

    @ivar set: what to store, by name.
    @ivar plain: the same before it was sealed.
    @ivar unset: names that go.
    @ivar clear: whether all goes that isn't in C{set}.
    """

    set: Mapping[str, bytes]
    plain: Mapping[str, bytes]
    unset: frozenset[str]
    clear: bool


class Fields:
    """
    The fields of one session.

    @ivar base: what the store has, as far as we know.
    @ivar birth: of the session.
    """

    __slots__ = ("_assigned", "_cleared", "_gone", "_read", "_rules", "_size", "base", "birth")

    def __init__(self, rules: FieldRules, base: Mapping[str, bytes], birth: bytes) -> None:
        """
        @param rules: how fields are written.
        @param base: what the store has.
        @param birth: of the session.
        """
        self._rules = rules
        self.birth = birth
        self.base = base
        # Values with how they were written when they were assigned.
        self._assigned: dict[str, tuple[Any, bytes]] = {}
        # Values with how they are stored, if they can change inside.
        self._read: dict[str, tuple[Any, bytes | None]] = {}
        self._gone: set[str] = set()
        self._cleared = False
        self._size = len(base)

    def get(self, name: str) -> Any:
        """
        @param name: of a field.
        @return: its value, the same object each time.
        @raise KeyError: if there is none.
        @raise SessionCorrupt: if what is stored can't be read.
        """
        assigned = self._assigned.get(name)
        if assigned is not None:
            return assigned[0]
        read = self._read.get(name)
        if read is not None:
            return read[0]
        if name in self._gone:
            raise KeyError(name)
        stored = self.base[name]
        try:
            plain = self._rules.sealing.open(stored, self.birth, name)
            value = self._rules.codec.decode(plain)
        except SessionCorrupt as error:
            raise SessionCorrupt(f"session[{name!r}]: {error}") from error
        self._read[name] = value, None if type(value) in _IMMUTABLE else plain
        return value

    def put(self, name: str, value: Any) -> None:
        """
        @param name: of a field.
        @param value: for it.
        @raise TypeError: if it can't be stored.
        @raise SessionTooLarge: if there would be too much.
        """
        isNew = name not in self
        if isNew:
            self._checkName(name)
        encoded = self._encode(name, value)
        self._read.pop(name, None)
        self._gone.discard(name)
        self._assigned[name] = value, encoded
        self._size += isNew

    def remove(self, name: str) -> None:
        """
        @param name: of a field.
        @raise KeyError: if there is none.
        """
        if name not in self:
            raise KeyError(name)
        self._assigned.pop(name, None)
        self._read.pop(name, None)
        if name in self.base:
            self._gone.add(name)
        self._size -= 1

    def clear(self) -> None:
        """
        Remove all, also what other requests are just adding.
        """
        self._assigned.clear()
        self._read.clear()
        self._gone.update(self.base)
        self._cleared = True
        self._size = 0

    def __contains__(self, name: object) -> bool:
        return name in self._assigned or (name in self.base and name not in self._gone)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        base, gone = self.base, self._gone
        for name in base:
            if name not in gone:
                yield name
        for name in self._assigned:
            if name not in base:
                yield name

    def difference(self) -> FieldChange | None:
        """
        @return: how the visible fields differ from the stored ones; L{None} if they don't.
        @raise TypeError: if a value was changed into one that can't be stored.
        @raise SessionTooLarge: if there is too much.
        """
        plain: dict[str, bytes] = {}
        for name, (value, before) in self._assigned.items():
            encoded = before if type(value) in _IMMUTABLE else self._encode(name, value)
            if self._cleared or not self._hasStored(name, encoded):
                plain[name] = encoded
        for name, (value, stored) in self._read.items():
            if stored is not None:
                encoded = self._encode(name, value)
                if encoded != stored:
                    plain[name] = encoded
        if not (plain or self._gone or self._cleared):
            return None
        seal = self._rules.sealing.seal
        changed = {name: seal(value, self.birth, name) for name, value in plain.items()}
        self._checkSize(changed)
        unset = frozenset() if self._cleared else frozenset(self._gone)
        return FieldChange(changed, plain, unset, self._cleared)

    def applied(self, change: FieldChange) -> None:
        """
        The store has what was different.

        @param change: as L{difference} gave it; more may have changed since.
        """
        visible = set(self)
        base = {} if change.clear else dict(self.base)
        for name in change.unset:
            base.pop(name, None)
        base.update(change.set)
        for name, plain in change.plain.items():
            read = self._read.get(name)
            if read is not None and read[1] is not None:
                self._read[name] = read[0], plain
        self.base = base
        self._gone = {name for name in base if name not in visible}
        self._cleared = False

    def revert(self) -> None:
        """
        Forget all changes.
        """
        self._assigned.clear()
        self._read.clear()
        self._gone.clear()
        self._cleared = False
        self._size = len(self.base)

    def _encode(self, name: str, value: Any) -> bytes:
        try:
            encoded = self._rules.codec.encode(value)
        except TypeError as error:
            raise TypeError(f"session[{name!r}]: {error}") from error
        if len(encoded) > self._rules.maxSize:
            raise SessionTooLarge(
                f"session[{name!r}] has {len(encoded)} bytes;"
                f" a session may have {self._rules.maxSize}"
            )
        return encoded

    def _hasStored(self, name: str, encoded: bytes) -> bool:
        stored = self.base.get(name)
        if stored is None:
            return False
        try:
            return self._rules.sealing.open(stored, self.birth, name) == encoded
        except SessionCorrupt:
            return False

    def _checkName(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"session[{name!r}]: names are strings")
        try:
            size = _size(name)
        except UnicodeEncodeError as error:
            raise TypeError(f"session[{name!r}]: such a name can't be stored") from error
        if size > self._rules.maxName:
            raise SessionTooLarge(
                f"session[{name[:40]!r}...]: the name has {size} bytes;"
                f" names may have {self._rules.maxName}"
            )
        if self._size >= self._rules.maxKeys:
            raise SessionTooLarge(
                f"session[{name!r}] would be one more than the {self._rules.maxKeys}"
                " fields that a session may have"
            )

    def _checkSize(self, changed: Mapping[str, bytes]) -> None:
        if not changed:
            # It only became smaller.
            return
        base, gone = self.base, self._gone
        total = sum(_size(name) + len(value) for name, value in changed.items())
        total += sum(
            _size(name) + len(value)
            for name, value in base.items()
            if name not in gone and name not in changed
        )
        if total > self._rules.maxSize:
            largest = max(changed, key=lambda name: len(changed[name]))
            raise SessionTooLarge(
                f"session[{largest!r}] has {len(changed[largest])} bytes, and the session"
                f" {total} in all; it may have {self._rules.maxSize}"
            )


def _size(name: str) -> int:
    return len(name) if name.isascii() else len(name.encode("utf-8"))

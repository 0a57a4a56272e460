"""
What goes to a store and comes back.

Invariants: stores see bytes only and interpret none of them; a delta says what changes and
nothing of what stays, so that requests that change different keys never undo each other's
work; it carries the identity of its operation, so that a repeated one is recognised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from secrets import token_bytes

KEY_SIZE = 32
OPERATION_SIZE = 16
# How many operations a record remembers; so many others may come between an operation
# and its repetition.
OPERATIONS_KEPT = 16


class CommitResult(Enum):
    """
    What became of a delta.

    @cvar ok: it is applied, now or by an earlier try of the same operation.
    @cvar gone: there is no such session (any more); nothing was done.
    @cvar conflict: a key isn't what C{expect} says; nothing was done.
    """

    ok = "ok"
    gone = "gone"
    conflict = "conflict"


@dataclass(frozen=True, slots=True)
class StoredSession:
    """
    A session as a store has it.

    @ivar meta: what the record says of itself.
    @ivar fields: the values by their names.
    @ivar ttl: how long it has left, in seconds; above 0.
    @ivar principal: whom it belongs to; empty for nobody.
    """

    meta: bytes
    fields: Mapping[str, bytes]
    ttl: float
    principal: str = ""


def newOperation() -> bytes:
    """
    @return: the identity of one operation, L{OPERATION_SIZE} random bytes.
    """
    return token_bytes(OPERATION_SIZE)


@dataclass(frozen=True, slots=True)
class SessionDelta:
    """
    A change of one session.

    It is applied in the order C{expect}, C{clear}, C{unset}, C{set}; a name is in at most
    one of C{set} and C{unset}.

    @ivar ttl: how long the session lives from now on, in seconds; above 0.
    @ivar create: whether this is a new session.  A delta without it never creates one; one
        with it finds L{CommitResult.conflict} if the session is there already.
    @ivar set: new values by their names.
    @ivar unset: names that go.
    @ivar clear: whether all values go that aren't in C{set}.
    @ivar principal: whom it belongs to from now on, empty for nobody; L{None} to leave that
        as it is.
    @ivar expect: what values must be for the delta to be applied, L{None} for not there.
    @ivar meta: what the record says of itself from now on; L{None} to leave that as it is.
        A delta that creates has it.
    @ivar operation: the identity of this operation.
    """

    ttl: float
    create: bool = False
    set: Mapping[str, bytes] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()
    clear: bool = False
    principal: str | None = None
    expect: Mapping[str, bytes | None] = field(default_factory=dict)
    meta: bytes | None = None
    operation: bytes = field(default_factory=newOperation)

"""
How what a session adds to the head of a response goes together with what the application has
put there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Field = tuple[bytes, bytes]


def mergeFields(application: Sequence[Field], session: Iterable[Field]) -> list[Field]:
    """
    Add a session's fields to a head.

    C{Vary} is extended, unless it says so already.  C{Cache-Control} becomes C{no-store}
    alone: whatever the application said was not about a response with this cookie.  Cookies
    are added.

    @param application: the fields of the head, names in any case.
    @param session: fields of a session, names in lower case.
    @return: all fields.
    """
    merged = list(application)
    for name, value in session:
        if name == b"vary":
            there = [old for key, old in merged if key.lower() == name]
            merged = _without(name, merged)
            merged.append((name, mergedVary(there, value)))
        else:
            if name == b"cache-control":
                merged = _without(name, merged)
            merged.append((name, value))
    return merged


def mergedVary(values: Sequence[bytes], more: bytes) -> bytes:
    """
    @param values: of all C{Vary} fields that are there.
    @param more: what to add.
    @return: the value of the one that is to be there.
    """
    members = [member.strip() for value in values for member in value.split(b",")]
    members = [member for member in members if member]
    if b"*" in members:
        return b"*"
    if more.lower() not in (member.lower() for member in members):
        members.append(more)
    return b", ".join(members)


def _without(name: bytes, fields: Sequence[Field]) -> list[Field]:
    return [field for field in fields if field[0].lower() != name]

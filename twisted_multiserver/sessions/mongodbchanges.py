"""
What is said to MongoDB: a session as one document, and its changes as pipelines::

    {_id: key, x: when it ends, m: what the record says of itself, p: principal,
     o: [operations], d: {k<name in hexadecimal>: value}}

Names are in hexadecimal, since those with a dot, a dollar, a NUL or nothing in them can't be
names of MongoDB's fields; values are C{Binary}, and within C{$literal}, so that nothing of
them is ever taken for an expression.  Whether a session's time is over is judged by the
server's clock (C{$$NOW}).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson.binary import Binary

from twisted_multiserver.sessions.record import OPERATIONS_KEPT, SessionDelta, StoredSession

Expression = dict[str, Any]

ALIVE: Expression = {"$gt": ["$x", "$$NOW"]}
_MILLISECONDS = 1000


def fieldName(name: str) -> str:
    """
    @param name: of a session's field.
    @return: what the document calls it.
    """
    return "k" + name.encode("utf-8", "surrogatepass").hex()


def plainName(name: str) -> str:
    """
    @param name: in the document.
    @return: of the session's field.
    """
    return bytes.fromhex(name[1:]).decode("utf-8", "surrogatepass")


def literal(value: bytes) -> Expression:
    """
    @param value: any bytes.
    @return: an expression for them.
    """
    return {"$literal": Binary(value)}


def ending(ttl: float) -> Expression:
    """
    @param ttl: in seconds.
    @return: when a session ends that has so long to live.
    """
    return {"$add": ["$$NOW", max(1, round(ttl * _MILLISECONDS))]}


def condition(delta: SessionDelta) -> Expression:
    """
    @param delta: of a session that is there.
    @return: whether it may be applied, and was not applied before.
    """
    terms: list[Expression] = [ALIVE, {"$not": [{"$in": [literal(delta.operation), "$o"]}]}]
    for name, value in delta.expect.items():
        there = f"$d.{fieldName(name)}"
        if value is None:
            terms.append({"$eq": [{"$type": there}, "missing"]})
        else:
            terms.append({"$eq": [there, literal(value)]})
    return {"$and": terms}


def changes(delta: SessionDelta) -> list[Expression]:
    """
    @param delta: of a session that is there.
    @return: a pipeline that applies it.
    """
    set_: Expression = {"x": ending(delta.ttl), "o": _remembered(delta)}
    if delta.meta is not None:
        set_["m"] = literal(delta.meta)
    if delta.principal is not None:
        set_["p"] = {"$literal": delta.principal}
    if delta.clear:
        set_["d"] = _values(delta.set)
    else:
        for name, value in delta.set.items():
            set_[f"d.{fieldName(name)}"] = literal(value)
    pipeline: list[Expression] = [{"$set": set_}]
    if delta.unset and not delta.clear:
        pipeline.append({"$unset": [f"d.{fieldName(name)}" for name in delta.unset]})
    return pipeline


def beginning(key: bytes, delta: SessionDelta) -> list[Expression]:
    """
    @param key: of the session.
    @param delta: creates it.
    @return: a pipeline that makes it, unless there is one whose time isn't over.
    """
    made = {
        "_id": literal(key),
        "x": ending(delta.ttl),
        "m": literal(delta.meta or b""),
        "p": {"$literal": delta.principal or ""},
        "o": [literal(delta.operation)],
        "d": _values(delta.set),
    }
    return [{"$replaceWith": {"$cond": [ALIVE, "$$ROOT", made]}}]


def moved(document: Mapping[str, Any], key: bytes, delta: SessionDelta) -> list[Expression]:
    """
    @param document: a session that was taken out.
    @param key: its new one.
    @param delta: what changes besides.
    @return: a pipeline that puts it back in under that key.
    """
    fields = {} if delta.clear else dict(document["d"])
    for name in delta.unset:
        fields.pop(fieldName(name), None)
    fields.update({fieldName(name): Binary(value) for name, value in delta.set.items()})
    meta = document["m"] if delta.meta is None else Binary(delta.meta)
    principal = document["p"] if delta.principal is None else delta.principal
    operations = [*document["o"], Binary(delta.operation)][-OPERATIONS_KEPT:]
    made = {
        "_id": literal(key),
        "x": ending(delta.ttl),
        "m": {"$literal": meta},
        "p": {"$literal": principal},
        "o": {"$literal": operations},
        "d": {"$literal": fields},
    }
    return [{"$replaceWith": {"$cond": [ALIVE, "$$ROOT", made]}}]


# How a session is looked at: its time left in milliseconds by the server's clock.
LOOK: Expression = {"m": 1, "p": 1, "o": 1, "d": 1, "left": {"$subtract": ["$x", "$$NOW"]}}


def stored(document: Mapping[str, Any]) -> StoredSession | None:
    """
    @param document: as L{LOOK} shows it.
    @return: the session; L{None} if its time is over.
    @raise KeyError: if it is none.
    @raise ValueError: if it is none.
    """
    left = document["left"]
    if left <= 0:
        return None
    fields = {plainName(name): bytes(value) for name, value in document["d"].items()}
    return StoredSession(bytes(document["m"]), fields, left / _MILLISECONDS, document["p"])


def _remembered(delta: SessionDelta) -> Expression:
    every = {"$concatArrays": ["$o", [literal(delta.operation)]]}
    return {"$slice": [every, -OPERATIONS_KEPT]}


def _values(values: Mapping[str, bytes]) -> Expression:
    return {"$literal": {fieldName(name): Binary(value) for name, value in values.items()}}

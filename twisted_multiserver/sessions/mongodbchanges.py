"""
What is said to MongoDB: a session as one document, and its changes as pipelines::

    {_id: key, x: when it ends, m: what the record says of itself, p: principal,
     o: [operations], d: {k<name in hexadecimal>: value}}

A session that is being given another key has C{r}, the operation that does it, and is none
from then on: no request finds it, and only a repetition of that operation takes it up.  When
the session is there under its new key, all but that is wiped; the rest goes with its time.

Names are in hexadecimal, since those with a dot, a dollar, a NUL or nothing in them can't be
names of MongoDB's fields; values are C{Binary}, and within C{$literal}, so that nothing of
them is ever taken for an expression.  Whether a session's time is over is judged by the
server's clock (C{$$NOW}).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bson.binary import Binary

from twisted_multiserver.sessions.errors import SessionCorrupt
from twisted_multiserver.sessions.record import OPERATIONS_KEPT, SessionDelta, StoredSession

Expression = dict[str, Any]

CORRUPT = "mongodb: what is stored under the key of a session is none"

_IS_THERE: Expression = {"$eq": [{"$type": "$r"}, "missing"]}
# Also of one that is being given another key.
HAS_TIME: Expression = {"$gt": ["$x", "$$NOW"]}
ALIVE: Expression = {"$and": [HAS_TIME, _IS_THERE]}
# Whether it is made as a session is.
_IS_WELL: Expression = {
    "$and": [
        {"$eq": [{"$type": f"${name}"}, kind]}
        for name, kind in (("x", "date"), ("m", "binData"), ("p", "string"), ("d", "object"))
    ]
    + [{"$isArray": "$o"}]
}
_MILLISECONDS = 1000
_EPOCH = datetime(1970, 1, 1)
# How long it is remembered that a session was given another key, in seconds: longer than
# any repetition takes.
_ROTATION_KEPT = 60.0


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


def serverSeconds(moment: datetime) -> float:
    """
    @param moment: as the server tells it.
    @return: in seconds.
    """
    return (moment - _EPOCH).total_seconds()


def condition(delta: SessionDelta, until: float | None = None) -> Expression:
    """
    @param delta: of a session that is there.
    @param until: when it is too late to apply it, in seconds of the server's clock; L{None}
        for never.
    @return: whether it may be applied, and was not applied before.
    """
    # There are none in what was wiped or damaged, and no order in which the server looks at the
    # terms.
    operations = {"$cond": [{"$isArray": "$o"}, "$o", []]}
    terms: list[Expression] = [
        ALIVE,
        _IS_WELL,
        {"$not": [{"$in": [literal(delta.operation), operations]}]},
    ]
    if until is not None:
        terms.append({"$lt": ["$$NOW", _EPOCH + timedelta(seconds=until)]})
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


def claimed(delta: SessionDelta) -> list[Expression]:
    """
    @param delta: comes with another key.
    @return: a pipeline after which the session is none.
    """
    return [{"$set": {"r": literal(delta.operation), "x": ending(_ROTATION_KEPT)}}]


def wiped() -> list[Expression]:
    """
    @return: a pipeline that leaves nothing of a session but that it has another key.
    """
    return [{"$replaceWith": {"_id": "$_id", "x": ending(_ROTATION_KEPT), "r": "$r"}}]


def moved(document: Mapping[str, Any], key: bytes, delta: SessionDelta) -> list[Expression]:
    """
    @param document: a session that was claimed.
    @param key: its new one.
    @param delta: what changes besides.
    @return: a pipeline that puts it in under that key.
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


# How a session is looked at: the server's time, and how much of its time is left by that in
# milliseconds, 0 for one that is being given another key, and null for what doesn't end.
LOOK: Expression = {
    "m": 1,
    "p": 1,
    "o": 1,
    "d": 1,
    "now": "$$NOW",
    "left": {
        "$switch": {
            "branches": [
                {"case": {"$not": [_IS_THERE]}, "then": 0},
                {
                    "case": {"$eq": [{"$type": "$x"}, "date"]},
                    "then": {"$subtract": ["$x", "$$NOW"]},
                },
            ],
            "default": None,
        }
    },
}


def isAlive(document: Mapping[str, Any] | None) -> bool:
    """
    @param document: as L{LOOK} shows it; L{None} if there is none.
    @return: whether it is a session whose time isn't over.
    @raise SessionCorrupt: if it is something else.
    """
    if document is None:
        return False
    left = document["left"]
    if left is not None and left <= 0:
        return False
    # Asked here, since that takes the server far longer.
    isWell = left is not None and all(
        isinstance(document.get(name), kind)
        for name, kind in (("m", bytes), ("p", str), ("d", dict), ("o", list))
    )
    if not isWell:
        raise SessionCorrupt(CORRUPT)
    return True


def stored(document: Mapping[str, Any] | None) -> StoredSession | None:
    """
    @param document: as L{LOOK} shows it; L{None} if there is none.
    @return: the session; L{None} if there is none, or its time is over.
    @raise SessionCorrupt: if it is something else.
    """
    if document is None or not isAlive(document):
        return None
    try:
        fields = {plainName(name): bytes(value) for name, value in document["d"].items()}
    except (TypeError, ValueError) as error:
        raise SessionCorrupt(CORRUPT) from error
    return StoredSession(
        bytes(document["m"]), fields, document["left"] / _MILLISECONDS, document["p"]
    )


def _remembered(delta: SessionDelta) -> Expression:
    every = {"$concatArrays": ["$o", [literal(delta.operation)]]}
    return {"$slice": [every, -OPERATIONS_KEPT]}


def _values(values: Mapping[str, bytes]) -> Expression:
    return {"$literal": {fieldName(name): Binary(value) for name, value in values.items()}}

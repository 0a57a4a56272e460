"""
What tests of fields need: rules, an encryption that is none, a store of one session.
"""

from __future__ import annotations

from typing import Any

from twisted_multiserver.sessions.codec import TaggedJSON
from twisted_multiserver.sessions.errors import SessionCorrupt
from twisted_multiserver.sessions.fields import FieldChange, FieldRules
from twisted_multiserver.sessions.sealing import NoSealing, SessionSealing

BIRTH = b"b" * 16
codec = TaggedJSON()


class ReversedSealing:
    """
    Not very secret, but never twice the same, as real encryption.
    """

    def __init__(self) -> None:
        self._count = 0

    def seal(self, plain: bytes, birth: bytes, name: str) -> bytes:
        self._count += 1
        return b"%08d" % self._count + plain[::-1]

    def open(self, sealed: bytes, birth: bytes, name: str) -> bytes:
        if not sealed[:8].isdigit():
            raise SessionCorrupt("not sealed")
        return sealed[:7:-1]


def rules(sealing: SessionSealing | None = None, **limits: int) -> FieldRules:
    """
    @return: rules with some limits.
    """
    usual = {"maxKeys": 512, "maxName": 200, "maxSize": 1 << 18}
    return FieldRules(codec, sealing or NoSealing(), **{**usual, **limits})


def written(sealing: SessionSealing, values: dict[str, Any]) -> dict[str, bytes]:
    """
    @return: values as they are stored.
    """
    return {name: sealing.seal(codec.encode(value), BIRTH, name) for name, value in values.items()}


def applied(stored: dict[str, bytes], change: FieldChange | None) -> dict[str, bytes]:
    """
    @return: what a store makes of a change.
    """
    if change is None:
        return stored
    kept = {
        name: value
        for name, value in stored.items()
        if not change.clear and name not in change.unset
    }
    return kept | dict(change.set)

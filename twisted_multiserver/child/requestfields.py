"""
The fields of a request, as twisted.web's requests keep them.

C{Headers.addRawHeader} asks three functions for each field, and cleans values that the core has
read strictly already: a sixth of all that a browser's request costs.  So they are put where it
would put them, as long as it has that place (a test holds both ways equal).
"""

from __future__ import annotations

from typing import Final

from twisted.web.http_headers import Headers

from twisted_multiserver.http1.heads import Fields

# What clients send differs little; but they may send anything.
_NAMES_LIMIT: Final = 1000
_names: dict[bytes, bytes] = {}
_hasPlace: Final = type(getattr(Headers(), "_rawHeaders", None)) is dict


def addFields(headers: Headers, fields: Fields) -> None:
    """
    @param headers: of a request.
    @param fields: names and values, checked.
    """
    if not _hasPlace:
        for name, value in fields:
            headers.addRawHeader(name, value)
        return
    place = headers._rawHeaders
    for name, value in fields:
        known = _names.get(name) or _learn(name)
        if known in place:
            place[known].append(value)
        else:
            place[known] = [value]


def _learn(name: bytes) -> bytes:
    """
    @param name: of a field.
    @return: as twisted.web writes it.
    """
    headers = Headers()
    headers.addRawHeader(name, b"")
    ((known, _),) = headers.getAllRawHeaders()
    if len(_names) < _NAMES_LIMIT:
        _names[name] = known
    return known

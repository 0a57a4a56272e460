"""
The Cookie field: pairs, as browsers send them.

Strategy: RFC 6265 section 5.4 says how a user agent writes it, section 4.2.1 what it
looks like: pairs with "; " between them.  Real clients and applications are laxer, so
only what is asked for is looked at, and everything else passes as it is.
"""

from __future__ import annotations

from twisted_multiserver.http1.heads import Fields, fieldValues


def _pairs(fields: Fields) -> list[bytes]:
    return [
        pair.strip(b" \t") for value in fieldValues(fields, b"cookie") for pair in value.split(b";")
    ]


def _isNamed(pair: bytes, name: bytes) -> bool:
    return pair.partition(b"=")[0].rstrip(b" \t") == name


def cookieValues(fields: Fields, name: bytes) -> list[bytes]:
    """
    Find a cookie.

    @param fields: of a request.
    @param name: of the cookie.
    @return: every value that the client sent by that name, in the order of the fields.
    """
    return [
        pair.partition(b"=")[2].strip(b" \t") for pair in _pairs(fields) if _isNamed(pair, name)
    ]


def withoutCookie(fields: Fields, name: bytes) -> Fields:
    """
    Leave out a cookie.

    @param fields: of a request.
    @param name: of the cookie.
    @return: the same fields if the cookie isn't among them; else without it, and
        without a Cookie field that would be empty.
    """
    if not any(_isNamed(pair, name) for pair in _pairs(fields)):
        return fields
    left = []
    for field in fields:
        if field[0].lower() != b"cookie":
            left.append(field)
            continue
        pairs = [pair.strip(b" \t") for pair in field[1].split(b";")]
        rest = [pair for pair in pairs if pair and not _isNamed(pair, name)]
        if rest:
            left.append((field[0], b"; ".join(rest)))
    return tuple(left)

"""
The grammar of heads, as pieces of regular expressions.

Strategy: a head is matched as a whole, once, by one expression of possessive pieces: a
byte is looked at once and never again, so matching is linear whatever the bytes are.
The expression knows plain field lines, which pass as they are, and a few special ones,
whose values are captured; a head with anything else is for the reader that goes line by
line.

Source: RFC 9110 section 5.6.2 (tokens), section 5.5 (values); RFC 9112 section 3.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_TOKEN_CHARACTERS = r"!#$%&'*+\-.^_`|~0-9A-Za-z"
TOKEN = rf"[{_TOKEN_CHARACTERS}]++"
VALUE = r"[\t\x20-\x7e\x80-\xff]*+"
# Neither blank at its ends nor empty.
TRIMMED = r"[\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*+(?<![ \t])"
# A URI's characters (RFC 3986), and those that clients forget to encode; no fragment.
TARGET = r"[\x21\x22\x24-\x7e]++"

isToken = re.compile(TOKEN.encode()).fullmatch
isValue = re.compile(VALUE.encode()).fullmatch
isTarget = re.compile(TARGET.encode()).fullmatch
matchField = re.compile(rf"({TOKEN}):({VALUE})".encode()).fullmatch
# A line's end that isn't CR LF, as far as that can be told, or a NUL.
findBareEnd = re.compile(rb"(?<!\r)\n|\r(?!\n)(?=.)|\x00", re.S).search


def findFields(lines: bytes) -> list[tuple[bytes, bytes]]:
    """
    @param lines: of fields, checked before, trimmed, each with its CRLF.
    @return: names and values.
    """
    # Half the cost of an expression.
    fields = []
    for line in lines.split(b"\r\n"):
        if line:
            name, _, value = line.partition(b": ")
            fields.append((name, value))
    return fields


def caseless(name: str) -> str:
    """
    @param name: a field's name in lower case; C{~} in it stands for C{-} and C{_}.
    @return: an expression for it in any case (flags make matching slower).
    """
    return "".join(
        "[-_]" if each == "~" else f"[{each.upper()}{each}]" if each.isalpha() else re.escape(each)
        for each in name
    )


def plainLines(
    notThese: Iterable[str],
    notBeginning: Iterable[str] = (),
    common: Iterable[str] = (),
    often: Iterable[str] = (),
) -> str:
    """
    @param notThese: names, in lower case, that are not plain.
    @param notBeginning: beginnings of names that are not plain.
    @param common: names that are plain, as they are mostly written; what they begin with is
        known without a closer look.
    @param often: lines that are not plain, as they mostly begin; so are these.
    @return: an expression for any number of lines with other names, each with one blank
        before its value and none behind.
    """
    tails: dict[str, list[str]] = {}
    begins = [*(f"{name}:" for name in notThese), *notBeginning]
    for name in begins:
        tails.setdefault(name[0], []).append(caseless(name[1:]))
    initials = "".join(letter.upper() + letter for letter in tails)
    safe = "".join(
        re.escape(letter)
        for letter in map(chr, range(33, 127))
        if letter not in initials and isToken(letter.encode())
    )
    known = {re.escape(_tellingPart(name, begins)) for name in common if name[0] in initials}
    others = "|".join(
        f"{caseless(letter)}(?!{'|'.join(found)})" for letter, found in sorted(tails.items())
    )
    rest = rf"[{_TOKEN_CHARACTERS}]*+: {TRIMMED}\r\n"
    plain = rf"(?:[{safe}]{rest})*+"
    stop = f"(?!{'|'.join(often)})" if often else ""
    choice = "|".join([*sorted(known), others])
    return rf"{plain}(?:(?=[{initials}]){stop}(?:{choice}){rest}{plain})*+"


def _tellingPart(name: str, others: Iterable[str]) -> str:
    """
    @return: so much of a name's beginning that none of the others begins with it.
    """
    beginnings = [name[:size] for size in range(1, len(name) + 1)]
    taken = tuple(other.replace("~", "-") for other in others)
    return next(
        begin
        for begin in beginnings
        if not any(other.startswith(begin.lower().replace("_", "-")) for other in taken)
    )

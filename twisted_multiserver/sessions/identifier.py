"""
A session's identifier: what the browser shows, and never the store nor a log.

32 random bytes need no signature: guessing one is hopeless.  The store's key is its SHA-256,
so that who reads the store can't continue anybody's session.  The shape is checked before
anything is asked of the store (OWASP Session Management Cheat Sheet).
"""

from __future__ import annotations

import re
from hashlib import sha256
from secrets import token_urlsafe

_ENTROPY = 32
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII).fullmatch


def newId() -> str:
    """
    @return: an identifier that nobody else has, 43 characters of base64url.
    """
    return token_urlsafe(_ENTROPY)


def isWellFormed(candidate: str) -> bool:
    """
    @param candidate: what a client shows.
    @return: whether it could be an identifier.
    """
    return _WELL_FORMED(candidate) is not None


def keyOf(identifier: str) -> bytes:
    """
    @param identifier: well formed.
    @return: the key of its session in the store, 32 bytes.
    """
    return sha256(identifier.encode("ascii")).digest()


def label(key: bytes) -> str:
    """
    @param key: of a session.
    @return: 8 hexadecimal digits that tell sessions apart in a log, and don't lead to one.
    """
    return key[:4].hex()

"""
Encryption of what is stored: AES-GCM, each field by itself.

A sealed field is C{0x01}, the key's mark (4 bytes), the nonce (12 random bytes), the
ciphertext and its tag (16 bytes).  It is bound to its session (by its birth) and its name: a
field that somebody moves, in the store, to another session or name doesn't open.  The first
key seals, all open, so that keys can be exchanged while sessions live.

Names of fields, principals, dates and lengths stay readable.  Random nonces allow 2**32 fields
sealed per key (NIST SP 800-38D, 8.3); exchange keys before.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from secrets import token_bytes
from typing import Protocol

from twisted_multiserver.errors import ConfigError
from twisted_multiserver.sessions.errors import SessionCorrupt

KEY_SIZES = (16, 24, 32)
_VERSION = b"\x01"
_MARK_SIZE = 4
_NONCE_SIZE = 12
_TAG_SIZE = 16
_NONCE_START = len(_VERSION) + _MARK_SIZE
_START = _NONCE_START + _NONCE_SIZE
_NEEDS = "encrypting sessions needs cryptography: pip install 'twisted_multiserver[encryption]'"


class SessionSealing(Protocol):
    """
    Turns encoded fields into what is stored, and back.
    """

    def seal(self, plain: bytes, birth: bytes, name: str) -> bytes:
        """
        @param plain: the encoded field.
        @param birth: of the session.
        @param name: of the field.
        @return: what to store.
        """

    def open(self, sealed: bytes, birth: bytes, name: str) -> bytes:
        """
        @param sealed: what is stored.
        @param birth: of the session.
        @param name: of the field.
        @return: the encoded field.
        @raise SessionCorrupt: if it was not sealed so, or with no key of ours.
        """


class NoSealing:
    """
    Stores fields as they are.
    """

    __slots__ = ()

    def seal(self, plain: bytes, birth: bytes, name: str) -> bytes:
        """
        Part of L{SessionSealing}.
        """
        return plain

    def open(self, sealed: bytes, birth: bytes, name: str) -> bytes:
        """
        Part of L{SessionSealing}.
        """
        return sealed


class Sealing:
    """
    Stores fields encrypted.
    """

    __slots__ = ("_ciphers", "_first", "_invalid")

    def __init__(self, keys: Sequence[bytes]) -> None:
        """
        @param keys: of 16, 24 or 32 random bytes; the first seals, all open.
        @raise ConfigError: if there is none, one has another size, or C{cryptography} is
            missing.
        """
        if not keys or any(len(key) not in KEY_SIZES for key in keys):
            raise ConfigError("encrypting sessions needs one or more keys of 16, 24 or 32 bytes")
        try:
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as error:
            raise ConfigError(_NEEDS) from error
        self._invalid = InvalidTag
        self._first = _mark(keys[0]), AESGCM(keys[0])
        # Marks are short: two keys may have the same.
        self._ciphers: dict[bytes, list[AESGCM]] = {}
        for key in keys:
            self._ciphers.setdefault(_mark(key), []).append(AESGCM(key))

    def seal(self, plain: bytes, birth: bytes, name: str) -> bytes:
        """
        Part of L{SessionSealing}.
        """
        mark, cipher = self._first
        nonce = token_bytes(_NONCE_SIZE)
        return _VERSION + mark + nonce + cipher.encrypt(nonce, plain, birth + name.encode("utf-8"))

    def open(self, sealed: bytes, birth: bytes, name: str) -> bytes:
        """
        Part of L{SessionSealing}.
        """
        if len(sealed) < _START + _TAG_SIZE or sealed[:1] != _VERSION:
            raise SessionCorrupt("it is not encrypted as it should be")
        ciphers = self._ciphers.get(sealed[1:_NONCE_START])
        if ciphers is None:
            raise SessionCorrupt("it is encrypted with a key that is not given")
        for cipher in ciphers:
            try:
                return cipher.decrypt(
                    sealed[_NONCE_START:_START], sealed[_START:], birth + name.encode("utf-8")
                )
            except self._invalid:
                continue
        raise SessionCorrupt("it was changed, or moved here from another place, in the store")


def _mark(key: bytes) -> bytes:
    return sha256(b"twisted_multiserver session key\0" + key).digest()[:_MARK_SIZE]

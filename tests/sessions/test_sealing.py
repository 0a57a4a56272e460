"""
Tests of encryption.
"""

from __future__ import annotations

from secrets import token_bytes
from unittest import SkipTest

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.errors import ConfigError
from twisted_multiserver.sessions.errors import SessionCorrupt
from twisted_multiserver.sessions.sealing import NoSealing, Sealing

try:
    import cryptography  # noqa: F401
except ImportError as error:
    raise SkipTest("cryptography is not installed") from error

OLD, NEW = b"o" * 32, b"n" * 16
BIRTH = b"b" * 16


class SealingTests(SynchronousTestCase):
    """
    L{Sealing}.
    """

    @given(st.binary(max_size=100), st.text(max_size=10), st.sampled_from([16, 24, 32]))
    def test_roundTrip(self, plain: bytes, name: str, size: int) -> None:
        """
        What was sealed opens, and doesn't show.
        """
        sealing = Sealing([token_bytes(size)])
        name = name.encode("utf-8", "replace").decode()
        sealed = sealing.seal(plain, BIRTH, name)
        self.assertEqual(sealing.open(sealed, BIRTH, name), plain)
        if len(plain) > 4:
            self.assertNotIn(plain, sealed)

    def test_differs(self) -> None:
        """
        The same is never sealed the same.
        """
        sealing = Sealing([NEW])
        self.assertNotEqual(sealing.seal(b"x", BIRTH, "a"), sealing.seal(b"x", BIRTH, "a"))

    def test_exchange(self) -> None:
        """
        The first key seals, all open; one that is gone doesn't.
        """
        before = Sealing([OLD]).seal(b"before", BIRTH, "a")
        both = Sealing([NEW, OLD])
        self.assertEqual(both.open(before, BIRTH, "a"), b"before")
        after = both.seal(b"after", BIRTH, "a")
        self.assertEqual(Sealing([NEW]).open(after, BIRTH, "a"), b"after")
        error = self.assertRaises(SessionCorrupt, Sealing([OLD]).open, after, BIRTH, "a")
        self.assertIn("a key that is not given", str(error))

    def test_bound(self) -> None:
        """
        It opens for no other session, under no other name.
        """
        sealing = Sealing([NEW])
        sealed = sealing.seal(b"x", BIRTH, "a")
        self.assertRaises(SessionCorrupt, sealing.open, sealed, b"c" * 16, "a")
        self.assertRaises(SessionCorrupt, sealing.open, sealed, BIRTH, "b")

    @given(st.integers(min_value=0), st.integers(min_value=0, max_value=7))
    def test_changed(self, place: int, bit: int) -> None:
        """
        Not a bit can be changed, nothing cut off or put on.
        """
        sealing = Sealing([NEW])
        sealed = bytearray(sealing.seal(b"some value", BIRTH, "a"))
        place %= len(sealed)
        cut = bytes(sealed[:place])
        sealed[place] ^= 1 << bit
        for bad in (bytes(sealed), cut, bytes(sealed) + b"x"):
            self.assertRaises(SessionCorrupt, sealing.open, bad, BIRTH, "a")

    def test_plain(self) -> None:
        """
        What was stored before there was encryption doesn't pass for sealed.
        """
        self.assertRaises(SessionCorrupt, Sealing([NEW]).open, b'"' + b"x" * 60, BIRTH, "a")

    def test_keys(self) -> None:
        """
        Keys of other sizes are refused, and none at all.
        """
        for keys in ([], [b""], [NEW, b"x" * 31]):
            self.assertRaises(ConfigError, Sealing, keys)

    def test_none(self) -> None:
        """
        Without encryption, values are stored as they are.
        """
        self.assertEqual(NoSealing().seal(b"x", BIRTH, "a"), b"x")
        self.assertEqual(NoSealing().open(b"x", BIRTH, "a"), b"x")

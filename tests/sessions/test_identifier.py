"""
Tests of identifiers.
"""

from __future__ import annotations

from hashlib import sha256

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions.identifier import isWellFormed, keyOf, label, newId


class IdentifierTests(SynchronousTestCase):
    """
    What the browser shows, and what the store sees of it.
    """

    def test_new(self) -> None:
        """
        An identifier is well formed, and no two are the same.
        """
        identifiers = {newId() for _ in range(1000)}
        self.assertEqual(len(identifiers), 1000)
        self.assertTrue(all(isWellFormed(identifier) for identifier in identifiers))

    def test_malformed(self) -> None:
        """
        Whatever is longer, shorter or has other characters is none.
        """
        good = newId()
        for bad in (
            "",
            good[:-1],
            good + "A",
            good + "\n",
            good[:-1] + "\n",
            good[:-1] + "=",
            good[:-1] + "+",
            good[:-1] + "é",
            good[:-1] + "٣",
            " " + good[1:],
        ):
            self.assertFalse(isWellFormed(bad), bad)

    def test_key(self) -> None:
        """
        The store's key is a hash; the label is its beginning.
        """
        identifier = newId()
        key = keyOf(identifier)
        self.assertEqual(key, sha256(identifier.encode()).digest())
        self.assertEqual(label(key), key.hex()[:8])

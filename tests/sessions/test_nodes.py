"""
Which server has a key.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions.nodes import Nodes

KEYS = [sha256(b"%d" % number).digest() for number in range(3000)]


def _nodes(names: str) -> Nodes[str]:
    return Nodes([(name, name) for name in names])


class NodesTests(SynchronousTestCase):
    def test_one(self) -> None:
        """One server has all."""
        self.assertEqual({_nodes("a").of(key) for key in KEYS}, {"a"})

    def test_all(self) -> None:
        """They can be gone through in the order in which they were named."""
        self.assertEqual(list(_nodes("cab")), ["c", "a", "b"])

    def test_order(self) -> None:
        """The order in which they were named doesn't matter."""
        first, second = _nodes("abc"), _nodes("cab")
        self.assertEqual([first.of(key) for key in KEYS], [second.of(key) for key in KEYS])

    def test_even(self) -> None:
        """Each has about as many."""
        nodes = _nodes("abc")
        for count in Counter(nodes.of(key) for key in KEYS).values():
            self.assertTrue(900 < count < 1100)

    def test_leftOut(self) -> None:
        """Only the keys of a server that is left out move."""
        before, after = _nodes("abc"), _nodes("ab")
        for key in KEYS:
            if before.of(key) != "c":
                self.assertEqual(after.of(key), before.of(key))

    def test_always(self) -> None:
        """All versions agree: sessions are where they were before an update."""
        nodes = _nodes("abc")
        self.assertEqual("".join(nodes.of(key) for key in KEYS[:16]), "bcccbcaaccccaacb")

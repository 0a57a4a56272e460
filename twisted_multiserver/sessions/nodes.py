"""
Which of several servers has a key.

Rule: the one with the highest hash of its name and the key, so that all processes agree
whatever order they name the servers in, and a server that is added or left out moves only
its own share of the keys.  Nobody asks whether a server lives: a key has one place only,
since a copy that went elsewhere while its server was away would come back from the dead
with it.  Source: D. Thaler, C. Ravishankar, "Using Name-Based Mappings to Increase Hit
Rates" (IEEE/ACM ToN 6, 1998).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Generic, TypeVar

Node = TypeVar("Node")


class Nodes(Generic[Node]):
    """
    Finds the server of a key.
    """

    def __init__(self, named: Sequence[tuple[str, Node]]) -> None:
        """
        @param named: the servers, at least one, by names that are the same everywhere.
        """
        self._all = tuple(node for _, node in named)
        # The inner state of a hash that has taken the name already.
        self._seeded = [(blake2b(name.encode(), digest_size=8), node) for name, node in named]

    def __iter__(self) -> Iterator[Node]:
        return iter(self._all)

    def of(self, key: bytes) -> Node:
        """
        @param key: of a session.
        @return: its server.
        """
        if len(self._all) == 1:
            return self._all[0]
        best, found = b"", self._all[0]
        for seeded, node in self._seeded:
            score = seeded.copy()
            score.update(key)
            digest = score.digest()
            if digest > best:
                best, found = digest, node
        return found

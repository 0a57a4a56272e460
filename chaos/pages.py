"""
What is asked for, and what the answers must be.

A page is known by its path alone, which both sides read: C{/page/WAIT/SIZE/PIECES}, with the
wait in milliseconds and the size in bytes.  With no pieces it has a Content-Length; else it
comes in chunks, so many of them, with the wait spread between them.  Its body is made of the
identity of the request (C{X-Id}), so that nobody else's answer is taken for it.

There are few pages and many clients, as it is with most servers: the same request is in flight
at several children at once.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

# Where a session is used.
VISIT = "/visit"

# Responses of at most so many bytes, with a length, are held until they are whole.
HELD = 65536

# How many of each kind: (share of 20, smallest, largest, pieces at most).
_KINDS = (
    (11, 50, 8_000, 0),
    (4, 8_000, 60_000, 0),
    (2, 70_000, 300_000, 0),
    (3, 2_000, 200_000, 8),
)
# The longest waits of pages, in milliseconds, in turns.
_WAITS = (0, 50, 200, 0, 50)


@dataclass(frozen=True, slots=True)
class Page:
    """
    Something that can be asked for.

    @ivar wait: how long it takes, in milliseconds.
    @ivar size: of its body, in bytes.
    @ivar pieces: how many chunks it comes in; 0 if it has a length instead.
    """

    wait: int
    size: int
    pieces: int = 0

    @property
    def path(self) -> str:
        """
        Where it is.
        """
        return f"/page/{self.wait}/{self.size}/{self.pieces}"

    @property
    def isStreamed(self) -> bool:
        """
        Whether its client gets bytes before all are there, which can't be taken back.
        """
        return self.pieces > 0 or self.size > HELD

    def body(self, identity: str) -> bytes:
        """
        @param identity: of the request.
        @return: what the answer must be.
        """
        unit = f"{identity} {self.path}\n".encode()
        return (unit * (self.size // len(unit) + 1))[: self.size]

    def split(self, identity: str) -> list[bytes]:
        """
        @param identity: of the request.
        @return: its chunks; all of it in one if it has a length.
        """
        body = self.body(identity)
        step = -(-self.size // max(self.pieces, 1))
        return [body[start : start + step] for start in range(0, self.size, step)]


def pageAt(path: str) -> Page | None:
    """
    @param path: of a request.
    @return: what it asks for; L{None} if that is no page.
    """
    words = path.split("/")
    if len(words) != 5 or words[1] != "page" or not all(word.isdigit() for word in words[2:]):
        return None
    wait, size, pieces = map(int, words[2:])
    return Page(wait, size, pieces)


def somePages(chance: random.Random) -> list[Page]:
    """
    @param chance: decides.
    @return: twenty pages of all kinds.
    """
    pages = []
    for share, smallest, largest, pieces in _KINDS:
        for number in range(share):
            longest = _WAITS[(number + 1) % len(_WAITS)]
            wait = chance.randint(longest // 2, longest)
            size = chance.randint(smallest, largest)
            pages.append(Page(wait, size, chance.randint(2, pieces) if pieces else 0))
    return pages

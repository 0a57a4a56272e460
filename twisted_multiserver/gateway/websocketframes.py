"""
Where the frames of a WebSocket begin and end (RFC 6455 section 5.2), by their lengths alone.

Invariant: any split of the bytes gives the same; nothing of a payload is looked at or kept.
"""

from __future__ import annotations

from typing import Final

_CLOSE: Final = 0x88
_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
# How many bytes of length follow.
_LONGER: Final = {126: 2, 127: 8}
_MASK: Final = 4


class FrameBoundaries:
    """
    Follows one direction.

    @ivar isBetween: whether all that was followed are whole frames.
    """

    __slots__ = ("_head", "_missing", "isBetween")

    def __init__(self) -> None:
        self.isBetween = True
        self._head = b""
        # Of the present frame's payload, in bytes.
        self._missing = 0

    def follow(self, data: bytes) -> int:
        """
        @param data: comes next.
        @return: where in it the first frame ends, that has begun before it or in it; -1 if
            none does.
        """
        first, place, size = -1, 0, len(data)
        while place < size:
            if not self._missing:
                head = self._head + data[place : place + 14 - len(self._head)]
                length = _lengthOf(head)
                if length is None:
                    self._head = head
                    self.isBetween = False
                    return first
                headSize, self._missing = length
                place += headSize - len(self._head)
                self._head = b""
            taken = min(self._missing, size - place)
            self._missing -= taken
            place += taken
            if not self._missing and first < 0:
                first = place
        self.isBetween = not self._missing
        return first


def _lengthOf(head: bytes) -> tuple[int, int] | None:
    """
    @param head: the first bytes of a frame.
    @return: how long its head is, and its payload; L{None} if that can't be told yet.
    """
    if len(head) < 2:
        return None
    length = head[1] & _LENGTH
    more = _LONGER.get(length, 0)
    size = 2 + more + (_MASK if head[1] & _MASKED else 0)
    if len(head) < size:
        return None
    return size, int.from_bytes(head[2 : 2 + more]) if more else length


def closeFrame(code: int) -> bytes:
    """
    @param code: of RFC 6455 section 7.4.
    @return: a frame of a server that closes.
    """
    return bytes((_CLOSE, 2)) + code.to_bytes(2)

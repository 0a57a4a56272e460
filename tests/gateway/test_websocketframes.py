"""
Where frames end.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.gateway.websocketframes import FrameBoundaries, closeFrame


def frame(size: int, isMasked: bool = False) -> bytes:
    """
    @param size: of its payload.
    @param isMasked: as a client's is.
    @return: a frame.
    """
    if size < 126:
        length = bytes((size,))
    elif size < 65536:
        length = b"\x7e" + size.to_bytes(2)
    else:
        length = b"\x7f" + size.to_bytes(8)
    mask = b"mask" if isMasked else b""
    first = bytes((length[0] | 0x80,)) if isMasked else length[:1]
    return b"\x82" + first + length[1:] + mask + b"\x82" * size


SIZES = st.one_of(st.integers(0, 200), st.sampled_from([125, 126, 127, 65535, 65536, 70000]))


class BoundaryTests(SynchronousTestCase):
    """
    Any frames, split anywhere.
    """

    @given(
        st.lists(st.tuples(SIZES, st.booleans()), min_size=1, max_size=4),
        st.lists(st.integers(0, 150_000), max_size=6),
    )
    def test_anySplit(self, frames: list[tuple[int, bool]], cuts: list[int]) -> None:
        """
        The first end in each piece is where a frame really ends.
        """
        data, ends = b"", []
        for size, isMasked in frames:
            data += frame(size, isMasked)
            ends.append(len(data))
        boundaries, place = FrameBoundaries(), 0
        self.assertTrue(boundaries.isBetween)
        for cut in sorted({min(cut, len(data)) for cut in cuts} | {len(data)}):
            piece = data[place:cut]
            found = boundaries.follow(piece)
            inside = [end - place for end in ends if place < end <= cut]
            self.assertEqual(found, inside[0] if inside else -1)
            place = cut
            self.assertEqual(boundaries.isBetween, place in (0, *ends))

    def test_closeFrame(self) -> None:
        self.assertEqual(closeFrame(1012), b"\x88\x02\x03\xf4")

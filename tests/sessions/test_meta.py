"""
Tests of what a record says of itself.
"""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions.errors import SessionCorrupt
from twisted_multiserver.sessions.meta import BIRTH_SIZE, Meta

_seconds = st.floats(allow_nan=False, allow_infinity=False)
_births = st.binary(min_size=BIRTH_SIZE, max_size=BIRTH_SIZE)


class MetaTests(SynchronousTestCase):
    """
    33 bytes.
    """

    @given(_seconds, _seconds, _births)
    def test_roundTrip(self, created: float, deadline: float, birth: bytes) -> None:
        """
        What is written is read.
        """
        meta = Meta(created, deadline, birth)
        self.assertEqual(Meta.decode(meta.encode()), meta)

    @given(st.binary(max_size=40))
    def test_anything(self, data: bytes) -> None:
        """
        Anything else is corrupt, and nothing worse.
        """
        try:
            Meta.decode(data)
        except SessionCorrupt:
            pass

    def test_corrupt(self) -> None:
        """
        Other layouts, other sizes and no dates are found out.
        """
        good = Meta(1.0, 2.0, b"b" * BIRTH_SIZE).encode()
        dates = struct.pack(">Bdd16s", 1, float("nan"), 2.0, b"")
        endless = struct.pack(">Bdd16s", 1, 1.0, float("inf"), b"")
        for bad in (b"", b"\x02" + good[1:], good[:-1], good + b"x", dates, endless):
            self.assertRaises(SessionCorrupt, Meta.decode, bad)

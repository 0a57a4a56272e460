"""
What is known of a server's clock.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions.serverclock import ServerClock


class ServerClockTests(SynchronousTestCase):
    """
    Our clock is at 1000, the server's elsewhere.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.server = ServerClock(self.clock.seconds)

    def test_nothing(self) -> None:
        """
        Without an answer, or with slow ones alone, nothing is known.
        """
        self.assertIsNone(self.server.serverTime(1000))
        self.clock.advance(1)
        self.server.told(5000, 1000)
        self.assertIsNone(self.server.serverTime(1000))

    @given(st.floats(-1e6, 1e6), st.floats(0, 0.25), st.floats(0, 1))
    def test_neverTooLate(self, lead: float, duration: float, part: float) -> None:
        """
        Whenever the server has looked at its clock, what is made of it is no later than the
        truth, and earlier by no more than the answer took.
        """
        self.setUp()
        asked = self.clock.seconds()
        self.clock.advance(duration)
        self.server.told(asked + part * duration + lead, asked)
        found = self.server.serverTime(2000)
        if found is None:
            # A quarter of a second and the last bit.
            self.assertGreater(self.clock.seconds() - asked, 0.2499)
            return
        self.assertLessEqual(found, 2000 + lead + 1e-6)
        self.assertGreaterEqual(found, 2000 + lead - duration - 1e-6)

    def test_set(self) -> None:
        """
        A slow answer that can't be true makes forget; one that can be doesn't.
        """
        self.server.told(5000, 1000)
        self.clock.advance(3)
        self.server.told(5002, 1000)
        self.assertEqual(self.server.serverTime(1003), 5003)
        self.server.told(9000, 1000)
        self.assertIsNone(self.server.serverTime(1003))

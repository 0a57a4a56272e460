"""
What the clients saw, counted and shown.
"""

from __future__ import annotations

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.chaos.tally import Tally, report


class TallyTests(SynchronousTestCase):
    """
    Counting.
    """

    def test_nothing(self) -> None:
        """
        Nobody has asked.
        """
        tally = Tally()
        self.assertEqual((tally.errors, tally.longest, tally.percentile(0.99)), (0, 0, 0))

    def test_errors(self) -> None:
        """
        No answer, and the server's own failure; what the client did wrong is none.
        """
        tally = Tally()
        for status in (200, 404, 503, 502):
            tally.answered(status, 0.1)
        tally.failed("ConnectionLost", 2.0)
        self.assertEqual((tally.requests, tally.errors, tally.longest), (5, 3, 2.0))

    def test_percentile(self) -> None:
        """
        Of a hundred waits.
        """
        tally = Tally()
        for wait in range(100, 0, -1):
            tally.answered(200, float(wait))
        self.assertEqual(
            [tally.percentile(share) for share in (0, 0.5, 0.99, 1)], [1, 51, 100, 100]
        )

    def test_report(self) -> None:
        """
        Failures by their reasons, and nothing of what did not happen.
        """
        tally = Tally()
        tally.answered(200, 0.25)
        tally.answered(503, 0.25)
        tally.failed("ConnectionLost", 1.0)
        shown = report(tally, 30.0, Counter({"kill -9": 15}), 0)
        for words in (
            "requests             3 in 30 s",
            "failed               2",
            "  ConnectionLost     1",
            "  status 503         1",
            "longest wait         1000.0 ms",
            "kill -9 x 15",
        ):
            self.assertIn(words, shown)
        self.assertNotIn("status 200", shown)

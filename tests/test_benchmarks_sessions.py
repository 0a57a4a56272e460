"""
The parts of the benchmark of sessions that need no server.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.sessionrequests import requests
from benchmarks.sessionstores import compared


class SessionsTests(SynchronousTestCase):
    """
    A round each.
    """

    def test_compared(self) -> None:
        """
        Each to what it is to be compared to.
        """
        calls = {"raw": (lambda: None, "raw"), "ours": (lambda: sum(range(2000)), "raw")}
        comparing = Deferred.fromCoroutine(compared("store", calls, 1, 20))
        found = self.successResultOf(comparing)
        self.assertEqual(found["raw"]["ratio"], 1.0)
        self.assertGreater(found["ours"]["ratio"], 1.0)

    def test_requests(self) -> None:
        """
        Every kind is answered, and what the store is asked for costs something.
        """
        found = requests(1)
        self.assertEqual(found["no sessions"], 0.0)
        self.assertGreater(found["a cookie, written"], 0.0)

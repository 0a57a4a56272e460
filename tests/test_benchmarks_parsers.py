"""
What the comparison of parsers says of ours.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.parsers import FINDERS, letThrough
from tests.conformance.requestcases import CASES


class StrictnessTests(SynchronousTestCase):
    def test_ours(self) -> None:
        """
        Nothing gets through that nobody should take for a request; what should, does.
        """
        for group, cases in CASES.items():
            for case in cases:
                if case.origin:
                    self.assertFalse(letThrough(case, FINDERS["ours"]), f"{group}: {case.name}")

    def test_counted(self) -> None:
        """
        Each counts whole requests, and no others.
        """
        get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        for name, finder in FINDERS.items():
            self.assertEqual(finder([get + get, get]), 3, name)
            self.assertEqual(finder([get, get[:-2]]), 1, name)

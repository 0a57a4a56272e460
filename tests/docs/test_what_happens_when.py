"""
The table of faults: each row is shown by a test.
"""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.gateway.circumstances import Counts

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs" / "discussion" / "what-happens-when.md"


class TableTests(SynchronousTestCase):
    """
    The page is held against the tests.
    """

    def test_shown(self) -> None:
        """
        Each row names a test that there is.
        """
        rows = re.findall(r"^\| (?!fault)(?!-)(.*) \|$", _PAGE.read_text(), re.MULTILINE)
        rows = [row for row in rows if not row.startswith("-")]
        self.assertGreater(len(rows), 20)
        for row in rows:
            found = re.search(r"`tests/(\w+/test_\w+\.py)` `(test_\w+)`$", row)
            assert found is not None, row
            text = (_ROOT / "tests" / found[1]).read_text()
            self.assertIn(f"def {found[2]}(", text, row)

    def test_counters(self) -> None:
        """
        All of them are told.
        """
        text = _PAGE.read_text()
        for name in Counts.__slots__:
            self.assertIn(f"`{name}`", text)

"""
The rows of C{make chaos}: what counts as what.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from chaos.clients import Asked, Got
from chaos.pages import HELD, Page, pageAt, somePages
from chaos.record import Record, executed
from chaos.seen import Exchange, Row
from chaos.table import head, line

_SMALL = Page(0, 100)
_STREAMED = Page(0, 1000, 3)
_LARGE = Page(0, HELD + 1)
_POST = Asked("POST", _SMALL.path, "p1", b"body")


def answered(asked: Asked, status: int = 200, body: bytes | None = None, end: str = "whole") -> Got:
    """
    @param asked: a request.
    @param status: of its response.
    @param body: of it; L{None} for the right one.
    @param end: how it ended.
    @return: what came of it, between the times 10 and 11.
    """
    page = pageAt(asked.path)
    assert page is not None
    right = page.body(asked.identity) if asked.method == "GET" else b"p1 4\n"
    return Got(10.0, end, status, bytearray(right if body is None else body), {}, 11.0)


class VerdictTests(SynchronousTestCase):
    """
    One exchange.
    """

    def verdict(self, page: Page, status: int = 200, end: str = "whole", body: bytes = b"") -> str:
        """
        @return: of a GET.
        """
        asked = Asked("GET", page.path, "r1")
        return Exchange(asked, answered(asked, status, body or None, end)).verdict

    def test_right(self) -> None:
        for page in (_SMALL, _STREAMED, _LARGE):
            self.assertEqual(self.verdict(page), "ok")
        self.assertEqual(Exchange(_POST, answered(_POST)).verdict, "ok")

    def test_wrong(self) -> None:
        """
        Another's answer, a part of one that has ended well, another status.
        """
        self.assertEqual(self.verdict(_SMALL, body=_SMALL.body("r2")), "wrong body")
        self.assertEqual(self.verdict(_STREAMED, body=_STREAMED.body("r1")[:-1]), "wrong body")
        self.assertEqual(self.verdict(_SMALL, 503), "status 503")
        self.assertEqual(self.verdict(_SMALL, end="late"), "late")
        self.assertEqual(Exchange(_POST, answered(_POST, body=b"p2 4\n")).verdict, "wrong body")

    def test_cut(self) -> None:
        """
        Allowed only for what was streamed, and had begun.
        """
        self.assertEqual(self.verdict(_STREAMED, end="cut"), "cut")
        self.assertEqual(self.verdict(_LARGE, end="cut"), "cut")
        self.assertEqual(self.verdict(_SMALL, end="cut"), "ended within a response")
        self.assertEqual(self.verdict(_STREAMED, 502, end="cut"), "ended within a response")
        self.assertEqual(self.verdict(_STREAMED, 0, end="cut"), "closed without a response")
        asked = Asked("POST", _STREAMED.path, "p1")
        self.assertEqual(
            Exchange(asked, answered(asked, end="cut")).verdict, "ended within a response"
        )


class RowTests(SynchronousTestCase):
    """
    Many of them.
    """

    def row(
        self,
        asked: Asked,
        got: Got,
        executions: Sequence[int] = (),
        deaths: Sequence[float] = (),
    ) -> Row:
        """
        @return: of one exchange.
        """
        row = Row("a row", "a server", longestAllowed=5.0)
        row.count([Exchange(asked, got)], {asked.identity: executions}, deaths)
        return row

    def test_posts(self) -> None:
        """
        One that fails is explained by a death meanwhile, and then only if it was answered 502.
        """
        for status, executions, deaths, unmet in (
            (200, [1], [], []),
            (200, [1, 2], [], ["POSTs executed twice 1, not 0"]),
            (200, [], [], ["POSTs failed without a reason 1, not 0"]),
            (502, [1], [10.5], []),
            (502, [], [10.5], []),
            (502, [1], [9.0], ["POSTs failed without a reason 1, not 0"]),
            (503, [1], [10.5], ["POSTs failed without a reason 1, not 0"]),
            (502, [1, 2], [10.5], ["POSTs executed twice 1, not 0"]),
        ):
            row = self.row(_POST, answered(_POST, status), executions, deaths)
            self.assertEqual(row.unmet(), [f"a server, a row: {each}" for each in unmet])

    def test_gets(self) -> None:
        """
        Nothing but a cut is allowed, and that only at a death.
        """
        asked = Asked("GET", _STREAMED.path, "r1")
        for status, end, deaths, failed in (
            (200, "whole", [], 0),
            (200, "cut", [10.5], 0),
            (200, "cut", [], 1),
            (502, "whole", [10.5], 1),
            (0, "refused", [10.5], 1),
        ):
            row = self.row(asked, answered(asked, status, end=end), deaths=deaths)
            self.assertEqual(row.getsFailed, failed)
            self.assertEqual(bool(row.unmet()), bool(failed))

    def test_longest(self) -> None:
        asked = Asked("GET", _SMALL.path, "r1")
        got = answered(asked)
        got.ended = 15.5
        self.assertEqual(
            self.row(asked, got).unmet(),
            ["a server, a row: longest wait 5.50 s, not 5.00 s"],
        )

    def test_unbound(self) -> None:
        """
        Nothing is asked of a row without bounds.
        """
        row = Row("a row", "a server", getsFailed=1)
        self.assertEqual(row.unmet(), [])
        self.assertEqual(row.facts()["getsFailed"], 1)

    def test_table(self) -> None:
        """
        The cells stand below their names.
        """
        row = Row("a row", "a server", requests=1234, getsFailed=77, lost=1.25)
        title, cells = head("a table"), line(row)
        self.assertEqual(title.index("requests") + len("requests"), cells.index("1,234") + 5)
        self.assertEqual(title.index("GETs failed") + len("GETs failed"), cells.index("77") + 2)


class PageTests(SynchronousTestCase):
    """
    What is asked for.
    """

    def test_path(self) -> None:
        """
        It says all.
        """
        for page in somePages(random.Random(1)):
            self.assertEqual(pageAt(page.path), page)
            self.assertEqual(len(page.body("r1")), page.size)
            self.assertEqual(b"".join(page.split("r1")), page.body("r1"))
            self.assertLessEqual(page.wait, 200)
        self.assertIsNone(pageAt("/page/1/2"))
        self.assertIsNone(pageAt("/page/1/2/x"))

    def test_kinds(self) -> None:
        """
        All kinds are there, slow ones of each that is large; the same for the same seed.
        """
        pages = somePages(random.Random(2))
        self.assertEqual(pages, somePages(random.Random(2)))
        self.assertEqual({page.isStreamed for page in pages}, {True, False})
        for isChunked in (True, False):
            streamed = [
                page for page in pages if page.isStreamed and bool(page.pieces) == isChunked
            ]
            self.assertTrue(any(page.wait >= 25 for page in streamed))


class RecordTests(SynchronousTestCase):
    """
    What was executed.
    """

    def test_twice(self) -> None:
        """
        By two processes; it can be read while they run.
        """
        folder = self.mktemp()
        os.mkdir(folder)
        for identities in (("p1", "p2"), ("p2",)):
            record = Record(folder)
            for identity in identities:
                record.add(identity, 1.0)
        found = executed(Path(folder))
        self.assertEqual({name: len(pids) for name, pids in found.items()}, {"p1": 1, "p2": 2})

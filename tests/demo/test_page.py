"""
L{twisted_multiserver.demo.page}: the page as it leaves the server.
"""

from __future__ import annotations

import base64
import hashlib
import re

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.demo.page import Page, duration
from twisted_multiserver.demo.status import Previous, Status


def status(previous: Previous | None = None) -> Status:
    return Status(2, 4711, 3, 7, 61.0, 5, previous)


class DurationTests(SynchronousTestCase):
    """
    Durations as people read them.
    """

    def test_units(self) -> None:
        """
        Seconds with a tenth, then minutes, then hours.
        """
        self.assertEqual(
            [duration(seconds) for seconds in (0.44, 59.9, 60, 250, 3600, 7384)],
            ["0.4 s", "59.9 s", "1 min 0 s", "4 min 10 s", "1 h 0 min", "2 h 3 min"],
        )


class PageTests(SynchronousTestCase):
    """
    What the page says without its script.
    """

    def setUp(self) -> None:
        self.page = Page()

    def test_facts(self) -> None:
        """
        The facts stand in the page, and no placeholder is left.
        """
        html = self.page.render(status(), "/").decode()
        self.assertIn("<h1>Child 2 answered</h1>", html)
        for name, value in (
            ("pid", "4711"),
            ("generation", "3"),
            ("uptime", "1 min 1 s"),
            ("visits", "5"),
        ):
            self.assertIn(f'<dd data-fact="{name}">{value}</dd>', html)
        self.assertNotIn("{{", html)

    def test_outsideChild(self) -> None:
        """
        What is not known is a dash.
        """
        html = self.page.render(Status(None, 1, None, None, 0.0, 0, None), "/").decode()
        self.assertIn("<h1>Child - answered</h1>", html)
        self.assertIn('<dd data-fact="generation">-</dd>', html)

    def test_button(self) -> None:
        """
        The button is in the HTML, in a form that works without script, at the place
        where the demo is mounted.
        """
        html = self.page.render(status(), "/app/").decode()
        form = re.search(r"<form .*?</form>", html, re.DOTALL)
        assert form is not None
        self.assertIn('method="post" action="/app/crash"', form[0])
        self.assertIn("<button", form[0])

    def test_previous(self) -> None:
        """
        The crash before is told.
        """
        html = self.page.render(status(Previous("exit 1", 1000.0, 0.4)), "/").decode()
        self.assertIn("child 2 crashed (exit 1), back after 0.4 s", html)
        self.assertIn('<time datetime="1970-01-01T00:16:40.000000Z">00:16:40 UTC</time>', html)

    def test_noPrevious(self) -> None:
        """
        So is that there was none.
        """
        self.assertIn("no child has crashed", self.page.render(status(), "/").decode())

    def test_escaped(self) -> None:
        """
        Whatever a path or a description holds, it stays text.
        """
        previous = Previous("<script>alert(1)</script>", 1000.0, 0.4)
        html = self.page.render(status(previous), '/"><script>/').decode()
        self.assertEqual(html.count("<script>"), 1)
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt;", html)
        self.assertIn('data-base="/&quot;&gt;&lt;script&gt;/"', html)

    def test_contentSecurityPolicy(self) -> None:
        """
        The policy names the script and the style that were sent, and nothing from outside.
        """
        html = self.page.render(status(), "/").decode()
        policy = self.page.contentSecurityPolicy
        for element in ("script", "style"):
            content = re.search(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
            assert content is not None
            digest = base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()
            self.assertIn(f"{element}-src 'sha256-{digest}'", policy)
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotRegex(html, r'(src|href)="(?!data:)')

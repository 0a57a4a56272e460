"""
What README and the manual name exists: files, pages, options, signals' texts.
"""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from docs.optiontable import PAGES, withTable
from tests.docs.pages import DOCS, ROOT, inlineCode, nameOf, pages
from twisted_multiserver.config import OPTIONS, optionTable

_LINK = re.compile(r"\]\(([^)#]+)(#[^)]*)?\)")
_PATH = re.compile(r"(?:[\w-]+/)*[\w-]+\.(?:py|html|toml)")
_OPTION = re.compile(r"--[a-z][a-z-]+")

# What readers make themselves, or know from elsewhere.
_READERS_OWN = {"hello.py", "wsgihello.py", "firstfree.py", "test_firstfree.py", "observing.py"}
_OTHERS = {"gunicorn.conf.py", "passenger_wsgi.py", "multiserver.toml"}
_TWISTDS = {"--pidfile", "--logfile", "--uid", "--help"}
_NOT_HERE = {"--reload"}


class FileTests(SynchronousTestCase):
    """
    Files and pages that are named are there.
    """

    def test_links(self) -> None:
        """
        Every relative link leads to a file.
        """
        for page in pages():
            for target, _ in _LINK.findall(page.read_text()):
                if "://" not in target:
                    self.assertTrue((page.parent / target).exists(), f"{nameOf(page)}: no {target}")

    def test_sources(self) -> None:
        """
        Every source file that is named exists, relative to the root or to the package.
        """
        for page in pages():
            if page.parent.name == "decisions":
                continue
            for code in inlineCode(page.read_text()):
                if not _PATH.fullmatch(code) or code in _READERS_OWN | _OTHERS:
                    continue
                found = (ROOT / code).exists() or (ROOT / "twisted_multiserver" / code).exists()
                self.assertTrue(found, f"{nameOf(page)}: no {code}")

    def test_walkIsComplete(self) -> None:
        """
        The walk through the code names each file of the packages that it walks through.
        """
        named = set(inlineCode((DOCS / "discussion" / "follow-a-request.md").read_text()))
        package = ROOT / "twisted_multiserver"
        for folder in ("supervision", "child", "gateway", "balancing", "http1"):
            for file in (package / folder).glob("*.py"):
                path = file.relative_to(package).as_posix()
                if file.name != "__init__.py":
                    self.assertIn(path, named, f"follow-a-request.md says nothing of {path}")

    def test_pagesNamedInCode(self) -> None:
        """
        Pages that docstrings and comments point to exist.
        """
        for file in (ROOT / "twisted_multiserver").rglob("*.py"):
            for target in re.findall(r"docs/[\w/-]+\.md", file.read_text()):
                self.assertTrue((ROOT / target).exists(), f"{file.name}: no {target}")


class OptionTests(SynchronousTestCase):
    """
    Options that are named are options.
    """

    def test_table(self) -> None:
        """
        The tables in README and in the manual are those of the options that there are.
        """
        for page in PAGES:
            text = page.read_text()
            self.assertEqual(
                text, withTable(text, optionTable()), "to be renewed: python docs/optiontable.py"
            )

    def test_options(self) -> None:
        """
        Except in what other servers take.
        """
        known = {f"--{name}" for name in OPTIONS} | _TWISTDS
        for page in pages():
            text = page.read_text()
            if page.name == "what-we-do-not-do.md":
                text = re.sub(r"`(" + "|".join(_NOT_HERE) + ")`", "", text)
            # In the tables for those who come from elsewhere, our side is the right one.
            text = re.sub(r"^\|[^|]*\|(?=[^|]*\|$)", "|", text, flags=re.MULTILINE)
            text = re.sub(r"^does what `.*?`", "", text, flags=re.MULTILINE | re.DOTALL)
            for code in inlineCode(text):
                unknown = set(_OPTION.findall(code)) - known
                self.assertEqual(unknown, set(), f"{nameOf(page)}: {code}")

"""
README and the pages of the manual, and what is in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(
    r"(?:^<!-- (?P<remark>[^\n]*) -->\n)?^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True, slots=True)
class Block:
    """
    A fenced block of code.

    @ivar page: its page, relative to the root.
    @ivar language: what stands behind the fence.
    @ivar remark: an HTML comment right before it, for the tests: C{file: NAME}, the name
        under which readers are told to save it, or C{fails}.
    @ivar text: what is inside.
    """

    page: str
    language: str
    remark: str
    text: str

    @property
    def file(self) -> str | None:
        """
        The name to save it under.
        """
        return self.remark.removeprefix("file: ") if self.remark.startswith("file: ") else None

    @property
    def lines(self) -> list[str]:
        """
        Its lines that are not blank.
        """
        return [line for line in self.text.splitlines() if line.strip()]

    @property
    def commands(self) -> list[str]:
        """
        Of a console block: what is typed.
        """
        return [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]


def pages() -> list[Path]:
    """
    README and every page, but not the news fragments.
    """
    found = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    return [page for page in found if "newsfragments" not in page.parts]


def nameOf(page: Path) -> str:
    """
    @param page: one of L{pages}.
    @return: its path relative to the root.
    """
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """
    @param page: one of L{pages}.
    @return: its fenced blocks, without the directives of the manual's builder.
    """
    found = (
        Block(nameOf(page), match["language"], match["remark"] or "", match["text"])
        for match in _FENCE.finditer(page.read_text())
    )
    return [block for block in found if not block.language.startswith("{")]


def allBlocks(language: str) -> Iterator[Block]:
    """
    @param language: what stands behind the fence.
    @return: all blocks in it.
    """
    for page in pages():
        yield from (block for block in blocks(page) if block.language == language)


def inlineCode(text: str) -> list[str]:
    """
    @param text: of a page.
    @return: what stands between backticks.
    """
    return _INLINE.findall(_FENCE.sub("", text))

"""
Writes the table of options where readers look for it: C{reference/options.md} and README.

C{python docs/optiontable.py} makes both anew; a test says when that is due.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "reference" / "options.md")

BEGIN = "<!-- options: begin -->\n"
END = "<!-- options: end -->\n"


def withTable(text: str, table: str) -> str:
    """
    Put the table between the marks.

    @param text: of a page that has them.
    @param table: in Markdown.
    @return: the page with the table.
    """
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + table + "\n" + END + after


def main() -> None:
    """
    Write both.
    """
    from twisted_multiserver.config import optionTable

    for page in PAGES:
        page.write_text(withTable(page.read_text(), optionTable()))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()

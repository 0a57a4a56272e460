"""
Writes what C{make chaos} has found where readers look for it: a summary into README, and all rows
into C{discussion/what-clients-see.md}.

C{python docs/chaostable.py build/chaos.json} makes both anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "discussion" / "what-clients-see.md"

BEGIN = "<!-- chaos: begin -->\n"
END = "<!-- chaos: end -->\n"

_TITLES = {
    "masters": "## A master and its children",
    "haproxy": "## HAProxy in front of the same children",
    "peers": "## Others, under their own supervision",
}
_COLUMNS = {
    "requests": "requests",
    "getsFailed": "GETs failed",
    "twice": "POSTs executed twice",
    "postsFailed": "POSTs failed",
    "notExecuted": "not executed",
    "cut": "cut",
    "quarantined": "innocents quarantined",
    "longest": "longest wait",
    "orphans": "orphans",
    "lost": "capacity lost",
}
# The summary's: how they are called there, and whose rows they are made of.
_SUMMARY = {
    "twisted_multiserver": ("masters", ""),
    "HAProxy": ("haproxy", "HAProxy, twisted.web"),
    "gunicorn": ("peers", "gunicorn"),
    "uvicorn": ("peers", "uvicorn"),
    "granian": ("peers", "granian"),
}

Rows = list[dict[str, Any]]


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in ("longest", "lost"):
        return f"{value:.1f} s"
    return f"{value:,}"


def _table(rows: Rows) -> str:
    heads = ["what is done", "server", *_COLUMNS.values()]
    lines = [heads, ["---"] * 2 + ["--:"] * len(_COLUMNS)]
    for row in rows:
        cells = [_cell(name, row[name]) for name in _COLUMNS]
        lines.append([row["name"], row["kind"], *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _summary(found: dict[str, Rows]) -> str:
    names = list(dict.fromkeys(row["name"] for rows in found.values() for row in rows))
    lines = [["", *_SUMMARY], ["---", *["--:"] * len(_SUMMARY)]]
    for name in names:
        cells = [
            _told([row for row in found[table] if row["name"] == name and kind in row["kind"]])
            for table, kind in _SUMMARY.values()
        ]
        # What was done to the masters alone compares nothing.
        if any(cells[1:]):
            lines.append([name, *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _told(rows: Rows) -> str:
    if not rows:
        return ""
    failed, twice = (sum(row[name] for row in rows) for name in ("getsFailed", "twice"))
    requests = sum(row["requests"] for row in rows)
    told = f"{failed:,} of {requests:,}"
    return f"{told}, {twice} POSTs twice" if twice else told


def _between(text: str, table: str) -> str:
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main() -> None:
    """
    Write both.
    """
    found: dict[str, Rows] = json.loads(Path(sys.argv[1]).read_text())
    tables = "\n".join(f"{_TITLES[name]}\n\n{_table(rows)}" for name, rows in found.items())
    README.write_text(_between(README.read_text(), _summary(found)))
    PAGE.write_text(_between(PAGE.read_text(), tables))


if __name__ == "__main__":
    main()

"""
The table.
"""

from __future__ import annotations

from collections.abc import Sequence

from chaos.seen import Row

_HEADS = (
    ("", 30, "<"),
    ("server", 25, "<"),
    ("requests", 9, ">"),
    ("GETs failed", 12, ">"),
    ("POSTs twice", 12, ">"),
    ("POSTs failed", 13, ">"),
    ("not executed", 13, ">"),
    ("cut", 5, ">"),
    ("quarantined", 12, ">"),
    ("longest wait", 13, ">"),
    ("orphans", 8, ">"),
    ("capacity lost", 14, ">"),
    ("faults", 8, ">"),
    ("load", 6, ">"),
)


def head(name: str) -> str:
    """
    @param name: of the table.
    @return: the names of the columns.
    """
    return _line([name, *(column for column, _, _ in _HEADS[1:])])


def line(row: Row) -> str:
    """
    @param row: of the table.
    @return: it, for people.
    """
    failed = f"{row.postsFailed} ({row.unexplained})" if row.unexplained else str(row.postsFailed)
    cells = (
        row.name,
        row.kind,
        f"{row.requests:,}",
        str(row.getsFailed),
        str(row.twice),
        failed,
        str(row.notExecuted),
        str(row.cut),
        str(row.quarantined),
        f"{row.longest:.2f} s",
        str(row.orphans),
        "-" if row.lost is None else f"{row.lost:.1f} s",
        str(row.faults),
        f"{row.load:.0%}",
    )
    return _line(cells)


def _line(cells: Sequence[str]) -> str:
    return "".join(
        f"{cell:{side}{width}}" for cell, (_, width, side) in zip(cells, _HEADS, strict=True)
    ).rstrip()

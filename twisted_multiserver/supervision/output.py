"""
What a child writes, line by line.

Invariants: nothing that a child writes can make the master hold more than
L{LINE_LIMIT} bytes of a line and L{KEPT_LINES} lines; every byte is shown, bytes that
are no UTF-8 as escapes.
"""

from __future__ import annotations

from collections import deque

LINE_LIMIT = 8192
KEPT_LINES = 50


class LineSplitter:
    """
    Makes lines of pieces.
    """

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[str]:
        """
        @param data: the next bytes.
        @return: the lines that they complete; a line of more than L{LINE_LIMIT}
            bytes is told in pieces.
        """
        *lines, rest = (self._rest + data).split(b"\n")
        while len(rest) > LINE_LIMIT:
            lines.append(rest[:LINE_LIMIT])
            rest = rest[LINE_LIMIT:]
        self._rest = rest
        return [
            _text(line[start : start + LINE_LIMIT])
            for line in lines
            for start in range(0, max(len(line), 1), LINE_LIMIT)
        ]

    def end(self) -> list[str]:
        """
        @return: the line that was never ended, if there is one.
        """
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


class LastLines:
    """
    Keeps the last lines.
    """

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)

    def add(self, line: str) -> None:
        """
        @param line: the next one.
        """
        self._lines.append(line)

    def lines(self) -> tuple[str, ...]:
        """
        @return: the last ones, oldest first.
        """
        return tuple(self._lines)


def _text(line: bytes) -> str:
    text = line.removesuffix(b"\r").decode("utf-8", "backslashreplace")
    # A terminal that shows the log must not obey what a child prints.
    return "".join(
        char if char == "\t" or char.isprintable() else f"\\x{ord(char):02x}" for char in text
    )

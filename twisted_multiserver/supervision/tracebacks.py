"""
One traceback, however many children raise it.

Strategy: the lines of a child pass through a fold; a block that looks like a
traceback is held until it ends, and told in full only if none of the children has
told the same lately.

Invariants: every line that isn't part of a repeated traceback is told, in order;
what is held is bounded; a traceback that goes on coming is shown again now and then,
since logs are rotated.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_BEGIN = "Traceback (most recent call last):"
_MOST_LINES = 500
_MOST_KNOWN = 64
# Seconds.
_SHOWN_AGAIN = 600.0


class KnownTracebacks:
    """
    The tracebacks of all children of a run.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        """
        @param seconds: the clock.
        """
        self._seconds = seconds
        self._known: OrderedDict[str, tuple[str, int, float]] = OrderedDict()

    def tell(self, child: str, lines: list[str]) -> list[str]:
        """
        @param child: whose traceback it is.
        @param lines: the traceback, from its first line to the exception's.
        @return: these lines if they are new, else one line that refers to them.
        """
        key = "\n".join(line.strip() for line in lines)
        now = self._seconds()
        first, count, shown = self._known.pop(key, (child, 0, now))
        if now - shown >= _SHOWN_AGAIN:
            first, count, shown = child, 0, now
        self._known[key] = (first, count + 1, shown)
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        if not count:
            return lines
        return [f"{lines[-1].strip()} (the traceback that {first} has shown, x {count + 1})"]


class TracebackFold:
    """
    The fold for one stream of one child.
    """

    def __init__(self, child: str, known: KnownTracebacks) -> None:
        """
        @param child: whose lines they are.
        @param known: shared by all children.
        """
        self._child = child
        self._known = known
        self._held: list[str] = []
        self._indent = ""

    def take(self, line: str) -> list[str]:
        """
        @param line: the next line.
        @return: the lines to be told now.
        """
        if not self._held:
            if line.strip() != _BEGIN:
                return [line]
            self._indent = line[: len(line) - len(line.lstrip())]
            self._held = [line]
            return []
        self._held.append(line)
        inside = line.startswith(self._indent + " ") or not line.strip()
        if inside and len(self._held) < _MOST_LINES:
            return []
        return self.end()

    def end(self) -> list[str]:
        """
        @return: what is held.
        """
        held, self._held = self._held, []
        return self._known.tell(self._child, held) if held else []

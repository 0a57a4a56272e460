"""
The words of one child: its output in the log, and the last of them for a crash.

Each line is logged with the child's name, as soon as it is complete; a traceback that
another child has shown already is told in one line.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from twisted_multiserver.supervision.output import LastLines, LineSplitter
from twisted_multiserver.supervision.process import STDERR, STDOUT
from twisted_multiserver.supervision.tracebacks import KnownTracebacks, TracebackFold


class Words:
    """
    What a child writes.
    """

    _log = Logger()

    def __init__(self, name: str, known: KnownTracebacks) -> None:
        """
        @param name: the child's.
        @param known: the tracebacks that were shown already.
        """
        self._name = name
        self._known = known
        self._splitters = {STDOUT: LineSplitter(), STDERR: LineSplitter()}
        self._folds = {stream: TracebackFold(name, known) for stream in self._splitters}
        self._last = LastLines()

    def take(self, stream: int, data: bytes) -> None:
        """
        @param stream: where it wrote.
        @param data: what it wrote.
        """
        self._tell(stream, self._splitters[stream].take(data))

    def end(self) -> None:
        """
        Nothing more will be written.
        """
        for stream, splitter in self._splitters.items():
            self._tell(stream, splitter.end())
            self._show(self._folds[stream].end())

    def addTraceback(self, lines: Sequence[str]) -> None:
        """
        Take a traceback that came another way.

        @param lines: the traceback; may be empty.
        """
        for line in lines:
            self._last.add(line)
        if lines:
            self._show(self._known.tell(self._name, list(lines)))

    def lines(self) -> tuple[str, ...]:
        """
        @return: the last lines that went to stderr, oldest first.
        """
        return self._last.lines()

    def _tell(self, stream: int, lines: list[str]) -> None:
        for line in lines:
            if stream == STDERR:
                self._last.add(line)
            self._show(self._folds[stream].take(line))

    def _show(self, lines: list[str]) -> None:
        for line in lines:
            self._log.info("{child}: {line}", child=self._name, line=line)

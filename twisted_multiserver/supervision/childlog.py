"""
The log of all children.

What children write is logged line by line with the slot's name; what happens to them,
one line each.  Nothing is said twice: a traceback or a reason that another child has
shown lately is referred to.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import Crash, describeEnd
from twisted_multiserver.supervision.tracebacks import Sayings, TracebackFilter


class StreamLog:
    """
    The log of one stream of one child.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, child: str, stream: str, sayings: Sayings) -> None:
        """
        @param clock: tells the time.
        @param child: its name.
        @param stream: C{"stdout"} or C{"stderr"}.
        @param sayings: what all children have said lately.
        """
        self._clock = clock
        self._child = child
        self._stream = stream
        self._filter = TracebackFilter(child, sayings)

    def line(self, line: str) -> None:
        """
        Log one line.

        @param line: without its end.
        """
        self._show(self._filter.feed(line, self._clock.seconds()))

    def flush(self) -> None:
        """
        Nothing more will come.
        """
        self._show(self._filter.flush())

    def _show(self, lines: list[str]) -> None:
        for line in lines:
            self._log.info("{child}: {line}", child=self._child, line=line, stream=self._stream)


class ChildLog:
    """
    The log of all children of a master.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: tells the time.
        """
        self._clock = clock
        self._sayings = Sayings()

    def stream(self, child: Child, stream: str) -> StreamLog:
        """
        Make the log of one stream.

        @param child: whose.
        @param stream: C{"stdout"} or C{"stderr"}.
        """
        return StreamLog(self._clock, child.name, stream, self._sayings)

    def ready(self, child: Child, uptime: float) -> None:
        """
        A child is ready.

        @param child: which one.
        @param uptime: how long that took, in seconds.
        """
        self._log.info(
            "{child} ready (generation {generation}, pid {pid}, {uptime:.1f} s)",
            child=child.name,
            generation=child.generation,
            pid=child.pid,
            uptime=uptime,
        )

    def killing(self, child: Child, reason: str) -> None:
        """
        A child is about to be killed.

        @param child: which one.
        @param reason: why.
        """
        self._log.warn(
            "{child} {reason}: killing it (generation {generation}, pid {pid})",
            child=child.name,
            reason=reason,
            generation=child.generation,
            pid=child.pid,
        )

    def stopped(self, child: Child, exitCode: int | None, signal: int | None) -> None:
        """
        A child has ended because it was asked to.

        @param child: which one.
        @param exitCode: if it exited.
        @param signal: if a signal ended it.
        """
        self._log.info(
            "{child} stopped (generation {generation}, pid {pid}, {end})",
            child=child.name,
            generation=child.generation,
            pid=child.pid,
            end=describeEnd(exitCode, signal),
        )

    def crashed(self, crash: Crash, following: str) -> None:
        """
        A child has crashed.

        @param crash: how.
        @param following: what comes next, in words; empty if that is still open.
        """
        self._log.warn(
            "{child} crashed: generation {generation}, pid {pid}, {end} after {uptime:.1f} s"
            "{reason}{following}",
            child=crash.child,
            generation=crash.generation,
            pid=crash.pid,
            end=crash.description,
            uptime=crash.uptime,
            kind=crash.kind.value,
            reason=self._reason(crash),
            following=following and f"; {following}",
        )

    def _reason(self, crash: Crash) -> str:
        if not crash.reason:
            return ""
        again = self._sayings.again(crash.child, (crash.reason,), self._clock.seconds())
        return f": {crash.reason}" if again is None else f": same reason as {again}"

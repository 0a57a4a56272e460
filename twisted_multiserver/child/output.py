"""
What a child writes: plain lines on stderr, since the master adds time and name.

Twisted's log goes to stderr, so that the last lines before a crash tell of it; what the
application prints goes where it prints it, line by line.  Twisted's own remarks below a
warning (factories that start and stop, HEAD made from GET) are left out; the access log
of a Site of the user's comes through.
"""

from __future__ import annotations

import io
import sys
from typing import TextIO

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogFilterPredicate,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    PredicateResult,
    eventAsText,
    globalLogBeginner,
)
from zope.interface import implementer

# What is written to twisted.python.log.logfile, as a Site's log is.
_ACCESS_LOG = "twisted.python.log"
# Logged under the namespace of the factory's class, which may be the application's.
_NOISE = frozenset({"Starting factory {factory!r}", "Stopping factory {factory!r}"})


@implementer(ILogFilterPredicate)
class _WithoutNoise:
    """
    Leaves out what every factory says of itself.
    """

    def __call__(self, event: LogEvent) -> object:
        """
        Judge one event.
        """
        return PredicateResult.no if event.get("log_format") in _NOISE else PredicateResult.maybe


def _line(event: LogEvent) -> str:
    text = eventAsText(event, includeTimestamp=False, includeSystem=False)
    return text and text.rstrip("\n") + "\n"


def lineObserver(stream: TextIO) -> ILogObserver:
    """
    Make the observer that writes a child's log.

    @param stream: where to.
    @return: an observer.
    """
    levels = LogLevelFilterPredicate(defaultLogLevel=LogLevel.info)
    levels.setLogLevelForNamespace("twisted", LogLevel.warn)
    levels.setLogLevelForNamespace(_ACCESS_LOG, LogLevel.info)
    return FilteringLogObserver(FileLogObserver(stream, _line), [_WithoutNoise(), levels])


def beginOutput() -> None:
    """
    Begin to log to stderr, and write both streams line by line.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that can't be encoded must not become an error of its own.
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    globalLogBeginner.beginLoggingTo([lineObserver(sys.stderr)], redirectStandardIO=False)

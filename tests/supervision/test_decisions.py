"""
The pure parts of supervision: when to respawn, what a crash says, what is shown.
"""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.errors import ConfigError
from twisted_multiserver.supervision.backoff import (
    BOOTS_BEFORE_SUSPENSION,
    JITTER,
    MOST,
    SUSPENDED,
    Backoff,
)
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import (
    BootFailed,
    Crash,
    CrashKind,
    describeEnd,
    makeCrash,
)
from twisted_multiserver.supervision.environment import scrubbed, watchVariables
from twisted_multiserver.supervision.notify import parseNotification
from twisted_multiserver.supervision.output import KEPT_LINES, LINE_LIMIT, LastLines, LineSplitter
from twisted_multiserver.supervision.program import ApplicationProgram, functionName
from twisted_multiserver.supervision.tracebacks import KnownTracebacks, TracebackFold

CHILD = Child(2, 1, 7, 1234, "/run/x")


def importable() -> None:
    """
    A function that a child could import.
    """


def crashed(exitCode: int | None = 1, signal: int | None = None, reason: str = "") -> Crash:
    return makeCrash(CHILD, exitCode, signal, 1.5, ("last",), ("GET /",), None, reason)


class BackoffTests(SynchronousTestCase):
    """
    When a child that ended is started again.
    """

    def test_delays(self) -> None:
        """
        At once, then from 0.1 s doubling up to 10 s.
        """
        backoff = Backoff(lambda: 0.5)
        delays = [backoff.ended(0.2) for _ in range(10)]
        self.assertEqual(
            [round(delay, 6) for delay in delays],
            [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0],
        )

    def test_healthyLifeBeginsAnew(self) -> None:
        """
        A life that was ready for a second forgets what was before.
        """
        backoff = Backoff(lambda: 0.5)
        for _ in range(5):
            backoff.ended(0.9)
        self.assertEqual(backoff.ended(1.0), 0.0)

    def test_suspension(self) -> None:
        """
        Eight boots in a row that failed suspend; one that gets ready ends it.
        """
        backoff = Backoff(lambda: 0.5)
        for _ in range(BOOTS_BEFORE_SUSPENSION - 1):
            self.assertLess(backoff.ended(None), SUSPENDED)
            self.assertFalse(backoff.isSuspended)
        self.assertEqual(backoff.ended(None), SUSPENDED)
        self.assertTrue(backoff.isSuspended)
        self.assertEqual(backoff.ended(5.0), 0.0)
        self.assertFalse(backoff.isSuspended)

    @given(
        st.lists(st.one_of(st.none(), st.floats(0, 100)), max_size=2000),
        st.floats(0, 1, exclude_max=True),
    )
    def test_bounds(self, lives: list[float | None], random: float) -> None:
        """
        Whatever the lives were, a delay is within its bounds.
        """
        backoff = Backoff(lambda: random)
        for life in lives:
            delay = backoff.ended(life)
            if backoff.isSuspended:
                self.assertEqual(delay, SUSPENDED)
            else:
                self.assertTrue(0 <= delay <= MOST * (1 + JITTER))


class CrashTests(SynchronousTestCase):
    """
    What is told of a crash.
    """

    def test_descriptions(self) -> None:
        """
        Exit codes, signals by name, unknown signals, and no process at all.
        """
        self.assertEqual(describeEnd(3, None), "exit 3")
        self.assertEqual(describeEnd(None, 9), "signal 9 (SIGKILL)")
        self.assertEqual(describeEnd(None, 63), "signal 63")
        self.assertEqual(describeEnd(None, None), "not started")

    def test_kinds(self) -> None:
        """
        By its end, unless more is known.
        """
        self.assertIs(crashed().kind, CrashKind.exit)
        self.assertIs(crashed(None, 11).kind, CrashKind.signal)
        known = makeCrash(CHILD, None, 9, 1.0, (), (), CrashKind.hang, "")
        self.assertIs(known.kind, CrashKind.hang)

    def test_json(self) -> None:
        """
        One line with exactly these keys.
        """
        line = crashed(None, 9).toJSON()
        self.assertNotIn("\n", line)
        self.assertEqual(
            json.loads(line),
            {
                "slot": 2,
                "generation": 1,
                "pid": 1234,
                "exitCode": None,
                "signal": 9,
                "uptime": 1.5,
                "stderr": ["last"],
                "exchanges": ["GET /"],
                "kind": "signal",
            },
        )

    def test_bootFailed(self) -> None:
        """
        It says the reason, or else the end; and whether trying again helps.
        """
        self.assertEqual(str(BootFailed(crashed(reason="no module x"))), "no module x")
        self.assertEqual(str(BootFailed(crashed())), "child 2 did not boot: exit 1")
        self.assertTrue(BootFailed(crashed(78)).isApplicationFault)
        self.assertFalse(BootFailed(crashed(1)).isApplicationFault)


class OutputTests(SynchronousTestCase):
    """
    Lines of what children write.
    """

    @given(st.binary(max_size=3 * LINE_LIMIT), st.lists(st.integers(0, 3 * LINE_LIMIT)))
    def test_anyPieces(self, data: bytes, cuts: list[int]) -> None:
        """
        However it is cut, the lines are the same, and short.
        """
        whole = LineSplitter()
        expected = whole.take(data) + whole.end()
        splitter = LineSplitter()
        lines = []
        places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
        for start, stop in pairwise(places):
            lines += splitter.take(data[start:stop])
        lines += splitter.end()
        if all(len(line) <= LINE_LIMIT for line in data.split(b"\n")):
            self.assertEqual(lines, expected)
        self.assertEqual("".join(lines), "".join(expected))

    def test_escapes(self) -> None:
        """
        What isn't text, and what a terminal would obey, is shown as an escape.
        """
        self.assertEqual(LineSplitter().take(b"a\xff\x1b[0m\tb\r\n"), ["a\\xff\\x1b[0m\tb"])

    def test_lastLines(self) -> None:
        """
        Only the last ones are kept.
        """
        last = LastLines()
        for number in range(200):
            last.add(str(number))
        self.assertEqual(last.lines(), tuple(str(n) for n in range(200 - KEPT_LINES, 200)))


TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "x.py", line 1, in f',
    "    1 / 0",
    "ZeroDivisionError: division by zero",
]


class TracebackTests(SynchronousTestCase):
    """
    One traceback, however many children raise it.
    """

    def fold(self, fold: TracebackFold, lines: list[str]) -> list[str]:
        shown = [line for each in lines for line in fold.take(each)]
        return shown + fold.end()

    def test_repeated(self) -> None:
        """
        The second and third child refer to the first.
        """
        known = KnownTracebacks()
        shown = [
            self.fold(TracebackFold(f"child {slot}", known), ["before", *TRACEBACK, "after"])
            for slot in range(3)
        ]
        self.assertEqual(shown[0], ["before", *TRACEBACK, "after"])
        for count, lines in ((2, shown[1]), (3, shown[2])):
            reference = (
                f"ZeroDivisionError: division by zero (the traceback that child 0 has shown,"
                f" x {count})"
            )
            self.assertEqual(lines, ["before", reference, "after"])

    @given(st.lists(st.sampled_from([*TRACEBACK, "", "other", "  indented"])))
    def test_nothingIsLost(self, lines: list[str]) -> None:
        """
        A fold that knows nothing tells every line, in order, unless a traceback
        comes twice.
        """
        shown = self.fold(TracebackFold("child 0", KnownTracebacks()), lines)
        if lines.count(TRACEBACK[0]) <= 1:
            self.assertEqual(shown, lines)
        else:
            self.assertLessEqual(len(shown), len(lines))

    def test_shownAgain(self) -> None:
        """
        After ten minutes the whole of it.
        """
        now = [0.0]
        known = KnownTracebacks(lambda: now[0])
        for moment, lines in ((0.0, 4), (599.0, 1), (601.0, 4), (1100.0, 1)):
            now[0] = moment
            shown = self.fold(TracebackFold("child 0", known), TRACEBACK)
            self.assertEqual(len(shown), lines)

    def test_bounded(self) -> None:
        """
        A traceback that doesn't end is told in pieces.
        """
        fold = TracebackFold("child 0", KnownTracebacks())
        shown = [line for line in [TRACEBACK[0], *["  x"] * 1000] for line in fold.take(line)]
        self.assertGreater(len(shown), 400)


class NotificationTests(SynchronousTestCase):
    """
    sd_notify's datagrams.
    """

    def test_lines(self) -> None:
        """
        Several in one datagram.
        """
        self.assertEqual(
            parseNotification(b"READY=1\nSTATUS=a=b c\nnonsense\nlower=1\n"),
            {"READY": "1", "STATUS": "a=b c"},
        )

    @given(st.binary(max_size=10000))
    def test_anything(self, data: bytes) -> None:
        """
        Whatever comes, it isn't an error.
        """
        for name, value in parseNotification(data).items():
            self.assertIsInstance(value, str)
            self.assertTrue(name)


class EnvironmentTests(SynchronousTestCase):
    """
    What a child inherits.
    """

    def test_scrubbed(self) -> None:
        """
        Everything but what is the master's own.
        """
        kept = {"PATH": "/bin", "PORTAL": "x", "TWISTED": "1"}
        own = {
            "PORT": "80",
            "WEB_CONCURRENCY": "2",
            "NOTIFY_SOCKET": "/n",
            "LISTEN_FDS": "1",
            "WATCHDOG_USEC": "1",
            "MULTISERVER_APP": "x",
        }
        self.assertEqual(scrubbed({**kept, **own}), kept)

    def test_watch(self) -> None:
        """
        As systemd would say it.
        """
        self.assertEqual(
            watchVariables("/n", 30.0), {"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "30000000"}
        )


class ProgramTests(SynchronousTestCase):
    """
    What a child runs.
    """

    def test_spec(self) -> None:
        """
        All that the launcher is told.
        """
        program = ApplicationProgram("a:b", "wsgi", 5, "/x", {"NOFILE": (1, 2)}, 10, 20)
        self.assertEqual(
            program.spec(str),
            {
                "application": {"name": "a:b", "kind": "wsgi", "threads": 5, "sessions": None},
                "chdir": "/x",
                "limits": {"NOFILE": [1, 2]},
                "uid": 10,
                "gid": 20,
                "deathSignal": 9,
            },
        )

    def test_functionName(self) -> None:
        """
        A function at the top of its module.
        """
        self.assertEqual(functionName(importable), "tests.supervision.test_decisions:importable")

    def test_functionsThatCantBeImported(self) -> None:
        """
        Nested ones, those of the main program, and what hides another.
        """

        def nested() -> None:
            pass

        def moved() -> None:
            pass

        moved.__module__ = "__main__"

        def hidden() -> None:
            pass

        hidden.__qualname__ = "importable"
        for function, expected in (
            (nested, "define it at the top"),
            (lambda: None, "define it at the top"),
            (moved, "move it into a module"),
            (hidden, "something else there"),
        ):
            error = self.assertRaises(ConfigError, functionName, function)
            self.assertIn(expected, str(error))

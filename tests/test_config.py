"""
The table of options, and what each option takes.
"""

from __future__ import annotations

import dataclasses
import math

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.config import (
    OPTIONS,
    MasterConfig,
    optionTable,
    parseValue,
)
from twisted_multiserver.errors import ConfigError


def refusal(test: SynchronousTestCase, name: str, text: str) -> str:
    """
    @param test: fails if the option takes it.
    @param name: of the option.
    @param text: what the user wrote.
    @return: what the user is told.
    """
    error = test.assertRaises(ConfigError, parseValue, OPTIONS[name], text, f"--{name}")
    return str(error)


class TableTests(SynchronousTestCase):
    """
    One table describes every option.
    """

    def test_names(self) -> None:
        """
        The options that users know.
        """
        self.assertEqual(
            sorted(OPTIONS),
            [
                "access-log",
                "access-log-format",
                "app",
                "app-kind",
                "backend",
                "balancer",
                "boot-budget",
                "buffer-request",
                "chdir",
                "child-entrance",
                "children",
                "command",
                "config",
                "connect-budget",
                "cookie-key-file",
                "drain-budget",
                "first-byte-budget",
                "hash-key",
                "head-budget",
                "health-budget",
                "health-fall",
                "health-interval",
                "health-path",
                "health-rise",
                "health-status",
                "idle-budget",
                "listen",
                "max-age",
                "max-body",
                "max-requests",
                "max-rss",
                "on-crash",
                "queue-budget",
                "queue-limit",
                "ready-path",
                "run-budget",
                "session-age",
                "session-cookie",
                "session-except",
                "session-idle",
                "sessions",
                "sessions-file",
                "sessions-key-file",
                "sessions-optional",
                "spares",
                "stall-budget",
                "state-dir",
                "stop-budget",
                "surge",
                "threads",
                "trusted-proxy",
            ],
        )

    def test_everyFieldHasItsOption(self) -> None:
        """
        No field of the configuration is out of the user's reach.
        """
        self.assertEqual(
            {option.attribute for option in OPTIONS.values()},
            {field.name for field in dataclasses.fields(MasterConfig)},
        )

    def test_variable(self) -> None:
        """
        Each option's variable is its name in capitals, behind a prefix.
        """
        self.assertEqual(OPTIONS["first-byte-budget"].variable, "MULTISERVER_FIRST_BYTE_BUDGET")
        self.assertEqual(len({option.variable for option in OPTIONS.values()}), len(OPTIONS))

    def test_repeatable(self) -> None:
        """
        Endpoints, networks and paths may be given again, nothing else.
        """
        repeatable = {name for name, option in OPTIONS.items() if option.repeatable}
        self.assertEqual(repeatable, {"backend", "listen", "session-except", "trusted-proxy"})

    def test_defaultsAreAllowed(self) -> None:
        """
        An option takes the default that people are told of.
        """
        config = MasterConfig()
        for option in OPTIONS.values():
            value = getattr(config, option.attribute)
            if value is None or value == ():
                continue
            parsed = parseValue(option, option.default, "here")
            self.assertEqual((parsed,) if option.repeatable else parsed, value, option.name)

    def test_defaultsOfTheBudgets(self) -> None:
        """
        In seconds.
        """
        config = MasterConfig()
        self.assertEqual(
            {
                field.name: getattr(config, field.name)
                for field in dataclasses.fields(config)
                if field.name.endswith("Budget")
            },
            {
                "bootBudget": 60.0,
                "runBudget": 30.0,
                "drainBudget": 30.0,
                "stopBudget": 10.0,
                "headBudget": 10.0,
                "healthBudget": 5.0,
                "idleBudget": 75.0,
                "connectBudget": 5.0,
                "firstByteBudget": 60.0,
                "stallBudget": 60.0,
                "queueBudget": 5.0,
            },
        )

    def test_tableForTheDocumentation(self) -> None:
        """
        A row for each option, with its variable.
        """
        rows = optionTable().splitlines()[2:]
        self.assertEqual(len(rows), len(OPTIONS))
        for row, option in zip(rows, OPTIONS.values(), strict=True):
            self.assertIn(f"| `--{option.name}` | {option.kind.name}", row)
            self.assertIn(f"| `{option.variable}` | {option.help}", row)
            self.assertEqual(row.endswith(" Repeatable. |"), option.repeatable)
            self.assertEqual(row.count("|"), 6)


class ParseTests(SynchronousTestCase):
    """
    Text becomes a value, or one line that says what is allowed.
    """

    def test_wholeNumber(self) -> None:
        """
        The ends of the range are in it.
        """
        self.assertEqual(parseValue(OPTIONS["children"], "1", ""), 1)
        self.assertEqual(parseValue(OPTIONS["children"], "1024", ""), 1024)

    def test_wholeNumberRefused(self) -> None:
        """
        Nothing but digits, and only in the range.
        """
        for text in ("0", "1025", "-1", "+1", "1.0", "1e2", "1_0", " 1", "1\n", "", "٣", "many"):
            self.assertEqual(
                refusal(self, "children", text),
                f"--children: {text!r} is not allowed: a whole number from 1 to 1024",
            )

    def test_seconds(self) -> None:
        """
        Fractions are allowed, and so are the ends of the range.
        """
        for text, value in (("0", 0.0), ("0.25", 0.25), ("1e2", 100.0), ("86400", 86400.0)):
            self.assertEqual(parseValue(OPTIONS["drain-budget"], text, ""), value)
        self.assertEqual(parseValue(OPTIONS["boot-budget"], "0.1", ""), 0.1)

    def test_secondsRefused(self) -> None:
        """
        What is no duration, among it what Python takes for a float.
        """
        for text in ("nan", "inf", "-inf", "-1", "1e999", "86400.5", "", "5s", "1_0", "٣"):
            self.assertEqual(
                refusal(self, "drain-budget", text),
                f"--drain-budget: {text!r} is not allowed: seconds, from 0 to 86400",
            )
        for text in ("0", "0.09", "-0.0", "nan"):
            self.assertEqual(
                refusal(self, "boot-budget", text),
                f"--boot-budget: {text!r} is not allowed: seconds, from 0.1 to 86400",
            )

    def test_choice(self) -> None:
        """
        One of a few words, as they are written.
        """
        self.assertEqual(parseValue(OPTIONS["app-kind"], "wsgi", ""), "wsgi")
        for text in ("WSGI", "wsgi ", "", "twisted"):
            self.assertEqual(
                refusal(self, "app-kind", text),
                f"--app-kind: {text!r} is not allowed:"
                " one of auto, resource, site, factory, wsgi, asgi",
            )

    def test_flag(self) -> None:
        """
        On or off, in the words of files and of environments.
        """
        for text, value in (("true", True), ("1", True), ("false", False), ("0", False)):
            self.assertIs(parseValue(OPTIONS["sessions-optional"], text, ""), value)
        for text in ("", "True", "yes", "2", " true"):
            self.assertEqual(
                refusal(self, "sessions-optional", text),
                f"--sessions-optional: {text!r} is not allowed: true or false",
            )

    def test_emptyText(self) -> None:
        """
        A text says something.
        """
        for text in ("", " ", "\t"):
            self.assertEqual(
                refusal(self, "app", text), f"--app: {text!r} is not allowed: it must not be empty"
            )

    def test_nullByte(self) -> None:
        """
        No path and no name has one; a TOML file can.
        """
        self.assertIn("NUL", refusal(self, "state-dir", "a\0b"))

    def test_longTextIsCut(self) -> None:
        """
        The line that the user sees stays short.
        """
        line = refusal(self, "app-kind", "x" * 1000)
        self.assertIn("'" + "x" * 77 + "...'", line)
        self.assertNotIn("x" * 78, line)

    @given(st.sampled_from(sorted(OPTIONS)), st.text())
    def test_anyText(self, name: str, text: str) -> None:
        """
        A value of the option's kind, or a ConfigError of one line.
        """
        option = OPTIONS[name]
        try:
            value = parseValue(option, text, f"--{name}")
        except ConfigError as error:
            self.assertEqual(len(str(error).splitlines()), 1)
        else:
            expected = {"number": int, "seconds": float}.get(option.kind.name, str)
            self.assertIsInstance(value, expected)

    @given(st.floats())
    def test_anyFloat(self, number: float) -> None:
        """
        A duration is a number from 0 to a day.
        """
        allowed = math.isfinite(number) and 0 <= number <= 86400
        try:
            value = parseValue(OPTIONS["queue-budget"], repr(number), "")
        except ConfigError:
            self.assertFalse(allowed)
        else:
            self.assertTrue(allowed)
            self.assertEqual(value, number)

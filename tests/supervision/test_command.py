"""
Programs by their command lines.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.errors import ConfigError
from twisted_multiserver.supervision.command import (
    CommandProgram,
    checkPath,
    checkWords,
    entranceOf,
    splitCommandLine,
)
from twisted_multiserver.supervision.entrancekind import EntranceKind


class SplittingTests(SynchronousTestCase):
    """
    As a shell does, without one.
    """

    def test_words(self) -> None:
        self.assertEqual(
            splitCommandLine("sh -c 'a; b' \"c d\" e\\ f", "x"), ["sh", "-c", "a; b", "c d", "e f"]
        )

    def test_nothing(self) -> None:
        for text in ("''", "' '", "", "   "):
            error = self.assertRaises(ConfigError, splitCommandLine, text, "--command")
            self.assertEqual(str(error), "--command: there is no program in it")

    def test_quotes(self) -> None:
        error = self.assertRaises(ConfigError, splitCommandLine, "a 'b", "--command")
        self.assertEqual(str(error), "--command: \"a 'b\" can't be split: no closing quotation")

    @given(st.text())
    def test_anything(self, text: str) -> None:
        """
        There are words that can be passed, or one line.
        """
        try:
            words = splitCommandLine(text, "--command")
        except ConfigError as error:
            self.assertEqual(len(str(error).splitlines()), 1)
        else:
            self.assertTrue(words[0].strip())
            self.assertNotIn("\0", "".join(words))


class WordsTests(SynchronousTestCase):
    """
    What a Python program gives.
    """

    def test_right(self) -> None:
        checkWords(["node", "server.js", ""], "x")
        checkWords(("node",), "x")

    def test_wrong(self) -> None:
        for words, reason in (
            ("node server.js", "must be a list of words"),
            (["node", 3], "must be a list of words"),
            ([b"node"], "must be a list of words"),
            ([], "there is no program in it"),
            ([""], "there is no program in it"),
            (["node", "a\0b"], "can't be passed to a program"),
            (["node", "\ud800"], "can't be passed to a program"),
        ):
            error = self.assertRaises(ConfigError, checkWords, words, "spawnCommand")
            self.assertTrue(str(error).startswith("spawnCommand: "), error)
            self.assertIn(reason, str(error))

    def test_path(self) -> None:
        for path in ("/", "/health?full=1", "/a%20b"):
            checkPath(path, "x")
        for path in ("", "health", "/a b", "/ä", "/a\r\nHost: b", "http://a/"):
            self.assertRaises(ConfigError, checkPath, path, "x")


class EntranceTests(SynchronousTestCase):
    """
    How it is told where to listen.
    """

    def test_kinds(self) -> None:
        for words, isPort, kind in (
            (["gunicorn"], False, EntranceKind.descriptor),
            (["gunicorn"], True, EntranceKind.port),
            (["granian", "--uds={socket}"], False, EntranceKind.socket),
            (["flask", "--port", "{port}"], False, EntranceKind.port),
            (["flask", "--port", "{port}"], True, EntranceKind.port),
            (["echo", "{}", "{other}", "{{}"], False, EntranceKind.descriptor),
        ):
            self.assertIs(entranceOf(words, isPort, "x"), kind, words)

    def test_contradictions(self) -> None:
        for words, isPort in ((["a", "{socket}{port}"], False), (["a", "{socket}"], True)):
            error = self.assertRaises(ConfigError, entranceOf, words, isPort, "--command")
            self.assertIn("a program listens at one", str(error))


class ProgramTests(SynchronousTestCase):
    """
    L{CommandProgram}.
    """

    def test_spec(self) -> None:
        """
        The entrance is put in, and it is asked to end when the master dies.
        """
        program = CommandProgram(
            ("a", "--at={socket}"), EntranceKind.socket, "/", "/x", {"NOFILE": (1, 2)}, 10, 20
        )
        self.assertEqual(
            program.spec(lambda word: word.replace("{socket}", "/run/s")),
            {
                "exec": ["a", "--at=/run/s"],
                "chdir": "/x",
                "limits": {"NOFILE": [1, 2]},
                "uid": 10,
                "gid": 20,
                "deathSignal": 15,
            },
        )
        self.assertEqual((program.label, program.isApplication), ("a '--at={socket}'", False))

    def test_variables(self) -> None:
        """
        What the user has set stays.
        """
        program = CommandProgram(("a",))
        self.assertEqual(program.variables({}), {"FORWARDED_ALLOW_IPS": "*"})
        own = {"FORWARDED_ALLOW_IPS": "10.0.0.1", "PATH": "/bin"}
        self.assertEqual(program.variables(own), {"FORWARDED_ALLOW_IPS": "10.0.0.1"})

"""
Settings that are wrong or contradict each other: one line says what and where.
"""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.configurations import SettingsTestCase
from twisted_multiserver.config import OPTIONS
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.settings import NOT_BUILT, makeConfig


class RefusalTests(SettingsTestCase):
    """
    One line says what is wrong and where.
    """

    def test_unknownVariable(self) -> None:
        """
        With the nearest right one.
        """
        self.assertEqual(
            self.refusal(MULTISERVER_CHILDERN="3"),
            "MULTISERVER_CHILDERN: there is no such environment variable;"
            " did you mean MULTISERVER_CHILDREN?",
        )
        self.assertEqual(
            self.refusal(MULTISERVER_FOO="3"),
            "MULTISERVER_FOO: there is no such environment variable",
        )

    def test_variableWithLineBreak(self) -> None:
        """
        An environment can hold such names; the line stays one.
        """
        self.assertIn("no such environment variable", self.refusal(**{"MULTISERVER_\nX": "3"}))

    def test_wrongValueNamesItsSource(self) -> None:
        """
        Option, variable, or file and key.
        """
        allowed = "is not allowed: a whole number from 1 to 1024"
        self.assertEqual(self.refusal("children=0"), f"--children: '0' {allowed}")
        self.assertEqual(
            self.refusal(MULTISERVER_CHILDREN="x"), f"MULTISERVER_CHILDREN: 'x' {allowed}"
        )
        path = self.file("children = 0")
        self.assertEqual(self.refusal(f"config={path}"), f"{path}: children: '0' {allowed}")

    def test_givenTwice(self) -> None:
        """
        Only repeatable options may be.
        """
        self.assertEqual(
            self.refusal("children=1", "children=2"),
            "--children is given 2 times, it may be given once",
        )
        path = self.file("")
        self.assertIn("2 times", self.refusal(f"config={path}", f"config={path}"))

    def test_emptyVariable(self) -> None:
        """
        Set to nothing is a mistake, not a default.
        """
        for name in ("MULTISERVER_LISTEN", "MULTISERVER_APP", "MULTISERVER_CONFIG"):
            self.assertTrue(self.refusal(**{name: ""}).startswith(f"{name}: '' is not allowed"))

    def test_unknownKeyInFile(self) -> None:
        """
        With the nearest right one.
        """
        path = self.file("childern = 3")
        self.assertEqual(
            self.refusal(f"config={path}"),
            f"{path}: childern: there is no such option; did you mean children?",
        )

    def test_keyWithLineBreak(self) -> None:
        """
        TOML allows such keys; the line stays one.
        """
        path = self.file('"child\\nren" = 3')
        self.assertIn("there is no such option", self.refusal(f"config={path}"))

    def test_tableInFile(self) -> None:
        """
        The file has no tables: one for this program is an unknown key, one in
        the place of a value a wrong type.
        """
        line = self.refusal(f"config={self.file('[multiserver]')}")
        self.assertIn("no such option", line)
        line = self.refusal(f"config={self.file('[children]')}")
        self.assertIn("children: {} is not allowed: a number", line)

    def test_wrongTypesInFile(self) -> None:
        """
        Numbers are numbers, text is text.
        """
        for text, reason in (
            ("children = true", "children: True is not allowed: a number"),
            ("children = 1.5", "children: '1.5' is not allowed: a whole number from 1 to 1024"),
            ("children = '3'", "children: '3' is not allowed: a number"),
            ("children = [3]", "children: [3] is not allowed: a number"),
            ("queue-budget = nan", "queue-budget: 'nan' is not allowed: seconds"),
            ("queue-budget = -inf", "queue-budget: '-inf' is not allowed: seconds"),
            ("queue-budget = 12:00:00", "is not allowed: a number"),
            ("app = 3", "app: 3 is not allowed: a text"),
            ("app = ['x.y']", "app: ['x.y'] is not allowed: a text"),
            ("listen = 8080", "listen: 8080 is not allowed: a text or a list of texts"),
            ("listen = ['tcp:1', 2]", "listen: 2 is not allowed: a text or a list of texts"),
            ("listen = []", "listen: the list is empty"),
            ("sessions = false", "sessions: False is not allowed: a text"),
        ):
            path = self.file(text)
            line = self.refusal(f"config={path}")
            self.assertTrue(line.startswith(f"{path}: "), line)
            self.assertIn(reason, line)

    def test_unreadableFile(self) -> None:
        """
        Missing, or a folder.
        """
        self.assertEqual(
            self.refusal("config=nowhere.toml"),
            "--config: nowhere.toml can't be read: No such file or directory",
        )
        folder = self.mktemp()
        os.mkdir(folder)
        self.assertEqual(
            self.refusal(MULTISERVER_CONFIG=folder),
            f"MULTISERVER_CONFIG: {folder} can't be read: Is a directory",
        )

    def test_noTOML(self) -> None:
        """
        What is no TOML, and what is no text.
        """
        for text in (
            b"children: 3\n",
            b"children = 3\nchildren = 4\n",
            b"\xff\xfe",
            b"app = 'a\0'",
        ):
            path = self.file(text)
            line = self.refusal(f"config={path}")
            self.assertTrue(line.startswith(f"--config: {path} is no TOML file: "), line)

    def test_deeplyNestedFile(self) -> None:
        """
        A file made to exhaust the parser.
        """
        path = self.file("app = " + "[" * 20000)
        self.assertIn("is no TOML file", self.refusal(f"config={path}"))

    def test_fileNamesAnotherFile(self) -> None:
        """
        It can't.
        """
        path = self.file("config = 'other.toml'")
        self.assertEqual(
            self.refusal(f"config={path}"), f"{path}: config: a file can't name another one"
        )


class ContradictionTests(SettingsTestCase):
    """
    Options that exclude each other, those of later versions too.
    """

    def test_applicationAndCommand(self) -> None:
        """
        A child runs one of them.
        """
        self.assertEqual(
            self.refusal("app=x.y", "command=z"),
            "--app and --command contradict each other: a child runs one of them",
        )
        self.assertIn("contradict", self.refusal("app=x.y", MULTISERVER_COMMAND="z"))

    def test_applicationsOptionsWithCommand(self) -> None:
        """
        A program has no kind and no threads of ours.
        """
        for name, text in (("app-kind", "wsgi"), ("threads", "3")):
            self.assertEqual(
                self.refusal("command=z", f"{name}={text}"),
                f"--{name} contradicts --command: it is for applications (--app)",
            )

    def test_commandsOptionsWithApplication(self) -> None:
        """
        An application has its entrance and its readiness by itself.
        """
        for name in ("child-entrance", "ready-path"):
            self.assertEqual(
                self.refusal("app=x.y", f"{name}=z"),
                f"--{name} contradicts --app: it is for programs (--command)",
            )

    def test_childrensOptionsWithBackendsOnly(self) -> None:
        """
        There are no children whom they could concern.
        """
        for word in (
            "children=3",
            "boot-budget=1",
            "run-budget=1",
            "stop-budget=1",
            "on-crash=x",
            "threads=3",
            "app-kind=wsgi",
            "spares=1",
            "max-requests=1",
            "max-age=1",
            "max-rss=64M",
            "surge=1",
            "child-entrance=port",
        ):
            name = word.partition("=")[0]
            self.assertEqual(
                self.refusal("backend=tcp:a:80", word),
                f"--{name} contradicts --backend:"
                " no children are started without --app or --command",
            )

    def test_contradictionNamesBothSources(self) -> None:
        """
        Wherever they come from.
        """
        path = self.file("children = 3")
        self.assertEqual(
            self.refusal(f"config={path}", MULTISERVER_BACKEND="tcp:a:80"),
            f"{path}: children contradicts MULTISERVER_BACKEND:"
            " no children are started without --app or --command",
        )

    def test_kindOfNothing(self) -> None:
        """
        The demo's kind is known.
        """
        self.assertEqual(
            self.refusal("app-kind=wsgi"), "--app-kind needs --app: what is it the kind of?"
        )

    def test_sessionsOffAndTheirOptions(self) -> None:
        """
        Without sessions their options say nothing.
        """
        for name in (name for name in OPTIONS if name.startswith("session")):
            if name != "sessions":
                self.assertEqual(
                    self.refusal("sessions=none", f"{name}=1"),
                    f"--{name} contradicts --sessions: there are no sessions",
                )

    def test_sessionsWithoutApplication(self) -> None:
        """
        They are kept for applications; switched off they may be anywhere.
        """
        self.assertEqual(
            self.refusal("command=z", "sessions=redis://:secret@h"),
            "--sessions contradicts --command: it is for applications (--app)",
        )
        self.assertEqual(
            self.refusal("backend=tcp:a:80", "sessions=redis://:secret@h"),
            "--sessions contradicts --backend: no children are started without --app or --command",
        )
        for word in ("command=z", "backend=tcp:a:80"):
            self.assertEqual(self.make(word, "sessions=none").sessions, "none")

    def test_twoPlacesForSessions(self) -> None:
        """
        The URI is given once.
        """
        self.assertEqual(
            self.refusal("sessions=redis://:secret@h", "sessions-file=x"),
            "--sessions and --sessions-file contradict each other: one place for sessions",
        )

    def test_healthChecks(self) -> None:
        """
        How to check needs what to ask for, which is a path.
        """
        self.assertEqual(
            self.refusal("health-rise=2"), "--health-rise needs --health-path: what is asked for?"
        )
        self.assertIn("a path with /", self.refusal("health-path=up"))
        for statuses in ("99", "600", "300-200", "2xx", "200-", ""):
            self.assertIn(
                "a status from 200 to 599",
                self.refusal("health-path=/", f"health-status={statuses}"),
            )

    def test_notBuilt(self) -> None:
        """
        An option of a later version is not ignored, wherever it stands.
        """
        for name in NOT_BUILT:
            self.assertEqual(self.refusal(f"{name}=1"), f"--{name} is not built in this version")
        self.assertEqual(
            self.refusal(MULTISERVER_ADMIN="1"),
            "MULTISERVER_ADMIN is not built in this version",
        )
        path = self.file("dispatch = 'handoff'")
        self.assertEqual(
            self.refusal(f"config={path}"), f"{path}: dispatch is not built in this version"
        )

    def test_nothingIsBothBuiltAndNotBuilt(self) -> None:
        """
        An option that gets built leaves the list.
        """
        self.assertEqual(NOT_BUILT & set(OPTIONS), frozenset())


class AnythingTests(SettingsTestCase):
    """
    Whatever is given, there is a configuration or one line.
    """

    NAMES = st.sampled_from([*OPTIONS, *NOT_BUILT])
    VARIABLES = st.one_of(
        NAMES.map(lambda name: "MULTISERVER_" + name.replace("-", "_").upper()),
        st.text().map(lambda text: "MULTISERVER_" + text),
        st.sampled_from(["PORT", "WEB_CONCURRENCY"]),
    )

    def check(self, given: dict[str, list[str]], environ: dict[str, str]) -> None:
        """
        @param given: on the command line.
        @param environ: the environment.
        """
        try:
            config = makeConfig(given, environ)
        except ConfigError as error:
            self.assertEqual(len(str(error).splitlines()), 1)
        else:
            assert config.children is not None
            self.assertTrue(1 <= config.children <= 1024)

    @given(
        st.dictionaries(NAMES, st.lists(st.text(), min_size=1, max_size=3), max_size=4),
        st.dictionaries(VARIABLES, st.text(), max_size=4),
    )
    @settings(deadline=None)
    def test_anything(self, given: dict[str, list[str]], environ: dict[str, str]) -> None:
        """
        Command line and environment.
        """
        self.check(given, environ)

    @given(
        st.dictionaries(
            st.one_of(NAMES, st.text()),
            st.one_of(
                st.integers(),
                st.floats(),
                st.booleans(),
                st.text(alphabet="abct:/. 12"),
                st.lists(st.sampled_from(["tcp:1", ""]), max_size=2),
            ),
            max_size=3,
        )
    )
    def test_anyTable(self, table: dict[str, object]) -> None:
        """
        A TOML file.
        """
        lines = [
            '"' + "".join(f"\\U{ord(letter):08x}" for letter in name) + '"'
            f" = {str(value).lower() if isinstance(value, bool) else repr(value)}"
            for name, value in table.items()
        ]
        self.check({"config": [self.file("\n".join(lines))]}, {})

    @given(st.binary())
    def test_anyFile(self, content: bytes) -> None:
        """
        What may be no TOML at all.
        """
        self.check({"config": [self.file(content)]}, {})

"""
Where the value of each option comes from.
"""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.configurations import SettingsTestCase
from twisted_multiserver.config import OPTIONS
from twisted_multiserver.cpus import availableProcessors
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.settings import DEMO, folderOf, nearest

# A value that each option takes and that is not its default.
SAMPLES: dict[str, tuple[str, object]] = {
    "access-log": ("/var/log/x", "/var/log/x"),
    "access-log-format": ("json", "json"),
    "app": ("pkg.mod:site", "pkg.mod:site"),
    "app-kind": ("wsgi", "wsgi"),
    "backend": ("tcp:10.0.0.7:80", ("tcp:10.0.0.7:80",)),
    "balancer": ("least-connections", "least-connections"),
    "boot-budget": ("1.5", 1.5),
    "chdir": ("/srv", "/srv"),
    "child-entrance": ("port", "port"),
    "children": ("7", 7),
    "command": ("node server.js", "node server.js"),
    "connect-budget": ("1.5", 1.5),
    "cookie-key-file": ("/etc/key", "/etc/key"),
    "drain-budget": ("1.5", 1.5),
    "first-byte-budget": ("1.5", 1.5),
    "hash-key": ("cookie:sid", "cookie:sid"),
    "head-budget": ("1.5", 1.5),
    "idle-budget": ("1.5", 1.5),
    "listen": ("tcp:1234", ("tcp:1234",)),
    "max-age": ("60", 60.0),
    "max-body": ("10M", 10485760),
    "max-requests": ("7", 7),
    "max-rss": ("64M", 67108864),
    "on-crash": ("mail me", "mail me"),
    "queue-budget": ("1.5", 1.5),
    "queue-limit": ("9", 9),
    "health-path": ("/up", "/up"),
    "health-status": ("200-204", (200, 204)),
    "health-interval": ("2", 2.0),
    "health-budget": ("2", 2.0),
    "health-rise": ("4", 4),
    "health-fall": ("4", 4),
    "buffer-request": ("never", "never"),
    "ready-path": ("/health", "/health"),
    "run-budget": ("1.5", 1.5),
    "session-age": ("60", 60.0),
    "session-cookie": ("id", "id"),
    "session-except": ("/static", ("/static",)),
    "session-idle": ("60", 60.0),
    "sessions": ("none", "none"),
    "sessions-file": ("/etc/sessions", "/etc/sessions"),
    "sessions-key-file": ("/etc/keys", "/etc/keys"),
    "sessions-optional": ("true", True),
    "spares": ("2", 2),
    "stall-budget": ("1.5", 1.5),
    "state-dir": ("/var/lib/x", "/var/lib/x"),
    "stop-budget": ("1.5", 1.5),
    "surge": ("2", 2),
    "threads": ("7", 7),
    "trusted-proxy": ("10.0.0.0/8", ("10.0.0.0/8",)),
}


class DefaultTests(SettingsTestCase):
    """
    Nothing is given.
    """

    def test_demo(self) -> None:
        """
        The demo runs, in as many children as there are processors.
        """
        config = self.make()
        self.assertEqual(config.app, DEMO)
        self.assertEqual(config.children, availableProcessors())
        self.assertEqual(config.listen, ("tcp:8080:interface=127.0.0.1",))

    def test_backendOnly(self) -> None:
        """
        With a backend alone no application runs.
        """
        self.assertIsNone(self.make("backend=tcp:a:80").app)

    def test_applicationAndBackend(self) -> None:
        """
        Both together are fine, and so are the options of children.
        """
        config = self.make("backend=tcp:a:80", "app=x.y", "children=2", "app-kind=wsgi")
        self.assertEqual((config.app, config.children), ("x.y", 2))


class SourceTests(SettingsTestCase):
    """
    Command line, environment, file.
    """

    def beside(self, name: str) -> list[str]:
        """
        @param name: of an option.
        @return: what must be said with it.
        """
        return {
            "app-kind": ["app=x.y"],
            "child-entrance": ["command=x"],
            "cookie-key-file": ["balancer=sticky"],
            "health-budget": ["health-path=/up"],
            "health-fall": ["health-path=/up"],
            "health-interval": ["health-path=/up"],
            "health-rise": ["health-path=/up"],
            "health-status": ["health-path=/up"],
            "hash-key": ["balancer=consistent-hash"],
            "ready-path": ["command=x"],
        }.get(name, [])

    def test_samplesAreComplete(self) -> None:
        """
        What follows tries every option.
        """
        self.assertEqual({*SAMPLES, "config"}, set(OPTIONS))

    def test_commandLine(self) -> None:
        """
        Every option can be given there.
        """
        for name, (text, value) in SAMPLES.items():
            config = self.make(f"{name}={text}", *self.beside(name))
            self.assertEqual(getattr(config, OPTIONS[name].attribute), value)

    def test_variable(self) -> None:
        """
        Every option has its variable.
        """
        for name, (text, value) in SAMPLES.items():
            environ = {OPTIONS[name].variable: text}
            config = self.make(*self.beside(name), **environ)
            self.assertEqual(getattr(config, OPTIONS[name].attribute), value)

    def test_file(self) -> None:
        """
        Every option can stand in the file, as text or as a number.
        """
        for name, (written, value) in SAMPLES.items():
            shown = list(value) if isinstance(value, tuple) else value
            if OPTIONS[name].kind.name == "statuses":
                shown = written
            text = str(shown).lower() if isinstance(shown, bool) else repr(shown)
            path = self.file(f"{name} = {text}\n")
            config = self.make(f"config={path}", *self.beside(name))
            self.assertEqual(getattr(config, OPTIONS[name].attribute), value)

    def test_fileByVariable(self) -> None:
        """
        The file's own name can be in the environment.
        """
        config = self.make(MULTISERVER_CONFIG=self.file("children = 5"))
        self.assertEqual(config.children, 5)

    def test_precedence(self) -> None:
        """
        Command line, then environment, then file, then what platforms set.
        """
        config = f"config={self.file('children = 3')}"
        variables = {"MULTISERVER_CHILDREN": "2", "WEB_CONCURRENCY": "4"}
        self.assertEqual(self.make("children=1", config, **variables).children, 1)
        self.assertEqual(self.make(config, **variables).children, 2)
        self.assertEqual(self.make(config, WEB_CONCURRENCY="4").children, 3)
        self.assertEqual(self.make(WEB_CONCURRENCY="4").children, 4)

    def test_strongestSourceDecidesAlone(self) -> None:
        """
        Values of repeatable options don't add up over sources.
        """
        path = self.file('listen = ["tcp:3", "tcp:4"]')
        config = self.make("listen=tcp:1", f"config={path}", MULTISERVER_LISTEN="tcp:2")
        self.assertEqual(config.listen, ("tcp:1",))

    def test_repeated(self) -> None:
        """
        Again on the command line, separated by blanks in a variable, a list or
        a text in a file.
        """
        both = ("tcp:1", "tcp:2")
        self.assertEqual(self.make("listen=tcp:1", "listen=tcp:2").listen, both)
        self.assertEqual(self.make(MULTISERVER_LISTEN=" tcp:1  tcp:2\n").listen, both)
        listed = self.file('listen = ["tcp:1", "tcp:2"]')
        self.assertEqual(self.make(f"config={listed}").listen, both)
        single = self.file('listen = "tcp:1"')
        self.assertEqual(self.make(f"config={single}").listen, ("tcp:1",))

    def test_blanksInVariableOfOtherOptions(self) -> None:
        """
        A command keeps its blanks.
        """
        self.assertEqual(self.make(MULTISERVER_ON_CRASH="a b").onCrash, "a b")

    def test_othersVariables(self) -> None:
        """
        What has another prefix is nobody's business here.
        """
        self.assertEqual(self.make(MULTISERVERS="x", TWISTED_MULTISERVER_RUN="x"), self.make())


class PlatformTests(SettingsTestCase):
    """
    PORT and WEB_CONCURRENCY, as platforms set them.
    """

    def test_port(self) -> None:
        """
        All interfaces, at that port.
        """
        self.assertEqual(self.make(PORT="5000").listen, ("tcp:5000",))

    def test_portBesideListen(self) -> None:
        """
        C{--listen} wins, wherever it is said; PORT is not even looked at.
        """
        self.assertEqual(self.make("listen=tcp:1", PORT="x").listen, ("tcp:1",))
        self.assertEqual(self.make(MULTISERVER_LISTEN="tcp:1", PORT="5000").listen, ("tcp:1",))
        path = self.file("listen = 'tcp:1'")
        self.assertEqual(self.make(f"config={path}", PORT="5000").listen, ("tcp:1",))

    def test_wrongPort(self) -> None:
        """
        What is no port.
        """
        for text in ("", "http", "65536", "-1", "80.0", "٣", "9" * 5000):
            self.assertTrue(
                self.refusal(PORT=text).endswith(" is not allowed: a port from 0 to 65535")
            )

    def test_concurrency(self) -> None:
        """
        The number of children.
        """
        self.assertEqual(self.make(WEB_CONCURRENCY="3").children, 3)
        self.assertEqual(self.make("app=x.y", "backend=tcp:a:80", WEB_CONCURRENCY="3").children, 3)
        self.assertIn("WEB_CONCURRENCY: '0' is not allowed", self.refusal(WEB_CONCURRENCY="0"))

    def test_concurrencyWithBackendsOnly(self) -> None:
        """
        It is set for all programs, so it contradicts nothing.
        """
        config = self.make("backend=tcp:a:80", WEB_CONCURRENCY="many")
        self.assertIsNone(config.app)


class FolderTests(SettingsTestCase):
    """
    Where names are looked up.
    """

    def test_default(self) -> None:
        """
        Where it was started.
        """
        self.assertEqual(folderOf(self.make()), os.getcwd())

    def test_relative(self) -> None:
        """
        A relative one is made absolute.
        """
        os.mkdir(folder := self.mktemp())
        self.assertEqual(folderOf(self.make(f"chdir={folder}")), os.path.abspath(folder))

    def test_missing(self) -> None:
        """
        It must be there.
        """
        config = self.make("chdir=/nowhere")
        error = self.assertRaises(ConfigError, folderOf, config)
        self.assertEqual(str(error), "--chdir: /nowhere is no folder")


class NearestTests(SynchronousTestCase):
    """
    Hints.
    """

    def test_near(self) -> None:
        """
        The nearest one, or no hint at all.
        """
        self.assertEqual(nearest("chidlren", OPTIONS), "; did you mean children?")
        self.assertEqual(nearest("zzz", OPTIONS), "")

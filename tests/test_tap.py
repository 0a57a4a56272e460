"""
The command line becomes a service, or one line.
"""

from __future__ import annotations

import io
import os
import socket
import sys
from importlib.metadata import entry_points
from pathlib import Path

from twisted.application.service import IService, IServiceMaker
from twisted.internet import reactor
from twisted.plugin import getPlugins
from twisted.python.usage import Options as UsageOptions
from twisted.trial.unittest import SynchronousTestCase

import twisted_multiserver
from twisted_multiserver.config import OPTIONS
from twisted_multiserver.settings import NOT_BUILT
from twisted_multiserver.tap import Options, makeService

_VARIABLES = ("MULTISERVER_", "PORT", "WEB_CONCURRENCY", "STATE_DIRECTORY")


class TapTestCase(SynchronousTestCase):
    """
    Works in a folder and an environment of its own.
    """

    def setUp(self) -> None:
        """
        Nothing of the user's configures what follows.
        """
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(_VARIABLES)
        }
        environ["MULTISERVER_LISTEN"] = "tcp:0:interface=127.0.0.1"
        self.patch(os, "environ", environ)
        self.patch(sys, "path", [*sys.path])
        self.output = io.StringIO()
        self.patch(sys, "stdout", self.output)

    def parse(self, *words: str) -> Options:
        """
        @param words: of the command line.
        @return: them, parsed.
        """
        options = Options()
        parent = UsageOptions()
        parent.subCommand = "multiserver"
        options.parent = parent
        options.parseOptions(list(words))
        return options

    def refusal(self, *words: str) -> str:
        """
        @param words: of a command line that can't be used.
        @return: what the user is told, one line.
        """

        def make() -> None:
            makeService(self.parse(*words))

        line = str(self.assertRaises(SystemExit, make).code)
        self.assertEqual(len(line.splitlines()), 1)
        self.assertEqual(self.output.getvalue(), "")
        self.assertEqual(os.listdir(self.folder), [])
        start = "twistd multiserver: "
        self.assertTrue(line.startswith(start), line)
        return line.removeprefix(start)


class OptionsTests(TapTestCase):
    """
    L{Options}.
    """

    def test_config(self) -> None:
        """
        The words, the environment and the defaults make the configuration.
        """
        os.environ["MULTISERVER_THREADS"] = "3"
        config = self.parse("--children=2", "--listen=tcp:1", "--listen", "tcp:2").config
        self.assertEqual((config.children, config.threads), (2, 3))
        self.assertEqual(config.listen, ("tcp:1", "tcp:2"))

    def test_valuesAreKept(self) -> None:
        """
        What looks special in a value isn't.
        """
        config = self.parse("--on-crash=a --b=c '%s' {x}").config
        self.assertEqual(config.onCrash, "a --b=c '%s' {x}")

    def test_everyOptionIsKnown(self) -> None:
        """
        Those of later versions too, so that they are told as such.
        """
        for name in OPTIONS:
            self.assertNotIn("there is no option", self.refusal(f"--{name}="))
        for name in NOT_BUILT:
            self.assertEqual(self.refusal(f"--{name}=1"), f"--{name} is not built in this version")

    def test_unknownOption(self) -> None:
        """
        With the nearest right one.
        """
        self.assertEqual(
            self.refusal("--childern=3"),
            "there is no option --childern; did you mean --children?",
        )
        self.assertEqual(
            self.refusal("--queue_budget=3"),
            "there is no option --queue_budget; did you mean --queue-budget?",
        )
        self.assertEqual(self.refusal("--foo=3"), "there is no option --foo")

    def test_ambiguousOption(self) -> None:
        """
        A beginning that several options have is none.
        """
        self.assertEqual(
            self.refusal("--child=3"), "there is no option --child; did you mean --children?"
        )

    def test_malformed(self) -> None:
        """
        Values missing or too many, words, letters.
        """
        self.assertEqual(self.refusal("--children"), "option --children requires argument")
        self.assertIn("option --help must not have an argument", self.refusal("--help=x"))
        self.assertEqual(self.refusal("-x"), "option -x not recognized")
        self.assertEqual(
            self.refusal("pkg:app"), "'pkg:app' is no option; an application goes with --app"
        )

    def test_linesInValues(self) -> None:
        """
        A value with line breaks is told in one line.
        """
        for name in ("children", "listen", "backend", "balancer", "chdir", "on-crash", "config"):
            self.refusal(f"--{name}='a\nb\x85c")

    def test_version(self) -> None:
        """
        The version, and status 0.
        """
        exited = self.assertRaises(SystemExit, self.parse, "--version")
        self.assertEqual(exited.code, 0)
        version = twisted_multiserver.__version__
        self.assertEqual(self.output.getvalue(), f"twisted_multiserver {version}\n")

    def test_help(self) -> None:
        """
        Every option with its kind, range, default and variable; none of those
        that aren't built; status 0.
        """
        exited = self.assertRaises(SystemExit, self.parse, "--help")
        self.assertIn(exited.code, (0, None))
        shown = self.output.getvalue()
        for option in OPTIONS.values():
            allowed = f", {option.kind.allowed}" if option.kind.allowed else ""
            mark = "" if option.kind.name == "flag" else "="
            self.assertIn(f"  --{option.name}{mark}  ({option.kind.name}{allowed}", shown)
            self.assertIn(f"      Default: {option.default}. Variable: {option.variable}.\n", shown)
        for name in NOT_BUILT:
            self.assertNotIn(f"--{name}=", shown)
        self.assertIn("--listen=  (endpoint; may be repeated)", shown)
        self.assertEqual([line for line in shown.splitlines() if len(line) > 120], [])


class MakeServiceTests(TapTestCase):
    """
    L{makeService}.
    """

    def test_service(self) -> None:
        """
        It is made, and nothing has begun but the state folder.
        """
        service = makeService(self.parse("--listen=tcp:0", "--children=1"))
        self.assertTrue(IService.providedBy(service))
        self.assertFalse(service.running)
        self.assertEqual(os.listdir(self.folder), ["multiserver-state"])
        self.assertEqual((self.folder / "multiserver-state").stat().st_mode & 0o777, 0o700)

    def test_backendsNeedNoFolder(self) -> None:
        """
        Without children there is no state to keep.
        """
        makeService(self.parse("--backend=tcp:10.0.0.7:80"))
        self.assertEqual(os.listdir(self.folder), [])

    def test_refusals(self) -> None:
        """
        What is found when all is put together, with nothing left behind.
        """
        for word, reason in (
            ("--listen=tcp:x", "--listen: 'tcp:x' can't be used: the port is 'x'"),
            ("--backend=tcp:x", "--backend: 'tcp:x' can't be used: the port is missing"),
            ("--balancer=round", "there is no balancer 'round'"),
            ("--balancer=nowhere.B", "nowhere can't be imported"),
            ("--on-crash='", "--on-crash: \"'\" can't be split"),
            ("--chdir=/nowhere", "--chdir: /nowhere is no folder"),
            ("--state-dir=/dev/null/x", "the state folder /dev/null/x can't be made"),
        ):
            self.assertIn(reason, self.refusal(word))

    def test_backendTwice(self) -> None:
        """
        Two names of one address count as one.
        """
        self.assertIn(
            "--backend: 'tcp:host=10.0.0.7:port=80': tcp:10.0.0.7:80 is in the pool already",
            self.refusal("--backend=tcp:10.0.0.7:80", "--backend=tcp:host=10.0.0.7:port=80"),
        )

    def test_portInUse(self) -> None:
        """
        It is found before twistd goes into the background, or logs anything.
        """
        with socket.create_server(("127.0.0.1", 0)) as other:
            listen = f"tcp:{other.getsockname()[1]}:interface=127.0.0.1"
            self.assertEqual(
                self.refusal(f"--listen={listen}"),
                f"--listen: {listen!r}: Address already in use",
            )

    def test_chdirIsFirstOnThePath(self) -> None:
        """
        A name means the same in master and children.
        """
        makeService(self.parse("--backend=tcp:10.0.0.7:80", "--chdir=/tmp"))
        self.assertEqual(sys.path[0], os.path.abspath("/tmp"))

    def test_givenReactor(self) -> None:
        """
        Which reactor it is, is the caller's choice.
        """
        options = self.parse("--backend=tcp:10.0.0.7:80")
        self.assertTrue(IService.providedBy(makeService(options, reactor)))


class PluginTests(SynchronousTestCase):
    """
    What twistd finds.
    """

    def test_plugin(self) -> None:
        """
        One service maker, of this module.
        """
        (found,) = [each for each in getPlugins(IServiceMaker) if each.tapname == "multiserver"]
        self.assertIs(found.options, Options)
        self.assertIs(found.makeService, makeService)

    def test_noCommandsOfOurOwn(self) -> None:
        """
        twistd is the only one.
        """
        scripts = entry_points(group="console_scripts")
        self.assertEqual([each for each in scripts if "multiserver" in each.value], [])

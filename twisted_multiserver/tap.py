"""
C{twistd multiserver}: twistd's options become a running service.

Strategy: everything that can be wrong about options is found while they are parsed,
and ends as one line on stderr with status 1.

Invariant: nothing of the user's application is imported into this process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from textwrap import fill
from typing import Any

from twisted.application.service import IService
from twisted.python import usage

from twisted_multiserver import __version__
from twisted_multiserver.balancing.names import BalancerOptions, balancerNamed
from twisted_multiserver.balancing.pool import AlreadyInPool
from twisted_multiserver.config import OPTIONS, MasterConfig, Option
from twisted_multiserver.endpoints import (
    checkFree,
    clientEndpoint,
    serverEndpoint,
    splitWeight,
)
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.master import Multiserver
from twisted_multiserver.service import MultiserverService
from twisted_multiserver.settings import NOT_BUILT, folderOf, makeConfig, nearest
from twisted_multiserver.supervision.command import entranceOf, splitCommandLine
from twisted_multiserver.supervision.folders import prepareStateFolder
from twisted_multiserver.supervision.oncrash import CrashCommand, splitCommand


class Options(usage.Options):
    """
    The command line, made from the table of options.

    @ivar given: what was written, by the options' names.
    @ivar config: the configuration, once parsed.
    """

    synopsis = "[options]"
    longdesc = "Serve a Python web application by child processes, or balance over servers."
    config: MasterConfig

    def __init__(self) -> None:
        self.given: dict[str, list[str]] = {}
        super().__init__()  # type: ignore[no-untyped-call]

    def parseOptions(self, options: list[str] | None = None) -> None:
        """
        Parse the command line.

        @param options: its words.
        @raise SystemExit: with one line, if anything of it is wrong.
        """
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except (usage.UsageError, ConfigError) as error:
            raise SystemExit(_line(self._explain(str(error)))) from None

    def parseArgs(self, *words: str) -> None:
        """
        @param words: what is no option.
        @raise UsageError: if there is any.
        """
        if words:
            raise usage.UsageError(f"{words[0]!r} is no option; an application goes with --app")

    def postOptions(self) -> None:
        """
        Find the configuration.

        @raise ConfigError: if any of it is wrong.
        """
        self.config = makeConfig(self.given, os.environ)

    def opt_version(self) -> None:
        """
        Show the version and exit.
        """
        print(f"twisted_multiserver {__version__}")
        raise SystemExit(0)

    def getUsage(self, width: int | None = None) -> str:
        """
        @param width: of the terminal, in characters.
        @return: what C{--help} shows.
        """
        lines = [
            "Usage: twistd [-n] multiserver [options]",
            self.longdesc,
            "",
            "Every option can also be given by the environment variable below it, or in a",
            "TOML file (--config). The command line wins, then the environment, then the file.",
            "PORT and WEB_CONCURRENCY count where --listen and --children are absent.",
            "",
        ]
        for option in OPTIONS.values():
            allowed = f", {option.kind.allowed}" if option.kind.allowed else ""
            again = "; may be repeated" if option.repeatable else ""
            lines += [
                f"  --{option.name}{'' if option.kind.name == 'flag' else '='}"
                f"  ({option.kind.name}{allowed}{again})",
                _indented(option.help),
                f"      Default: {option.default}. Variable: {option.variable}.",
            ]
        return "\n".join([*lines, "  --help, --version", ""])

    def _explain(self, reason: str) -> str:
        words = reason.split()
        if reason.startswith("option --") and words[2] == "not":
            return f"there is no option {words[1]}{nearest(words[1], self._names(), '--')}"
        return reason

    def _names(self) -> list[str]:
        return [f"--{name}" for name in OPTIONS]


def _indented(text: str) -> str:
    margin = " " * 6
    # An option's name is not to be broken.
    return fill(text, 96, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False)


def _taker(name: str, help: str) -> Callable[[Options, str], None]:
    def take(self: Options, value: str) -> None:
        self.given.setdefault(name, []).append(value)

    take.__doc__ = help
    return take


def _flag(name: str, help: str) -> Callable[[Options], None]:
    def turnOn(self: Options) -> None:
        self.given.setdefault(name, []).append("true")

    turnOn.__doc__ = help
    return turnOn


def _addOption(name: str, option: Option | None) -> None:
    help = "Not built in this version." if option is None else option.help
    make = _flag if option is not None and option.kind.name == "flag" else _taker
    setattr(Options, f"opt_{name.replace('-', '_')}", make(name, help))


for _name in (*OPTIONS, *NOT_BUILT):
    _addOption(_name, OPTIONS.get(_name))


def makeService(options: Options, reactor: Any = None) -> IService:
    """
    Make the service.

    @param options: parsed.
    @param reactor: L{None} for the one that twistd runs.
    @return: the service.
    @raise SystemExit: with one line, if the configuration can't be used.
    """
    if reactor is None:
        from twisted.internet import reactor
    parent: dict[str, Any] = options.parent or {}
    umask = parent.get("umask")
    umask = _currentUmask() if umask is None else umask
    try:
        return _compose(
            reactor,
            options.config,
            umask,
            partial(makeConfig, options.given, dict(os.environ)),
            _logFile(parent),
        )
    except ConfigError as error:
        raise SystemExit(_line(str(error))) from None


def _line(reason: str) -> str:
    # Paths and names may have line breaks.
    return f"twistd multiserver: {' '.join(reason.split())}"


def _currentUmask() -> int:
    # There is no way to ask without setting it.
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def _logFile(parent: dict[str, Any]) -> str | None:
    # As twistd decides it.
    given: str | None = parent.get("logfile")
    if not given and not parent.get("nodaemon", True):
        given = "twistd.log"
    return None if given == "-" or parent.get("syslog") else given or None


def _compose(
    reactor: Any,
    config: MasterConfig,
    umask: int,
    readConfig: Callable[[], MasterConfig],
    logFile: str | None = None,
) -> IService:
    # As in the children, so that a name means the same on both sides.
    sys.path.insert(0, folderOf(config))
    options = BalancerOptions(config.hashKey, config.cookieKeyFile)
    balancer = balancerNamed(config.balancer, options)
    listeners = [(each, serverEndpoint(reactor, each)) for each in config.listen]
    backends = []
    for each in config.backend:
        description, weight = splitWeight(each)
        backends.append((each, clientEndpoint(reactor, description), weight))
    crashCommand = None
    if config.onCrash is not None:
        crashCommand = CrashCommand(reactor, splitCommand(config.onCrash))
    if config.command is not None:
        words = splitCommandLine(config.command, "--command")
        entranceOf(words, config.childEntrance == "port", "--command")
    # In the background nobody could be told any more, and Twisted leaves a lock beside
    # a UNIX socket that it can't have.
    checkFree(config.listen)
    stateFolder = None
    if config.app is not None or config.command is not None:
        stateFolder = prepareStateFolder(config.stateDir, os.environ, os.getcwd())
    master = Multiserver(reactor, balancer, config, stateFolder)
    if config.app is not None:
        master.prepareSessions()
    for description, endpoint, weight in backends:
        try:
            master.addBackend(endpoint, weight)
        except AlreadyInPool as error:
            raise ConfigError(f"--backend: {description!r}: {error}") from error
    if crashCommand is not None:
        master.addObserver(crashCommand)
    return MultiserverService(reactor, config, master, listeners, umask, readConfig, logFile)

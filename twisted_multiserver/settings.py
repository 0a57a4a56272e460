"""
Finding the configuration: where the value of each option comes from.

Strategy: the command line, then MULTISERVER_* variables, then the TOML file, then
what platforms set (PORT, WEB_CONCURRENCY), then the default; the first that speaks of
an option decides it alone.

Invariants: nothing is ignored: an unknown name in any of them is an error that names
the nearest right one, and options that contradict each other are told as such.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from twisted_multiserver.config import (
    OPTIONS,
    VARIABLE_PREFIX,
    MasterConfig,
    Option,
    parseValue,
)
from twisted_multiserver.cpus import availableProcessors
from twisted_multiserver.errors import ConfigError

DEMO = "twisted_multiserver.demo:site"

# Known by name, so that a contradiction is told as one; refused otherwise.
NOT_BUILT = frozenset(
    {
        "admin",
        "dispatch",
    }
)

_HEALTH = ("health-status", "health-interval", "health-budget", "health-rise", "health-fall")
_SESSIONS = (
    "session-age",
    "session-cookie",
    "session-except",
    "session-idle",
    "sessions-file",
    "sessions-key-file",
    "sessions-optional",
)
_CHILDREN_ONLY = (
    "app-kind",
    "child-entrance",
    "children",
    "boot-budget",
    "max-age",
    "max-requests",
    "max-rss",
    "on-crash",
    "ready-path",
    "run-budget",
    "spares",
    "stop-budget",
    "surge",
    "threads",
    *_SESSIONS,
)
_APP_ONLY = ("app-kind", "threads", *_SESSIONS)
_COMMAND_ONLY = ("child-entrance", "ready-path")


class Found:
    """
    What was written, and where.

    @ivar texts: by the option's name.
    @ivar sources: for people, by the option's name.
    """

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.sources: dict[str, str] = {}

    def add(self, name: str, texts: list[str], source: str) -> None:
        """
        Note what a source says, unless a stronger one has spoken.

        @param name: of the option.
        @param texts: what was written.
        @param source: where, for people.
        """
        if name not in self.texts:
            self.texts[name] = texts
            self.sources[name] = source


def makeConfig(given: Mapping[str, list[str]], environ: Mapping[str, str]) -> MasterConfig:
    """
    Find the configuration.

    @param given: what the command line says, by the options' names.
    @param environ: the environment.
    @return: the configuration, its number of children and its application decided.
    @raise ConfigError: if any of it is wrong.
    """
    found = Found()
    for name, texts in given.items():
        found.add(name, texts, f"--{name}")
    _readVariables(found, environ)
    if "config" in found.texts:
        _readFile(found, found.texts["config"][-1])
    _checkTogether(found)
    _readPlatform(found, environ)
    values = {
        option.attribute: _value(option, found)
        for option in OPTIONS.values()
        if option.name in found.texts
    }
    config = MasterConfig(**values)
    if config.app is None and config.command is None and not config.backend:
        values["app"] = DEMO
    if config.children is None:
        values["children"] = availableProcessors()
    if values.get("surge") == 0 and values["children"] == 1:
        raise ConfigError(
            f"{found.sources['surge']}: with one child and no surge nobody would serve during a"
            " reload; allow a surge of 1, or have 2 children"
        )
    return MasterConfig(**values)


def nearest(name: str, names: Iterable[str], prefix: str = "") -> str:
    """
    Hint at the right name.

    @param name: a wrong one.
    @param names: the right ones.
    @param prefix: stands before all of them, and would make all look alike.
    @return: what to add to a sentence.
    """
    bare = [each.removeprefix(prefix) for each in names]
    near = difflib.get_close_matches(name.removeprefix(prefix), bare, 1)
    return f"; did you mean {prefix}{near[0]}?" if near else ""


def _value(option: Option, found: Found) -> Any:
    source, texts = found.sources[option.name], found.texts[option.name]
    if option.repeatable:
        return tuple(parseValue(option, text, source) for text in texts)
    if len(texts) > 1:
        raise ConfigError(f"{source} is given {len(texts)} times, it may be given once")
    return parseValue(option, texts[0], source)


def _readVariables(found: Found, environ: Mapping[str, str]) -> None:
    byVariable = {option.variable: option for option in OPTIONS.values()}
    notBuilt = {VARIABLE_PREFIX + name.replace("-", "_").upper(): name for name in NOT_BUILT}
    for variable, text in environ.items():
        if not variable.startswith(VARIABLE_PREFIX):
            continue
        if variable in notBuilt:
            found.add(notBuilt[variable], [text], variable)
        elif variable not in byVariable:
            hint = nearest(variable, byVariable, VARIABLE_PREFIX)
            raise ConfigError(f"{_shown(variable)}: there is no such environment variable{hint}")
        else:
            option = byVariable[variable]
            texts = text.split() if option.repeatable else [text]
            found.add(option.name, texts or [""], variable)


def _readFile(found: Found, path: str) -> None:
    where = found.sources["config"]
    parseValue(OPTIONS["config"], path, where)
    shown = _shown(path)
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{where}: {shown} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        # tomllib's own error is a ValueError, and so are bad UTF-8 and endless numbers.
        reason = " ".join(str(error).split())
        raise ConfigError(f"{where}: {shown} is no TOML file: {reason}") from error
    for name, value in table.items():
        source = f"{shown}: {_shown(name)}"
        if name == "config":
            raise ConfigError(f"{source}: a file can't name another one")
        if name in NOT_BUILT:
            found.add(name, [str(value)], source)
            continue
        if name not in OPTIONS:
            raise ConfigError(f"{source}: there is no such option{nearest(name, OPTIONS)}")
        found.add(name, _texts(OPTIONS[name], value, source), source)


# What a file may give for a kind of option, and what that is called.
_INPUT: dict[str, tuple[tuple[type, ...], str]] = {
    "number": ((int, float), "a number"),
    "seconds": ((int, float), "a number"),
    "bytes": ((int, str), "a number, or a text as '10M'"),
    "flag": ((bool,), "true or false"),
    "statuses": ((int, str), "a number, or a text as '200-299'"),
}


def _texts(option: Option, value: object, source: str) -> list[str]:
    values = value if option.repeatable and isinstance(value, list) else [value]
    if not values:
        raise ConfigError(f"{source}: the list is empty")
    types, kind = _INPUT.get(option.kind.name, ((str,), "a text"))
    for each in values:
        if type(each) not in types:
            kind += " or a list of texts" if option.repeatable else ""
            raise ConfigError(f"{source}: {each!r} is not allowed: {kind}")
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in values]


def _shown(name: str) -> str:
    return name if name.isprintable() else repr(name)


def _readPlatform(found: Found, environ: Mapping[str, str]) -> None:
    if "PORT" in environ and "listen" not in found.texts:
        port = environ["PORT"]
        if not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
            raise ConfigError(f"PORT: {port!r} is not allowed: a port from 0 to 65535")
        found.add("listen", [f"tcp:{int(port)}"], "PORT")
    startsChildren = bool({"app", "command"} & set(found.texts)) or "backend" not in found.texts
    if "WEB_CONCURRENCY" in environ and startsChildren:
        found.add("children", [environ["WEB_CONCURRENCY"]], "WEB_CONCURRENCY")


def _checkTogether(found: Found) -> None:
    app, command = found.sources.get("app"), found.sources.get("command")
    if app and command:
        raise ConfigError(f"{app} and {command} contradict each other: a child runs one of them")
    if command:
        _refuseBeside(found, _APP_ONLY, command, "it is for applications (--app)")
    elif app:
        _refuseBeside(found, _COMMAND_ONLY, app, "it is for programs (--command)")
    elif "backend" in found.sources:
        reason = "no children are started without --app or --command"
        _refuseBeside(found, _CHILDREN_ONLY, found.sources["backend"], reason)
    if not app and not command:
        for name in _COMMAND_ONLY:
            if name in found.sources:
                raise ConfigError(f"{found.sources[name]} needs --command: it is for programs")
    if not app and not command and "app-kind" in found.sources:
        raise ConfigError(f"{found.sources['app-kind']} needs --app: what is it the kind of?")
    _checkBalancer(found)
    for name in _HEALTH:
        if name in found.sources and "health-path" not in found.sources:
            raise ConfigError(f"{found.sources[name]} needs --health-path: what is asked for?")
    _checkSessions(found, app, command)
    for name in found.texts:
        if name in NOT_BUILT:
            raise ConfigError(f"{found.sources[name]} is not built in this version")


def _checkSessions(found: Found, app: str | None, command: str | None) -> None:
    source = found.sources.get("sessions")
    if source is None:
        return
    if found.texts["sessions"] == ["none"]:
        _refuseBeside(found, _SESSIONS, source, "there are no sessions")
    elif command:
        raise ConfigError(f"{source} contradicts {command}: it is for applications (--app)")
    elif not app and "backend" in found.sources:
        raise ConfigError(
            f"{source} contradicts {found.sources['backend']}: no children are started without"
            " --app or --command"
        )
    elif "sessions-file" in found.sources:
        raise ConfigError(
            f"{source} and {found.sources['sessions-file']} contradict each other: one place"
            " for sessions"
        )


def _checkBalancer(found: Found) -> None:
    balancer = found.texts.get("balancer", ["round-robin"])[-1]
    for name, policy in (("hash-key", "consistent-hash"), ("cookie-key-file", "sticky")):
        if name in found.sources and balancer != policy:
            raise ConfigError(
                f"{found.sources[name]} contradicts the balancer {balancer}: it is for {policy}"
            )


def _refuseBeside(found: Found, names: Iterable[str], with_: str, reason: str) -> None:
    for name in names:
        if name in found.sources:
            raise ConfigError(f"{found.sources[name]} contradicts {with_}: {reason}")


def folderOf(config: MasterConfig) -> str:
    """
    Find where applications and balancers are looked up first.

    @param config: the configuration.
    @return: an absolute path.
    @raise ConfigError: if there is no such folder.
    """
    folder = os.path.abspath(config.chdir or os.getcwd())
    if not os.path.isdir(folder):
        raise ConfigError(f"--chdir: {folder} is no folder")
    return folder


def changedForRestart(before: MasterConfig, now: MasterConfig) -> list[str]:
    """
    Find what a reload can't apply.

    @param before: the configuration that the master runs with.
    @param now: the one that was found anew.
    @return: the names of options that differ and need a restart.
    """
    return [
        option.name
        for option in OPTIONS.values()
        if not option.reloadable
        and getattr(before, option.attribute) != getattr(now, option.attribute)
    ]

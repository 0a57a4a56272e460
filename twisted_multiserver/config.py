"""
The configuration of a master: the one table of options.

Each field of L{MasterConfig} carries what is to be known of its option (name, type,
range, unit, help); the command line, the environment variables, the TOML file, C{--help}
and the documentation are all made from it.  How the values are found is in
L{twisted_multiserver.settings}.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted_multiserver.errors import ConfigError

VARIABLE_PREFIX = "MULTISERVER_"


@dataclass(frozen=True, slots=True)
class Kind:
    """
    What values an option takes.

    @ivar name: for people.
    @ivar parse: text to value; raises L{ValueError} with what is allowed.
    @ivar allowed: the range, for people; empty if there is none.
    """

    name: str
    parse: Callable[[str], object]
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """
    One option.

    @ivar name: such as C{"queue-budget"}.
    @ivar attribute: of L{MasterConfig}.
    @ivar kind: what values it takes.
    @ivar default: for people.
    @ivar help: one sentence.
    @ivar repeatable: whether it may be given more than once.
    """

    name: str
    attribute: str
    kind: Kind
    default: str
    help: str
    repeatable: bool

    @property
    def variable(self) -> str:
        """
        Its environment variable.
        """
        return VARIABLE_PREFIX + self.name.replace("-", "_").upper()


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("it must not be empty")
    if "\0" in text:
        raise ValueError("it must not have a NUL in it")
    return text


def _whole(least: int, most: int) -> Kind:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return Kind("number", parse, f"{least} to {most}")


def _seconds(least: float = 0.0) -> Kind:
    def parse(text: str) -> float:
        try:
            # Python would also take 1_0, blanks around and the digits of all scripts.
            value = float(text) if re.fullmatch(r"[0-9.eE+-]+", text) else math.nan
        except ValueError:
            value = math.nan
        if not least <= value <= 86400:
            raise ValueError(f"seconds, from {least:g} to 86400")
        return value

    return Kind("seconds", parse, f"{least:g} to 86400")


def _bytes() -> Kind:
    def parse(text: str) -> int:
        match = re.fullmatch(r"([0-9]{1,15})([kMG]?)", text)
        if match is None:
            raise ValueError("a number of bytes, as 65536, 64k, 10M or 2G")
        return int(match[1]) << {"": 0, "k": 10, "M": 20, "G": 30}[match[2]]

    return Kind("bytes", parse, "with k, M or G for the powers of 1024")


def _choice(*choices: str) -> Kind:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return text

    return Kind("choice", parse, ", ".join(choices))


def _path(text: str) -> str:
    if not re.fullmatch(r"/[!-~]*", text):
        raise ValueError("a path with /, and nothing that a URL would have to encode")
    return text


def _sessions(text: str) -> str:
    if text != "none":
        raise ValueError("none; this version has no session stores")
    return text


_TEXT = Kind("text", _text)
_ENDPOINT = Kind("endpoint", _text)


def _option(
    default: Any, kind: Kind, help: str, shown: str | None = None, repeatable: bool = False
) -> Any:
    return field(
        default=default,
        metadata={"kind": kind, "help": help, "shown": shown, "repeatable": repeatable},
    )


@dataclass(frozen=True, slots=True)
class MasterConfig:
    """
    What a master is to do.  Durations are in seconds.
    """

    listen: tuple[str, ...] = _option(
        ("tcp:8080:interface=127.0.0.1",),
        _ENDPOINT,
        "Serve on this endpoint.",
        repeatable=True,
    )
    app: str | None = _option(
        None,
        _TEXT,
        "Run this application in the children: pkg.mod.attr or pkg.mod:attr.",
        "the demo",
    )
    appKind: str = _option(
        "auto",
        _choice("auto", "resource", "site", "factory", "wsgi", "asgi"),
        "What the application is, if it can't be told by looking at it.",
    )
    command: str | None = _option(
        None,
        Kind("command", _text),
        "Run this program in the children, which serves HTTP by itself; {socket} and {port} in"
        " it stand for where it is to listen.",
        "none",
    )
    childEntrance: str = _option(
        "auto",
        _choice("auto", "port"),
        "Where a program listens: as its command line says (a socket passed as descriptor 3"
        " if it says nothing), or at the port that PORT names.",
    )
    readyPath: str = _option(
        "/",
        Kind("path", _path),
        "A program is ready when it answers a GET of this path, whatever the answer is.",
    )
    children: int | None = _option(
        None, _whole(1, 1024), "How many children to run.", "as many as processors may be used"
    )
    backend: tuple[str, ...] = _option(
        (),
        _ENDPOINT,
        "Forward to the server at this client endpoint, which is not started here; :weight=3 at"
        " its end gives it three shares.",
        "none",
        repeatable=True,
    )
    balancer: str = _option(
        "round-robin",
        _TEXT,
        "How to distribute requests: round-robin, weighted-round-robin, least-connections,"
        " power-of-two, least-latency, least-lag, consistent-hash, sticky, or the dotted name"
        " of an ILoadBalancer.",
    )
    hashKey: str = _option(
        "address",
        _TEXT,
        "What decides where a request goes under consistent-hash: address, header:NAME or"
        " cookie:NAME.",
    )
    cookieKeyFile: str | None = _option(
        None,
        Kind("file", _text),
        "The key of the cookies under sticky, at least 16 bytes that nobody else can read.",
        "a key of its own",
    )
    sessions: str = _option("none", Kind("text", _sessions, "none"), "Where sessions are kept.")
    config: str | None = _option(
        None, Kind("file", _text), "Read options from this TOML file.", "none"
    )
    chdir: str | None = _option(
        None,
        Kind("folder", _text),
        "The children's folder, and where applications and balancers are looked up first.",
        "where it was started",
    )
    stateDir: str | None = _option(
        None,
        Kind("folder", _text),
        "The folder for what must survive a restart.",
        "$STATE_DIRECTORY, else ./multiserver-state",
    )
    threads: int = _option(10, _whole(1, 1000), "Threads of a WSGI application, in each child.")
    bootBudget: float = _option(60.0, _seconds(0.1), "From a child's start until it is ready.")
    runBudget: float = _option(
        30.0, _seconds(0.1), "A child whose event loop hangs for longer is killed."
    )
    drainBudget: float = _option(
        30.0, _seconds(), "For the requests in flight when something is to stop."
    )
    stopBudget: float = _option(10.0, _seconds(), "From a child's SIGTERM to its SIGKILL.")
    headBudget: float = _option(10.0, _seconds(0.1), "For a client to send the head of a request.")
    idleBudget: float = _option(
        75.0, _seconds(0.1), "For a client that keeps its connection and asks nothing."
    )
    connectBudget: float = _option(5.0, _seconds(0.1), "For a connection to a backend.")
    firstByteBudget: float = _option(
        60.0, _seconds(0.1), "From a request until a backend's response begins."
    )
    stallBudget: float = _option(
        60.0, _seconds(0.1), "Between two pieces of a body, from a backend, from or to a client."
    )
    queueBudget: float = _option(5.0, _seconds(), "For a request that waits for a backend.")
    maxBody: int | None = _option(
        None, _bytes(), "Refuse a request with a longer body.", "no limit"
    )
    accessLog: str | None = _option(
        None, Kind("file", _text), "Write a line for each request here; - is stdout.", "none"
    )
    accessLogFormat: str = _option(
        "combined", _choice("combined", "json"), "How these lines are written."
    )
    trustedProxy: tuple[str, ...] = _option(
        (),
        _TEXT,
        "Believe what this proxy says of its clients: an address, a network (10.0.0.0/8), or unix.",
        "none",
        repeatable=True,
    )
    onCrash: str | None = _option(
        None,
        Kind("command", _text),
        "Run this command at a crash, with a line of JSON on its standard input.",
        "none",
    )


def _optionOf(attribute: dataclasses.Field[Any]) -> Option:
    metadata = attribute.metadata
    shown = metadata["shown"]
    if shown is None:
        default: Any = attribute.default
        shown = " ".join(default) if metadata["repeatable"] else str(default)
        shown = shown.removesuffix(".0")
    return Option(
        name=re.sub(r"[A-Z]", lambda match: "-" + match[0].lower(), attribute.name),
        attribute=attribute.name,
        kind=metadata["kind"],
        default=shown,
        help=metadata["help"],
        repeatable=metadata["repeatable"],
    )


OPTIONS: dict[str, Option] = {
    option.name: option for option in map(_optionOf, dataclasses.fields(MasterConfig))
}


def parseValue(option: Option, text: str, source: str) -> object:
    """
    Make a value of what the user wrote.

    @param option: which one.
    @param text: what was written.
    @param source: where, for people.
    @return: the value.
    @raise ConfigError: if the option doesn't take it.
    """
    try:
        return option.kind.parse(text)
    except ValueError as error:
        shown = text if len(text) <= 80 else text[:77] + "..."
        raise ConfigError(f"{source}: {shown!r} is not allowed: {error}") from error


def optionTable() -> str:
    """
    Make the table of options for the documentation.

    @return: Markdown.
    """
    lines = ["| option | value | default | variable | |", "|---|---|---|---|---|"]
    for option in OPTIONS.values():
        value = option.kind.name
        if option.kind.allowed:
            value += f" ({option.kind.allowed})"
        again = " Repeatable." if option.repeatable else ""
        lines.append(
            f"| `--{option.name}` | {value} | {option.default} | `{option.variable}` |"
            f" {option.help}{again} |"
        )
    return "\n".join(lines) + "\n"

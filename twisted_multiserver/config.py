"""
The configuration of a master: the one table of options.

Each field of L{MasterConfig} carries what is to be known of its option (name, type,
range, unit, help); the command line, the environment variables, the TOML file, C{--help}
and the documentation are all made from it.  How the values are found is in
L{twisted_multiserver.settings}.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any

from twisted_multiserver.errors import ConfigError
from twisted_multiserver.optionkinds import (
    Kind,
    choice,
    flag,
    parsePath,
    parseText,
    seconds,
    size,
    statuses,
    whole,
)

VARIABLE_PREFIX = "MULTISERVER_"


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
    @ivar reloadable: whether a reload applies it; others need a restart.
    """

    name: str
    attribute: str
    kind: Kind
    default: str
    help: str
    repeatable: bool
    reloadable: bool

    @property
    def variable(self) -> str:
        """
        Its environment variable.
        """
        return VARIABLE_PREFIX + self.name.replace("-", "_").upper()


_TEXT = Kind("text", parseText)
_ENDPOINT = Kind("endpoint", parseText)
_DAY = 86400.0


def _option(
    default: Any,
    kind: Kind,
    help: str,
    shown: str | None = None,
    repeatable: bool = False,
    reloadable: bool = False,
) -> Any:
    return field(
        default=default,
        metadata={
            "kind": kind,
            "help": help,
            "shown": shown,
            "repeatable": repeatable,
            "reloadable": reloadable,
        },
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
        reloadable=True,
    )
    appKind: str = _option(
        "auto",
        choice("auto", "resource", "site", "factory", "wsgi", "asgi"),
        "What the application is, if it can't be told by looking at it.",
        reloadable=True,
    )
    command: str | None = _option(
        None,
        Kind("command", parseText),
        "Run this program in the children, which serves HTTP by itself; {socket} and {port} in"
        " it stand for where it is to listen.",
        "none",
        reloadable=True,
    )
    childEntrance: str = _option(
        "auto",
        choice("auto", "port"),
        "Where a program listens: as its command line says (a socket passed as descriptor 3"
        " if it says nothing), or at the port that PORT names.",
        reloadable=True,
    )
    readyPath: str = _option(
        "/",
        Kind("path", parsePath),
        "A program is ready when it answers a GET of this path, whatever the answer is.",
        reloadable=True,
    )
    children: int | None = _option(
        None,
        whole(1, 1024),
        "How many children to run.",
        "as many as processors may be used",
        reloadable=True,
    )
    surge: int = _option(
        1,
        whole(0, 1024),
        "How many children more than that a reload may start; 0 ends a child before its"
        " successor starts.",
        reloadable=True,
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
        Kind("file", parseText),
        "The key of the cookies under sticky, at least 16 bytes that nobody else can read.",
        "a key of its own",
    )
    sessions: str | None = _option(
        None,
        Kind("URI", parseText),
        "Keep the sessions of applications there: redis://, rediss://, mongodb://,"
        " memcached://HOST:PORT,HOST:PORT, sqlite:///PATH, or none.",
        "SQLite in the state folder",
    )
    sessionsFile: str | None = _option(
        None,
        Kind("file", parseText),
        "Read the URI from this file, for there may be a password in it.",
        "none",
    )
    sessionsOptional: bool = _option(
        False,
        flag(),
        "Serve without sessions while the store can't be reached, instead of with 503.",
    )
    sessionsKeyFile: str | None = _option(
        None,
        Kind("file", parseText),
        "Encrypt what is stored with the first of the keys in this file; the others still open.",
        "no encryption",
    )
    sessionCookie: str | None = _option(
        None,
        _TEXT,
        "The name of the session's cookie.",
        "__Host-sid, and sid without TLS",
    )
    sessionIdle: float = _option(
        14 * _DAY, seconds(1.0, 400 * _DAY), "A session ends when it isn't used for so long."
    )
    sessionAge: float = _option(
        90 * _DAY, seconds(1.0, 400 * _DAY), "A session ends so long after it began."
    )
    sessionExcept: tuple[str, ...] = _option(
        (),
        Kind("path", parsePath),
        "Requests at and below this path have no session.",
        "none",
        repeatable=True,
    )
    config: str | None = _option(
        None, Kind("file", parseText), "Read options from this TOML file.", "none"
    )
    chdir: str | None = _option(
        None,
        Kind("folder", parseText),
        "The children's folder, and where applications and balancers are looked up first.",
        "where it was started",
    )
    stateDir: str | None = _option(
        None,
        Kind("folder", parseText),
        "The folder for what must survive a restart.",
        "$STATE_DIRECTORY, else ./multiserver-state",
    )
    spares: int = _option(
        0,
        whole(0, 1024),
        "How many children more than that stand by, booted, to take the place of one that dies.",
    )
    maxRequests: int | None = _option(
        None, whole(1, 999_999_999), "Replace a child that has served so many.", "no limit"
    )
    maxAge: float | None = _option(
        None, seconds(1.0, 400 * _DAY), "Replace a child that is so old.", "no limit"
    )
    maxRss: int | None = _option(
        None,
        # What a child takes that does nothing; below that all would be killed for ever.
        size(32 << 20),
        "Replace a child that takes so much memory; at twice as much it is killed.",
        "no limit",
    )
    threads: int = _option(
        10, whole(1, 1000), "Threads of a WSGI application, in each child.", reloadable=True
    )
    bootBudget: float = _option(60.0, seconds(0.1), "From a child's start until it is ready.")
    runBudget: float = _option(
        30.0, seconds(0.1), "A child whose event loop hangs for longer is killed."
    )
    drainBudget: float = _option(
        30.0, seconds(), "For the requests in flight when something is to stop."
    )
    stopBudget: float = _option(10.0, seconds(), "From a child's SIGTERM to its SIGKILL.")
    headBudget: float = _option(10.0, seconds(0.1), "For a client to send the head of a request.")
    idleBudget: float = _option(
        75.0, seconds(0.1), "For a client that keeps its connection and asks nothing."
    )
    connectBudget: float = _option(5.0, seconds(0.1), "For a connection to a backend.")
    firstByteBudget: float = _option(
        60.0, seconds(0.1), "From a request until a backend's response begins."
    )
    stallBudget: float = _option(
        60.0, seconds(0.1), "Between two pieces of a body, from a backend, from or to a client."
    )
    queueBudget: float = _option(5.0, seconds(), "For a request that waits for a backend.")
    healthPath: str | None = _option(
        None,
        Kind("path", parsePath),
        "Ask each backend for this path, and give none to those that don't answer well.",
        "no checks",
    )
    healthStatus: tuple[int, int] = _option(
        (200, 399), statuses(), "Such an answer to a health check is good.", "200-399"
    )
    healthInterval: float = _option(5.0, seconds(0.1), "Between two health checks of a backend.")
    healthBudget: float = _option(5.0, seconds(0.1), "For the answer to a health check.")
    healthRise: int = _option(
        2, whole(1, 1000), "So many good health checks in a row bring a backend back."
    )
    healthFall: int = _option(
        3, whole(1, 1000), "So many bad health checks in a row put a backend out."
    )
    queueLimit: int = _option(
        10_000, whole(0, 10_000_000), "How many requests may wait for a backend at once."
    )
    bufferRequest: str = _option(
        "auto",
        choice("auto", "always", "never"),
        "Which requests go on only when their bodies are whole; auto: those for WSGI.",
    )
    maxBody: int | None = _option(None, size(), "Refuse a request with a longer body.", "no limit")
    accessLog: str | None = _option(
        None, Kind("file", parseText), "Write a line for each request here; - is stdout.", "none"
    )
    accessLogFormat: str = _option(
        "combined", choice("combined", "json"), "How these lines are written."
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
        Kind("command", parseText),
        "Run this command at a crash, with a line of JSON on its standard input.",
        "none",
    )


def _optionOf(attribute: dataclasses.Field[Any]) -> Option:
    metadata = attribute.metadata
    shown = metadata["shown"]
    if shown is None:
        default: Any = attribute.default
        shown = " ".join(default) if metadata["repeatable"] else str(default).lower()
        shown = shown.removesuffix(".0")
    return Option(
        name=re.sub(r"[A-Z]", lambda match: "-" + match[0].lower(), attribute.name),
        attribute=attribute.name,
        kind=metadata["kind"],
        default=shown,
        help=metadata["help"],
        repeatable=metadata["repeatable"],
        reloadable=metadata["reloadable"],
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
        again += " Applied by a reload." if option.reloadable else ""
        lines.append(
            f"| `--{option.name}` | {value} | {option.default} | `{option.variable}` |"
            f" {option.help}{again} |"
        )
    return "\n".join(lines) + "\n"

"""
Endpoint descriptions, checked before Twisted sees them.

Twisted's parser raises whatever happens to go wrong (TypeError, IndexError,
FileNotFoundError), and finds some mistakes only when it listens.  Here each is one
line that says what, where and what to do.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import socket
import stat
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import (
    IAddress,
    IReactorCore,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)

from twisted_multiserver.errors import ConfigError

# Ours, not the endpoint's; a colon behind a backslash is part of a value.
_WEIGHT = re.compile(r"(?<!\\):weight=([^:]*)")
_SECURE = ("ssl", "tls")
_INTERNET = ("tcp", "tcp6", *_SECURE)

# What Python says of wrong arguments, and what it means for a description.
_PARAMETERS = (
    (r"unexpected keyword argument ('.*')", r"there is no parameter \1"),
    (r"multiple values for (?:keyword )?argument ('.*')", r"\1 is given twice"),
    (r"missing \d+ required .*argument: ('\w+')", r"\1 is missing"),
    (r"takes .* positional arguments? but", "it has too many parts"),
)


def _split(description: str) -> tuple[list[str], dict[str, str]]:
    """
    Split a description as Twisted does: at colons that no backslash escapes.

    @param description: such as C{"tcp:8080:interface=127.0.0.1"}.
    @return: what stands by its place, and what by its name.
    @raise ValueError: if there is nothing behind the last backslash.
    """
    placed: list[str] = []
    named: dict[str, str] = {}
    name, text = None, ""
    letters = iter(description + ":")
    for letter in letters:
        if letter == "\\":
            text += next(letters)
        elif letter == "=" and name is None:
            name, text = text, ""
        elif letter != ":":
            text += letter
        else:
            if name is None:
                placed.append(text)
            else:
                named[name] = text
            name, text = None, ""
    if text:
        raise ValueError("the backslash at its end escapes nothing")
    return placed, named


def _checkPort(text: str, least: int) -> None:
    if not re.fullmatch("[0-9]{1,5}", text) or not least <= int(text) <= 65535:
        raise ValueError(f"the port is {text!r}, it must be a number from {least} to 65535")


def _interfaceAndPort(kind: str, placed: list[str], named: dict[str, str]) -> tuple[str, str]:
    if kind == "tls":
        placed = placed[0 if "path" in named else 1 :] or ["443"]
    port = named.get("port", placed[0] if placed else None)
    if port is None:
        raise ValueError(f"the port is missing, as in {kind}:8080")
    everywhere = "::" if kind in ("tcp6", "tls") else "0.0.0.0"
    second = placed[1] if kind == "tcp" and len(placed) > 1 else ""
    return named.get("interface", second) or everywhere, port


def _checkTCP(kind: str, placed: list[str], named: dict[str, str]) -> None:
    interface, port = _interfaceAndPort(kind, placed, named)
    _checkPort(port, 0)
    if "" in placed[1:]:
        raise ValueError(r"there is nothing between two colons; a colon in a value is written \:")
    try:
        ipaddress.ip_address(interface)
    except ValueError:
        raise ValueError(f"the interface is {interface!r}, it must be an IP address") from None


def _path(placed: list[str], named: dict[str, str]) -> str:
    return named.get("address", placed[0] if placed else "")


def _checkUNIX(kind: str, placed: list[str], named: dict[str, str]) -> None:
    path = _path(placed, named)
    if not path:
        raise ValueError("the path is missing, as in unix:/run/web.sock")
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise ValueError(f"there is no folder {folder}")
    if len(os.fsencode(path)) > 107:
        raise ValueError(f"the path has {len(os.fsencode(path))} bytes, at most 107 can be used")


def _checkSystemd(kind: str, placed: list[str], named: dict[str, str]) -> None:
    if "LISTEN_FDS" not in os.environ:
        raise ValueError("systemd has passed no sockets (LISTEN_FDS is not set)")


def _checkFiles(kind: str, placed: list[str], named: dict[str, str]) -> None:
    _checkTCP(kind, placed, named)
    if kind == "tls":
        folder = named.get("path", placed[0] if placed else "")
        if not os.path.isdir(folder):
            raise ValueError(f"there is no folder {folder!r} of certificates, as in tls:certs:443")
    for name in ("privateKey", "certKey", "extraCertChain", "dhParameters"):
        path = named.get(name)
        if path is not None and not os.access(path, os.R_OK):
            raise ValueError(f"{name}: the file {path} can't be read")
    if kind == "ssl" and "privateKey" not in named and not os.access("server.pem", os.R_OK):
        raise ValueError("privateKey is missing, as in ssl:443:privateKey=key.pem:certKey=cert.pem")


_SERVERS: dict[str, Callable[[str, list[str], dict[str, str]], None]] = {
    "tcp": _checkTCP,
    "tcp6": _checkTCP,
    "unix": _checkUNIX,
    "systemd": _checkSystemd,
    "ssl": _checkFiles,
    "tls": _checkFiles,
}


def serverEndpoint(
    reactor: IReactorCore, description: str, source: str = "--listen"
) -> IStreamServerEndpoint:
    """
    Make a server endpoint.

    @param reactor: the reactor.
    @param description: such as C{"tcp:8080:interface=127.0.0.1"}.
    @param source: where it was given, for people.
    @return: the endpoint, not listening yet.
    @raise ConfigError: if it can't be one.
    """
    kind, colon, rest = description.partition(":")
    if not colon:
        raise ConfigError(
            f"{source}: {description!r} is no endpoint, such as tcp:8080:interface=127.0.0.1"
        )
    try:
        check = _SERVERS.get(kind)
        if check is not None:
            check(kind, *_split(rest))
        endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
    except Exception as error:  # Twisted's parser and endpoint plugins raise anything
        kinds = "tcp, tcp6, unix, ssl, tls or systemd"
        raise _explained(source, description, error, kinds) from error
    return endpoint


def checkFree(descriptions: Iterable[str], source: str = "--listen") -> None:
    """
    Find out whether endpoints can listen, by doing so for a moment, while somebody
    is there to be told.

    @param descriptions: of server endpoints that were checked; TCP ports and UNIX
        sockets are tried.
    @param source: where they were given, for people.
    @raise ConfigError: if one is in use, not ours to take, or in the way of another.
    """
    with ExitStack() as taken:
        for description in descriptions:
            kind, _, rest = description.partition(":")
            placed, named = _split(rest)
            try:
                if kind in _INTERNET:
                    taken.enter_context(_listener(*_interfaceAndPort(kind, placed, named)))
                elif kind == "unix":
                    _checkUnused(_path(placed, named))
            except OSError as error:
                raise ConfigError(f"{source}: {description!r}: {error.strerror}") from error


def _listener(interface: str, port: str) -> socket.socket:
    flags = socket.AI_NUMERICHOST | socket.AI_PASSIVE
    found = socket.getaddrinfo(interface, int(port), type=socket.SOCK_STREAM, flags=flags)
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        # As Twisted does; a port in TIME_WAIT is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _checkUnused(path: str) -> None:
    if not os.access(os.path.dirname(os.path.abspath(path)), os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "its folder can't be written to")
    if not os.path.lexists(path):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as client:
        refused = client.connect_ex(path) == errno.ECONNREFUSED
    if not (refused and stat.S_ISSOCK(os.stat(path).st_mode)):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    # With the lock of the dead process beside it Twisted removes it.
    if not os.path.lexists(f"{path}.lock"):
        raise OSError(errno.EADDRINUSE, "nobody listens on this socket any more, remove it")


def splitWeight(description: str, source: str = "--backend") -> tuple[str, int]:
    """
    Take the weight out of the description of a backend.

    @param description: such as C{"tcp:10.0.0.7:80:weight=3"}.
    @param source: where it was given, for people.
    @return: the description of the client endpoint, and the weight, 1 if none is given.
    @raise ConfigError: if the weight is no whole number from 1 to 1000.
    """
    endpoint, *weights = _WEIGHT.split(description)
    if not weights:
        return description, 1
    text, rest = weights[0], "".join(weights[1:])
    if len(weights) > 2 or not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= 1000:
        reason = "a weight is a whole number from 1 to 1000, as in tcp:10.0.0.7:80:weight=3"
        raise ConfigError(f"{source}: {description!r} can't be used: {reason}")
    return endpoint + rest, int(text)


def clientEndpoint(
    reactor: IReactorCore, description: str, source: str = "--backend"
) -> IStreamClientEndpoint:
    """
    Make a client endpoint.

    @param reactor: the reactor.
    @param description: such as C{"tcp:10.0.0.7:80"}.
    @param source: where it was given, for people.
    @return: the endpoint.
    @raise ConfigError: if it can't be one.
    """
    kind, colon, rest = description.partition(":")
    if not colon:
        raise ConfigError(f"{source}: {description!r} is no endpoint, such as tcp:10.0.0.7:80")
    try:
        placed, named = _split(rest)
        if kind in ("tcp", *_SECURE):
            host = named.get("host") or (placed.pop(0) if placed else "")
            port = named.get("port") or (placed.pop(0) if placed else "")
            if not host or not port:
                missing = "port" if host else "host"
                raise ValueError(f"the {missing} is missing, as in {kind}:10.0.0.7:80")
            _checkPort(port, 1)
        elif kind == "unix" and not named.get("path", placed[0] if placed else ""):
            raise ValueError("the path is missing, as in unix:/run/app.sock")
        endpoint: IStreamClientEndpoint = clientFromString(reactor, description)
    except Exception as error:  # Twisted's parser and endpoint plugins raise anything
        raise _explained(source, description, error, "tcp, unix, ssl or tls") from error
    return endpoint


def _explained(source: str, description: str, error: Exception, kinds: str) -> ConfigError:
    reason = " ".join(str(error).split()) or type(error).__name__
    if reason.startswith("Unknown endpoint type"):
        reason = f"there is no endpoint type {description.partition(':')[0]!r}; use {kinds}"
    for pattern, meaning in _PARAMETERS if isinstance(error, TypeError) else ():
        found = re.search(pattern, reason)
        reason = found.expand(meaning) if found else reason
    return ConfigError(f"{source}: {description!r} can't be used: {reason}")


def url(description: str, address: IAddress) -> str:
    """
    Say where a listening endpoint can be reached.

    @param description: of the endpoint.
    @param address: that it is bound to.
    @return: such as C{"http://127.0.0.1:8080/"}, or C{"unix:/run/web.sock"}.
    """
    scheme = "https" if description.partition(":")[0] in _SECURE else "http"
    host, port = getattr(address, "host", None), getattr(address, "port", None)
    if host is None or port is None:
        name = getattr(address, "name", b"")
        return f"unix:{os.fsdecode(name)}" if name else str(address)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"

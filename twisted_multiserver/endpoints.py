"""
Endpoint descriptions, checked before Twisted sees them.

Twisted's parser raises whatever happens to go wrong (TypeError, IndexError,
FileNotFoundError), and finds some mistakes only when it listens.  Here each is one
line that says what, where and what to do.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Callable

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import (
    IAddress,
    IReactorCore,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)

from twisted_multiserver.errors import ConfigError

_SECURE = ("ssl", "tls")


def _split(description: str) -> tuple[list[str], dict[str, str]]:
    """
    Split a description as Twisted does: at colons that no backslash escapes.

    @param description: such as C{"tcp:8080:interface=127.0.0.1"}.
    @return: what stands by its place, and what by its name.
    """
    parts = [re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\):", description)]
    named = [part.partition("=") for part in parts if "=" in part]
    return [part for part in parts if "=" not in part], {name: value for name, _, value in named}


def _checkPort(text: str, least: int) -> None:
    if not (text.isdecimal() and text.isascii() and least <= int(text) <= 65535):
        raise ValueError(f"the port is {text!r}, it must be a number from {least} to 65535")


def _checkTCP(kind: str, placed: list[str], named: dict[str, str]) -> None:
    port = named.get("port", placed[0] if placed else None)
    if port is None:
        raise ValueError(f"the port is missing, as in {kind}:8080")
    _checkPort(port, 0)
    interface = named.get("interface")
    if interface and kind != "tcp6":
        try:
            ipaddress.ip_address(interface)
        except ValueError:
            raise ValueError(f"the interface is {interface!r}, it must be an IP address") from None


def _checkUNIX(kind: str, placed: list[str], named: dict[str, str]) -> None:
    path = named.get("address", placed[0] if placed else "")
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
    _checkTCP(kind, placed[-1:] if kind == "tls" else placed, named)
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
        raise _explained(source, description, error) from error
    return endpoint


def checkFree(description: str, source: str = "--listen") -> None:
    """
    Find out whether a TCP endpoint can listen, while somebody is there to be told.

    @param description: of a server endpoint that was checked.
    @param source: where it was given, for people.
    @raise ConfigError: if its port is in use, or not ours to take.
    """
    kind, _, rest = description.partition(":")
    if kind not in ("tcp", "tcp6", *_SECURE):
        return
    placed, named = _split(rest)
    port = int(named.get("port") or placed[-1])
    interface = named.get("interface", "::" if kind == "tcp6" else "")
    family = socket.AF_INET6 if ":" in interface else socket.AF_INET
    with socket.socket(family) as probe:
        # As Twisted does; a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((interface, port))
            probe.listen()
        except OSError as error:
            raise ConfigError(f"{source}: {description!r}: {error.strerror}") from error


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
            host = named.get("host", placed[0] if placed else "")
            port = named.get("port", placed[1] if len(placed) > 1 else "80")
            if not host:
                raise ValueError(f"the host is missing, as in {kind}:10.0.0.7:80")
            _checkPort(port, 1)
        elif kind == "unix" and not named.get("path", placed[0] if placed else ""):
            raise ValueError("the path is missing, as in unix:/run/app.sock")
        endpoint: IStreamClientEndpoint = clientFromString(reactor, description)
    except Exception as error:  # Twisted's parser and endpoint plugins raise anything
        raise _explained(source, description, error) from error
    return endpoint


def _explained(source: str, description: str, error: Exception) -> ConfigError:
    reason = " ".join(str(error).split()) or type(error).__name__
    if reason.startswith("Unknown endpoint type"):
        kind = description.partition(":")[0]
        reason = f"there is no endpoint type {kind!r}; use tcp, tcp6, unix, ssl, tls or systemd"
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

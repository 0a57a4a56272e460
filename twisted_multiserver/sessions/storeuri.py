"""
The URI of a store: C{scheme://user:password@host:port,host:port/path?option=value}.

Strategy: split by hand, since the standard library's parser knows no lists of hosts and
repairs silently what should be refused.  User, password, path and options are
percent-decoded.  Source: RFC 3986, section 3.

Invariant: no error, and nothing that is printed, contains a password, nor a piece of one
that was not percent-encoded and fell apart.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from urllib.parse import unquote_to_bytes

from twisted_multiserver.sessions.errors import StoreConfigError

# By the schemes that are known; None for a file.
DEFAULT_PORTS: Mapping[str, int | None] = {
    "memcached": 11211,
    "mongodb": 27017,
    "redis": 6379,
    "rediss": 6379,
    "sqlite": None,
}

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PORT = re.compile(r"[0-9]{1,5}\Z")
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class StoreURI:
    """
    Where a store is.

    @ivar scheme: the kind of store, in lower case.
    @ivar hosts: names or addresses (IPv6 without brackets) and ports; empty if the URI names
        none.
    @ivar user: who logs in; L{None} if nobody is named.
    @ivar password: theirs; L{None} if there is none.
    @ivar path: without the slash that begins it, but for a file's; empty if there is none.
    @ivar options: what stands behind the question mark.
    """

    scheme: str
    hosts: tuple[tuple[str, int], ...] = ()
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    path: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """
        For people: the URI without anything secret.
        """
        hosts = ",".join(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts
        )
        path = self.path if self.path.startswith("/") or not self.path else f"/{self.path}"
        return f"{self.scheme}://{hosts}{path}"

    def checkOptions(self, known: Collection[str]) -> None:
        """
        @param known: the options that the store has.
        @raise StoreConfigError: if there are others.
        """
        for name in self.options:
            if name not in known:
                raise StoreConfigError(
                    f"{self.place}: there is no option {name!r} for {self.scheme};"
                    f" {_nearest(name, known)}"
                )

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """
        @param name: of an option.
        @param default: if it isn't given.
        @param lowest: that it may be.
        @param highest: that it may be.
        @return: its value.
        @raise StoreConfigError: if it is something else.
        """
        text = self.options.get(name)
        if text is None:
            return default
        if not re.match(r"[0-9]{1,9}\Z", text) or not lowest <= int(text) <= highest:
            raise StoreConfigError(
                f"{self.place}: option {name!r} must be a number from {lowest} to {highest}"
            )
        return int(text)


def parseURI(text: str) -> StoreURI:
    """
    @param text: a URI.
    @return: what it says.
    @raise StoreConfigError: if it is none of a store.
    """
    if _UNPRINTABLE.search(text):
        raise StoreConfigError(
            "the URI of a store contains a space or a control character; write %20 for a space"
        )
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or not _SCHEME.match(scheme):
        raise StoreConfigError(
            "the URI of a store begins with its kind, as redis:// or sqlite:///path"
        )
    if scheme not in DEFAULT_PORTS:
        raise StoreConfigError(
            f"there is no kind of store {scheme!r}; {_nearest(scheme, DEFAULT_PORTS)}"
        )
    if "#" in rest:
        raise StoreConfigError(f"{scheme}: write %23 for a '#' in the URI of a store")
    rest, _, query = rest.partition("?")
    authority, slash, path = rest.partition("/")
    if scheme == "sqlite":
        return _file(scheme, authority, slash + path, query)
    if "@" in path or "@" in query:
        raise StoreConfigError(
            f"{scheme}: write %2F for a '/', %3F for a '?' and %40 for an '@' in a password, a"
            " path or an option of the URI of a store"
        )
    login, at, hosts = authority.rpartition("@")
    user, colon, password = login.partition(":")
    return StoreURI(
        scheme,
        _hosts(scheme, hosts),
        (_decoded(scheme, "user", user) or None) if at else None,
        _decoded(scheme, "password", password) if colon else None,
        _decoded(scheme, "path", path),
        _options(scheme, query),
    )


def _file(scheme: str, authority: str, path: str, query: str) -> StoreURI:
    if authority or path in ("", "/") or path.endswith("/"):
        raise StoreConfigError(
            f"{scheme}: the path of a file begins with a slash: {scheme}:///path/of/the/file"
        )
    return StoreURI(scheme, path=_decoded(scheme, "path", path), options=_options(scheme, query))


def _hosts(scheme: str, text: str) -> tuple[tuple[str, int], ...]:
    if not text:
        return ()
    return tuple(_host(scheme, item) for item in text.split(","))


def _host(scheme: str, text: str) -> tuple[str, int]:
    """
    @param scheme: the kind of store.
    @param text: a host with or without a port.
    @return: both.
    @raise StoreConfigError: if that is none; it doesn't repeat the text, which may be a
        password whose '@' was forgotten.
    """
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        isWell = bool(bracket) and bool(re.match(r"[0-9A-Fa-f:.%]+\Z", host))
        isWell = isWell and (not port or port.startswith(":"))
        port = port[1:] if port else ""
        hasPort = text.rpartition("]")[2] != ""
    else:
        host, colon, port = text.partition(":")
        isWell = bool(re.match(r"[^\[\]:@%]+\Z", host))
        hasPort = bool(colon)
    default = DEFAULT_PORTS[scheme]
    assert default is not None
    if not isWell:
        raise StoreConfigError(
            f"{scheme}: a host must be a name, an IPv4 address, or an IPv6 address in brackets;"
            " hosts are parted by commas"
        )
    if not hasPort:
        return host, default
    if not _PORT.match(port) or not 0 < int(port) <= _HIGHEST_PORT:
        raise StoreConfigError(f"{scheme}: a port must be a number from 1 to {_HIGHEST_PORT}")
    return host, int(port)


def _options(scheme: str, query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for item in query.split("&") if query else ():
        name, equals, value = item.partition("=")
        name = _decoded(scheme, "option", name)
        if not name or not equals:
            raise StoreConfigError(f"{scheme}: options are written ?name=value&name=value")
        if name in options:
            raise StoreConfigError(f"{scheme}: option {name!r} is given twice")
        options[name] = _decoded(scheme, "option", value)
    return options


def _decoded(scheme: str, part: str, text: str) -> str:
    if _BAD_PERCENT.search(text):
        raise StoreConfigError(f"{scheme}: write %25 for a '%' in the {part} of the URI of a store")
    try:
        decoded = unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError as error:
        raise StoreConfigError(f"{scheme}: the {part} of the URI of a store isn't UTF-8") from error
    if "\0" in decoded:
        raise StoreConfigError(f"{scheme}: there is a NUL in the {part} of the URI of a store")
    return decoded


def _nearest(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    if not known:
        return "it has none"
    return f"there are {', '.join(sorted(known))}"

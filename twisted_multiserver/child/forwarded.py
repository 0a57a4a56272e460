"""
Reading the forwarded fields that the master writes on every request::

    X-Forwarded-For      the client's address, nothing else
    X-Forwarded-Proto    http or https
    X-Forwarded-Host     the Host that the client sent
    X-Forwarded-Prefix   the raw path prefix that was stripped, absent when there is none

They are the master's own on the private entrance, but a garbled one must never be an
error in the application: whatever can't be read gives a value that harms nobody.
Standard library only.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

# The unspecified address: no client's, so that no rule for a known address applies to it.
UNKNOWN_CLIENT = "0.0.0.0"
UNKNOWN_HOST = b"localhost"

# RFC 3986 section 3.2.2, with the port.
_AUTHORITY = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+;=%]+)(?::([0-9]{0,5}))?\Z")
# RFC 3986 section 3.3: an absolute path.
_PREFIX = re.compile(rb"(?:/[A-Za-z0-9\-._~!$&'()*+,;=:@%]+)+\Z")
_ADDRESS_LIMIT = 64


@dataclass(frozen=True, slots=True)
class ForwardedView:
    """
    A request's ends as its client sees them.

    @ivar client: the client's IP address, without a port.
    @ivar secure: whether the client came by TLS.
    @ivar host: the name it asked for; brackets around an IPv6 address.
    @ivar port: the port it asked for.
    @ivar prefix: the raw path prefix in front of the request's path, without a slash at
        its end; empty if there is none.
    """

    client: str
    secure: bool
    host: bytes
    port: int
    prefix: bytes

    @property
    def prefixSegments(self) -> list[bytes]:
        """
        The prefix as decoded path segments.
        """
        return [unquote_to_bytes(segment) for segment in self.prefix.split(b"/")[1:]]


def readView(
    forwardedFor: bytes | None, proto: bytes | None, host: bytes | None, prefix: bytes | None
) -> ForwardedView:
    """
    Read the forwarded fields.

    @param forwardedFor: the value of X-Forwarded-For.
    @param proto: the value of X-Forwarded-Proto.
    @param host: the value of X-Forwarded-Host, or else of Host.
    @param prefix: the value of X-Forwarded-Prefix.
    @return: what they say; never an exception.
    """
    secure = proto is not None and proto.strip().lower() in (b"https", b"wss")
    name, port = authority(host or b"", 443 if secure else 80)
    return ForwardedView(
        clientAddress(forwardedFor or b""), secure, name, port, pathPrefix(prefix or b"")
    )


@lru_cache(maxsize=1024)
def clientAddress(value: bytes) -> str:
    """
    Read the client's address.

    @param value: one address, perhaps with a port or followed by proxies.
    @return: the address; L{UNKNOWN_CLIENT} if there is none.
    """
    text = value[:_ADDRESS_LIMIT].partition(b",")[0].strip().decode("latin-1")
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return UNKNOWN_CLIENT


def authority(value: bytes, defaultPort: int) -> tuple[bytes, int]:
    """
    Read a Host (RFC 9110 section 7.2).

    @param value: C{name}, C{name:port} or C{[address]:port}.
    @param defaultPort: the port, if it names none.
    @return: name and port; L{UNKNOWN_HOST} if it can't be read.
    """
    match = _AUTHORITY.match(value.strip())
    if match is None:
        return UNKNOWN_HOST, defaultPort
    port = int(match[2]) if match[2] else defaultPort
    return (match[1], port) if port <= 65535 else (UNKNOWN_HOST, defaultPort)


def pathPrefix(value: bytes) -> bytes:
    """
    Read a path prefix.

    @param value: as C{/app}.
    @return: it without a slash at its end; empty if it is none.
    """
    prefix = value.strip().rstrip(b"/")
    return prefix if _PREFIX.match(prefix) else b""

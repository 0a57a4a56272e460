"""
Trust: which proxies are believed, and who the client is by what they say.

Strategy: each hop adds to the end of a list whom it was asked by, so the list is walked
from its end (RFC 7239 section 7.4).  What the peer added is believed if the peer is trusted,
what stands in front of that if it names another trusted one, and so on; the first that isn't
trusted is the client.  Nothing in front of that is looked at: anybody may have written it.

Forwarded (RFC 7239 section 4) is read by matching its mirror image, so that the walk needs
nothing of what a client may have put in front.  An escape within a quoted string can't be
read in this direction; no value that is believed needs one.

Invariants: of a peer that isn't trusted nothing is believed; no bytes raise an exception;
the time is linear in the size of the fields.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

from twisted_multiserver.http1.forwarding import ClientView
from twisted_multiserver.http1.grammar import TOKEN
from twisted_multiserver.http1.requests import CheckedRequest
from twisted_multiserver.http1.targets import isHost

UNIX: Final = "unix"

_FOR, _PROTO, _HOST = b"for", b"proto", b"host"
_X_FIELDS = {
    b"x-forwarded-for": _FOR,
    b"x-forwarded-proto": _PROTO,
    b"x-forwarded-host": _HOST,
}
_FIELDS = frozenset({b"forwarded", *_X_FIELDS})
_SCHEMES = {b"https": True, b"http": False}

_matchNetwork = re.compile(r"([0-9A-Fa-f:.]+)(?:/([0-9]{1,3}))?").fullmatch
_PORT = r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._\-]+))?"
_matchNode = re.compile(
    rf"(\"?)(?:\[([0-9A-Fa-f:.]+)\]{_PORT}|([0-9.]+){_PORT}|([0-9A-Fa-f:.]+))\1".encode()
).fullmatch
# Longer than any address with a port.
_NODE_LIMIT = 96
# One parameter (or none) and what parts it from the one in front of it, as a mirror shows
# them.  Blanks around ";" and unquoted ":", "[" and "]" are not in the grammar, but common.
_matchMirrored = re.compile(
    rf'[ \t]*+(?:("[^"\\]*+"|[!#-+\--:<>-\[\]-~]++)=({TOKEN}))?+[ \t]*+([;,]|\Z)'.encode()
).match


class BadNetwork(ValueError):
    """
    What was given as a trusted proxy names none.
    """


class TrustedProxies:
    """
    Those who are believed when they say on whose behalf they ask.
    """

    __slots__ = ("_contains", "_networks", "_trustsUnix")

    def __init__(self, networks: Sequence[str]) -> None:
        """
        @param networks: IP addresses, networks in CIDR notation, and C{"unix"} for all peers
            that have no address.
        @raise BadNetwork: if one of them is something else.
        """
        self._trustsUnix = UNIX in networks
        self._networks = [_network(text) for text in networks if text != UNIX]
        self._contains = lru_cache(maxsize=1024)(self._look)

    def trusts(self, address: str | None) -> bool:
        """
        @param address: an IP address; L{None} on a UNIX socket.
        @return: whether it is one of these.
        """
        return self._trustsUnix if address is None else self._contains(address)

    def believedView(self, view: ClientView, request: CheckedRequest) -> ClientView:
        """
        Find out who the client is.

        @param view: the peer.
        @param request: from it.
        @return: the client as trusted proxies say; the same view if the peer isn't one, or
            says nothing.
        """
        if not self.trusts(view.address):
            return view
        fields = _told(request)
        if not fields:
            return view
        address, secure, host = view.address, view.secure, view.host
        for said in _statements(fields):
            # Said by a trusted hop, and closer to the client than what was read before.
            secure = _SCHEMES.get(said.get(_PROTO, b"").lower(), secure)
            name = said.get(_HOST)
            if name and isHost(name):
                host = name
            node = _address(said.get(_FOR, b""))
            if node is None:
                break
            address = node
            if not self._contains(node):
                break
        if (address, secure, host) == (view.address, view.secure, view.host):
            return view
        return ClientView(address, secure, view.listener, host)

    def _look(self, text: str) -> bool:
        try:
            address = _plain(ipaddress.ip_address(text))
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _network(text: str) -> IPv4Network | IPv6Network:
    shown = repr(text if len(text) <= 80 else text[:77] + "...")
    match = _matchNetwork(text)
    if match is None:
        raise BadNetwork(
            f"{shown} is no IP address, no network such as 10.0.0.0/8 or 2001:db8::/32, and"
            f" not the word {UNIX}"
        )
    try:
        address = ipaddress.ip_address(match[1])
    except ValueError:
        raise BadNetwork(f"{shown}: {match[1][:80]} is no IP address") from None
    most = address.max_prefixlen
    length = most if match[2] is None else int(match[2])
    if length > most:
        raise BadNetwork(f"{shown}: an IPv{address.version} network has at most {most} bits")
    network = ip_network((address, length), strict=False)
    if network.network_address != address:
        raise BadNetwork(f"{shown} has bits behind its first {length}; the network is {network}")
    plain = _plain(address)
    # Those that are in it are looked up without their prefix too.
    return network if plain is address else ip_network((plain, length - 96))


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """
    @param address: perhaps an IPv4 address as an IPv6 socket shows it (RFC 4291 section
        2.5.5.2).
    @return: the same without that.
    """
    return getattr(address, "ipv4_mapped", None) or address


def _address(node: bytes) -> str | None:
    """
    @param node: an address as proxies write it: RFC 7239 section 6, or without the
        brackets or the quotes.
    @return: the address; L{None} if there is none in it.
    """
    return _nodeAddress(node) if len(node) <= _NODE_LIMIT else None


@lru_cache(maxsize=1024)
def _nodeAddress(node: bytes) -> str | None:
    match = _matchNode(node)
    if match is None:
        return None
    try:
        return str(_plain(ipaddress.ip_address((match[2] or match[3] or match[4]).decode("ascii"))))
    except ValueError:
        return None


def _told(request: CheckedRequest) -> dict[bytes, bytes]:
    """
    @param request: of a trusted peer.
    @return: what it says of its client, all lines of a name as one (RFC 9110 section 5.2).
    """
    found: dict[bytes, list[bytes]] = {}
    for key, value in request.fields:
        name = key.lower()
        # Not with "_": those pass proxies that take care of the others.
        if name in _FIELDS:
            found.setdefault(name, []).append(value)
    return {name: b",".join(values) for name, values in found.items()}


def _statements(fields: dict[bytes, bytes]) -> Iterator[dict[bytes, bytes]]:
    """
    @param fields: the values by the fields' names.
    @return: what hops say, the nearest first, until one can't be read.
    """
    # A proxy that writes X-Forwarded-* may not know Forwarded, and let a client's pass.
    if any(name in fields for name in _X_FIELDS):
        return _xForwarded(fields)
    return _forwarded(fields.get(b"forwarded", b""))


def _forwarded(value: bytes) -> Iterator[dict[bytes, bytes]]:
    mirrored, at, parting = value[::-1], 0, b","
    said: dict[bytes, bytes] = {}
    while parting:
        match = _matchMirrored(mirrored, at)
        if match is None:
            return
        at, parting = match.end(), match[3]
        if match[2] is not None:
            name = match[2][::-1].lower()
            if name in said:
                # RFC 7239 section 4.
                return
            said[name] = match[1][::-1].strip(b'"')
        if parting != b";":
            if not said:
                return
            yield said
            said = {}


def _xForwarded(fields: dict[bytes, bytes]) -> Iterator[dict[bytes, bytes]]:
    # Which hop wrote which member is known of the last ones only: some add, some replace,
    # some let pass.
    last = {
        name: fields[field].rpartition(b",")[2].strip(b" \t")
        for field, name in _X_FIELDS.items()
        if field in fields
    }
    yield last
    for member in reversed(fields.get(b"x-forwarded-for", b"").split(b",")[:-1]):
        yield {_FOR: member.strip(b" \t")}

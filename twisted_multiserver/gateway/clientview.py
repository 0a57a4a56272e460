"""
What is known of a client before it has said anything.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from twisted_multiserver.http1.forwarding import ClientView


def clientView(client: IAddress, listener: IAddress, secure: bool) -> ClientView:
    """
    Tell what is known of a client.

    @param client: its address.
    @param listener: where it came to.
    @param secure: whether it came by TLS.
    @return: the client's side of its requests.
    """
    address = client.host if isinstance(client, IPv4Address | IPv6Address) else None
    return ClientView(address, secure, _name(listener))


def _name(listener: IAddress) -> bytes:
    host = getattr(listener, "host", None)
    if host is None:
        return b"localhost"
    port = getattr(listener, "port", 80)
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode("ascii", "replace")

"""
TLS to the servers of a MongoDB, each by its own name.

txmongo has one way to connect for all of them, and also for those that it learns of later.
Its connections know the name that they are for; its pings know the address only, and are
taken for the server whose name led to that address.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import implementer

from twisted_multiserver.sessions.storetls import tlsOptions


@implementer(IOpenSSLClientConnectionCreator)
class ServerNames:
    """
    Makes the connection of each server such that the certificate must have its name.
    """

    def __init__(self, authority: str | None) -> None:
        """
        @param authority: the path of certificates to trust; L{None} for those of the system.
        """
        self._authority = authority
        self._options: dict[str, Any] = {}
        self._names: dict[tuple[str, int], str] = {}

    def options(self, host: str) -> Any:
        """
        @param host: whose name the certificate must have.
        @return: how to connect.
        @raise StoreConfigError: if that can't be.
        """
        found = self._options.get(host)
        if found is None:
            found = self._options[host] = tlsOptions("mongodb", host, self._authority)
        return found

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Any:
        """
        @param tlsProtocol: a connection of the driver's.
        @return: of OpenSSL.
        """
        connector = tlsProtocol.factory.wrappedFactory.connector
        place = (connector.host, connector.port)
        # The protocol doesn't have its transport yet.
        peer = connector.transport.getPeer()
        name = self._names.get(place, connector.host)
        self._names[peer.host, peer.port] = name
        return self.options(name).clientConnectionForTLS(tlsProtocol)

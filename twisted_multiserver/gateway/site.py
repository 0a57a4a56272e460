"""
The gateway as a Site of twisted.web.

C{multiserver.site()} is a Site for whoever wants one: it can be given to whatever takes a
Site, and serves as C{multiserver.gateway()} does: nothing is read by twisted.web.
"""

from __future__ import annotations

from typing import Protocol as Structure

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol
from twisted.web.resource import IResource
from twisted.web.server import Site


class Serving(Structure):
    """
    Serves clients (L{GatewayFactory<twisted_multiserver.gateway.serving.GatewayFactory>}).
    """

    def acceptableProtocols(self) -> list[bytes]:
        """
        @return: what a client behind TLS may choose, the best first.
        """

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """
        @param addr: the client's.
        @return: what serves it.
        """


class MultiserverSite(Site):
    """
    See above.
    """

    noisy = False

    def __init__(self, serving: Serving, resource: IResource, idleBudget: float) -> None:
        """
        @param serving: serves the connections.
        @param resource: the root, for whoever asks for it.
        @param idleBudget: how long a connection may be silent, in seconds.
        """
        super().__init__(resource, timeout=idleBudget)  # type: ignore[no-untyped-call]
        self._serving = serving

    def acceptableProtocols(self) -> list[bytes]:
        """
        @return: what a client behind TLS may choose, the best first.
        """
        return self._serving.acceptableProtocols()

    def buildProtocol(  # type: ignore[override] # which promises a protocol of its own
        self, addr: IAddress | None
    ) -> Protocol:
        """
        @param addr: the client's.
        @return: what serves it.
        """
        return self._serving.buildProtocol(addr)

"""
A way to a server that resets every tenth connection, as soon as something comes over it.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.protocols.portforward import ProxyFactory, ProxyServer

EVERY = 10


class _Resetting(ProxyServer):
    factory: Any
    transport: Any

    def dataReceived(self, data: bytes) -> None:
        if self.factory.strikes(self):
            self.transport.abortConnection()
        else:
            super().dataReceived(data)  # type: ignore[no-untyped-call]


class Relay(ProxyFactory):
    """
    The way.

    @ivar resets: when it has reset a connection, in seconds of C{time.monotonic}.
    """

    protocol = _Resetting

    def __init__(self, port: int) -> None:
        """
        @param port: of the server, on 127.0.0.1.
        """
        super().__init__("127.0.0.1", port)
        self.resets: list[float] = []
        self._doomed: set[Protocol] = set()
        self._count = 0

    def buildProtocol(self, address: Any) -> ProxyServer:
        """
        @param address: of a client.
        @return: what takes its bytes.
        """
        protocol = super().buildProtocol(address)
        assert isinstance(protocol, ProxyServer)
        self._count += 1
        if self._count % EVERY == 0:
            self._doomed.add(protocol)
        return protocol

    def strikes(self, protocol: Protocol) -> bool:
        """
        @param protocol: over which something came.
        @return: whether its connection is to be reset.
        """
        if protocol not in self._doomed:
            return False
        self._doomed.discard(protocol)
        self.resets.append(time.monotonic())
        return True

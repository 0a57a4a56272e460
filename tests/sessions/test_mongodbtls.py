"""
TLS to the servers of a MongoDB.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions.mongodbtls import ServerNames


class RecordingNames(ServerNames):
    """
    Remembers which names were verified.
    """

    def __init__(self) -> None:
        super().__init__(None)
        self.asked: list[str] = []

    def options(self, host: str) -> Any:
        self.asked.append(host)
        return super().options(host)


def _connecting(host: str, port: int, address: str) -> Any:
    # As the driver's connections look when TLS is about to begin.
    peer = IPv4Address("TCP", address, port)
    transport = SimpleNamespace(getPeer=lambda: peer)
    connector = SimpleNamespace(host=host, port=port, transport=transport)
    return SimpleNamespace(
        factory=SimpleNamespace(wrappedFactory=SimpleNamespace(connector=connector))
    )


class ServerNamesTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Each server by its own name, also when it is known by its address."""
        names = RecordingNames()
        for host, port, address in (
            ("a.example", 1, "192.0.2.1"),
            ("b.example", 1, "192.0.2.2"),
            ("192.0.2.2", 1, "192.0.2.2"),
            ("192.0.2.1", 1, "192.0.2.1"),
            ("192.0.2.1", 2, "192.0.2.1"),
        ):
            names.clientConnectionForTLS(_connecting(host, port, address))
        self.assertEqual(
            names.asked, ["a.example", "b.example", "b.example", "a.example", "192.0.2.1"]
        )

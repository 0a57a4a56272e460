"""
Accepting connections, on a real socket.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.child.listener import Listener


class ListenerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.entrance = socket.create_server(("127.0.0.1", 0))
        self.address = self.entrance.getsockname()
        self.accepted: list[tuple[socket.socket, Any]] = []
        reactor: Any = MemoryReactorClock()
        self.reactor = reactor
        self.listener = Listener(reactor, self.entrance, self.accept)
        self.listener.startListening()
        self.addCleanup(self.listener.stopListening)

    def accept(self, connection: socket.socket, address: Any) -> None:
        self.accepted.append((connection, address))
        self.addCleanup(connection.close)

    def connect(self) -> socket.socket:
        client = socket.create_connection(self.address)
        self.addCleanup(client.close)
        return client

    def test_all(self) -> None:
        """
        All that are queued are accepted, with their addresses.
        """
        names = [self.connect().getsockname() for _ in range(3)]
        self.listener.doRead()
        self.assertEqual([address for _, address in self.accepted], names)
        for connection, _ in self.accepted:
            self.assertFalse(connection.getblocking())
            self.assertTrue(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def test_goneAlready(self) -> None:
        """
        A client that has gone when it is accepted has an address still, and does no harm.
        """
        client = self.connect()
        name = client.getsockname()
        # Sends a reset instead of an orderly end, socket(7).
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        self.connect()
        self.listener.doRead()
        self.assertEqual(len(self.accepted), 2)
        self.assertEqual(self.accepted[0][1], name)

    def test_fault(self) -> None:
        """
        A connection that can't be served doesn't end the entrance.
        """

        def refuse(connection: socket.socket, address: Any) -> None:
            self.accept(connection, address)
            raise OSError("not this one")

        self.listener.stopListening()
        entrance = socket.create_server(("127.0.0.1", 0))
        self.address = entrance.getsockname()
        listener = Listener(self.reactor, entrance, refuse)
        self.addCleanup(listener.stopListening)
        self.connect()
        self.connect()
        listener.doRead()
        self.assertEqual([each.fileno() for each, _ in self.accepted], [-1, -1])
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 2)

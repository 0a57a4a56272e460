"""
Asking an entrance until it answers.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from twisted_multiserver.supervision.probe import Probe


class Transport(StringTransportWithDisconnection):
    """
    One that can be cut.
    """

    def abortConnection(self) -> None:
        self.loseConnection()


@implementer(IStreamClientEndpoint)
class FakeEndpoint:
    """
    An entrance whose connections a test makes.

    @ivar connecting: those that were asked for and are not there yet.
    """

    def __init__(self) -> None:
        self.connecting: list[tuple[IProtocolFactory, Deferred[IProtocol]]] = []

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        connected: Deferred[IProtocol] = Deferred()
        self.connecting.append((protocolFactory, connected))
        return connected


class ProbeTests(SynchronousTestCase):
    """
    L{Probe}.
    """

    def setUp(self) -> None:
        """
        One has begun.
        """
        self.clock = Clock()
        self.endpoint = FakeEndpoint()
        self.answers = 0
        self.probe = Probe(self.clock, self.endpoint, "/up", self.answered)
        self.probe.start()

    def answered(self) -> None:
        """
        Count.
        """
        self.answers += 1

    def connect(self) -> tuple[Protocol, Transport]:
        """
        Let a connection be there.
        """
        factory, connected = self.endpoint.connecting.pop()
        protocol = cast(Protocol, factory.buildProtocol(UNIXAddress("/x")))
        transport = Transport()
        transport.protocol = protocol
        protocol.makeConnection(transport)
        connected.callback(protocol)
        return protocol, transport

    def test_asks(self) -> None:
        _, transport = self.connect()
        self.assertTrue(transport.value().startswith(b"GET /up HTTP/1.1\r\nHost: localhost\r\n"))
        self.assertTrue(transport.value().endswith(b"Connection: close\r\n\r\n"))

    def test_answer(self) -> None:
        """
        Any status, in any pieces; the rest is read until the server ends it.
        """
        protocol, transport = self.connect()
        for piece in (b"HTTP/1.", b"1 50", b"3 No\r\nA: b\r\n"):
            self.assertEqual(self.answers, 0)
            protocol.dataReceived(piece)
        self.assertEqual(self.answers, 1)
        protocol.dataReceived(b"x" * 100000)
        self.assertTrue(transport.connected)
        transport.loseConnection()
        self.assertEqual((self.answers, self.clock.getDelayedCalls()), (1, []))

    def test_endlessAnswer(self) -> None:
        """
        The rest has its time, too.
        """
        protocol, transport = self.connect()
        protocol.dataReceived(b"HTTP/1.0 200 OK\r\n")
        self.clock.advance(2)
        self.assertFalse(transport.connected)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_refused(self) -> None:
        """
        It is too early.
        """
        for _ in range(3):
            self.endpoint.connecting.pop()[1].errback(Refused())
            self.clock.advance(0.05)
        self.connect()[0].dataReceived(b"HTTP/1.1 200 OK\r\n")
        self.assertEqual(self.answers, 1)

    def test_endWithoutAnswer(self) -> None:
        self.connect()[1].loseConnection()
        self.clock.advance(0.05)
        self.connect()[0].dataReceived(b"HTTP/1.1 200 OK\r\n")
        self.assertEqual((self.answers, self.probe.said), (1, ""))

    def test_noHTTP(self) -> None:
        """
        It is kept for people, and asked again.
        """
        for said in (b"220 mail\r\n", b"x" * 300, b"HTTP/1.1 20\n", b"HTTP/1.1 099 no\r\n"):
            protocol, transport = self.connect()
            protocol.dataReceived(said)
            self.assertFalse(transport.connected)
            self.assertEqual(self.probe.said, repr(said[:60])[1:])
            self.clock.advance(0.05)
        self.assertEqual(self.answers, 0)

    def test_patience(self) -> None:
        """
        A connection that gives no answer is replaced; the next gets twice as long.
        """
        for patience in (5, 10, 20):
            _, transport = self.connect()
            self.clock.advance(patience - 1)
            self.assertTrue(transport.connected)
            self.clock.advance(1)
            self.assertFalse(transport.connected)
            self.clock.advance(0.05)
        self.assertEqual(self.answers, 0)

    def test_stopWhileConnecting(self) -> None:
        self.probe.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(1)
        self.assertEqual(len(self.endpoint.connecting), 1)

    def test_stopWhileAsking(self) -> None:
        _, transport = self.connect()
        self.probe.stop()
        self.assertFalse(transport.connected)
        self.assertEqual((self.clock.getDelayedCalls(), self.answers), ([], 0))

    def test_stopWhileWaiting(self) -> None:
        self.endpoint.connecting.pop()[1].errback(Refused())
        self.probe.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.endpoint.connecting, [])

    def test_stopTwice(self) -> None:
        protocol, _ = self.connect()
        protocol.dataReceived(b"HTTP/1.1 200 OK\r\n")
        self.probe.stop()
        self.probe.stop()
        self.assertEqual(self.answers, 1)

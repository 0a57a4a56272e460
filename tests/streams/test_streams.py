"""
The stream under an upstream connection: on a Twisted transport, and its double.
"""

from __future__ import annotations

import inspect
import socket

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.doubles import FakeStream
from twisted_multiserver.streams.streams import Stream
from twisted_multiserver.streams.transportstream import TransportStream


class User:
    """
    Notes what it is told.
    """

    def __init__(self) -> None:
        self.told: list[object] = []

    def dataReceived(self, data: bytes) -> None:
        self.told.append(data)

    def streamDrained(self) -> None:
        self.told.append("drained")

    def connectionLost(self, clean: bool) -> None:
        self.told.append(clean)


class TransportStreamTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.transport = StringTransport()
        self.stream = TransportStream()
        self.stream.makeConnection(self.transport)
        self.user = User()

    def test_end(self) -> None:
        """
        It is told once, with how it came, and nothing after it.
        """
        for reason, clean in ((ConnectionDone(), True), (ConnectionLost(), False)):
            self.setUp()
            self.stream.belongTo(self.user)
            self.stream.dataReceived(b"x")
            self.stream.connectionLost(Failure(reason))
            self.stream.connectionLost(Failure(reason))
            self.stream.dataReceived(b"y")
            self.stream.resumeProducing()
            self.assertEqual(self.user.told, [b"x", clean])

    def test_pace(self) -> None:
        """
        The transport says when it has enough, and when it takes more.
        """
        self.stream.belongTo(self.user)
        producer = self.transport.producer
        assert producer is not None
        self.assertTrue(self.transport.streaming)
        producer.pauseProducing()
        self.assertTrue(self.stream.buffered)
        producer.resumeProducing()
        self.assertFalse(self.stream.buffered)
        self.assertEqual(self.user.told, ["drained"])

    def test_transport(self) -> None:
        """
        What it is asked, it asks of the transport.
        """
        self.stream.write(b"x")
        self.assertEqual(self.transport.value(), b"x")
        self.stream.pause()
        self.assertEqual(self.transport.producerState, "paused")
        self.stream.resume()
        self.assertEqual(self.transport.producerState, "producing")
        self.stream.close()
        self.assertTrue(self.transport.disconnecting)
        self.assertFalse(self.transport.disconnected)
        self.stream.abort()
        self.assertTrue(self.transport.disconnected)

    def test_isQuiet(self) -> None:
        """
        As long as the peer says nothing and is there; looking takes nothing away.
        """
        for happens, quiet in (
            (lambda ours, theirs: None, True),
            (lambda ours, theirs: theirs.send(b"x"), False),
            (lambda ours, theirs: theirs.close(), False),
            (lambda ours, theirs: theirs.shutdown(socket.SHUT_WR), False),
            (lambda ours, theirs: ours.close(), False),
        ):
            ours, theirs = socket.socketpair()
            with ours, theirs:
                self.transport.getHandle = lambda ours=ours: ours  # type: ignore[attr-defined]
                happens(ours, theirs)
                self.assertIs(self.stream.isQuiet(), quiet)
                self.assertIs(self.stream.isQuiet(), quiet)


class FakeStreamTests(SynchronousTestCase):
    """
    The double has the shape of the real one.
    """

    def test_shape(self) -> None:
        names = [name for name, _ in inspect.getmembers(Stream, inspect.isfunction)]
        self.assertIn("isQuiet", names)
        for name in [name for name in names if not name.startswith("_")]:
            shape = inspect.signature(getattr(Stream, name)).parameters.keys()
            for kind in (FakeStream, TransportStream):
                self.assertEqual(inspect.signature(getattr(kind, name)).parameters.keys(), shape)
        for stream in (FakeStream(), TransportStream()):
            self.assertIs(stream.buffered, False)

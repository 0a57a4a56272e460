"""
The stream under an upstream connection: on a Twisted transport, and its double.
"""

from __future__ import annotations

import inspect
import socket
import struct
from collections.abc import Callable

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.doubles import FakeStream
from twisted_multiserver.streams.poller import Poller
from twisted_multiserver.streams.socketstream import SocketStream
from twisted_multiserver.streams.streams import STALL, Stream
from twisted_multiserver.streams.sweep import INTERVAL, Sweep
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
        self.clock = Clock()
        self.stream = TransportStream(Sweep(self.clock))
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

    def test_peerStays(self) -> None:
        """
        A peer that neither takes what is left nor goes isn't waited for without end; one that
        goes leaves nothing behind.
        """
        self.stream.belongTo(self.user)
        self.stream.pauseProducing()
        self.clock.advance(STALL)
        self.stream.close()
        self.clock.pump([INTERVAL] * int((STALL - 1) / INTERVAL))
        self.stream.close()
        self.assertFalse(self.transport.disconnected)
        self.clock.pump([INTERVAL] * int(2 / INTERVAL))
        self.assertTrue(self.transport.disconnected)
        self.stream.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.user.told, [False])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.setUp()
        self.stream.close()
        self.stream.connectionLost(Failure(ConnectionDone()))
        self.clock.advance(INTERVAL)
        self.assertEqual(self.clock.getDelayedCalls(), [])

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


class Surroundings:
    """
    A reactor that does nothing.
    """

    def begin(self) -> None:
        """
        See L{twisted_multiserver.streams.poller.Surroundings}.
        """

    def end(self) -> None:
        """
        See L{twisted_multiserver.streams.poller.Surroundings}.
        """

    def soon(self, call: Callable[[], None]) -> None:
        """
        See L{twisted_multiserver.streams.poller.Surroundings}.
        """

    def failed(self) -> None:
        """
        See L{twisted_multiserver.streams.poller.Surroundings}.
        """


class SocketStreamTests(SynchronousTestCase):
    """
    The stream on a plain socket.
    """

    def test_refused(self) -> None:
        """
        What is written to a peer that has gone is known to have been taken by nobody; what
        was written before is not.
        """
        for kind in (socket.AF_UNIX, socket.AF_INET):
            with socket.create_server(("127.0.0.1", 0)) as port:
                if kind == socket.AF_UNIX:
                    ours, theirs = socket.socketpair()
                else:
                    ours = socket.create_connection(port.getsockname())
                    theirs, _ = port.accept()
            with ours:
                ours.setblocking(False)
                poller = Poller(Surroundings())
                stream = SocketStream(ours, self, poller, Sweep(Clock()))
                stream.write(b"taken")
                self.assertFalse(stream.refused)
                theirs.recv(5)
                # A reset over TCP, so that it is there at once.
                linger = struct.pack("ii", 1, 0)
                theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                theirs.close()
                stream.write(b"nobody")
                self.assertTrue(stream.refused)
                self.assertFalse(stream.buffered)
                poller.unregister(ours.fileno())

    def release(self, aborted: bool) -> None:
        """
        See L{twisted_multiserver.streams.socketstream.SocketOwner}.
        """


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
        for stream in (FakeStream(), TransportStream(Sweep(Clock()))):
            self.assertIs(stream.buffered, False)

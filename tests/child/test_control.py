"""
The control channel, read by a reactor that only notes its readers.
"""

from __future__ import annotations

import socket

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor, IWriteDescriptor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from twisted_multiserver.child.control import ControlChannel, Message
from twisted_multiserver.contract import encodeMessage


@implementer(IReactorFDSet)
class Readers:
    """
    Notes who reads.
    """

    def __init__(self) -> None:
        self.readers: list[IReadDescriptor] = []

    def addReader(self, reader: IReadDescriptor) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: IReadDescriptor) -> None:
        self.readers.remove(reader)

    def addWriter(self, writer: IWriteDescriptor) -> None:
        raise NotImplementedError

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        raise NotImplementedError

    def removeAll(self) -> list[IReadDescriptor | IWriteDescriptor]:
        raise NotImplementedError

    def getReaders(self) -> list[IReadDescriptor]:
        return list(self.readers)

    def getWriters(self) -> list[IWriteDescriptor]:
        return []


class ControlChannelTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.master, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(self.master.close)
        self.addCleanup(theirs.close)
        self.reactor = Readers()
        self.drained: list[Message] = []
        self.gone = 0
        self.channel = ControlChannel(
            self.reactor, theirs, {"drain": self.drained.append}, self.masterGone
        )

    def masterGone(self) -> None:
        self.gone += 1

    def test_interfaces(self) -> None:
        verifyObject(IReactorFDSet, self.reactor)
        verifyObject(IReadDescriptor, self.channel)
        self.assertEqual(self.reactor.readers, [self.channel])

    def test_order(self) -> None:
        """
        A known message is obeyed, with its fields.
        """
        self.master.send(encodeMessage("drain", budget=3))
        self.channel.doRead()
        self.assertEqual([message["budget"] for message in self.drained], [3])

    def test_ignored(self) -> None:
        """
        What isn't known or can't be read is ignored.
        """
        for data in (b"\xff", b"{}", encodeMessage("unheard"), b'{"version": 2, "type": "drain"}'):
            self.master.send(data)
            self.channel.doRead()
        self.assertEqual((self.drained, self.gone), ([], 0))

    def test_nothingThere(self) -> None:
        """
        A needless wake-up does no harm.
        """
        self.channel.doRead()
        self.assertEqual(self.gone, 0)

    def test_masterGone(self) -> None:
        """
        The end of the channel is told once, and nothing is read any more.
        """
        self.master.close()
        self.channel.doRead()
        self.assertEqual((self.gone, self.reactor.readers), (1, []))
        self.channel.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.gone, 1)

    def test_reactorEnds(self) -> None:
        """
        The reactor's end is not the master's.
        """
        self.channel.connectionLost(Failure(ConnectionDone()))
        self.assertEqual((self.gone, self.channel.fileno()), (0, -1))

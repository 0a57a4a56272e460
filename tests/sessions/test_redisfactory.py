"""
How connections to Redis introduce themselves.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import deferLater
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from twisted_multiserver.sessions.errors import StoreConfigError, StoreUnavailable
from twisted_multiserver.sessions.redisfactory import RedisFactory
from twisted_multiserver.sessions.redisscripts import SCRIPTS


@implementer(IStreamClientEndpoint)
class FakeEndpoint:
    """
    Connects never, or says why it can't.
    """

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def connect(self, protocolFactory: object) -> Deferred[Any]:
        return Deferred() if self.error is None else fail(self.error)


class RedisFactoryTests(TestCase):
    def connected(self, user: str | None = None, password: str | None = None) -> Any:
        """A connection that the server has accepted."""
        self.factory = RedisFactory(FakeEndpoint(), "here", 3, user, password, 1)
        connection = self.factory.buildProtocol(None)
        self.transport = StringTransport()
        connection.makeConnection(self.transport)
        return connection

    async def lose(self, connection: Any) -> None:
        # The driver hands connections out in the next turn.
        await deferLater(reactor, 0.0, lambda: None)
        connection.connectionLost(None)

    async def test_oneTurn(self) -> None:
        """
        It is ready when all is answered, however the answers come; the driver would need a
        turn of the event loop for each that is in a string.
        """
        answers = b"+OK\r\n$1\r\nk\r\n" + b"$40\r\n%s\r\n" % (b"0" * 40) * len(SCRIPTS)
        for size in (1, 7, len(answers)):
            connection = self.connected()
            for at in range(0, len(answers), size):
                self.assertFalse(connection._ready)
                connection.dataReceived(answers[at : at + size])
            self.assertTrue(connection._ready)
            await self.lose(connection)

    async def test_login(self) -> None:
        """Login and database come first."""
        for user, password, login in (
            (None, None, b""),
            (None, "", b"*2\r\n$4\r\nAUTH\r\n$0\r\n\r\n"),
            (None, "é", b"*2\r\n$4\r\nAUTH\r\n$2\r\n\xc3\xa9\r\n"),
            ("u", "p", b"*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n"),
        ):
            connection = self.connected(user, password)
            sent = self.transport.value()
            self.assertTrue(sent.startswith(login + b"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"))
            await self.lose(connection)

    async def test_refused(self) -> None:
        """A login that is refused ends the connection, and not the trying."""
        connection = self.connected("u", "p")
        connection.dataReceived(b"-WRONGPASS invalid username-password pair\r\n")
        self.assertIsInstance(self.factory.lastError, StoreConfigError)
        self.assertTrue(self.transport.disconnected)
        self.assertFalse(self.factory.stopped)
        await self.lose(connection)

    async def test_lost(self) -> None:
        """A connection that is lost on the way says nothing about the login."""
        connection = self.connected("u", "p")
        connection.connectionLost(None)
        self.assertIsInstance(self.factory.lastError, StoreUnavailable)

    async def test_notConnected(self) -> None:
        """The first failure is reported; it goes on trying."""
        error = ConnectionRefusedError()
        factory = RedisFactory(FakeEndpoint(error), "here", None, None, None, 2)
        opening: Any = factory.open()
        found = await self.assertFailure(opening, StoreUnavailable)
        self.assertEqual(
            str(found), "redis at here can't be reached: Connection was refused by other side."
        )
        self.assertIsInstance(factory.lastError, StoreUnavailable)
        self.assertFalse(factory.stopped)
        await factory.close()

    async def test_delays(self) -> None:
        """It tries again within about a second, whatever happened before."""
        factory = RedisFactory(FakeEndpoint(), "here", None, None, None, 1)
        self.assertTrue(factory.retryDelay(1) < 0.2)
        self.assertTrue(all(factory.retryDelay(attempt) < 2.0 for attempt in range(1, 200)))

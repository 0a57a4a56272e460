"""
Backends that fail as real sockets fail, and requests that wait for one.
"""

from __future__ import annotations

import os
import socket

from twisted.internet.defer import Deferred

from tests.gateway.sockets import OK, Door, SocketCase, Talk, eventually, reactor
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.connections import GatewayBudgets


def request(method: bytes = b"GET", fields: bytes = b"", body: bytes = b"") -> bytes:
    return method + b" / HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n" + body


def hasBody(data: bytes) -> bool:
    return data.endswith(b"ok")


class ReuseTests(SocketCase):
    async def test_keptAlive(self) -> None:
        """
        Requests of several clients, one after the other, go on one connection; two
        at a time need two.
        """
        for listen in (lambda: self.listenUNIX("a"), self.listenTCP):
            door = listen()
            port = self.serve()
            first, second = await self.connect(port), await self.connect(port)
            first.transport.write(request())
            backend = await door.entered.get()
            await backend.head()
            backend.transport.write(OK)
            await first.until(hasBody)
            second.transport.write(request())
            await backend.head()
            first.transport.write(request())
            other = await door.entered.get()
            for talk in (backend, other):
                talk.transport.write(OK)
            await first.until(hasBody)
            await second.until(hasBody)
            self.distribution.pool.remove(self.distribution.pool.backends()[0])
            self.assertTrue(await backend.ended)
            self.assertTrue(await other.ended)

    async def test_closedWhileIdle(self) -> None:
        """
        A connection that its server closed isn't used, not even for a POST.
        """
        door = self.listenTCP()
        client = await self.connect(self.serve())
        for method in (b"GET", b"POST"):
            client.transport.write(request(method))
            backend = await door.entered.get()
            await backend.head()
            backend.transport.write(OK)
            backend.transport.loseConnection()
            await client.until(hasBody)
        self.assertEqual(self.distribution.pool.backends()[0].statistics.failures, 0)


class BusyTests(SocketCase):
    async def test_another(self) -> None:
        """
        A full backlog isn't waited for while another backend has room.
        """
        self.rawListener("full", 0)
        self.fill("full")
        full = self.admit("full")
        door = self.listenUNIX("b")
        client = await self.connect(self.serve())
        client.transport.write(request(b"POST", b"Content-Length: 1\r\n", b"x"))
        backend = await door.entered.get()
        await backend.until(lambda data: data.endswith(b"\r\n\r\nx"))
        backend.transport.write(OK)
        await client.until(hasBody)
        self.assertEqual(full.statistics.outcomes, {Outcome.busy: 1})
        self.assertEqual(full.statistics.failures, 0)

    async def test_wait(self) -> None:
        """
        When all are full the request waits, and is served once one has room again,
        though no exchange of ours ended there.
        """
        listener = self.rawListener("full", 0)
        self.fill("full")
        full = self.admit("full")
        client = await self.connect(self.serve())
        client.transport.write(request(b"POST"))
        await eventually(lambda: full.statistics.outcomes[Outcome.busy])
        door = Door()
        port = reactor.adoptStreamPort(listener.fileno(), socket.AF_UNIX, door)
        self.addCleanup(port.stopListening)
        answered = client.until(hasBody)
        while not answered.called:
            talk = await door.entered.get()
            # Those that filled it say nothing.
            talk.until(lambda data: b"\r\n\r\n" in data).addCallback(
                lambda _, talk=talk: talk.transport.write(OK)
            )
            await eventually(lambda: answered.called or door.entered.pending)
        await answered


class DeathTests(SocketCase):
    async def test_listenerGone(self) -> None:
        """
        Nobody listens any more: the next one gets the request, with its body.
        """
        self.rawListener("gone", 5).close()
        gone = self.admit("gone")
        os.unlink(self.path("gone"))
        door = self.listenUNIX("b")
        client = await self.connect(self.serve())
        client.transport.write(request(b"PUT", b"Content-Length: 3\r\n", b"abc"))
        backend = await door.entered.get()
        self.assertTrue((await backend.until(lambda d: d.endswith(b"abc"))).startswith(b"PUT "))
        backend.transport.write(OK)
        await client.until(hasBody)
        self.assertEqual(gone.statistics.outcomes, {Outcome.connectRefused: 1})

    async def unread(self, fields: bytes, body: bytes) -> tuple[Talk, Door]:
        """
        A POST is sent to a child that dies without having read it.

        @return: the client, and another child.
        """
        listener = self.rawListener("dying", 5)
        self.dying = self.admit("dying")
        door = self.listenUNIX("b")
        client = await self.connect(self.serve())
        client.transport.write(request(b"POST", fields, body))

        def accepted() -> socket.socket | None:
            try:
                return listener.accept()[0]
            except BlockingIOError:
                return None

        connection = await eventually(accepted)
        connection.setblocking(False)

        def arrived() -> bool:
            try:
                return connection.recv(99999, socket.MSG_PEEK).endswith(b"\r\n\r\n" + body)
            except BlockingIOError:
                return False

        await eventually(arrived)
        connection.close()
        return client, door

    async def test_unread(self) -> None:
        """
        The kernel says that it wasn't read: even a POST goes to another.
        """
        client, door = await self.unread(b"", b"")
        backend = await door.entered.get()
        await backend.head()
        backend.transport.write(OK)
        await client.until(hasBody)
        self.assertEqual(self.dying.statistics.outcomes, {Outcome.resetUnread: 1})

    async def test_unreadWithABody(self) -> None:
        """
        Unless a byte of the body was sent.
        """
        client, door = await self.unread(b"Content-Length: 3\r\n", b"abc")
        self.assertIn(b" 502 ", (await client.head()).split(b"\r\n")[0])
        self.assertFalse(door.entered.pending)

    async def test_read(self) -> None:
        """
        Read and then closed: a GET goes to another, a POST is answered by 502.
        """
        first, second = self.listenUNIX("a"), self.listenUNIX("b")
        client = await self.connect(self.serve())
        client.transport.write(request())
        backend = await first.entered.get()
        await backend.head()
        backend.transport.loseConnection()
        backend = await second.entered.get()
        await backend.head()
        backend.transport.write(OK)
        await client.until(hasBody)
        # The second one's turn, on the connection that it has.
        client.transport.write(request(b"POST"))
        await backend.head()
        backend.transport.loseConnection()
        self.assertIn(b" 502 ", (await client.head()).split(b"\r\n")[0])

    async def test_cut(self) -> None:
        """
        A body that ends early: the client's connection is reset.
        """
        door = self.listenTCP()
        client = await self.connect(self.serve())
        client.transport.write(request())
        backend = await door.entered.get()
        await backend.head()
        backend.transport.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
        await client.until(lambda data: data.endswith(b"\r\n\r\n2\r\nok\r\n"))
        backend.transport.loseConnection()
        self.assertFalse(await client.ended)

    async def test_allRefused(self) -> None:
        """
        With nobody expected there is nothing to wait for: 502.
        """
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            refusing = self.admitTCP(closed.getsockname()[1])
            client = await self.connect(self.serve())
            client.transport.write(request(b"POST"))
            self.assertIn(b" 502 ", (await client.head()).split(b"\r\n")[0])
        self.assertEqual(refusing.statistics.outcomes, {Outcome.connectRefused: 1})


class WaitingTests(SocketCase):
    """
    With nobody there, and somebody expected.
    """

    async def test_served(self) -> None:
        """
        The request waits, and is served when a child is admitted.
        """
        self.distribution.pool.expect(0)
        client = await self.connect(self.serve())
        client.transport.write(request(b"POST", b"Content-Length: 3\r\n", b"abc"))
        await eventually(lambda: self.distribution.open > 0)
        quiet: Deferred[None] = Deferred()
        self.distribution.whenQuiet(lambda: quiet.callback(None))
        door = self.listenUNIX("a", slot=0)
        backend = await door.entered.get()
        await backend.until(lambda data: data.endswith(b"\r\n\r\nabc"))
        backend.transport.write(OK)
        await client.until(hasBody)
        await quiet


class ShortBudgetTests(SocketCase):
    budgets = GatewayBudgets(queue=0.5, firstByte=0.5)

    async def test_queueBudget(self) -> None:
        """
        Not for ever: 503, and when to come again.
        """
        self.distribution.pool.expect(0)
        client = await self.connect(self.serve())
        client.transport.write(request())
        head = await client.head()
        self.assertIn(b" 503 ", head.split(b"\r\n")[0])
        self.assertIn(b"\r\nRetry-After: 1\r\n", head)

    async def test_firstByteBudget(self) -> None:
        """
        A backend that says nothing is asked no more, another one is; when that says
        nothing either: 504.
        """
        doors = [self.listenUNIX(name) for name in "ab"]
        client = await self.connect(self.serve())
        client.transport.write(request())
        for door in doors:
            backend = await door.entered.get()
            await backend.ended
        self.assertIn(b" 504 ", (await client.head()).split(b"\r\n")[0])

    async def test_firstByteBudgetOfAPost(self) -> None:
        """
        It may have been executed: 504 at once.
        """
        door, other = self.listenUNIX("a"), self.listenUNIX("b")
        client = await self.connect(self.serve())
        client.transport.write(request(b"POST"))
        backend = await door.entered.get()
        self.assertIn(b" 504 ", (await client.head()).split(b"\r\n")[0])
        await backend.ended
        self.assertFalse(other.entered.pending)

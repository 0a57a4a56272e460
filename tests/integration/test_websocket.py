"""
WebSocket through a real master: to a server on a UNIX socket that it didn't start,
and to a child that runs an ASGI application.

Strategy: the C{websockets} library at the client's end, the same tests for both
servers; the library checks the protocol, so the tests only look at what arrives.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import unix_serve

from tests.integration.twistdharness import PATIENCE, Twistd
from tests.integration.websocketservers import APPLICATION, SUBPROTOCOLS, EchoServer
from twisted_multiserver.config import MasterConfig

LISTEN = "--listen=tcp:0:interface=127.0.0.1"
MEBIBYTE = 1024 * 1024


async def eventually(condition: Callable[[], Awaitable[bool] | bool]) -> None:
    """
    @param condition: asked until it is true.
    """
    while True:
        answer = condition()
        if answer if isinstance(answer, bool) else await answer:
            return
        await asyncio.sleep(0.02)


class EchoMixin:
    """
    What must work with either server; its subclasses say which.

    @ivar port: the master's.
    @cvar vanished: the code that the server gives a connection without a close frame.
    """

    fail: Callable[..., Any]
    assertEqual: Callable[..., Any]
    assertIn: Callable[..., Any]
    port: int
    vanished: int

    def serving(self, *options: str) -> AbstractAsyncContextManager[None]:
        """
        @param options: further arguments of the master.
        @return: while it serves.
        """
        raise NotImplementedError

    async def closedWith(self, code: int) -> bool:
        """
        @param code: of a close frame.
        @return: whether the server has got it.
        """
        raise NotImplementedError

    def open(self, path: str = "/echo", **options: Any) -> connect:
        """
        @param path: of the target.
        @param options: of the library.
        @return: a connection to be entered; messages of any size are taken.
        """
        settings = {"max_size": None, "proxy": None, "open_timeout": PATIENCE, **options}
        return connect(f"ws://127.0.0.1:{self.port}{path}", **settings)

    def run_(self, scenario: Callable[[], Awaitable[None]], *options: str) -> None:
        """
        @param scenario: while the master serves.
        @param options: further arguments of the master.
        """

        async def run() -> None:
            async with asyncio.timeout(PATIENCE), self.serving(*options):
                await scenario()

        asyncio.run(run())

    def test_messages(self) -> None:
        """
        Text and binary messages of every size come back as they were.
        """

        async def scenario() -> None:
            # The frame's length has three encodings; both sides of their borders.
            sizes = (0, 1, 125, 126, 65535, 65536, MEBIBYTE, 16 * MEBIBYTE)
            for compression in ("deflate", None):
                async with self.open(compression=compression) as client:
                    for size in sizes:
                        # Hexadecimal, so that deflate doesn't make it larger than it was.
                        once = min(size, MEBIBYTE)
                        text = os.urandom(once).hex()[:once] * (size // MEBIBYTE or 1)
                        for message in (text, text.encode(), os.urandom(once)):
                            await client.send(message)
                            echoed = await client.recv()
                            # Compared first: a difference of megabytes is no message.
                            self.assertEqual(echoed == message, True, f"{size} bytes")

        self.run_(scenario)

    def test_extensions(self) -> None:
        """
        permessage-deflate is what both ends agree upon.
        """

        async def scenario() -> None:
            for compression, names in (("deflate", ["permessage-deflate"]), (None, [])):
                async with self.open(compression=compression) as client:
                    self.assertEqual([each.name for each in client.protocol.extensions], names)
                    await client.send("a" * 10_000)
                    self.assertEqual(await client.recv(), "a" * 10_000)

        self.run_(scenario)

    def test_subprotocols(self) -> None:
        """
        The server's choice arrives.
        """

        async def scenario() -> None:
            async with self.open(subprotocols=SUBPROTOCOLS) as client:
                self.assertEqual(client.subprotocol, "superchat")
            async with self.open() as client:
                self.assertEqual(client.subprotocol, None)

        self.run_(scenario)

    def test_fragments(self) -> None:
        """
        A message in fragments, with a ping between them, is one message.
        """

        async def scenario() -> None:
            async with self.open() as client:
                pongs = []

                async def fragments() -> AsyncIterator[bytes]:
                    for number in range(50):
                        yield b"%d" % number * number
                        pongs.append(await client.ping())

                await client.send(fragments())
                self.assertEqual(await client.recv(), b"".join(b"%d" % n * n for n in range(50)))
                await asyncio.gather(*pongs)

        self.run_(scenario)

    def test_pings(self) -> None:
        """
        Each ping is answered, with its own data.
        """

        async def scenario() -> None:
            async with self.open() as client:
                for data in (b"", b"a", b"x" * 125):
                    await (await client.ping(data))

        self.run_(scenario)

    def test_closeCodes(self) -> None:
        """
        Code and reason arrive, whichever side closes.
        """

        async def scenario() -> None:
            async with self.open() as client:
                await client.send("close")
                await client.wait_closed()
                self.assertEqual((client.close_code, client.close_reason), (4001, "bye"))
            async with self.open() as client:
                await client.close(4002, "enough")
            await eventually(lambda: self.closedWith(4002))

        self.run_(scenario)

    def test_refused(self) -> None:
        """
        A refusal is an ordinary response.
        """

        async def scenario() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(
                b"GET /refused HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n"
                b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            self.assertIn(b" 403 ", await reader.readline())
            writer.close()

        self.run_(scenario)

    def test_many(self) -> None:
        """
        200 connections at once, each with messages of its own.
        """

        async def scenario() -> None:
            everybody = asyncio.Barrier(200)

            async def one(number: int) -> None:
                async with self.open() as client:
                    await everybody.wait()
                    for turn in range(5):
                        await client.send(f"{number} {turn}")
                    for turn in range(5):
                        self.assertEqual(await client.recv(), f"{number} {turn}")
                    await everybody.wait()

            await asyncio.gather(*(one(number) for number in range(200)))

        self.run_(scenario)

    def test_clientDies(self) -> None:
        """
        A client that vanishes takes the server's connection along.
        """

        async def scenario() -> None:
            async with self.open() as client:
                await client.send("hello")
                self.assertEqual(await client.recv(), "hello")
                client.transport.abort()
            await eventually(lambda: self.closedWith(self.vanished))

        self.run_(scenario)

    async def assertCut(self, client: ClientConnection) -> None:
        """
        @param client: its connection has to end without a close frame.
        """
        await client.wait_closed()
        self.assertEqual(client.close_code, 1006)


class BackendTests(EchoMixin, SynchronousTestCase):
    """
    With a server on a UNIX socket.
    """

    vanished = 1006

    @asynccontextmanager
    async def serving(self, *options: str) -> AsyncIterator[None]:
        """
        @param options: further arguments of the master.
        @return: while both serve.
        """
        folder = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.server = EchoServer()
        path = str(Path(folder) / "backend")

        def master() -> int:
            return Twistd(self, LISTEN, f"--backend=unix:{path}", *options).waitUntilReady()

        async with unix_serve(
            self.server.serve,
            path,
            max_size=None,
            select_subprotocol=self.server.select,
            process_request=self.server.answer,
            ping_interval=None,
            close_timeout=0,
            backlog=512,
        ):
            self.port = await asyncio.to_thread(master)
            yield

    async def closedWith(self, code: int) -> bool:
        """
        @param code: of a close frame.
        @return: whether the server has got it.
        """
        return code in self.server.closed

    def test_sameFragments(self) -> None:
        """
        The fragments are the sender's, in number and size.
        """

        async def scenario() -> None:
            async with self.open() as client:
                fragments = [b"x" * size for size in (1, 0, 70_000, 3)]
                await client.send(fragments)
                received = [each async for each in client.recv_streaming()]
                # The library ends such a message with an empty fragment; there were two senders.
                self.assertEqual(received, [*fragments, b"", b""])

        self.run_(scenario)

    def test_serverDies(self) -> None:
        """
        A server that vanishes takes the client's connection along, and no other.
        """

        async def scenario() -> None:
            async with self.open() as client, self.open() as other:
                self.server.connections[0].transport.abort()
                await self.assertCut(client)
                await other.send("hello")
                self.assertEqual(await other.recv(), "hello")

        self.run_(scenario)

    def test_idle(self) -> None:
        """
        No budget counts for an upgraded connection: it outlives whatever they end.
        """
        budgets = ["--first-byte-budget=1", "--stall-budget=1"]
        hasIdle = "idleBudget" in {field.name for field in dataclasses.fields(MasterConfig)}
        if hasIdle:
            budgets.append("--idle-budget=1")

        async def get(path: str) -> tuple[bytes, asyncio.StreamReader]:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            self.addCleanup(writer.transport.abort)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
            return (await reader.readline()).split()[1], reader

        async def scenario() -> None:
            async with self.open(ping_interval=None) as client:
                for turn in range(2):
                    # Begun later than the silence of the other, ended by the same budget.
                    self.assertEqual((await get("/silent"))[0], b"504")
                    status, reader = await get("/plain")
                    self.assertEqual(status, b"200")
                    if hasIdle:
                        await reader.read()
                    await client.send(f"hello {turn}")
                    self.assertEqual(await client.recv(), f"hello {turn}")

        self.run_(scenario, *budgets)


class ChildTests(EchoMixin, SynchronousTestCase):
    """
    With an ASGI application in a child.
    """

    vanished = 1005

    @asynccontextmanager
    async def serving(self, *options: str) -> AsyncIterator[None]:
        """
        @param options: further arguments of the master.
        @return: while it serves.
        """
        folder = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        (Path(folder) / "echoing.py").write_text(APPLICATION)
        arguments = ("--app=echoing:app", "--children=1", f"--chdir={folder}", *options)

        def master() -> int:
            return Twistd(self, LISTEN, *arguments).waitUntilReady()

        self.port = await asyncio.to_thread(master)
        yield

    async def closedWith(self, code: int) -> bool:
        """
        @param code: of a close frame.
        @return: whether the application has got it.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"GET /closed HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return str(code).encode() in answer.partition(b"\r\n\r\n")[2]

    def test_serverDies(self) -> None:
        """
        A child that is killed takes its clients' connections along; they can come back.
        """

        async def scenario() -> None:
            async with self.open() as client:
                await client.send("pid")
                os.kill(int(await client.recv()), signal.SIGKILL)
                await self.assertCut(client)
            async with self.open() as client:
                await client.send("hello")
                self.assertEqual(await client.recv(), "hello")

        self.run_(scenario)

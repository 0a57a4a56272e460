"""
A backend that does what a script says, right or wrong.

Strategy: threads and blocking sockets, no HTTP library, since what it sends must
be able to break every rule.  A script belongs to a request target; it runs once
its request has been read (to its end, unless the script is C{early}).

Invariants: whatever has no script is answered with L{NEXT}; each request is
recorded before it is answered; a conversation ends by itself when its peer goes.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from twisted.trial.unittest import SynchronousTestCase

# The longest wait for a peer, in seconds.
PATIENCE = 60.0

NEXT = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"

# A peer that takes more than this from an endless sender has no limit, in bytes.
FLOOD_LIMIT = 32 * 1024 * 1024


class Ended(Exception):
    """
    The conversation is over.
    """


class Conversation:
    """
    One connection to the backend.

    @ivar serial: counts the connections of a backend from 1.
    @ivar socket: its socket.
    @ivar sent: how many bytes the peer has taken, or the system for it.
    @ivar request: what the script answers.
    @ivar ended: set once it is over.
    """

    request: Request

    def __init__(self, serial: int, connected: socket.socket) -> None:
        """
        @param serial: its number.
        @param connected: a connected socket.
        """
        self.serial = serial
        self.socket = connected
        self.sent = 0
        self.ended = threading.Event()
        self._buffer = b""

    def send(self, data: bytes | memoryview) -> None:
        """
        @param data: goes out as it is.
        @raise Ended: if the peer has gone.
        """
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Ended from error
        self.sent += len(data)

    def receive(self, size: int = 65536) -> bytes:
        """
        @param size: at most so many bytes.
        @return: what came; empty at the end.
        """
        if self._buffer:
            data, self._buffer = self._buffer[:size], self._buffer[size:]
            return data
        try:
            return self.socket.recv(size)
        except OSError:
            return b""

    def readHead(self) -> bytes:
        """
        @return: the next head, without the empty line.
        @raise Ended: if there is none.
        """
        return self._through(b"\r\n\r\n")

    def readBody(self) -> bytes:
        """
        @return: the present request's body.
        @raise Ended: if it is cut short.
        """
        fields = self.request.fields
        if b"transfer-encoding" in fields:
            return self._chunks()
        return self._exactly(int(fields.get(b"content-length", b"0")))

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._through(b"\r\n").partition(b";")[0], 16):
            body += self._exactly(size + 2)[:-2]
        while self._through(b"\r\n"):
            pass
        return body

    def _through(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._more()
        data, _, self._buffer = self._buffer.partition(mark)
        return data

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _more(self) -> None:
        try:
            data = self.socket.recv(65536)
        except OSError as error:
            raise Ended from error
        if not data:
            raise Ended
        self._buffer += data


Step: TypeAlias = Callable[[Conversation], None]


@dataclass(frozen=True, slots=True)
class Script:
    """
    What a backend does with one request.

    @ivar steps: bytes to be sent, and things to be done.
    @ivar early: whether it begins before the request's body was read.
    """

    steps: tuple[bytes | Step, ...]
    early: bool = False


class Request:
    """
    A request as the backend got it.

    @ivar serial: of the connection that it came on.
    @ivar fields: by name in lower case; of a repeated one the last.
    @ivar body: of the request, unless its script is C{early}.
    """

    def __init__(self, serial: int, head: bytes) -> None:
        """
        @param serial: of the connection.
        @param head: without the empty line.
        """
        line, *fields = head.split(b"\r\n")
        self.serial = serial
        self.head = head
        self.method, self.target = line.split(b" ")[:2]
        self.fields = {
            name.lower(): value.strip()
            for name, _, value in (field.partition(b":") for field in fields)
        }
        self.body = b""


class ScriptedBackend:
    """
    Listens on a UNIX socket.

    @ivar path: of the socket.
    @ivar requests: everything that came, in order.
    @ivar conversations: every connection, in order.
    """

    def __init__(self, test: SynchronousTestCase, scripts: Mapping[bytes, Script]) -> None:
        """
        @param test: at whose end it is closed.
        @param scripts: by request target.
        """
        folder = tempfile.mkdtemp(prefix="ms-")
        test.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.path = str(Path(folder) / "backend")
        self.requests: list[Request] = []
        self.conversations: list[Conversation] = []
        self._scripts = scripts
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(512)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        test.addCleanup(self.close)

    def tries(self, target: bytes) -> list[Request]:
        """
        @param target: of a request.
        @return: its requests.
        """
        return [request for request in self.requests if request.target == target]

    def conversationOf(self, target: bytes) -> Conversation:
        """
        @param target: of a request that has come.
        @return: the connection of the last such request.
        """
        return self.conversations[self.tries(target)[-1].serial - 1]

    def close(self) -> None:
        """
        Hang up on everybody.
        """
        _hangUp(self._listener)
        self._threads[0].join(PATIENCE)
        self._listener.close()
        for conversation in self.conversations:
            _hangUp(conversation.socket)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            connected.settimeout(PATIENCE)
            conversation = Conversation(len(self.conversations) + 1, connected)
            self.conversations.append(conversation)
            thread = threading.Thread(target=self._converse, args=(conversation,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _converse(self, conversation: Conversation) -> None:
        try:
            while True:
                self._answer(conversation)
        except Ended:
            pass
        finally:
            conversation.socket.close()
            conversation.ended.set()

    def _answer(self, conversation: Conversation) -> None:
        request = Request(conversation.serial, conversation.readHead())
        conversation.request = request
        script = self._scripts.get(request.target, Script((NEXT,)))
        if not script.early:
            request.body = conversation.readBody()
        self.requests.append(request)
        for step in script.steps:
            if isinstance(step, bytes):
                conversation.send(step)
            else:
                step(conversation)


def _hangUp(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def close(conversation: Conversation) -> None:
    """
    End the connection in an orderly way.
    """
    raise Ended


def readBody(conversation: Conversation) -> None:
    """
    Take the request's body, in an early script.
    """
    conversation.request.body = conversation.readBody()


def awaitEnd(conversation: Conversation) -> None:
    """
    Say nothing more until the peer goes.
    """
    while conversation.receive():
        pass
    raise Ended


def upperCase(conversation: Conversation) -> None:
    """
    Send everything back in upper case until the peer goes.
    """
    while data := conversation.receive():
        conversation.send(data.upper())
    raise Ended


def pieces(data: bytes, size: int = 1) -> Step:
    """
    @param data: to be sent.
    @param size: of a piece, in bytes.
    @return: the step that sends it piece by piece.
    """

    def send(conversation: Conversation) -> None:
        for at in range(0, len(data), size):
            conversation.send(data[at : at + size])

    return send


def flood(data: bytes) -> Step:
    """
    @param data: to be sent again and again, until the peer goes.
    @return: the step that does it, L{FLOOD_LIMIT} bytes at most.
    """

    def send(conversation: Conversation) -> None:
        while conversation.sent < FLOOD_LIMIT:
            conversation.send(data)
        raise Ended

    return send

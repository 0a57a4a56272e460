"""
A stream and a responder that do what a test says, and the conversation between them.

The stream keeps what L{twisted_multiserver.streams.streams} promises: nothing is delivered
while it is paused or closing, and nobody is told of an end from within a call.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TypeAlias

from twisted.internet.task import Clock

from twisted_multiserver.http1.connections import ServerConnections, ServerLimits
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.requests import CheckedRequest
from twisted_multiserver.http1.server import ServerConnection
from twisted_multiserver.streams.streams import StreamUser
from twisted_multiserver.streams.sweep import INTERVAL, Sweep


class FakeStream:
    """
    One end of a connection.

    @ivar sent: what the peer has taken.
    @ivar pending: what it hasn't, in bytes.
    @ivar writes: what was given to C{write}, call by call.
    @ivar state: open, closed, aborted or lost.
    @ivar isPaused: whether it is not read.
    @ivar room: how many bytes the peer takes.
    """

    def __init__(self) -> None:
        self.sent = b""
        self.writes: list[bytes] = []
        self.state = "open"
        self.isPaused = False
        self.room: float = inf
        self.buffered = False
        self.pending = 0
        self.refused = False
        self.user: StreamUser | None = None
        self._coming: list[bytes] = []
        self._left = b""

    def belongTo(self, user: StreamUser) -> None:
        self.user = user

    def write(self, data: bytes) -> None:
        assert data, "nothing is written"
        assert self.state in ("open", "aborted", "lost"), "written behind the end"
        if self.state != "open":
            return
        self.writes.append(data)
        self._left += data
        self._take()

    def pause(self) -> None:
        self.isPaused = True

    def resume(self) -> None:
        self.isPaused = False

    def close(self) -> None:
        if self.state == "open":
            self.state = "closed"
            self.isPaused = False

    def leave(self) -> None:
        raise AssertionError("only whoever asks a backend leaves like that")

    def abort(self) -> None:
        if self.state in ("open", "closed"):
            self.state = "aborted"
            self._left = b""
            self._take()

    def isQuiet(self) -> bool:
        return not self._coming

    def sends(self, *pieces: bytes) -> None:
        """
        The peer sends.
        """
        self._coming.extend(pieces)
        self.turn()

    def takes(self, count: float) -> None:
        """
        The peer takes more.

        @param count: bytes.
        """
        wasBuffered = self.buffered
        self.room += count
        self._take()
        if wasBuffered and not self.buffered and self.state == "open":
            assert self.user is not None
            self.user.streamDrained()

    def ends(self, clean: bool = True) -> None:
        """
        The peer ends the connection.
        """
        assert self.user is not None
        assert self.state != "lost"
        self.state = "lost"
        self.user.connectionLost(clean)

    def turn(self) -> None:
        """
        What the event loop would do now.
        """
        assert self.user is not None
        while self._coming and self.state == "open" and not self.isPaused:
            self.user.dataReceived(self._coming.pop(0))
        if self.state == "aborted":
            self.ends(clean=False)

    def _take(self) -> None:
        count = int(min(self.room, len(self._left)))
        self.sent += self._left[:count]
        self._left = self._left[count:]
        self.room -= count
        self.pending = len(self._left)
        self.buffered = bool(self._left)


Answer: TypeAlias = Callable[[ServerConnection, CheckedRequest], None]


def ok(connection: ServerConnection, request: CheckedRequest) -> None:
    """
    Answer with the request's target.
    """
    connection.sendWhole(200, b"OK", b"", request.target)


class ScriptedResponder:
    """
    Notes what it is told, and answers if a script says so.

    @ivar requests: all that came.
    @ivar told: everything in order: requests as their description, pieces of bodies
        joined, trailers, and words for the rest.
    @ivar onRequest: called behind a request's head.
    @ivar onBody: called behind each piece of a body.
    @ivar onEnd: called behind a body.
    """

    def __init__(self) -> None:
        self.requests: list[CheckedRequest] = []
        self.told: list[object] = []
        self.onRequest: Answer | None = None
        self.onBody: Answer | None = None
        self.onEnd: Answer | None = None
        self.connection: ServerConnection | None = None

    def requestReceived(self, request: CheckedRequest) -> None:
        self.requests.append(request)
        self.told.append(request.description)
        self._do(self.onRequest)

    def requestBody(self, data: bytes) -> None:
        assert data, "an empty piece"
        latest = self.told[-1]
        if isinstance(latest, bytes):
            self.told[-1] = latest + data
        else:
            self.told.append(data)
        self._do(self.onBody)

    def requestEnded(self, trailers: Fields) -> None:
        self.told.append(trailers)
        self._do(self.onEnd)

    def responseDrained(self) -> None:
        self.told.append("drained")

    def connectionGone(self) -> None:
        self.told.append("gone")

    def _do(self, script: Answer | None) -> None:
        if script is not None:
            assert self.connection is not None
            script(self.connection, self.requests[-1])


class Conversation:
    """
    A connection of a client, with all that it needs.
    """

    def __init__(self, limits: ServerLimits | None = None) -> None:
        """
        @param limits: what the client may take; the usual if L{None}.
        """
        self.clock = Clock()
        self.limits = ServerLimits() if limits is None else limits
        self.sweep = Sweep(self.clock)
        self.connections = ServerConnections(self.limits, self.clock.seconds, self.sweep)
        self.join()

    def join(self) -> None:
        """
        A further client comes; it is the one that all others are about.
        """
        self.stream = FakeStream()
        self.responder = ScriptedResponder()
        self.connection = ServerConnection(self.stream, self.connections, self.responder)
        self.responder.connection = self.connection
        self.stream.belongTo(self.connection)

    def sends(self, *pieces: bytes) -> None:
        """
        The client sends.
        """
        self.stream.sends(*pieces)

    def passes(self, seconds: float) -> None:
        """
        Time passes; deadlines are looked at as often as they are.
        """
        for _ in range(int(seconds / INTERVAL)):
            self.clock.advance(INTERVAL)
            self.stream.turn()

    @property
    def told(self) -> list[object]:
        """
        What the responder was told.
        """
        return self.responder.told

    @property
    def sent(self) -> bytes:
        """
        What the client got.
        """
        return self.stream.sent

    @property
    def state(self) -> str:
        """
        How the connection is.
        """
        return self.stream.state

"""
The connections of one server: what they share, and how all of them end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from twisted_multiserver.http1.plainrequests import Matcher, matchHead


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """
    What a client may take.  Durations are in seconds; infinite for no limit.

    @ivar head: from a head's first byte to its last.
    @ivar idle: between two requests.
    @ivar stall: between two pieces of a body, either way.
    @ivar body: bytes of a request's body; L{None} for no limit.
    """

    head: float = 10.0
    idle: float = 75.0
    stall: float = 60.0
    body: int | None = None


class OpenConnection(Protocol):
    """
    A connection of a client, whatever it speaks.

    @ivar deadline: when the client must have gone on, in seconds of the clock.
    """

    deadline: float

    def overdue(self) -> None:
        """
        The deadline has passed.
        """

    def drain(self) -> None:
        """
        Close behind what is open, at once if nothing is.
        """

    def abort(self) -> None:
        """
        Reset the connection.
        """


class Watch(Protocol):
    """
    Looks at deadlines (L{Sweep<twisted_multiserver.streams.sweep.Sweep>}).
    """

    def watch(self, timed: OpenConnection) -> None:
        """
        @param timed: is told when its deadline has passed.
        """

    def forget(self, timed: OpenConnection) -> None:
        """
        @param timed: isn't watched any more.
        """


class ServerConnections:
    """
    All open connections of a server.

    @ivar limits: what clients may take.
    @ivar seconds: the clock.
    @ivar matcher: knows the heads that most clients send.
    @ivar isDraining: whether each connection closes behind its present request.
    """

    def __init__(
        self,
        limits: ServerLimits,
        seconds: Callable[[], float],
        watch: Watch,
        matcher: Matcher = matchHead,
    ) -> None:
        """
        @param limits: what clients may take.
        @param seconds: the clock.
        @param watch: looks at the connections' deadlines.
        @param matcher: knows the heads that most clients send, as for
            L{readPlainRequest<twisted_multiserver.http1.requestreader.readPlainRequest>}.
        """
        self.matcher = matcher
        self.limits = limits
        self.seconds = seconds
        self.isDraining = False
        self._watch = watch
        self._open: dict[OpenConnection, None] = {}
        self._whenEmpty: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: OpenConnection) -> None:
        """
        @param connection: has just begun.
        """
        self._open[connection] = None
        self._watch.watch(connection)

    def closed(self, connection: OpenConnection) -> None:
        """
        @param connection: has ended.
        """
        self._open.pop(connection, None)
        self._watch.forget(connection)
        if not self._open:
            waiting, self._whenEmpty = self._whenEmpty, []
            for tell in waiting:
                tell()

    def drain(self, drained: Callable[[], None]) -> None:
        """
        Close idle connections now, and the others behind their present request.

        @param drained: called once, when none is left; at once if so already.
        """
        self.isDraining = True
        for connection in tuple(self._open):
            connection.drain()
        if self._open:
            self._whenEmpty.append(drained)
        else:
            drained()

    def abort(self) -> None:
        """
        Cut all connections.
        """
        for connection in tuple(self._open):
            connection.abort()

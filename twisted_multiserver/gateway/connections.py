"""
The connections to one backend: idle ones for reuse, new ones by dialing.

Strategy: the connection used last is reused first, so that the others grow old
and are closed; each is looked at (MSG_PEEK) before it is trusted with a request: a
server may have closed it, or sent what would be taken for the response.  Only our own
children do neither.

Invariants: a connection is either idle here or carries one exchange; an idle one
is closed after the backend's idle budget, which is shorter than any server's of
its kind, so that the server is never the first to close; none is kept for a
backend that may not be chosen any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from twisted_multiserver.balancing.backend import Backend, BackendKind, BackendState
from twisted_multiserver.gateway.dialer import Dialer
from twisted_multiserver.gateway.pending import Pending
from twisted_multiserver.gateway.upstream import UpstreamConnection
from twisted_multiserver.streams.streams import Stream
from twisted_multiserver.streams.sweep import Sweep

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

# Seconds.  Common servers close an idle connection after 2 (gunicorn) or 5
# (uvicorn, hypercorn, node); our own children leave that to us.
IDLE_BUDGETS = {BackendKind.child: 60.0, BackendKind.program: 1.5, BackendKind.remote: 4.0}


_ADMITTED: Final = BackendState.admitted


@dataclass(frozen=True, slots=True)
class GatewayBudgets:
    """
    How long things may take, in seconds, and how many may wait.

    @ivar connect: a connection to a backend.
    @ivar firstByte: from the request to the response's head.
    @ivar stall: between two pieces of a body.
    @ivar queue: waiting for a backend.
    @ivar farewell: until all WebSockets of a backend that is left are told to end.
    @ivar queueLimit: how many requests may do so at once.
    """

    connect: float = 5.0
    firstByte: float = 60.0
    stall: float = 60.0
    queue: float = 5.0
    farewell: float = 10.0
    queueLimit: int = 10_000


class Connections:
    """
    The connections to one backend.

    @ivar dialer: reaches it.
    """

    def __init__(
        self,
        backend: Backend,
        dialer: Dialer,
        clock: IReactorTime,
        sweep: Sweep,
        budgets: GatewayBudgets,
    ) -> None:
        """
        @param backend: whose connections.
        @param dialer: reaches it.
        @param clock: the reactor.
        @param sweep: watches deadlines.
        @param budgets: how long things may take.
        """
        self._backend = backend
        self.dialer = dialer
        self._seconds = clock.seconds
        self._sweep = sweep
        self._budgets = budgets
        self._isTrusted = not backend.kind.closesIdle
        self._idleBudget = IDLE_BUDGETS[backend.kind]
        self._idle: list[UpstreamConnection] = []
        self._open: dict[UpstreamConnection, None] = {}

    def takeIdle(self) -> UpstreamConnection | None:
        """
        @return: an idle connection that still is one, taken out; L{None} if there
            is none.
        """
        idle = self._idle
        while idle:
            connection = idle.pop()
            if self._isTrusted or connection.isQuiet():
                return connection
            connection.close()
        return None

    def connect(self) -> UpstreamConnection | Pending[UpstreamConnection]:
        """
        Make a new connection.

        @return: the connection, at once where that is possible.
        @raise DialFailed: if there is none; what comes later fails so.
        """
        dialed = self.dialer.dial()
        if isinstance(dialed, Pending):
            return dialed.addCallback(self._connected)
        return self._connected(dialed)

    def closeIdle(self) -> None:
        """
        Close what isn't used.
        """
        while self._idle:
            self._idle.pop().close()

    def backendDied(self) -> None:
        """
        The backend's process is no more.
        """
        self.closeIdle()
        for connection in tuple(self._open):
            connection.peerDied()

    def connectionIdle(self, connection: UpstreamConnection) -> None:
        """
        See L{ConnectionOwner<twisted_multiserver.gateway.upstream.ConnectionOwner>}.
        """
        if self._backend.state is _ADMITTED:
            self._idle.append(connection)
            connection.deadline = self._seconds() + self._idleBudget
        else:
            connection.close()

    def connectionGone(self, connection: UpstreamConnection) -> None:
        """
        See L{ConnectionOwner<twisted_multiserver.gateway.upstream.ConnectionOwner>}.
        """
        if connection in self._idle:
            self._idle.remove(connection)
        self._open.pop(connection, None)

    def _connected(self, stream: Stream) -> UpstreamConnection:
        connection = UpstreamConnection(
            stream,
            self,
            self._sweep,
            self._seconds,
            self._budgets.firstByte,
            self._budgets.stall,
        )
        stream.belongTo(connection)
        self._open[connection] = None
        return connection

"""
One health check: a GET on a connection of its own, and whether its answer is as it should be.

Invariants: it is told once how it went, within the time that it may take; its connection is
closed behind it, so that nobody's request ever follows on it; it isn't counted as a request.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.dialer import Dialer, DialFailed
from twisted_multiserver.gateway.pending import Pending
from twisted_multiserver.gateway.upstream import UpstreamConnection
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.responses import CheckedResponse
from twisted_multiserver.http1.wholeresponses import WholeResponse
from twisted_multiserver.streams.streams import Stream
from twisted_multiserver.streams.sweep import Sweep


class HealthCheck:
    """
    Owner of its connection, and listener to the answer.

    @ivar deadline: when the answer must be there, in seconds of the clock.
    """

    def __init__(
        self,
        dialer: Dialer,
        head: bytes,
        statuses: tuple[int, int],
        sweep: Sweep,
        budget: float,
        over: Callable[[str | None], None],
    ) -> None:
        """
        @param dialer: reaches the backend.
        @param head: of the request.
        @param statuses: the lowest and the highest that are good.
        @param sweep: watches the deadline.
        @param budget: for the answer, in seconds.
        @param over: is told what is wrong; L{None} if nothing is.
        """
        self._head = head
        self._statuses = statuses
        self._sweep = sweep
        self._budget = budget
        self._over: Callable[[str | None], None] | None = over
        self._connection: UpstreamConnection | None = None
        self._dialing: Pending[Stream] | None = None
        self.deadline = sweep.seconds() + budget
        sweep.watch(self)
        self._dial(dialer)

    def stop(self) -> None:
        """
        Nobody wants to know any more.
        """
        self._over = None
        self._leave()

    def overdue(self) -> None:
        """
        See L{Timed<twisted_multiserver.streams.sweep.Timed>}.
        """
        self._end(f"no answer within {self._budget:g} s")

    def connectionIdle(self, connection: UpstreamConnection) -> None:
        """
        See L{ConnectionOwner<twisted_multiserver.gateway.upstream.ConnectionOwner>}.
        """
        connection.close()

    def connectionGone(self, connection: UpstreamConnection) -> None:
        """
        See L{ConnectionOwner<twisted_multiserver.gateway.upstream.ConnectionOwner>}.
        """
        self._connection = None

    def informationalReceived(self, head: CheckedResponse) -> None:
        """
        See L{ResponseListener<twisted_multiserver.gateway.listening.ResponseListener>}.
        """

    def wholeReceived(self, whole: WholeResponse) -> None:
        """
        See L{ResponseListener<twisted_multiserver.gateway.listening.ResponseListener>}.
        """
        self._judge(whole.status)

    def errorReceived(self, whole: WholeResponse) -> None:
        """
        See L{ResponseListener<twisted_multiserver.gateway.listening.ResponseListener>}.
        """
        self._judge(whole.status)

    def switched(self, head: CheckedResponse, rest: bytes) -> None:
        """
        Never happens, since no upgrade is asked for.  See
        L{ResponseListener<twisted_multiserver.gateway.listening.ResponseListener>}.
        """

    def headReceived(self, head: CheckedResponse) -> None:
        """
        Of a body that is long or slow nothing more is to be learned.  See
        L{ResponseListener<twisted_multiserver.gateway.listening.ResponseListener>}.
        """
        self._judge(head.status)

    def bodyReceived(self, data: bytes) -> None:
        """
        See L{ResponseListener<twisted_multiserver.gateway.listening.ResponseListener>}.
        """

    def responseEnded(self, trailers: Fields) -> None:
        """
        See L{ResponseListener<twisted_multiserver.gateway.listening.ResponseListener>}.
        """

    def upstreamFailed(self, outcome: Outcome) -> None:
        """
        See L{ResponseListener<twisted_multiserver.gateway.listening.ResponseListener>}.
        """
        self._end(outcome.value)

    def _dial(self, dialer: Dialer) -> None:
        try:
            dialed = dialer.dial()
        except DialFailed as failed:
            self._end(str(failed))
            return
        if isinstance(dialed, Pending):
            self._dialing = dialed
            dialed.addCallbacks(self._dialed, self._dialFailed)
        else:
            self._dialed(dialed)

    def _dialed(self, stream: Stream) -> None:
        self._dialing = None
        connection = UpstreamConnection(
            stream, self, self._sweep, self._sweep.seconds, self._budget, self._budget
        )
        stream.belongTo(connection)
        self._connection = connection
        connection.send(self._head, b"GET", None, self)

    def _dialFailed(self, failure: Failure) -> None:
        self._dialing = None
        if not failure.check(CancelledError):
            self._end(failure.getErrorMessage())

    def _judge(self, status: int) -> None:
        least, most = self._statuses
        self._end(None if least <= status <= most else f"status {status}")

    def _end(self, reason: str | None) -> None:
        over, self._over = self._over, None
        self._leave()
        if over is not None:
            over(reason)

    def _leave(self) -> None:
        self.deadline = inf
        self._sweep.forget(self)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()
        dialing, self._dialing = self._dialing, None
        if dialing is not None:
            dialing.cancel()

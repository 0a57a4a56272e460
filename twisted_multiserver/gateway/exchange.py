"""
An exchange: carries one request to a backend and its response to the client.

Strategy: do what the L{plan<twisted_multiserver.gateway.plan>} says, report what
happened, do what it says next.  It knows no rule itself.

Invariants: the downstream hears, in this order, either one head, body pieces and
one end or cut, or one answer of our own; each backend that the policy chose is
finished exactly once, whatever happens; after the client has left nothing is
told downstream any more.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_multiserver.balancing._iloadbalancer import BadChoice
from twisted_multiserver.balancing.affinity import Affinity
from twisted_multiserver.balancing.backend import Backend, BackendState
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.gateway.body import Body
from twisted_multiserver.gateway.connections import Connections
from twisted_multiserver.gateway.dial import DialFailed
from twisted_multiserver.gateway.plan import (
    Answer,
    Choose,
    Decision,
    ExchangePlan,
    Progress,
    Send,
    Wait,
)
from twisted_multiserver.gateway.upstream import UpstreamConnection
from twisted_multiserver.http1.forwarding import linesForClient
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.requests import CheckedRequest
from twisted_multiserver.http1.responses import CheckedResponse
from twisted_multiserver.http1.wholeresponses import WholeResponse

if TYPE_CHECKING:
    from twisted_multiserver.gateway.distribution import Distribution


_ADMITTED: Final = BackendState.admitted
_OK: Final = Outcome.ok


class Downstream(Protocol):
    """
    The client's side of an exchange.
    """

    def responseInformational(self, head: CheckedResponse) -> None:
        """
        @param head: one that comes before the final one.
        """

    def responseWhole(self, head: CheckedResponse, lines: bytes, body: bytes) -> None:
        """
        All of the response; nothing else is told of it.

        @param head: from the backend.
        @param lines: of the fields that the client gets, without framing.
        @param body: all of it.
        """

    def responseSwitched(
        self, head: CheckedResponse, lines: bytes, upstream: UpstreamConnection, rest: bytes
    ) -> None:
        """
        The backend speaks another protocol from now on; nothing else is told of it.

        @param head: from the backend.
        @param lines: of the fields that the client gets.
        @param upstream: whose stream is to be taken.
        @param rest: what the backend has sent on it already.
        """

    def responseHead(self, head: CheckedResponse, lines: bytes) -> None:
        """
        @param head: from the backend.
        @param lines: of the fields that the client gets, without framing.
        """

    def responseBody(self, data: bytes) -> None:
        """
        @param data: a piece of the body.
        """

    def responseEnd(self, trailers: Fields) -> None:
        """
        The response is whole.

        @param trailers: behind it.
        """

    def cut(self, reason: str) -> None:
        """
        The response will never be whole: the client must see that it isn't.

        @param reason: for people.
        """

    def answer(self, answer: Answer) -> None:
        """
        @param answer: what we say ourselves instead of a response.
        """


class Exchange:
    """
    One request on its way.

    @ivar deadline: when waiting ends, in seconds of the clock.
    @ivar lastBackend: the one that had it last; L{None} if none had.
    @ivar tries: how many times it was sent.
    """

    _log = Logger()

    __slots__ = (
        "_backend",
        "_body",
        "_choosing",
        "_connection",
        "_cookie",
        "_dialing",
        "_distribution",
        "_downstream",
        "_ended",
        "_head",
        "_info",
        "_paused",
        "_plan",
        "_request",
        "_responseStarted",
        "_sentAt",
        "deadline",
        "lastBackend",
        "tries",
    )

    def __init__(
        self,
        distribution: Distribution,
        request: CheckedRequest,
        head: bytes,
        body: Body | None,
        info: RequestInfo,
        downstream: Downstream,
    ) -> None:
        """
        @param distribution: what all exchanges share.
        @param request: from the client.
        @param head: the bytes of its head, as it goes upstream.
        @param body: its body, if it has one.
        @param info: what the policy may know.
        @param downstream: gets the response.
        """
        self.deadline = inf
        self.lastBackend: Backend | None = None
        self.tries = 0
        self._distribution = distribution
        self._request = request
        self._head = head
        self._body = body
        self._info = info
        self._downstream = downstream
        self._plan: ExchangePlan | None = None
        self._backend: Backend | None = None
        self._connection: UpstreamConnection | None = None
        self._cookie: bytes | None = None
        self._choosing: Deferred[object] | None = None
        self._dialing: Deferred[UpstreamConnection] | None = None
        self._responseStarted = False
        self._paused = False
        self._ended = False
        self._sentAt = 0.0

    @property
    def description(self) -> str:
        """
        Method and target, for people.
        """
        return self._request.description

    def start(self) -> None:
        """
        Begin.
        """
        distribution = self._distribution
        distribution.open += 1
        backends = distribution.pool.admissible
        if not backends:
            self._follow(self._planned().begin())
            return
        # What a plan would say as long as all goes well; most exchanges need none.
        try:
            choice = distribution.policy.choose(self._info, backends)
        except Exception:  # the user's own code
            self._follow(self._policyFailed(None))
            return
        if type(choice) is not Backend or choice.state is not _ADMITTED:
            self._follow(self._chose(choice, backends))
            return
        connections = distribution.connections.get(choice)
        if connections is None:
            self._follow(self._chose(choice, backends))
            return
        self._backend = self.lastBackend = choice
        choice.begin(self)
        connection = connections.takeIdle()
        if connection is None:
            self._follow(self._sendBy(connections, None))
            return
        self._connection = connection
        self.tries = 1
        self._sentAt = distribution.seconds()
        request = self._request
        connection.send(self._head, request.method, self._body, self, request.wishes.upgrade)

    def goOn(self) -> None:
        """
        What was waited for may be there.
        """
        self._distribution.stopWaiting(self)
        self._follow(self._planned().begin())

    def overdue(self) -> None:
        """
        Waited long enough.
        """
        choosing, self._choosing = self._choosing, None
        if choosing is None:
            self.goOn()
            return
        self._distribution.stopWaiting(self)
        self._follow(Answer(503, "the balancer did not choose in time"))
        # Only now, so that its answer is nobody's.
        choosing.cancel()

    def pause(self) -> None:
        """
        The client is slow.
        """
        self._paused = True
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """
        The client takes more.
        """
        self._paused = False
        if self._connection is not None:
            self._connection.resume()

    def clientGone(self) -> None:
        """
        The client has left.
        """
        if self._ended:
            return
        self._distribution.stopWaiting(self)
        if self._connection is not None:
            self._connection.abandon()
        if self._backend is not None:
            self._finishBackend(Outcome.clientGone)
        self._ended = True
        self._distribution.ended()
        for pending in (self._choosing, self._dialing):
            if pending is not None:
                pending.cancel()

    def informationalReceived(self, head: CheckedResponse) -> None:
        """
        @param head: one that comes before the final one.
        """
        self._downstream.responseInformational(head)

    def wholeReceived(self, whole: WholeResponse) -> None:
        """
        @param whole: the response.
        """
        self._finishWhole(whole)
        head = whole.head
        self._downstream.responseWhole(head, linesForClient(head, self._cookie), whole.body)
        # Last, since a master that stops goes on when nothing is open any more.
        self._distribution.ended()

    def _finishWhole(self, whole: WholeResponse) -> None:
        backend, connection, distribution = self._backend, self._connection, self._distribution
        assert backend is not None
        assert connection is not None
        self._backend = self._connection = None
        self._ended = True
        backend.finishWhole(
            self, distribution.seconds() - self._sentAt, connection.bytesSent, whole.size
        )
        if distribution.policyListens or backend.state is not _ADMITTED or distribution.isWaiting:
            distribution.chosenEnded(backend, self._info, _OK)

    def switched(self, head: CheckedResponse, rest: bytes) -> None:
        """
        @param head: the response's.
        @param rest: what came behind it.
        """
        assert self._connection is not None
        self._downstream.responseSwitched(head, self._begin(head), self._connection, rest)

    def tunnelEnded(self) -> None:
        """
        What was spoken instead of HTTP has ended.
        """
        self._finishBackend(Outcome.ok)
        self._ended = True
        self._distribution.ended()

    def headReceived(self, head: CheckedResponse) -> None:
        """
        @param head: the response's.
        """
        self._downstream.responseHead(head, self._begin(head))

    def bodyReceived(self, data: bytes) -> None:
        """
        @param data: of the response.
        """
        assert self._backend is not None
        self._backend.statistics.bytesReceived += len(data)
        self._downstream.responseBody(data)

    def responseEnded(self, trailers: Fields) -> None:
        """
        The response is whole.

        @param trailers: behind it.
        """
        self._finishBackend(Outcome.ok)
        self._ended = True
        self._downstream.responseEnd(trailers)
        # As above.
        self._distribution.ended()

    def upstreamFailed(self, outcome: Outcome) -> None:
        """
        @param outcome: why there is no whole response.
        """
        self._follow(self._failed(outcome))

    def _begin(self, head: CheckedResponse) -> bytes:
        """
        The response has begun.

        @return: the field lines that the client gets.
        """
        self._responseStarted = True
        assert self._backend is not None
        self._backend.statistics.firstByte(self._distribution.seconds() - self._sentAt)
        return linesForClient(head, self._cookie)

    def _planned(self) -> ExchangePlan:
        if self._plan is None:
            distribution = self._distribution
            self._plan = ExchangePlan(
                distribution.pool,
                self._request.method,
                self._body is not None,
                distribution.budgets.queue,
                distribution.seconds,
            )
        return self._plan

    def _follow(self, decision: Decision | None) -> None:
        while decision is not None and not self._ended:
            if isinstance(decision, Choose):
                decision = self._choose(decision.backends)
            elif isinstance(decision, Send):
                decision = self._send(decision.backend, decision.fresh)
            elif isinstance(decision, Wait):
                self.deadline = decision.until
                self._distribution.wait(self)
                return
            else:
                self._ended = True
                if isinstance(decision, Answer):
                    self._downstream.answer(decision)
                else:
                    self._downstream.cut(decision.reason)
                self._distribution.ended()

    def _choose(self, backends: tuple[Backend, ...]) -> Decision | None:
        try:
            choice = self._distribution.policy.choose(self._info, backends)
        except Exception:  # the user's own code
            return self._policyFailed(None)
        return self._chose(choice, backends)

    def _chose(self, choice: object, backends: tuple[Backend, ...]) -> Decision | None:
        if isinstance(choice, Deferred):
            self._choosing = choice
            self.deadline = self._distribution.seconds() + self._distribution.budgets.queue
            self._distribution.watch(self)
            choice.addCallback(self._chosen, backends).addErrback(self._policyFailed)
            choice.addCallback(self._follow)
            return None
        try:
            return self._chosen(choice, backends)
        except BadChoice:
            return self._policyFailed(None)

    def _chosen(self, choice: object, backends: tuple[Backend, ...]) -> Decision | None:
        self._choiceIsOver()
        self._cookie = None
        backend = choice
        if isinstance(choice, Affinity):
            backend, self._cookie = choice.backend, choice.cookie
        if backend is None:
            return None if self._ended else self._planned().noneSuits()
        if not isinstance(backend, Backend) or backend not in backends:
            raise BadChoice(f"choose gave back {choice!r}, which is none of the backends")
        decision = self._planned().chosen(backend)
        if self._ended or not isinstance(decision, Send):
            outcome = Outcome.clientGone if self._ended else Outcome.withdrawn
            self._distribution.tellPolicy(backend, self._info, outcome)
        return decision

    def _choiceIsOver(self) -> None:
        if self._choosing is not None:
            self._choosing = None
            self._distribution.stopWaiting(self)

    def _policyFailed(self, failure: Failure | None) -> Decision | None:
        self._choiceIsOver()
        if self._ended and failure is not None and isinstance(failure.value, CancelledError):
            return None
        self._log.failure("the balancer failed to choose", failure)
        return Answer(500, "the balancer failed")

    def _send(self, backend: Backend, fresh: bool) -> Decision | None:
        if self._backend is not backend:
            self._backend = self.lastBackend = backend
            backend.begin(self, isRetry=self._plan is not None and self._plan.isRetry)
        connections = self._distribution.connections[backend]
        return self._sendBy(connections, None if fresh else connections.takeIdle())

    def _sendBy(
        self, connections: Connections, connection: UpstreamConnection | None
    ) -> Decision | None:
        self._sentAt = self._distribution.seconds()
        if connection is None:
            try:
                dialed = connections.connect()
            except DialFailed as failed:
                return self._failed(failed.outcome)
            if isinstance(dialed, Deferred):
                self._dialing = dialed
                dialed.addCallbacks(self._dialed, self._dialFailed)
                return None
            connection = dialed
        self._sendOn(connection)
        return None

    def _dialed(self, connection: UpstreamConnection) -> None:
        self._dialing = None
        if self._ended:
            connection.close()
        else:
            self._sendOn(connection)

    def _dialFailed(self, failure: Failure) -> None:
        self._dialing = None
        if self._ended:
            return
        if isinstance(failure.value, DialFailed):
            outcome = failure.value.outcome
        else:
            self._log.failure("{backend} can't be reached", failure, backend=self._backend)
            outcome = Outcome.connectRefused
        self._follow(self._failed(outcome))

    def _sendOn(self, connection: UpstreamConnection) -> None:
        self._connection = connection
        self.tries += 1
        request = self._request
        connection.send(self._head, request.method, self._body, self, request.wishes.upgrade)
        if self._paused:
            connection.pause()

    def _failed(self, outcome: Outcome) -> Decision:
        backend, connection = self._backend, self._connection
        assert backend is not None
        progress = Progress(
            reusedConnection=connection is not None and connection.requests > 1,
            bodySent=connection is not None and connection.bodySent,
            responseStarted=self._responseStarted,
        )
        if outcome.isFailure:
            self._log.debug(
                "{backend} failed {exchange}: {outcome}",
                backend=backend.name,
                exchange=self.description,
                outcome=outcome.value,
            )
        decision = self._planned().failed(backend, outcome, progress)
        if isinstance(decision, Send):
            if connection is not None:
                backend.statistics.bytesSent += connection.bytesSent
            self._connection = None
        else:
            self._finishBackend(outcome)
        return decision

    def _finishBackend(self, outcome: Outcome) -> None:
        backend, connection = self._backend, self._connection
        assert backend is not None
        if connection is not None:
            backend.statistics.bytesSent += connection.bytesSent
        self._backend = self._connection = None
        self._distribution.finished(backend, self, self._info, outcome)

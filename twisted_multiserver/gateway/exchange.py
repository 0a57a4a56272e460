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
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_multiserver.balancing._iloadbalancer import BadChoice
from twisted_multiserver.balancing.affinity import Affinity
from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.gateway.dial import DialFailed
from twisted_multiserver.gateway.plan import (
    Answer,
    Choose,
    Cut,
    Decision,
    ExchangePlan,
    Progress,
    Send,
    Wait,
)
from twisted_multiserver.gateway.upstream import Body, UpstreamConnection
from twisted_multiserver.http1.fields import responseForClient
from twisted_multiserver.http1.heads import RequestHead, ResponseHead
from twisted_multiserver.http1.requests import requestBytes

if TYPE_CHECKING:
    from twisted_multiserver.gateway.distribution import Distribution


class Downstream(Protocol):
    """
    The client's side of an exchange.
    """

    def responseHead(self, head: ResponseHead) -> None:
        """
        @param head: with the fields that the client gets.
        """

    def responseBody(self, data: bytes) -> None:
        """
        @param data: a piece of the body.
        """

    def responseEnd(self) -> None:
        """
        The response is whole.
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

    @ivar description: method and target, for people.
    @ivar deadline: when waiting ends, in seconds of the clock.
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
        "_method",
        "_paused",
        "_plan",
        "_responseStarted",
        "_sentAt",
        "deadline",
        "description",
    )

    def __init__(
        self,
        distribution: Distribution,
        head: RequestHead,
        body: Body | None,
        info: RequestInfo,
        downstream: Downstream,
    ) -> None:
        """
        @param distribution: what all exchanges share.
        @param head: as it goes upstream.
        @param body: its body, if it has one.
        @param info: what the policy may know.
        @param downstream: gets the response.
        @raise BadMessage: if the head can't be sent.
        """
        self.description = head.description
        self.deadline = inf
        self._distribution = distribution
        self._head = requestBytes(head)
        self._method = head.method
        self._body = body
        self._info = info
        self._downstream = downstream
        self._plan = ExchangePlan(
            distribution.pool,
            head.method,
            body is not None,
            distribution.budgets.queue,
            distribution.seconds,
        )
        self._backend: Backend | None = None
        self._connection: UpstreamConnection | None = None
        self._cookie: bytes | None = None
        self._choosing: Deferred[object] | None = None
        self._dialing: Deferred[UpstreamConnection] | None = None
        self._responseStarted = False
        self._paused = False
        self._ended = False
        self._sentAt = 0.0

    def start(self) -> None:
        """
        Begin.
        """
        self._follow(self._plan.begin())

    def goOn(self) -> None:
        """
        What was waited for may be there.
        """
        self._distribution.stopWaiting(self)
        self._follow(self._plan.begin())

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
        self._distribution.ended(self)
        for pending in (self._choosing, self._dialing):
            if pending is not None:
                pending.cancel()

    def headReceived(self, head: ResponseHead) -> None:
        """
        @param head: the response's.
        """
        assert self._backend is not None
        self._responseStarted = True
        self._backend.statistics.firstByte(self._distribution.seconds() - self._sentAt)
        self._downstream.responseHead(responseForClient(head, self._cookie))

    def bodyReceived(self, data: bytes) -> None:
        """
        @param data: of the response.
        """
        assert self._backend is not None
        self._backend.statistics.bytesReceived += len(data)
        self._downstream.responseBody(data)

    def responseEnded(self) -> None:
        """
        The response is whole.
        """
        self._finishBackend(Outcome.ok)
        self._ended = True
        self._downstream.responseEnd()
        # Last, since a master that stops goes on when nothing is open any more.
        self._distribution.ended(self)

    def upstreamFailed(self, outcome: Outcome) -> None:
        """
        @param outcome: why there is no whole response.
        """
        self._follow(self._failed(outcome))

    def _follow(self, decision: Decision | None) -> None:
        while decision is not None and not self._ended:
            match decision:
                case Choose(backends):
                    decision = self._choose(backends)
                case Send(backend, fresh):
                    decision = self._send(backend, fresh)
                case Wait(until):
                    self.deadline = until
                    self._distribution.wait(self)
                    decision = None
                case Answer():
                    self._ended = True
                    self._downstream.answer(decision)
                    self._distribution.ended(self)
                case Cut(reason):
                    self._ended = True
                    self._downstream.cut(reason)
                    self._distribution.ended(self)

    def _choose(self, backends: tuple[Backend, ...]) -> Decision | None:
        try:
            choice = self._distribution.policy.choose(self._info, backends)
        except Exception:  # the user's own code
            return self._policyFailed(None)
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
            return None if self._ended else self._plan.noneSuits()
        if not isinstance(backend, Backend) or backend not in backends:
            raise BadChoice(f"choose gave back {choice!r}, which is none of the backends")
        decision = self._plan.chosen(backend)
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
            self._backend = backend
            backend.begin(self, isRetry=self._plan.isRetry)
        self._sentAt = self._distribution.seconds()
        connections = self._distribution.connectionsTo(backend)
        connection = None if fresh else connections.takeIdle()
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
        connection.send(self._head, self._method, self._body, self)
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
        decision = self._plan.failed(backend, outcome, progress)
        if isinstance(decision, Send):
            self._count()
        else:
            self._finishBackend(outcome)
        return decision

    def _finishBackend(self, outcome: Outcome) -> None:
        backend = self._backend
        assert backend is not None
        self._count()
        self._backend = None
        self._distribution.finished(backend, self, self._info, outcome)

    def _count(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._backend is not None:
            self._backend.statistics.bytesSent += connection.bytesSent

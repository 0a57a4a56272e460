"""
Sending: the part of an exchange in which its request finds its way to a backend.

Strategy: do what the L{plan<twisted_multiserver.gateway.plan>} says, report what happened, do
what it says next.  It knows no rule itself.

Invariants: each backend that the policy chose is finished exactly once, whatever happens; what
is sent once more is the same, from its first byte.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.quarantine import fingerprintOf, kindOf, signatureOf
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.gateway.body import Body
from twisted_multiserver.gateway.choosing import Choosing
from twisted_multiserver.gateway.connections import Connections
from twisted_multiserver.gateway.dialer import DialFailed
from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.listening import ResponseListener
from twisted_multiserver.gateway.pending import Pending
from twisted_multiserver.gateway.plan import (
    Answer,
    Choose,
    Decision,
    ExchangePlan,
    Progress,
    Send,
    Wait,
)
from twisted_multiserver.gateway.receiving import Downstream
from twisted_multiserver.gateway.storedbody import Spool, StoredBody
from twisted_multiserver.gateway.upstream import UpstreamConnection
from twisted_multiserver.http1.heads import HTTP_1_1
from twisted_multiserver.http1.requests import CheckedRequest
from twisted_multiserver.http1.responses import CheckedResponse

if TYPE_CHECKING:
    from twisted.python.failure import Failure

_CONTINUE: Final = CheckedResponse(100, b"Continue", HTTP_1_1, b"", 0, True)


class Sending(Choosing, ResponseListener):
    """
    One request on its way.

    @ivar lastBackend: the one that had it last; L{None} if none had.
    """

    __slots__ = (
        "_backend",
        "_body",
        "_connection",
        "_dialing",
        "_downstream",
        "_head",
        "_held",
        "_paused",
        "_pieces",
        "_plan",
        "_request",
        "_responseStarted",
        "lastBackend",
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
        self.isAlone = False
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
        self._choosing: Pending[object] | None = None
        self._dialing: Pending[UpstreamConnection] | None = None
        self._held: CheckedResponse | None = None
        self._responseStarted = False
        self._paused = False
        self._ended = False

    @property
    def description(self) -> str:
        """
        Method and target, for people.
        """
        return self._request.description

    @property
    def fingerprint(self) -> bytes:
        """
        What it shares with its like alone; empty if its body isn't known.
        """
        content = b"" if self._body is None else self._body.content()
        request = self._request
        return b"" if content is None else fingerprintOf(request.method, request.target, content)

    @property
    def signature(self) -> bytes:
        """
        The same of all of its head.
        """
        return signatureOf(self._head)

    def goOn(self) -> None:
        """
        What was waited for may be there.
        """
        decision = self._planned().goOn()
        if not isinstance(decision, Wait):
            self._distribution.stopWaiting(self)
        self._follow(decision)

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

    def _startPlanned(self) -> None:
        distribution, body = self._distribution, self._body
        distribution.settle()
        if body is not None and not isinstance(body, StoredBody) and self._hasToBeWhole():
            if self._request.wishes.expectsContinue:
                self._downstream.responseInformational(_CONTINUE)
            Spool(body, self._bodyStored, self._bodyNotStored)
        else:
            self._follow(self._planned().begin())

    def _hasToBeWhole(self) -> bool:
        if self._distribution.buffersRequests:
            return True
        request, quarantine = self._request, self._distribution.circumstances.quarantine
        return bool(quarantine.suspects) and quarantine.concerns(
            kindOf(request.method, request.target)
        )

    def _bodyStored(self, body: StoredBody) -> None:
        if not self._ended:
            self._body = body
            self._follow(self._planned().begin())

    def _bodyNotStored(self, error: OSError) -> None:
        if not self._ended:
            self._follow(Answer(503, f"the body can't be stored: {error.strerror}"))

    def _planned(self) -> ExchangePlan:
        if self._plan is None:
            self._plan = ExchangePlan(
                self._distribution.circumstances,
                self._request.method,
                lambda: self.fingerprint,
                lambda: self.signature,
            )
        return self._plan

    def _follow(self, decision: Decision | None) -> None:
        while decision is not None and not self._ended:
            if isinstance(decision, Choose):
                decision = self._choose(decision.backends)
            elif isinstance(decision, Send):
                decision = self._send(decision)
            elif isinstance(decision, Wait):
                self.deadline = decision.until
                self._distribution.wait(self, decision.inLine)
                return
            else:
                self._ended = True
                if isinstance(decision, Answer):
                    self._downstream.answer(decision)
                else:
                    self._downstream.cut(decision.reason)
                self._distribution.ended()

    def _send(self, decision: Send) -> Decision | None:
        backend = decision.backend
        if decision.alone:
            self.isAlone = self._distribution.circumstances.hasLoner = True
            self._distribution.settle()
        if self._backend is not backend:
            self._backend = self.lastBackend = backend
            backend.begin(self, isRetry=self._plan is not None and self._plan.isRetry)
        connections = self._distribution.connections[backend]
        return self._sendBy(connections, None if decision.fresh else connections.takeIdle())

    def _sendBy(
        self, connections: Connections, connection: UpstreamConnection | None
    ) -> Decision | None:
        self.sentAt = self._distribution.seconds()
        if connection is None:
            try:
                dialed = connections.connect()
            except DialFailed as failed:
                return self._failed(failed.outcome)
            if isinstance(dialed, Pending):
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
            self._distribution.log.failure(
                "{backend} can't be reached", failure, backend=self._backend
            )
            outcome = Outcome.connectRefused
        self._follow(self._failed(outcome))

    def _sendOn(self, connection: UpstreamConnection) -> None:
        self._connection = connection
        self.tries += 1
        request, body = self._request, self._body
        if body is not None and self.tries > 1:
            body.rewind()
        connection.send(self._head, request.method, body, self, request.wishes.upgrade)
        if self._paused:
            connection.pause()

    def _failed(self, outcome: Outcome) -> Decision:
        backend, connection = self._backend, self._connection
        assert backend is not None
        if outcome.isFailure:
            self._distribution.log.debug(
                "{backend} failed {exchange}: {outcome}",
                backend=backend.name,
                exchange=self.description,
                outcome=outcome.value,
            )
        decision = self._planned().failed(backend, outcome, self._progress())
        self._held = None
        if isinstance(decision, Send):
            if connection is not None:
                backend.statistics.bytesSent += connection.bytesSent
            self._connection = None
        else:
            self._finishBackend(outcome)
        return decision

    def _progress(self) -> Progress:
        connection = self._connection
        return Progress(
            reusedConnection=connection is not None and connection.requests > 1,
            isUnsent=connection is not None and connection.isUnsent,
            bodySent=connection is not None and connection.bodySent,
            bodyLost=self._body is not None and self._body.isLost,
            responseStarted=self._responseStarted,
        )

    def _finishBackend(self, outcome: Outcome) -> None:
        backend, connection = self._backend, self._connection
        assert backend is not None
        if connection is not None:
            backend.statistics.bytesSent += connection.bytesSent
        self._backend = self._connection = None
        self._distribution.finished(backend, self, self._info, outcome)

"""
An exchange: carries one request to a backend and its response to the client.

Strategy: how the request finds a backend is in L{twisted_multiserver.gateway.sending}; here
are its beginning, for which in good times no plan is needed, and the response.  A small one
is held until it is whole, so that a crash inside of it can be repaired.

Invariants: the downstream hears, in this order, either one head, body pieces and
one end or cut, or one answer of our own; after the client has left nothing is
told downstream any more.
"""

from __future__ import annotations

from typing import Final

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.plan import Choose
from twisted_multiserver.gateway.sending import Sending
from twisted_multiserver.gateway.websockettunnel import WebSocketTunnel
from twisted_multiserver.http1.forwarding import linesForClient
from twisted_multiserver.http1.grammar import findFields
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.responses import CheckedResponse
from twisted_multiserver.http1.wholeresponses import WholeResponse

_OK: Final = Outcome.ok
# A response of so many bytes is held until it is whole.
_HELD: Final = 65536
# Another backend may do better: what stands between it and what it needs may not be there.
_GATEWAY_ERRORS: Final = frozenset({502, 503, 504})


class Exchange(Sending):
    """
    See L{Sending<twisted_multiserver.gateway.sending.Sending>}.
    """

    __slots__ = ("_tunnel",)

    def start(self) -> None:
        """
        Begin.
        """
        distribution = self._distribution
        distribution.open += 1
        backends = distribution.circumstances.direct
        if not backends:
            self._startPlanned()
            return
        # What a plan would say as long as all goes well; most exchanges need none.
        try:
            choice = distribution.policy.choose(self._info, backends)
        except Exception:  # the user's own code
            self._follow(self._policyFailed(None))
            return
        if type(choice) is not Backend or not choice.isCalm:
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
        self.sentAt = distribution.seconds()
        request = self._request
        connection.send(self._head, request.method, self._body, self, request.wishes.upgrade)

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

    def errorReceived(self, whole: WholeResponse) -> None:
        """
        @param whole: the response, which says that something is wrong.
        """
        if not self._goesElsewhere(whole.head):
            self.wholeReceived(whole)

    def _finishWhole(self, whole: WholeResponse) -> None:
        backend, connection, distribution = self._backend, self._connection, self._distribution
        assert backend is not None
        assert connection is not None
        self._backend = self._connection = None
        self._ended = True
        backend.finishWhole(
            self, distribution.seconds() - self.sentAt, connection.bytesSent, whole.size
        )
        if not backend.isCalm or not distribution.isCalm:
            distribution.chosenEnded(backend, self, self._info, _OK)

    def switched(self, head: CheckedResponse, rest: bytes) -> None:
        """
        @param head: the response's.
        @param rest: what came behind it.
        """
        assert self._connection is not None
        self._begun()
        self._responseStarted = True
        self._tunnel: WebSocketTunnel | None = None
        lines = linesForClient(head, self._cookie)
        self._downstream.responseSwitched(head, lines, self._connection, rest)

    def webSocketBegan(self, tunnel: WebSocketTunnel) -> None:
        """
        @param tunnel: what is spoken instead of HTTP goes through it.
        """
        assert self._backend is not None
        self._tunnel = tunnel
        self._distribution.tunnels.began(self._backend, tunnel)

    def tunnelEnded(self) -> None:
        """
        What was spoken instead of HTTP has ended.
        """
        if self._tunnel is not None:
            assert self._backend is not None
            self._distribution.tunnels.ended(self._backend, self._tunnel)
        self._finishBackend(Outcome.ok)
        self._ended = True
        self._distribution.ended()

    def headReceived(self, head: CheckedResponse) -> None:
        """
        @param head: the response's.
        """
        self._begun()
        if 0 <= head.length <= _HELD:
            self._held = head
            self._pieces: list[bytes] = []
        else:
            self._responseStarted = True
            self._downstream.responseHead(head, linesForClient(head, self._cookie))

    def bodyReceived(self, data: bytes) -> None:
        """
        @param data: of the response.
        """
        assert self._backend is not None
        self._backend.statistics.bytesReceived += len(data)
        if self._held is None:
            self._downstream.responseBody(data)
        else:
            self._pieces.append(data)

    def responseEnded(self, trailers: Fields) -> None:
        """
        The response is whole.

        @param trailers: behind it.
        """
        head, self._held = self._held, None
        if head is not None and self._goesElsewhere(head):
            return
        self._finishBackend(Outcome.ok)
        self._ended = True
        if head is None:
            self._downstream.responseEnd(trailers)
        else:
            lines = linesForClient(head, self._cookie)
            self._downstream.responseWhole(head, lines, b"".join(self._pieces))
        # As above.
        self._distribution.ended()

    def upstreamFailed(self, outcome: Outcome) -> None:
        """
        @param outcome: why there is no whole response.
        """
        self._follow(self._failed(outcome))

    def _begun(self) -> None:
        """
        The response has begun.
        """
        assert self._backend is not None
        self._backend.statistics.firstByte(self._distribution.seconds() - self.sentAt)

    def _goesElsewhere(self, head: CheckedResponse) -> bool:
        """
        @param head: of a whole response, of which the client has nothing.
        @return: whether another backend is asked instead.
        """
        if head.status not in _GATEWAY_ERRORS or _saysWhen(head):
            return False
        backend = self._backend
        assert backend is not None
        decision = self._planned().failed(backend, Outcome.gatewayError, self._progress())
        if not isinstance(decision, Choose):
            return False
        self._finishBackend(Outcome.gatewayError)
        self._follow(decision)
        return True


def _saysWhen(head: CheckedResponse) -> bool:
    """
    @param head: of a response.
    @return: whether it tells the client when to come again: then it means what it says.
    """
    return any(name.lower() == b"retry-after" for name, _ in findFields(head.passing))

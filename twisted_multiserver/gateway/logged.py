"""
A client's side that writes a line into the access log for each of its requests.

It is taken in place of the plain one only if there is a log, so that nobody else pays.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from twisted_multiserver.gateway.accessline import AccessRecord, Ending
from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.downstream import ClientSide, WhoIs
from twisted_multiserver.gateway.exchange import Exchange
from twisted_multiserver.gateway.plan import Answer
from twisted_multiserver.gateway.upstream import UpstreamConnection
from twisted_multiserver.http1.answers import page
from twisted_multiserver.http1.connections import ServerConnections
from twisted_multiserver.http1.forwarding import ClientView
from twisted_multiserver.http1.heads import Fields, fieldValues
from twisted_multiserver.http1.requests import CheckedRequest
from twisted_multiserver.http1.responses import SWITCHING_PROTOCOLS, CheckedResponse
from twisted_multiserver.http1.wholeresponses import WholeResponse
from twisted_multiserver.streams.streams import Stream

if TYPE_CHECKING:
    from twisted_multiserver.gateway.accesslog import AccessLog


class LoggedClientSide(ClientSide):
    """
    See L{ClientSide}.
    """

    __slots__ = (
        "_accessLog",
        "_bytes",
        "_isOurs",
        "_open",
        "_startedAfter",
        "_startedAt",
        "_status",
    )

    def __init__(
        self,
        stream: Stream,
        connections: ServerConnections,
        distribution: Distribution,
        view: ClientView,
        whoIs: WhoIs | None,
        accessLog: AccessLog,
    ) -> None:
        """
        @param stream: connected.
        @param connections: all of the server.
        @param distribution: takes the requests.
        @param view: who the client is.
        @param whoIs: finds that out for each request; L{None} if it is known.
        @param accessLog: gets the lines.
        """
        super().__init__(stream, connections, distribution, view, whoIs)
        self._accessLog = accessLog
        self._open: CheckedRequest | None = None
        self._startedAt = self._startedAfter = 0.0
        self._isOurs = False
        self._status = 0
        self._bytes = 0

    def requestReceived(self, request: CheckedRequest) -> None:
        """
        See L{Responder<twisted_multiserver.http1.responder.Responder>}.
        """
        self._open = request
        self._startedAt = time.time()
        self._startedAfter = time.monotonic()
        self._status = self._bytes = 0
        self._isOurs = False
        super().requestReceived(request)

    def connectionGone(self) -> None:
        """
        See L{Responder<twisted_multiserver.http1.responder.Responder>}.
        """
        self._tell("whole" if self._status == SWITCHING_PROTOCOLS else "clientGone")
        super().connectionGone()

    def responseWhole(self, head: CheckedResponse, lines: bytes, body: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._status = head.status
        self._bytes = len(body)
        # Before it is sent, since the next request may begin with that.
        self._tell("whole")
        super().responseWhole(head, lines, body)

    def responseRelayed(self, whole: WholeResponse) -> None:
        """
        See L{Relaying<twisted_multiserver.gateway.relayed.Relaying>}.
        """
        self._status = whole.status
        self._bytes = whole.size
        self._tell("whole")
        super().responseRelayed(whole)

    def responseHead(self, head: CheckedResponse, lines: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._status = head.status
        super().responseHead(head, lines)

    def responseBody(self, data: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._bytes += len(data)
        super().responseBody(data)

    def responseEnd(self, trailers: Fields) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._tell("whole")
        super().responseEnd(trailers)

    def responseSwitched(
        self, head: CheckedResponse, lines: bytes, upstream: UpstreamConnection, rest: bytes
    ) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._status = head.status
        super().responseSwitched(head, lines, upstream, rest)

    def cut(self, reason: str) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._tell("cut")
        super().cut(reason)

    def answer(self, answer: Answer) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._status = answer.status
        self._isOurs = True
        isHead = self._open is not None and self._open.method == b"HEAD"
        self._bytes = 0 if isHead else len(page(answer.status))
        self._tell("whole")
        super().answer(answer)

    def _tell(self, ending: Ending) -> None:
        request, self._open = self._open, None
        if request is None:
            return
        self._accessLog.add(
            recordOf(
                request,
                request.version,
                self._client.address,
                self._exchange,
                self._isOurs,
                self._status,
                self._bytes,
                (self._startedAt, self._startedAfter),
                ending,
            )
        )


def recordOf(
    request: CheckedRequest,
    version: bytes,
    clientAddress: str | None,
    exchange: Exchange | None,
    isOurs: bool,
    status: int,
    bytesSent: int,
    started: tuple[float, float],
    ending: Ending,
) -> AccessRecord:
    """
    Write down what has become of a request.

    @param request: from the client.
    @param version: as logs have it.
    @param clientAddress: see L{AccessRecord}.
    @param exchange: that carried it; L{None} if there was none.
    @param isOurs: whether the answer is our own.
    @param status: see L{AccessRecord}.
    @param bytesSent: see L{AccessRecord}.
    @param started: when, by the wall clock and by the monotonic one, both in seconds.
    @param ending: see L{AccessRecord}.
    @return: the record.
    """
    fields = request.fields
    backend = None if exchange is None or isOurs else exchange.lastBackend
    return AccessRecord(
        clientAddress=clientAddress,
        startedAt=started[0],
        method=request.method,
        target=request.target,
        version=version,
        status=status,
        bytesSent=bytesSent,
        referer=_one(fields, b"referer"),
        agent=_one(fields, b"user-agent"),
        host=request.host,
        backend=None if backend is None else backend.name,
        seconds=time.monotonic() - started[1],
        tries=0 if exchange is None else exchange.tries,
        ending=ending,
    )


def _one(fields: Fields, name: bytes) -> bytes | None:
    values = fieldValues(fields, name)
    return values[0] if values else None

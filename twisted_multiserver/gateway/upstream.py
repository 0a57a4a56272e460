"""
One connection to a backend: requests go out, responses come in.

Strategy: bytes in and bytes out over a small stream; it knows neither Twisted's
transports nor who asked.  One request at a time (no pipelining upstream).

Invariants: for each L{UpstreamConnection.send} the listener hears either one
C{responseEnded} or one C{upstreamFailed}, and nothing after it; a connection goes
back for reuse only after a response that was read to its end, with the request
sent to its end; at most one read is held while the client is slow.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Protocol

from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.streams import Stream
from twisted_multiserver.gateway.sweep import Sweep
from twisted_multiserver.http1.heads import BadMessage, ResponseHead
from twisted_multiserver.http1.responses import ResponseEvent, ResponseReader

_PIECE = 65536

# How long the data of a dead child may take to come out of its socket, in seconds.
_AFTER_DEATH = 1.0


class Body(Protocol):
    """
    A request's body, which can be sent again.
    """

    def rewind(self) -> None:
        """
        Start from the beginning.
        """

    def read(self, size: int) -> bytes:
        """
        @param size: at most so many bytes.
        @return: the next bytes; none at the end.
        """


class ResponseListener(Protocol):
    """
    Whoever sent the request.
    """

    def headReceived(self, head: ResponseHead) -> None:
        """
        @param head: the response's final head.
        """

    def bodyReceived(self, data: bytes) -> None:
        """
        @param data: a piece of the response's body.
        """

    def responseEnded(self) -> None:
        """
        The response is whole.
        """

    def upstreamFailed(self, outcome: Outcome) -> None:
        """
        @param outcome: why there is no whole response.
        """


class ConnectionOwner(Protocol):
    """
    Keeps connections for reuse.
    """

    def connectionIdle(self, connection: UpstreamConnection) -> None:
        """
        @param connection: can carry a further request.
        """

    def connectionGone(self, connection: UpstreamConnection) -> None:
        """
        @param connection: can't be used any more.
        """


class UpstreamConnection:
    """
    One connection to a backend.

    @ivar deadline: when the backend must have gone on, in seconds of the clock.
    @ivar requests: how many it has carried.
    @ivar bodySent: whether a byte of the present request's body was sent.
    @ivar bytesSent: bytes of the present request.
    """

    __slots__ = (
        "_body",
        "_firstByteBudget",
        "_headReceived",
        "_listener",
        "_owner",
        "_paused",
        "_peerDied",
        "_reader",
        "_received",
        "_seconds",
        "_stallBudget",
        "_stream",
        "_sweep",
        "bodySent",
        "bytesSent",
        "deadline",
        "requests",
    )

    def __init__(
        self,
        stream: Stream,
        owner: ConnectionOwner,
        sweep: Sweep,
        seconds: Callable[[], float],
        firstByteBudget: float,
        stallBudget: float,
    ) -> None:
        """
        @param stream: connected.
        @param owner: takes the connection back.
        @param sweep: watches the deadline.
        @param seconds: the clock.
        @param firstByteBudget: from the request to the response's head, in seconds.
        @param stallBudget: between two pieces of a body, in seconds.
        """
        self._stream = stream
        self._owner = owner
        self._sweep = sweep
        self._seconds = seconds
        self._firstByteBudget = firstByteBudget
        self._stallBudget = stallBudget
        self._listener: ResponseListener | None = None
        self._reader: ResponseReader | None = None
        self._body: Body | None = None
        self._headReceived = False
        self._received = False
        self._peerDied = False
        self._paused = False
        self.requests = 0
        self.bodySent = False
        self.bytesSent = 0
        self.deadline = inf

    def send(self, head: bytes, method: bytes, body: Body | None, to: ResponseListener) -> None:
        """
        Send a request on an idle connection.

        @param head: the bytes of its head.
        @param method: its method.
        @param body: its body, if it has one.
        @param to: hears of the response.
        """
        self.requests += 1
        self._listener = to
        self._reader = ResponseReader(method)
        self._headReceived = self._received = self.bodySent = False
        self._body = body
        self.bytesSent = len(head)
        self.deadline = self._seconds() + self._firstByteBudget
        self._sweep.watch(self)
        self._stream.write(head)
        if body is not None:
            body.rewind()
            self._sendBody()

    def pause(self) -> None:
        """
        The client is slow: read nothing, and don't blame the backend for it.
        """
        if self._listener is not None and not self._peerDied:
            self._paused = True
            self.deadline = inf
            self._stream.pause()

    def resume(self) -> None:
        """
        The client goes on.
        """
        if self._listener is not None and not self._peerDied:
            self._paused = False
            self.deadline = self._seconds() + self._stallBudget
            self._stream.resume()

    def abandon(self) -> None:
        """
        Nobody wants the response any more: the listener hears no more of it.
        """
        self._listener = None
        self._retire()

    def close(self) -> None:
        """
        Close an idle connection.
        """
        self._forget()
        self._stream.close()

    def isQuiet(self) -> bool:
        """
        Whether an idle connection can still be used.
        """
        return self._stream.isQuiet()

    def idleFor(self, seconds: float) -> None:
        """
        @param seconds: close the idle connection after them.
        """
        self.deadline = self._seconds() + seconds
        self._sweep.watch(self)

    def peerDied(self) -> None:
        """
        The backend's process is no more.  What it wrote is still to be read; its
        end comes by itself, unless another process holds a copy of the socket.
        """
        self._peerDied = True
        self._stream.resume()
        self.deadline = min(self.deadline, self._seconds() + _AFTER_DEATH)

    def overdue(self) -> None:
        """
        The deadline has passed.
        """
        if self._listener is None:
            self.close()
        elif self._peerDied:
            self._fail(Outcome.cut if self._headReceived else Outcome.eofBeforeHead)
        else:
            self._fail(Outcome.stalled if self._headReceived else Outcome.firstByteTimeout)

    def dataReceived(self, data: bytes) -> None:
        """
        @param data: what the backend sent.
        """
        if self._reader is None or self._listener is None:
            # Nobody asked: what comes after it can't be told from a response.
            self._retire()
            return
        self._received = True
        try:
            events = self._reader.receive(data)
        except BadMessage:
            self._fail(Outcome.cut if self._headReceived else Outcome.badResponse)
            return
        if self._headReceived:
            self._expectMore()
        self._tell(events)

    def streamDrained(self) -> None:
        """
        The stream takes more of the request's body.
        """
        if self._body is not None:
            self._sendBody()

    def connectionLost(self, clean: bool) -> None:
        """
        @param clean: whether the backend ended it in an orderly way.
        """
        if self._reader is not None and self._listener is not None:
            try:
                events = self._reader.connectionEnded() if clean else []
            except BadMessage:
                events = []
            self._tell(events)
        self._fail(self._lostOutcome(clean))

    def _lostOutcome(self, clean: bool) -> Outcome:
        if self._headReceived:
            return Outcome.cut
        if clean:
            return Outcome.eofBeforeHead
        return Outcome.resetRead if self._received else Outcome.resetUnread

    def _sendBody(self) -> None:
        while self._body is not None and not self._stream.buffered:
            piece = self._body.read(_PIECE)
            if not piece:
                self._body = None
                return
            self.bodySent = True
            self.bytesSent += len(piece)
            if not self._headReceived:
                self.deadline = self._seconds() + self._firstByteBudget
            self._stream.write(piece)

    def _tell(self, events: list[ResponseEvent]) -> None:
        for event in events:
            listener = self._listener
            if listener is None:
                return
            if isinstance(event, bytes):
                listener.bodyReceived(event)
            elif isinstance(event, ResponseHead):
                if not event.isInformational:
                    self._headReceived = True
                    self._expectMore()
                    listener.headReceived(event)
            else:
                self._end(event.reusable, listener)

    def _expectMore(self) -> None:
        if not self._peerDied:
            self.deadline = self._seconds() + self._stallBudget

    def _end(self, reusable: bool, listener: ResponseListener) -> None:
        self._listener = None
        self._sweep.forget(self)
        if self._paused:
            # The client turned slow with the end at hand: its slowness ends here too.
            self._paused = False
            self._stream.resume()
        if self._body is not None:
            # Answered before it had the whole request, the rest of which it won't get.
            self._retire()
        elif reusable and not self._peerDied:
            self._reader = None
            self._owner.connectionIdle(self)
        else:
            self.close()
        listener.responseEnded()

    def _fail(self, outcome: Outcome) -> None:
        listener, self._listener = self._listener, None
        self._retire()
        if listener is not None:
            listener.upstreamFailed(outcome)

    def _retire(self) -> None:
        self._forget()
        self._stream.abort()

    def _forget(self) -> None:
        self._body = self._reader = None
        self._sweep.forget(self)
        self._owner.connectionGone(self)

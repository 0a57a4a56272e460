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
from typing import Final, Protocol

from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.body import Body
from twisted_multiserver.gateway.listening import ResponseListener
from twisted_multiserver.http1.heads import BadMessage
from twisted_multiserver.http1.requests import CHUNKED, joinLines
from twisted_multiserver.http1.responsereader import (
    EndOfResponse,
    ResponseEvent,
    ResponseReader,
)
from twisted_multiserver.http1.responses import CheckedResponse
from twisted_multiserver.http1.wholeresponses import readWhole
from twisted_multiserver.streams.streams import Stream
from twisted_multiserver.streams.sweep import Sweep

# Where the class of its status stands in a whole response, which begins with HTTP/1.1.
_STATUS: Final = 9
_SERVER_ERROR: Final = ord("5")

# How long the data of a dead child may take to come out of its socket, in seconds.
_AFTER_DEATH = 1.0


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
    @ivar isQuiet: tells whether an idle connection can still be used.
    @ivar requests: how many it has carried.
    @ivar bodySent: whether a byte of the present request's body was sent.
    @ivar bytesSent: bytes of the present request.
    """

    __slots__ = (
        "_body",
        "_firstByteBudget",
        "_headReceived",
        "_isDisturbed",
        "_listener",
        "_method",
        "_owner",
        "_paused",
        "_peerDied",
        "_reader",
        "_received",
        "_seconds",
        "_stallBudget",
        "_stream",
        "_sweep",
        "_upgrade",
        "bodySent",
        "bytesSent",
        "deadline",
        "isQuiet",
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
        self._reader = ResponseReader()
        self._body: Body | None = None
        self._method = b"GET"
        self._upgrade: bytes | None = None
        self._headReceived = False
        self._received = False
        # Paused, or to end behind what its backend has said still.
        self._isDisturbed = False
        self._peerDied = False
        self._paused = False
        self.isQuiet = stream.isQuiet
        self.requests = 0
        self.bodySent = False
        self.bytesSent = 0
        self.deadline = inf
        sweep.watch(self)

    def send(
        self,
        head: bytes,
        method: bytes,
        body: Body | None,
        to: ResponseListener,
        upgrade: bytes | None = None,
    ) -> None:
        """
        Send a request on an idle connection.

        @param head: the bytes of its head.
        @param method: its method.
        @param body: its body, if it has one.
        @param to: hears of the response.
        @param upgrade: the protocols that the request would change to.
        """
        self.requests += 1
        self._listener = to
        self._method = method
        self._upgrade = upgrade
        self._received = False
        self.bytesSent = len(head)
        self.deadline = self._seconds() + self._firstByteBudget
        self._stream.write(head)
        if body is not None:
            self._body = body
            body.taker = self
            self.bodyAvailable()

    @property
    def isUnsent(self) -> bool:
        """
        Whether the backend had closed the connection before the head came, so that it was
        given nothing of the request.
        """
        return self._stream.refused and not self.bodySent

    def takeStream(self) -> Stream:
        """
        Give the stream away, once the backend speaks another protocol.

        @return: the stream.
        """
        self._forget()
        return self._stream

    def pause(self) -> None:
        """
        The client is slow: read nothing, and don't blame the backend for it.
        """
        if self._listener is not None and not self._peerDied:
            self._paused = self._isDisturbed = True
            self.deadline = inf
            self._stream.pause()

    def resume(self) -> None:
        """
        The client goes on.
        """
        if self._listener is not None and not self._peerDied:
            self._paused = self._isDisturbed = False
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
        self._stream.leave()

    def peerDied(self) -> None:
        """
        The backend's process is no more.  What it wrote is still to be read; its
        end comes by itself, unless another process holds a copy of the socket.
        """
        self._peerDied = self._isDisturbed = True
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
        listener = self._listener
        if listener is None:
            # Nobody asked: what comes after it can't be told from a response.
            self._retire()
            return
        if not self._received:
            whole = readWhole(data, self._method == b"HEAD")
            if whole is not None:
                if whole.persists and self._body is None and not self._isDisturbed:
                    self._listener = None
                    self._owner.connectionIdle(self)
                else:
                    self._end(whole.persists)
                if data[_STATUS] == _SERVER_ERROR:
                    listener.errorReceived(whole)
                else:
                    listener.wholeReceived(whole)
                return
            self._received = True
            self._reader.begin(self._method, self._upgrade)
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
            self.bodyAvailable()

    def connectionLost(self, clean: bool) -> None:
        """
        @param clean: whether the backend ended it in an orderly way.
        """
        if self._listener is not None:
            try:
                events = self._reader.connectionEnded() if clean else []
            except BadMessage:
                events = []
            self._tell(events)
        self._fail(self._lostOutcome(clean))

    def bodyAvailable(self) -> None:
        """
        See L{BodyTaker<twisted_multiserver.gateway.body.BodyTaker>}.
        """
        body = self._body
        if self._stream.refused:
            # The end is about to be told; until then the body stays whole for another backend.
            return
        while body is not None and not self._stream.buffered:
            piece = body.read()
            if piece:
                self._sendPiece(piece, body.length == CHUNKED)
            elif body.isEnded:
                if body.length == CHUNKED:
                    self._writeBody(b"0\r\n%b\r\n" % joinLines(body.trailers))
                body.taker = None
                self._body = None
                self._expectAnswer()
                return
            else:
                # It is the client's turn, and not this backend's fault.
                if not self._headReceived:
                    self.deadline = inf
                return

    def _sendPiece(self, piece: bytes, isChunk: bool) -> None:
        self.bytesSent += len(piece)
        self._expectAnswer()
        self._writeBody(b"%x\r\n%b\r\n" % (len(piece), piece) if isChunk else piece)

    def _writeBody(self, data: bytes) -> None:
        self.bodySent = True
        self._stream.write(data)

    def _expectAnswer(self) -> None:
        if not self._headReceived and not self._peerDied:
            self.deadline = self._seconds() + self._firstByteBudget

    def _lostOutcome(self, clean: bool) -> Outcome:
        if self._headReceived:
            return Outcome.cut
        if clean and not self.isUnsent:
            return Outcome.eofBeforeHead
        return Outcome.resetRead if self._received else Outcome.resetUnread

    def _tell(self, events: list[ResponseEvent]) -> None:
        for event in events:
            listener = self._listener
            if listener is None:
                return
            if isinstance(event, bytes):
                listener.bodyReceived(event)
            elif isinstance(event, CheckedResponse):
                if event.isInformational:
                    listener.informationalReceived(event)
                else:
                    self._headReceived = True
                    self._expectMore()
                    listener.headReceived(event)
            elif isinstance(event, EndOfResponse):
                self._end(event.reusable)
                listener.responseEnded(event.trailers)
            else:
                self._listener = None
                self.deadline = inf
                listener.switched(event.head, event.rest)

    def _expectMore(self) -> None:
        if not self._peerDied:
            self.deadline = self._seconds() + self._stallBudget

    def _end(self, reusable: bool) -> None:
        self._listener = None
        self._headReceived = self.bodySent = False
        if self._paused:
            # The client turned slow with the end at hand: its slowness ends here too.
            self._paused = False
            self._isDisturbed = self._peerDied
            self._stream.resume()
        if self._body is not None:
            # Answered before it had the whole request, the rest of which it won't get.
            self._retire()
        elif reusable and not self._peerDied:
            self._owner.connectionIdle(self)
        else:
            self.close()

    def _fail(self, outcome: Outcome) -> None:
        listener, self._listener = self._listener, None
        self._retire()
        if listener is not None:
            listener.upstreamFailed(outcome)

    def _retire(self) -> None:
        self._forget()
        self._stream.abort()

    def _forget(self) -> None:
        if self._body is not None:
            self._body.taker = None
            self._body = None
        self._sweep.forget(self)
        self._owner.connectionGone(self)

"""
The server's side of one HTTP/2 connection: frames in, streams out, and back.

Strategy: the protocol is the h2 library's (L{twisted_multiserver.gateway.http2state}), which
neither reads nor writes; below it is a small stream of bytes, as HTTP/1.1 has one.  Each
request is an L{HTTP2Stream<twisted_multiserver.gateway.http2stream.HTTP2Stream>}.  Whose turn
it is to send is in L{twisted_multiserver.gateway.http2output}.

Invariants: h2 is called for streams that are open for it only: of what came in one piece, the
resets count first; after one of them has ended nothing else suffers; a client that makes work
without end, by resets or by what must be replied to, is cut (RFC 9113 section 10.5).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final, TypeAlias

from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError
from hyperframe.frame import GoAwayFrame

from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.http2head import Malformed, requestOf, trailersOf
from twisted_multiserver.gateway.http2output import HTTP2Output
from twisted_multiserver.gateway.http2state import FrameLengths, newState
from twisted_multiserver.gateway.http2stream import HTTP2Stream
from twisted_multiserver.http1.connections import ServerConnections
from twisted_multiserver.http1.forwarding import ClientView
from twisted_multiserver.http1.requests import CheckedRequest, Refused
from twisted_multiserver.streams.streams import Stream

KnowsClient: TypeAlias = Callable[[CheckedRequest], ClientView]
MakesStream: TypeAlias = Callable[["HTTP2Connection", int], HTTP2Stream]

# How many streams a client may have reset for it, or reset, at once; and in a second.
_RESETS: Final = 1000
_RESETS_A_SECOND: Final = 33


class HTTP2Connection:
    """
    One connection of a client.

    @ivar state: the protocol's.
    @ivar distribution: takes the requests.
    @ivar limits: what the client may take.
    @ivar seconds: the clock.
    @ivar whoIs: tells of a request who asks.
    @ivar deadline: when the client must have gone on, in seconds of the clock.
    """

    def __init__(
        self,
        stream: Stream,
        connections: ServerConnections,
        distribution: Distribution,
        whoIs: KnowsClient,
        makeStream: MakesStream = HTTP2Stream,
    ) -> None:
        """
        @param stream: connected.
        @param connections: all of the server.
        @param distribution: takes the requests.
        @param whoIs: tells of a request who asks.
        @param makeStream: makes what serves a request.
        """
        self.distribution = distribution
        self.limits = connections.limits
        self.seconds = connections.seconds
        self.whoIs = whoIs
        self._stream = stream
        self._connections = connections
        self._makeStream = makeStream
        self._streams: dict[int, HTTP2Stream] = {}
        self._latest = 0
        self._isBusy = False
        self._isClosing = False
        self._isPartial = False
        self._resets = float(_RESETS)
        self._resetsCountedAt = self.seconds()
        self._idleUntil = self.deadline = self.seconds() + self.limits.idle
        self.state = newState()
        self._lengths = FrameLengths()
        self._output = HTTP2Output(stream, self.state)
        stream.belongTo(self)
        connections.opened(self)
        self._output.flush()
        if connections.isDraining:
            self.drain()

    def dataReceived(self, data: bytes) -> None:
        """
        @param data: what the client sent.
        """
        if self._isClosing:
            return
        if not self._lengths.areGood(data):
            self._leave(ErrorCodes.FRAME_SIZE_ERROR)
            return
        try:
            events = self.state.receive_data(data)
        except ProtocolError:
            # h2 has made the GOAWAY that says so.
            self._close()
            return
        self._expect(bool(events))
        if not self._output.sendReplies():
            self.abort()
            return
        self._isBusy = True
        try:
            self._handle(events)
        finally:
            self._isBusy = False
        self._goOn()

    def streamDrained(self) -> None:
        """
        All that was written has left.
        """
        self._output.drained()
        self._goOn()

    def connectionLost(self, clean: bool) -> None:
        """
        @param clean: whether the client ended it in an orderly way.
        """
        self._isClosing = True
        self._connections.closed(self)
        self._abandon()

    def overdue(self) -> None:
        """
        The deadline has passed.
        """
        if self._isClosing:
            self.abort()
        else:
            self._leave(ErrorCodes.NO_ERROR)

    def drain(self) -> None:
        """
        Close behind the open streams, at once if there are none.
        """
        if self._isClosing:
            return
        if not self._streams:
            self._leave(ErrorCodes.NO_ERROR)
            return
        # h2 has no word for it: it would let nothing follow.
        frame = GoAwayFrame(0, last_stream_id=self._latest, error_code=ErrorCodes.NO_ERROR)
        self._output.flush()
        self._stream.write(frame.serialize())

    def abort(self) -> None:
        """
        Reset the connection.
        """
        self._isClosing = True
        self.deadline = inf
        self._stream.abort()

    def taken(self, number: int, size: int) -> None:
        """
        Open the windows again, the stream's only if it is open.

        @param number: of a stream.
        @param size: how many bytes of it have gone on.
        """
        if not self._isClosing:
            self.state.acknowledge_received_data(size, number)
            self._goOn()

    def sendHead(
        self, number: int, fields: list[tuple[bytes, bytes]], then: HTTP2Stream | None = None
    ) -> None:
        """
        @param number: of a stream.
        @param fields: of a head.
        @param then: the stream, if a body is there to follow at once.
        """
        self.state.send_headers(number, fields)
        if then is not None:
            self._output.add(then)
        self._goOn()

    def send(self, stream: HTTP2Stream) -> None:
        """
        @param stream: that has something to send.
        """
        self._output.add(stream)
        self._goOn()

    def finished(self, stream: HTTP2Stream, code: ErrorCodes | None) -> None:
        """
        @param stream: will say nothing more.
        @param code: with which the client is told to say nothing more either; L{None} if
            it has said all.
        """
        if code is not None:
            self.state.reset_stream(stream.number, code)
        self._forget(stream.number)
        self._goOn()

    def _handle(self, events: list[Event]) -> None:
        """
        @param events: of what came in one piece.
        """
        gone = set()
        for event in events:
            if isinstance(event, ConnectionTerminated):
                # Nothing can be sent any more: h2 lets nothing follow.
                self._close()
                return
            if isinstance(event, StreamReset):
                gone.add(event.stream_id)
        for number in gone:
            self._countReset()
            stream = self._forget(number)
            if stream is not None:
                stream.clientGone()
        for event in events:
            if self._isClosing:
                return
            if isinstance(event, RequestReceived):
                if event.stream_id not in gone:
                    self._begin(event)
            elif isinstance(event, DataReceived):
                self._dataReceived(event)
            elif isinstance(event, TrailersReceived):
                self._trailersReceived(event)
            elif isinstance(event, StreamEnded):
                stream = self._streams.get(event.stream_id)
                # Trailers have told it before.
                if stream is not None and not stream.isRequestWhole:
                    stream.requestEnded()

    def _begin(self, event: RequestReceived) -> None:
        number, isWhole = event.stream_id, event.stream_ended is not None
        if self._connections.isDraining:
            # A client may ask elsewhere, whatever the method is (RFC 9113 section 8.7).
            self.state.reset_stream(number, ErrorCodes.REFUSED_STREAM)
            return
        self._latest = number
        stream = self._streams[number] = self._makeStream(self, number)
        self.distribution.sweep.watch(stream)
        self.deadline = inf
        stream.isHead = (b":method", b"HEAD") in event.headers
        try:
            request = requestOf(event.headers, isWhole)
        except Malformed:
            self._malformed(stream)
            return
        except Refused as refused:
            status = refused.status
        else:
            status = 0
        if isWhole:
            stream.requestEnded()
        if status:
            stream.refuse(status)
        else:
            stream.requestReceived(request)

    def _dataReceived(self, event: DataReceived) -> None:
        number, padding = event.stream_id, event.flow_controlled_length - len(event.data)
        stream = self._streams.get(number)
        if stream is None:
            self.taken(number, event.flow_controlled_length)
            return
        if padding:
            self.taken(number, padding)
        if event.data:
            stream.requestBody(event.data)

    def _trailersReceived(self, event: TrailersReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None:
            return
        try:
            stream.requestEnded(trailersOf(event.headers))
        except Malformed:
            self._malformed(stream)

    def _malformed(self, stream: HTTP2Stream) -> None:
        self._countReset()
        stream.clientGone()
        if not self._isClosing:
            self.finished(stream, ErrorCodes.PROTOCOL_ERROR)

    def _countReset(self) -> None:
        """
        A stream has come to nothing by its client's doing (CVE-2023-44487).
        """
        now = self.seconds()
        earned = max(0.0, now - self._resetsCountedAt) * _RESETS_A_SECOND
        self._resets = min(float(_RESETS), self._resets + earned) - 1
        self._resetsCountedAt = now
        if self._resets < 0 and not self._isClosing:
            self._leave(ErrorCodes.ENHANCE_YOUR_CALM)

    def _forget(self, number: int) -> HTTP2Stream | None:
        stream = self._streams.pop(number, None)
        if stream is None:
            return None
        self.distribution.sweep.forget(stream)
        self._output.remove(stream)
        if not self._streams:
            self._idleUntil = self.deadline = self.seconds() + self.limits.idle
        return stream

    def _goOn(self) -> None:
        """
        Send what can be sent; later, if somebody is still at it.
        """
        if self._isBusy or self._isClosing:
            return
        self._isBusy = True
        try:
            self._output.sendAll()
        finally:
            self._isBusy = False
        if self._connections.isDraining and not self._streams:
            self._leave(ErrorCodes.NO_ERROR)

    def _expect(self, isComplete: bool) -> None:
        """
        Something has come.

        @param isComplete: whether a frame, or a head of several frames, is complete.
        """
        if isComplete:
            self._isPartial = False
            self.deadline = inf if self._streams else self._idleUntil
        elif not self._isPartial:
            self._isPartial = True
            # It may be a body's, if there is one.
            budget = self.limits.stall if self._streams else self.limits.head
            self.deadline = min(self.deadline, self.seconds() + budget)

    def _leave(self, code: ErrorCodes) -> None:
        self.state.close_connection(code)
        self._close()

    def _close(self) -> None:
        """
        Close, with whatever h2 has to say about it.
        """
        self._isClosing = True
        # Nobody holds a connection for ever by not closing it too.
        self.deadline = self.seconds() + self.limits.stall
        self._output.flush()
        self._abandon()
        self._stream.close()

    def _abandon(self) -> None:
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            self._output.remove(stream)
            self.distribution.sweep.forget(stream)
            stream.clientGone()

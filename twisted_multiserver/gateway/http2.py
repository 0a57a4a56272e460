"""
The server's side of one HTTP/2 connection: frames in, streams out, and back.

Strategy: the protocol is the h2 library's (L{twisted_multiserver.gateway.http2state}), which
neither reads nor writes; below it is a small stream of bytes, as HTTP/1.1 has one.  Each
request is an L{HTTP2Stream<twisted_multiserver.gateway.http2stream.HTTP2Stream>}.  This is the
half that reads; L{twisted_multiserver.gateway.http2streams} is the one that sends, and knows which
streams are open.

Invariants: of what came in one piece, the resets count first; a client that makes work without end
by what must be replied to is cut (RFC 9113 section 10.5).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TypeAlias

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

from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.http2head import Malformed, requestOf, trailersOf
from twisted_multiserver.gateway.http2state import FrameLengths
from twisted_multiserver.gateway.http2stream import HTTP2Stream
from twisted_multiserver.gateway.http2streams import HTTP2Streams, KnowsClient
from twisted_multiserver.http1.connections import ServerConnections
from twisted_multiserver.http1.requests import Refused
from twisted_multiserver.streams.streams import Stream

MakesStream: TypeAlias = Callable[["HTTP2Connection", int], HTTP2Stream]


class HTTP2Connection(HTTP2Streams):
    """
    One connection of a client.
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
        super().__init__(stream, connections, distribution, whoIs)
        self._makeStream = makeStream
        self._isPartial = False
        self._lengths = FrameLengths()
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

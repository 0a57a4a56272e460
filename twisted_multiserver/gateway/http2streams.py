"""
The open streams of one HTTP/2 connection, and its end.

This is the half of a connection that sends; L{twisted_multiserver.gateway.http2} is the one that
reads.  Whose turn it is to send is in L{twisted_multiserver.gateway.http2output}.

Invariants: h2 is called for streams that are open for it only; after one of them has ended
nothing else suffers; a client that makes work without end by resets is cut (RFC 9113 section
10.5).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Final, TypeAlias

from h2.errors import ErrorCodes
from hyperframe.frame import GoAwayFrame

from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.http2output import HTTP2Output
from twisted_multiserver.gateway.http2response import HTTP2Response
from twisted_multiserver.gateway.http2state import newState
from twisted_multiserver.http1.connections import ServerConnections
from twisted_multiserver.http1.forwarding import ClientView
from twisted_multiserver.http1.requests import CheckedRequest
from twisted_multiserver.streams.streams import Stream

if TYPE_CHECKING:
    from twisted_multiserver.gateway.http2stream import HTTP2Stream

KnowsClient: TypeAlias = Callable[[CheckedRequest], ClientView]

# How many streams a client may have reset for it, or reset, at once; and in a second.
_RESETS: Final = 1000
_RESETS_A_SECOND: Final = 33


class HTTP2Streams:
    """
    What one connection of a client has open.

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
    ) -> None:
        """
        @param stream: connected.
        @param connections: all of the server.
        @param distribution: takes the requests.
        @param whoIs: tells of a request who asks.
        """
        self.distribution = distribution
        self.limits = connections.limits
        self.seconds = connections.seconds
        self.whoIs = whoIs
        self._stream = stream
        self._connections = connections
        self._streams: dict[int, HTTP2Stream] = {}
        self._latest = 0
        self._isBusy = False
        self._isClosing = False
        self._resets = float(_RESETS)
        self._resetsCountedAt = self.seconds()
        self._idleUntil = self.deadline = self.seconds() + self.limits.idle
        self.state = newState()
        self._output = HTTP2Output(stream, self.state)

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
        self, number: int, fields: list[tuple[bytes, bytes]], then: HTTP2Response | None = None
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

    def send(self, stream: HTTP2Response) -> None:
        """
        @param stream: that has something to send.
        """
        self._output.add(stream)
        self._goOn()

    def finished(self, stream: HTTP2Response, code: ErrorCodes | None) -> None:
        """
        @param stream: will say nothing more.
        @param code: with which the client is told to say nothing more either; L{None} if
            it has said all.
        """
        if code is not None:
            self.state.reset_stream(stream.number, code)
        self._forget(stream.number)
        self._goOn()

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

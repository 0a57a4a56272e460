"""
The response on one stream of HTTP/2: what is to be sent waits here until the connection has
room for it.

This is the half of a stream that sends; L{twisted_multiserver.gateway.http2stream} is the one that
takes the request, and asks for the response.

Invariant: behind a response that is whole the rest of an upload is stopped: by its window at once,
and with NO_ERROR (RFC 9113 section 8.1) as soon as any client must have seen the response, since
some forget it when both come together; no other stream of the connection suffers from that.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from h2.errors import ErrorCodes

from twisted_multiserver.gateway.http2head import responseFields
from twisted_multiserver.http1.answers import answerLines, page
from twisted_multiserver.http1.heads import Fields

if TYPE_CHECKING:
    from twisted_multiserver.gateway.http2streams import HTTP2Streams

# How long a client may take to see that it needs not go on with an upload, in seconds.
_LINGER: Final = 1.0
_WITHOUT_BODY: Final = frozenset({204, 304})


class HTTP2Response:
    """
    What is sent on one stream.

    @ivar number: the stream's identifier.
    @ivar isHead: whether the request's method is HEAD.
    @ivar isRequestWhole: whether nothing of it can come any more.
    @ivar deadline: when the client must have gone on, in seconds of the clock.
    """

    __slots__ = (
        "_connection",
        "_dropped",
        "_isEnding",
        "_isHeadSent",
        "_isLingering",
        "_output",
        "_trailers",
        "deadline",
        "isHead",
        "isRequestWhole",
        "number",
    )

    def __init__(self, connection: HTTP2Streams, number: int) -> None:
        """
        @param connection: of the client.
        @param number: the stream's identifier.
        """
        self.number = number
        self.isHead = False
        self.isRequestWhole = False
        self.deadline = inf
        self._connection = connection
        self._output = bytearray()
        self._trailers: Fields = ()
        self._dropped = 0
        self._isEnding = False
        self._isHeadSent = False
        self._isLingering = False

    def clientGone(self) -> None:
        """
        The client has left, or must: nothing of the request can be answered any more.
        """
        raise NotImplementedError

    @property
    def hasOutput(self) -> bool:
        """
        Whether L{sendSome} has something to do.
        """
        return self._isEnding or bool(self._output)

    def refuse(self, status: int) -> None:
        """
        Answer ourselves, without an exchange.

        @param status: such as 400.
        """
        self._sendWhole(status, answerLines(status), page(status))

    def sendSome(self) -> bool:
        """
        Send a frame, if the client lets us.

        @return: whether that was so.
        """
        output, state = self._output, self._connection.state
        if output:
            room = min(state.local_flow_control_window(self.number), state.max_outbound_frame_size)
            if room <= 0:
                return False
            data = bytes(output[:room])
            del output[:room]
            isLast = self._isEnding and not output and not self._trailers
            state.send_data(self.number, data, end_stream=isLast)
        else:
            isLast = True
            if self._trailers:
                fields = [(name.lower(), value) for name, value in self._trailers]
                state.send_headers(self.number, fields, end_stream=True)
            else:
                state.end_stream(self.number)
        if isLast:
            self._sentAll()
        else:
            self._expect()
            if not output:
                self._sentSoFar()
        return True

    def _sendWhole(self, status: int, lines: bytes, body: bytes, length: int | None = None) -> None:
        """
        @param length: bytes of the body that a HEAD or a 304 tells of.
        """
        self._isHeadSent = True
        if self.isHead or status in _WITHOUT_BODY:
            length = length if length is not None else len(body) or None
            body = b""
        else:
            length = len(body)
        fields = responseFields(status, lines, length)
        if body:
            self._output += body
            self._isEnding = True
            self._connection.sendHead(self.number, fields, self)
        else:
            self._connection.state.send_headers(self.number, fields, end_stream=True)
            self._sentAll()

    def _send(self) -> None:
        self._expect()
        self._connection.send(self)

    def _sentAll(self) -> None:
        """
        The response is whole for the client.
        """
        self._isEnding = False
        if self.isRequestWhole:
            self._finish(None)
        else:
            self._isLingering = True
            self.deadline = self._connection.seconds() + _LINGER

    def _reset(self, code: ErrorCodes) -> None:
        self._isEnding = False
        self._output.clear()
        self.clientGone()
        self._finish(code)

    def _finish(self, code: ErrorCodes | None) -> None:
        self._connection.finished(self, code)
        self._giveBack()

    def _giveBack(self) -> None:
        """
        Give back what was dropped: to the connection, since the stream is closed.
        """
        dropped, self._dropped = self._dropped, 0
        if dropped:
            self._connection.taken(self.number, dropped)

    def _sentSoFar(self) -> None:
        """
        The client has taken all that there was.
        """
        raise NotImplementedError

    def _expect(self) -> None:
        """
        Whose turn is it?
        """
        raise NotImplementedError

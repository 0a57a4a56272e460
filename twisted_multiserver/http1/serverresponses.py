"""
Responses to one client over HTTP/1.1, one at a time.

Strategy: the half of a server's connection that writes.  Whoever answers says what, in one
piece or in several; how it is framed is decided here.

Invariants: a response is framed here and nowhere else, so that it can't be taken for two, nor
two for one (RFC 9112 section 6); one that can't be completed is cut, never ended cleanly
(section 8).
"""

from __future__ import annotations

from math import inf

from twisted_multiserver.http1.answers import answerLines, page, phrase
from twisted_multiserver.http1.connections import ServerConnections
from twisted_multiserver.http1.framing import BodyReader
from twisted_multiserver.http1.heads import HTTP_1_1, Fields
from twisted_multiserver.http1.requests import CheckedRequest, joinLines
from twisted_multiserver.http1.responseframing import frameResponse
from twisted_multiserver.streams.streams import Stream


class ServerResponses:
    """
    The responses on one connection of a client.

    @ivar request: the one that is open; L{None} if there is none.
    @ivar deadline: when the client must have gone on, in seconds of the clock.
    """

    __slots__ = (
        "_ahead",
        "_awaitsContinue",
        "_body",
        "_connectionEnds",
        "_connections",
        "_isBodiless",
        "_isChunked",
        "_isClosing",
        "_isHeadSent",
        "_isPaused",
        "_isPersistent",
        "_missing",
        "_pending",
        "_stream",
        "deadline",
        "request",
    )

    def __init__(self, stream: Stream, connections: ServerConnections) -> None:
        """
        @param stream: connected.
        @param connections: all of this server.
        """
        self._stream = stream
        self._connections = connections
        # Of the request, what comes still.
        self._body: BodyReader | None = None
        self._ahead = b""
        self._awaitsContinue = False
        self._pending = 0
        self._missing: int | None = None
        self._connectionEnds = False
        self._isBodiless = False
        self._isChunked = False
        self._isClosing = False
        self._isHeadSent = False
        self._isPaused = False
        self._isPersistent = True
        self.request: CheckedRequest | None = None
        self.deadline = connections.seconds() + connections.limits.idle

    @property
    def buffered(self) -> bool:
        """
        Whether whoever writes a response should wait for L{Responder.responseDrained}.
        """
        return self._stream.buffered

    @property
    def isIdle(self) -> bool:
        """
        Whether no request is open.
        """
        return self.request is None

    def sendContinue(self) -> None:
        """
        Ask for the body, if the client waits to be asked.
        """
        if self._awaitsContinue:
            self._awaitsContinue = False
            self._stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def sendInformational(self, status: int, reason: bytes, lines: bytes) -> None:
        """
        Send an interim response, which old clients don't know.

        @param status: 100 to 199, but not 101.
        @param reason: its phrase.
        @param lines: of its fields.
        """
        assert self.request is not None
        if self.request.version != HTTP_1_1:
            return
        if status == 100:
            self.sendContinue()
        else:
            self._stream.write(b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, reason, lines))

    def sendWhole(self, status: int, reason: bytes, lines: bytes, body: bytes) -> None:
        """
        Send a response whose body is there.

        @param status: 200 to 599.
        @param reason: its phrase.
        @param lines: of its fields, without framing and Connection.
        @param body: all of it.
        """
        head = self._head(status, reason, lines, None if status == 304 else len(body))
        self._stream.write(head + body if self._missing else head)
        self._finish()

    def sendRelayed(self, data: bytes) -> bool:
        """
        Send a whole response that is framed already, to a client that goes on with its
        connection.

        @param data: head and body.
        @return: whether it could be so; else nothing was sent.
        """
        request, connections, stream = self.request, self._connections, self._stream
        if (
            request is None
            or request.version is not HTTP_1_1
            or not request.keepAlive
            or self._body is not None
            or self._connectionEnds
            or connections.isDraining
        ):
            return False
        stream.write(data)
        self.request = None
        if stream.buffered or self._isPaused or self._ahead:
            self._goOn()
        else:
            self.deadline = connections.seconds() + connections.limits.idle
        return True

    def sendHead(
        self, status: int, reason: bytes, lines: bytes, length: int | None, body: bytes = b""
    ) -> None:
        """
        Begin a response.

        @param status: 200 to 599.
        @param reason: its phrase.
        @param lines: of its fields, without framing and Connection.
        @param length: bytes of the body; L{None} if that isn't known.
        @param body: its first piece, which goes along.
        """
        head = self._head(status, reason, lines, length)
        self._write(head + self._framed(body) if body else head)

    def sendBody(self, data: bytes) -> None:
        """
        Send a piece of the body.

        @param data: what is more than was announced is dropped, and the connection ends
            behind the response.
        """
        data = self._framed(data)
        if data:
            self._write(data)

    def endResponse(self, trailers: Fields = ()) -> None:
        """
        The response is whole; one that lacks bytes is cut.

        @param trailers: behind its body.
        """
        if self._missing:
            self.cut()
            return
        if self._isChunked:
            self._write(b"0\r\n%b\r\n" % joinLines(trailers))
        self._finish()

    def cut(self) -> None:
        """
        The response can't be completed: let the client see it.
        """
        self.request = None
        self.abort()

    def refuse(self, status: int) -> None:
        """
        Answer ourselves, before a response has begun, and close.

        @param status: such as 400.
        """
        body = page(status)
        lines = answerLines(status)
        if self.request is None:
            # Nothing is known of it.
            self._stream.write(
                b"HTTP/1.1 %d %b\r\n%bContent-Length: %d\r\nConnection: close\r\n\r\n%b"
                % (status, phrase(status), lines, len(body), body)
            )
        else:
            self._connectionEnds = True
            head = self._head(status, phrase(status), lines, len(body))
            self._stream.write(head + body if self._missing else head)
            self.request = None
        self._close()

    def hangUp(self) -> None:
        """
        Close behind what was written, whether the response is whole or not.
        """
        isUnframed = self._isHeadSent and self._missing is None and not self._isChunked
        if self.request is not None and isUnframed:
            # To an old client the connection's end would be the response's.
            self.abort()
        elif not self._isClosing:
            self._close()

    def abort(self) -> None:
        """
        Reset the connection.
        """
        self._isClosing = True
        self.deadline = inf
        self._stream.abort()

    def _goOn(self) -> None:
        """
        Be ready for the next request, which may have come.
        """
        raise NotImplementedError

    def _head(self, status: int, reason: bytes, lines: bytes, length: int | None) -> bytes:
        """
        Frame a response (RFC 9112 section 6) and say whether the connection persists
        (section 9.3).
        """
        request = self.request
        assert request is not None
        self._isHeadSent = True
        framing = frameResponse(
            request,
            status,
            length,
            # What is missing of a body would be taken for the next request.
            self._body is None and not self._connectionEnds and not self._connections.isDraining,
        )
        added, self._missing, self._isBodiless, self._isChunked, self._isPersistent = framing
        return b"HTTP/1.1 %d %b\r\n%b%b\r\n" % (status, reason, lines, added)

    def _framed(self, data: bytes) -> bytes:
        """
        @param data: of the body.
        @return: the bytes that are sent for it.
        """
        if self._isChunked:
            return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        if self._missing is not None:
            if len(data) > self._missing:
                self._isPersistent = self._isPersistent and self._isBodiless
                data = data[: self._missing]
            self._missing -= len(data)
        return data

    def _finish(self) -> None:
        """
        The response has left; go on with the next request.
        """
        self.request = None
        self._isHeadSent = self._isChunked = False
        if not self._isPersistent or self._connections.isDraining:
            self._close()
            return
        self._goOn()

    def _close(self) -> None:
        self._isClosing = True
        self.deadline = inf
        self._body = None
        if self._stream.buffered:
            # Nobody holds a connection for ever by not reading.
            self._expectDrain()
        self._stream.close()

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        if self._stream.buffered:
            self._expectDrain()

    def _expectDrain(self) -> None:
        self._pending = self._stream.pending
        self.deadline = self._connections.seconds() + self._connections.limits.stall

"""
The server's side of one HTTP/1.1 connection: requests come out checked, responses go in
and are framed.

Strategy: bytes in and bytes out over a small stream; it knows neither backends nor
twisted.web.  Whoever answers is a L{Responder}.  One request is open at a time; what the
client has sent behind it (pipelining, RFC 9112 section 9.3.2) waits.

Invariants: responses leave in the order of their requests; a response is framed here and
nowhere else, so that it can't be taken for two, nor two for one (section 6); one that
can't be completed is cut, never ended cleanly (section 8); after a request that can't be
believed nothing more is read (section 11.2); each phase has its deadline.
"""

from __future__ import annotations

from math import inf
from typing import Final

from twisted_multiserver.http1.answers import answerLines, page, phrase
from twisted_multiserver.http1.connections import ServerConnections
from twisted_multiserver.http1.framing import BodyReader, ChunkedBody, LengthBody
from twisted_multiserver.http1.heads import HTTP_1_1, BadMessage, Fields
from twisted_multiserver.http1.plainrequests import readPlainRequest
from twisted_multiserver.http1.requestreader import RequestReader
from twisted_multiserver.http1.requests import (
    CHUNKED,
    NO_BODY,
    CheckedRequest,
    Refused,
    joinLines,
)
from twisted_multiserver.http1.responder import Responder
from twisted_multiserver.http1.responseframing import frameResponse
from twisted_multiserver.streams.streams import Stream

# So much is kept of what a client sends before it was answered, in bytes.
_AHEAD: Final = 65536


class ServerConnection:
    """
    One connection of a client.

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
        "_isReading",
        "_matcher",
        "_missing",
        "_pending",
        "_reader",
        "_received",
        "_responder",
        "_stream",
        "deadline",
        "request",
    )

    def __init__(
        self, stream: Stream, connections: ServerConnections, responder: Responder
    ) -> None:
        """
        @param stream: connected.
        @param connections: all of this server.
        @param responder: answers.
        """
        self._stream = stream
        self._connections = connections
        self._responder = responder
        self._matcher = connections.matcher
        self._reader = RequestReader(self._matcher)
        self._body: BodyReader | None = None
        self._ahead = b""
        self._received = 0
        self._pending = 0
        self._missing: int | None = None
        self._awaitsContinue = False
        self._connectionEnds = False
        self._isBodiless = False
        self._isChunked = False
        self._isClosing = False
        self._isHeadSent = False
        self._isPaused = False
        self._isPersistent = True
        self._isReading = False
        self.request: CheckedRequest | None = None
        self.deadline = connections.seconds() + connections.limits.idle
        connections.opened(self)

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

    def dataReceived(self, data: bytes) -> None:
        """
        @param data: what the client sent.
        """
        if self.request is None and self._reader.isFresh and not self._isClosing:
            request = readPlainRequest(data, self._matcher)
            if request is None or request.length != NO_BODY or request.size != len(data):
                self._read(data, request, isTried=True)
                return
            # All there is: a whole request, and nothing behind it.
            self.request = request
            self.deadline = inf
            self._responder.requestReceived(request)
        elif self._isClosing:
            return
        elif self.request is None:
            self._read(data)
        elif self._body is not None:
            rest = self._readBody(self._body, data)
            if rest and self.isIdle:
                self._read(rest)
            else:
                self._ahead = rest
        else:
            self._ahead += data
            if len(self._ahead) > _AHEAD and not self._isPaused:
                self._isPaused = True
                self._stream.pause()

    def streamDrained(self) -> None:
        """
        All that was written has left.
        """
        if self._isClosing:
            return
        if self.request is None:
            self._expectRequest()
            return
        self.deadline = inf
        if self._body is not None and not self._isPaused:
            self._expectBody()
        self._responder.responseDrained()

    def connectionLost(self, clean: bool) -> None:
        """
        @param clean: whether the client ended it in an orderly way.
        """
        self._isClosing = True
        self._connections.closed(self)
        self._giveUp()

    def overdue(self) -> None:
        """
        The deadline has passed.
        """
        if self._stream.buffered:
            if self._stream.pending < self._pending:
                # Slow, but it takes something.
                self._expectDrain()
            else:
                self.abort()
        elif self._isClosing:
            self.deadline = inf
        elif self.request is not None or self._reader.isBegun:
            self._refuseNow(408)
        else:
            self._close()

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

    def pauseBody(self) -> None:
        """
        Take no more of the request's body for now.
        """
        if self._body is not None:
            self._isPaused = True
            self._stream.pause()
            self.deadline = inf

    def resumeBody(self) -> None:
        """
        Take more of the request's body.
        """
        if self._body is not None:
            self._isPaused = False
            self._stream.resume()
            self._expectBody()

    def switch(self) -> tuple[Stream, bytes]:
        """
        Speak another protocol from now on.  Whoever does so must tell
        L{connectionLost}.

        @return: the stream, and what the client has sent on it already.
        """
        self.deadline = inf
        if self._isPaused:
            self._stream.resume()
        return self._stream, self._ahead

    def hangUp(self) -> None:
        """
        Close behind what was written, whether the response is whole or not.
        """
        if not self._isClosing:
            self._close()

    def drain(self) -> None:
        """
        Close behind the open request, at once if there is none.
        """
        if self.request is None and not self._isClosing:
            self._close()

    def abort(self) -> None:
        """
        Reset the connection.
        """
        self._isClosing = True
        self.deadline = inf
        self._stream.abort()

    def _read(
        self, data: bytes, plain: CheckedRequest | None = None, isTried: bool = False
    ) -> None:
        """
        Begin with requests, as long as each is answered at once.

        @param data: from the client.
        @param plain: the first request of them, if it was read already.
        @param isTried: whether that was tried.
        """
        self._isReading = True
        while data and self.request is None and not self._isClosing:
            wasBegun = self._reader.isBegun
            try:
                if plain is not None:
                    found: tuple[CheckedRequest, bytes] | None = plain, data[plain.size :]
                else:
                    found = self._reader.receive(data, isTried)
            except Refused as refused:
                self.refuse(refused.status)
                break
            if found is None:
                data = b""
                if self._reader.isBegun and not wasBegun:
                    self._expectRequest()
            else:
                request, data = found
                data = self._begin(request, data)
            plain, isTried = None, False
        self._isReading = False
        self._ahead = data

    def _begin(self, request: CheckedRequest, data: bytes) -> bytes:
        self.request = request
        self.deadline = inf
        length = request.length
        if length == NO_BODY:
            self._responder.requestReceived(request)
            return data
        limit = self._connections.limits.body
        if limit is not None and length > limit:
            self.refuse(413)
            return b""
        body = ChunkedBody() if length == CHUNKED else LengthBody(length)
        self._body = body
        self._received = 0
        self._awaitsContinue = request.wishes.expectsContinue
        self._expectBody()
        self._responder.requestReceived(request)
        return self._readBody(body, data) if data and not self._isClosing else b""

    def _readBody(self, body: BodyReader, data: bytes) -> bytes:
        """
        @return: what came behind the body.
        """
        self._awaitsContinue = False
        try:
            pieces, rest = body.read(data)
        except BadMessage:
            self._refuseNow(400)
            return b""
        self._expectBody()
        limit = self._connections.limits.body
        for piece in pieces:
            self._received += len(piece)
            if limit is not None and self._received > limit:
                self._refuseNow(413)
                return b""
            self._responder.requestBody(piece)
            if self._isClosing:
                return b""
        if body.ended:
            self._body = None
            if self._isPaused:
                # In vain, and a client that leaves would not be seen.
                self._isPaused = False
                self._stream.resume()
            if not self._stream.buffered:
                self.deadline = inf
            self._responder.requestEnded(body.trailers)
        return rest

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

    def _goOn(self) -> None:
        """
        Be ready for the next request, which may have come.
        """
        if self._stream.buffered:
            self._expectDrain()
        else:
            connections = self._connections
            self.deadline = connections.seconds() + connections.limits.idle
        if self._isPaused:
            self._isPaused = False
            self._stream.resume()
        if self._isReading:
            return
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            self._read(ahead)

    def _refuseNow(self, status: int) -> None:
        """
        Something is wrong with the open request, or with one that has begun.
        """
        isHeadSent, request = self._isHeadSent, self.request
        self._giveUp()
        if isHeadSent:
            self.abort()
        elif not self._isClosing:
            self.request = request
            self.refuse(status)

    def _giveUp(self) -> None:
        if self.request is not None:
            self.request = None
            self._responder.connectionGone()

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

    def _expectBody(self) -> None:
        self.deadline = self._connections.seconds() + self._connections.limits.stall

    def _expectRequest(self) -> None:
        limits = self._connections.limits
        self.deadline = self._connections.seconds() + (
            limits.head if self._reader.isBegun else limits.idle
        )

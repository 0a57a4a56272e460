"""
The server's side of one HTTP/1.1 connection: requests come out checked, responses go in
and are framed.

Strategy: bytes in and bytes out over a small stream; it knows neither backends nor
twisted.web.  Whoever answers is a L{Responder}.  One request is open at a time; what the
client has sent behind it (pipelining, RFC 9112 section 9.3.2) waits.

This is the half that reads; L{twisted_multiserver.http1.serverresponses} is the one that
writes.

Invariants: responses leave in the order of their requests; after a request that can't be
believed nothing more is read (section 11.2); each phase has its deadline.
"""

from __future__ import annotations

from math import inf
from typing import Final

from twisted_multiserver.http1.connections import ServerConnections
from twisted_multiserver.http1.framing import BodyReader, ChunkedBody, LengthBody
from twisted_multiserver.http1.heads import BadMessage
from twisted_multiserver.http1.plainrequests import readPlainRequest
from twisted_multiserver.http1.requestreader import RequestReader
from twisted_multiserver.http1.requests import (
    CHUNKED,
    NO_BODY,
    CheckedRequest,
    Refused,
)
from twisted_multiserver.http1.responder import Responder
from twisted_multiserver.http1.serverresponses import ServerResponses
from twisted_multiserver.streams.streams import Stream

# So much is kept of what a client sends before it was answered, in bytes.
_AHEAD: Final = 65536


class ServerConnection(ServerResponses):
    """
    One connection of a client.
    """

    __slots__ = (
        "_isReading",
        "_matcher",
        "_reader",
        "_received",
        "_responder",
    )

    def __init__(
        self, stream: Stream, connections: ServerConnections, responder: Responder
    ) -> None:
        """
        @param stream: connected.
        @param connections: all of this server.
        @param responder: answers.
        """
        super().__init__(stream, connections)
        self._responder = responder
        self._matcher = connections.matcher
        self._reader = RequestReader(self._matcher)
        self._received = 0
        self._isReading = False
        connections.opened(self)

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

    def drain(self) -> None:
        """
        Close behind the open request, at once if there is none.
        """
        if self.request is None and not self._isClosing:
            self._close()

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
        if limit is not None:
            self._received += sum(map(len, pieces))
            if self._received + body.missing > limit:
                # Also what a chunk has only announced isn't waited for.
                self._refuseNow(413)
                return b""
        for piece in pieces:
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

    def _expectBody(self) -> None:
        self.deadline = self._connections.seconds() + self._connections.limits.stall

    def _expectRequest(self) -> None:
        limits = self._connections.limits
        self.deadline = self._connections.seconds() + (
            limits.head if self._reader.isBegun else limits.idle
        )

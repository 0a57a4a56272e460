"""
The gate: what stands in place of a request's channel while what its session changed is on its
way to the store.

Strategy: holding at the request's own C{write} would leave it believing that nothing has
begun, and an exception would rewrite a head that was frozen already.  So the request writes as
ever, and what it would give to its channel is kept: a copy of the head, and the pieces of the
body before they are cut into chunks, since some channels cut them themselves.

Invariants: no byte passes before L{SessionGate.release}; producers rest meanwhile, and are
registered before what was kept is written, since those of twisted.web hang otherwise; what
isn't spoken of here goes straight to the channel, such as the end of the connection by force.

The gate is there only while there is something to wait for: most requests never meet it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.web.http import toChunk
from twisted.web.http_headers import Headers

_OWN = ("_channel", "_closes", "_flushes", "_head", "_isChunked", "_pieces", "_request")


class SessionGate:
    """
    Stands in for the channel of one request: HTTPChannel, Twisted's H2Stream, or a child's.
    """

    __slots__ = _OWN

    def __init__(self, request: Any) -> None:
        """
        @param request: connected.
        """
        self._request = request
        self._channel = request.channel
        self._head: tuple[bytes, bytes, bytes, Headers] | None = None
        self._pieces: list[bytes] = []
        self._closes = False
        self._flushes = False
        self._isChunked = request.chunked
        request.chunked = 0
        if request.producer is not None:
            self._channel.unregisterProducer()
            if request.streamingProducer:
                request.producer.pauseProducing()
        request.channel = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # Such as C{request.channel.persistent = False}.
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self._channel, name, value)

    # What a Request asks of its channel.

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """
        Keep the head of the response.

        @param version: of the request.
        @param code: the status, in digits.
        @param reason: its phrase.
        @param headers: its fields; whatever is done to them afterwards is too late.
        """
        self._head = (version, code, reason, headers.copy())
        self._isChunked = self._request.chunked
        self._request.chunked = 0

    def write(self, data: bytes) -> None:
        """
        @param data: a piece of the body.
        """
        self._pieces.append(data)

    def writeSequence(self, pieces: Iterable[bytes]) -> None:
        """
        @param pieces: of the body.
        """
        self._pieces.extend(pieces)

    def flushHead(self) -> None:
        """
        The head shall not wait for a piece of the body, where the channel would wait.
        """
        self._flushes = True

    def loseConnection(self) -> None:
        """
        Close behind what was written.
        """
        self._closes = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        @param producer: writes the body.
        @param streaming: whether it writes by itself until it is paused.
        """
        if streaming:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """
        The producer writes no more.  The request knows.
        """

    # What the session's side says.

    @property
    def head(self) -> Headers | None:
        """
        The fields of the head that is kept, to be added to; L{None} if none is.
        """
        return None if self._head is None else self._head[3]

    def release(self, isFinishing: bool) -> None:
        """
        Put the channel back and give it what was kept.

        @param isFinishing: whether the response ends with that.
        """
        request, channel = self._request, self._channel
        request.channel = channel
        request.chunked = self._isChunked
        resting = None
        producer = request.producer
        if producer is not None and request.streamingProducer:
            resting = _Resting(producer)
            channel.registerProducer(resting, True)
        elif producer is not None:
            channel.registerProducer(producer, False)
        if self._head is not None:
            # It may say that it cuts chunks itself.
            channel.writeHeaders(*self._head)
        data = b"".join(self._pieces)
        if data and request.chunked:
            channel.writeSequence(toChunk(data))
        elif data:
            channel.write(data)
        if self._flushes and not isFinishing:
            channel.flushHead()
        if self._closes:
            channel.loseConnection()
        elif resting is not None and request.producer is producer:
            resting.awake()

    def remove(self) -> None:
        """
        Put the channel back, and forget what was kept.
        """
        self._request.channel = self._channel

    def stopProducer(self) -> None:
        """
        Nothing of what it writes will be sent: tell it as the channel would.
        """
        producer = self._request.producer
        if producer is not None:
            producer.stopProducing()


class _Resting:
    """
    Stands in for a push producer that was paused by us, so that the channel's own pauses,
    which it makes while it is given what was kept, are not undone.
    """

    __slots__ = ("_isAwake", "_isPaused", "_producer")

    def __init__(self, producer: Any) -> None:
        """
        @param producer: paused.
        """
        self._producer = producer
        self._isAwake = False
        self._isPaused = False

    def awake(self) -> None:
        """
        From now on the channel alone decides.
        """
        self._isAwake = True
        if not self._isPaused:
            self._producer.resumeProducing()

    def pauseProducing(self) -> None:
        """
        The client takes no more for now.
        """
        if self._isAwake and not self._isPaused:
            self._producer.pauseProducing()
        self._isPaused = True

    def resumeProducing(self) -> None:
        """
        The client takes more.
        """
        if self._isAwake and self._isPaused:
            self._producer.resumeProducing()
        self._isPaused = False

    def stopProducing(self) -> None:
        """
        The client has left.
        """
        self._producer.stopProducing()

"""
A request's body on its way from the client to a backend.

Strategy: what the client has sent waits here until the upstream connection takes it; the
client is paused while too much waits.  What was taken is kept as long as it is little, since
it may have to be sent once more.

Invariant: at most L{_MOST} bytes and one read of the client's wait, and at most L{_MOST}
bytes are kept, whatever the body's size.
"""

from __future__ import annotations

from typing import Final, Protocol

from twisted_multiserver.http1.heads import Fields

_MOST: Final = 65536


class BodySource(Protocol):
    """
    Where a body comes from.
    """

    def pauseBody(self) -> None:
        """
        Take no more of it for now.
        """

    def resumeBody(self) -> None:
        """
        Take more of it.
        """


class BodyTaker(Protocol):
    """
    Where a body goes.
    """

    def bodyAvailable(self) -> None:
        """
        There is more of it, or its end.
        """


class Body(Protocol):
    """
    A body that can be taken piece by piece.

    @ivar length: in bytes; L{CHUNKED<twisted_multiserver.http1.requests.CHUNKED>} if
        that isn't known.
    @ivar isEnded: whether nothing comes behind what L{read} still has.
    @ivar isLost: whether what was read isn't there any more, so that it can't be read anew.
    @ivar trailers: behind it, once it has ended.
    @ivar taker: is told when there is more.
    """

    length: int
    isEnded: bool
    trailers: Fields
    taker: BodyTaker | None

    @property
    def isLost(self) -> bool:
        """
        See the attribute.
        """

    def rewind(self) -> None:
        """
        L{read} from the beginning again; only if it isn't lost.
        """

    def content(self) -> bytes | None:
        """
        @return: all of it, read or not; L{None} if it isn't here, or not here yet, or
            not small.
        """

    def read(self) -> bytes:
        """
        @return: the next piece; empty if there is none at the moment.
        """


class Kept:
    """
    What was taken of a body, as long as it is little.

    @ivar isLost: whether it has become too much.
    """

    __slots__ = ("_pieces", "_size", "isLost")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self.isLost = False

    def add(self, piece: bytes) -> None:
        """
        @param piece: of the body, behind the others.
        """
        if not self.isLost:
            self._pieces.append(piece)
            self._size += len(piece)
            if self._size > _MOST:
                self.isLost = True
                self._pieces.clear()

    def pieces(self) -> list[bytes]:
        """
        @return: what was added, in order.
        """
        return self._pieces

    def takeBack(self) -> list[bytes]:
        """
        Keep nothing any more.

        @return: what was added, in order.
        """
        pieces, self._pieces, self._size = self._pieces, [], 0
        return pieces


class StreamedBody:
    """
    A body that the client is still sending.
    """

    __slots__ = (
        "_isPaused",
        "_kept",
        "_pieces",
        "_size",
        "_source",
        "isEnded",
        "length",
        "taker",
        "trailers",
    )

    def __init__(self, length: int, source: BodySource) -> None:
        """
        @param length: see L{Body}.
        @param source: is paused while too much waits.
        """
        self.length = length
        self.isEnded = False
        self.trailers: Fields = ()
        self.taker: BodyTaker | None = None
        self._source = source
        self._pieces: list[bytes] = []
        self._size = 0
        self._isPaused = False
        self._kept = Kept()

    @property
    def isLost(self) -> bool:
        """
        See L{Body}.
        """
        return self._kept.isLost

    def add(self, data: bytes) -> None:
        """
        @param data: what the client has sent.
        """
        self._pieces.append(data)
        self._size += len(data)
        if self.taker is not None:
            self.taker.bodyAvailable()
        if self._size > _MOST and not self._isPaused:
            self._isPaused = True
            self._source.pauseBody()

    def end(self, trailers: Fields) -> None:
        """
        The body is whole.

        @param trailers: behind it.
        """
        self.isEnded = True
        self.trailers = trailers
        if self.taker is not None:
            self.taker.bodyAvailable()

    def read(self) -> bytes:
        """
        See L{Body.read}.
        """
        pieces = self._pieces
        if not pieces:
            return b""
        self._pieces, self._size = [], 0
        if self._isPaused:
            self._isPaused = False
            self._source.resumeBody()
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._kept.add(data)
        return data

    def rewind(self) -> None:
        """
        See L{Body.rewind}.
        """
        self._pieces = self._kept.takeBack() + self._pieces
        self._size = sum(map(len, self._pieces))

    def content(self) -> bytes | None:
        """
        See L{Body.content}.
        """
        if not self.isEnded or self.isLost:
            return None
        return b"".join(self._kept.pieces() + self._pieces)

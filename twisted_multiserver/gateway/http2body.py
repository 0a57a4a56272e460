"""
The body of an HTTP/2 request on its way to a backend.

Strategy: the client may send as much as the stream's window has room for (RFC 9113 section
5.2), and the window is opened again only by what a backend has taken: a slow backend makes
the client wait, and no other stream.

Invariant: no more than the window waits here, in one piece, however small the frames are in
which it came; what was taken is kept as L{Kept<twisted_multiserver.gateway.body.Kept>} says.
"""

from __future__ import annotations

from typing import Protocol

from twisted_multiserver.gateway.body import BodyTaker, Kept
from twisted_multiserver.http1.heads import Fields


class Window(Protocol):
    """
    What is opened when bytes were taken.
    """

    def bodyTaken(self, size: int) -> None:
        """
        @param size: how many, in bytes.
        """


class WindowedBody:
    """
    See L{Body<twisted_multiserver.gateway.body.Body>}.
    """

    __slots__ = (
        "_kept",
        "_rewound",
        "_waiting",
        "_window",
        "isEnded",
        "length",
        "taker",
        "trailers",
    )

    def __init__(self, length: int, window: Window) -> None:
        """
        @param length: see L{Body<twisted_multiserver.gateway.body.Body>}.
        @param window: is opened as bytes are taken.
        """
        self.length = length
        self.isEnded = False
        self.trailers: Fields = ()
        self.taker: BodyTaker | None = None
        self._window = window
        self._waiting = bytearray()
        self._rewound = b""
        self._kept = Kept()

    @property
    def isLost(self) -> bool:
        """
        See L{Body<twisted_multiserver.gateway.body.Body>}.
        """
        return self._kept.isLost

    @property
    def isWaiting(self) -> bool:
        """
        Whether there is something that nobody has taken.
        """
        return bool(self._waiting)

    def add(self, data: bytes) -> None:
        """
        @param data: what the client has sent.
        """
        self._waiting += data
        if self.taker is not None:
            self.taker.bodyAvailable()

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
        See L{Body<twisted_multiserver.gateway.body.Body>}.
        """
        data, self._rewound = self._rewound, b""
        if not data and self._waiting:
            data = bytes(self._waiting)
            self._waiting.clear()
            self._window.bodyTaken(len(data))
        if data:
            self._kept.add(data)
        return data

    def rewind(self) -> None:
        """
        See L{Body<twisted_multiserver.gateway.body.Body>}.
        """
        self._rewound = b"".join(self._kept.takeBack())

    def content(self) -> bytes | None:
        """
        See L{Body<twisted_multiserver.gateway.body.Body>}.
        """
        if not self.isEnded or self.isLost:
            return None
        return b"".join((*self._kept.pieces(), self._rewound, self._waiting))

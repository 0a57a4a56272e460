"""
Bodies that are whole before they are used: in memory, or in a file that has no name.

Strategy: a worker with few places, such as a thread of a WSGI application, isn't given a
request until nothing of it has to be waited for: slow clients then cost the master a few bytes,
and no place.  What is longer than L{_IN_MEMORY} goes to a temporary file, which is gone with
the process, however it ends.

Invariant: what is taken from the client is stored at once, so that it is never paused here;
C{--max-body} bounds it.
"""

from __future__ import annotations

from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from twisted_multiserver.gateway.body import Body, BodyTaker
from twisted_multiserver.http1.heads import Fields

_PIECE: Final = 65536
_IN_MEMORY: Final = 65536


class StoredBody:
    """
    See L{Body<twisted_multiserver.gateway.body.Body>}.
    """

    isLost = False
    taker: BodyTaker | None = None

    def __init__(
        self, content: IO[bytes], size: int, length: int | None = None, trailers: Fields = ()
    ) -> None:
        """
        @param content: all of it.
        @param size: of it, in bytes.
        @param length: what the head says; L{None} for the size.
        @param trailers: behind it.
        """
        self._content = content
        self._size = size
        self.length = size if length is None else length
        self.trailers = trailers
        self.rewind()

    def read(self) -> bytes:
        """
        @return: the next piece; empty at the end.
        """
        piece = self._content.read(_PIECE)
        self.isEnded = not piece
        return piece

    def rewind(self) -> None:
        """
        Begin again.
        """
        self._content.seek(0)
        self.isEnded = False

    def content(self) -> bytes | None:
        """
        @return: all of it; L{None} if it is more than a piece.
        """
        if self._size > _PIECE:
            return None
        place = self._content.tell()
        self._content.seek(0)
        data = self._content.read()
        self._content.seek(place)
        return data


class Spool:
    """
    Stores a body until it is whole.
    """

    def __init__(
        self,
        body: Body,
        whole: Callable[[StoredBody], None],
        failed: Callable[[OSError], None],
    ) -> None:
        """
        @param body: is taken at once.
        @param whole: gets the stored one.
        @param failed: is told instead that it can't be stored.
        """
        self._body = body
        self._whole = whole
        self._failed = failed
        self._size = 0
        self._content = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        body.taker = self

    def bodyAvailable(self) -> None:
        """
        See L{BodyTaker<twisted_multiserver.gateway.body.BodyTaker>}.
        """
        body = self._body
        while piece := body.read():
            self._size += len(piece)
            try:
                self._content.write(piece)
            except OSError as error:
                body.taker = None
                self._failed(error)
                return
        if body.isEnded:
            body.taker = None
            self._whole(StoredBody(self._content, self._size, body.length, body.trailers))

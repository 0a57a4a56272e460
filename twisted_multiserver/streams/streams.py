"""
Streams: what a connection of HTTP needs of the network, and no more.

There are two, on a plain socket (L{twisted_multiserver.streams.socketstream}) and on a
Twisted transport (L{twisted_multiserver.streams.transportstream}); whoever uses one doesn't
know which.

Invariants: a stream tells C{connectionLost} exactly once, never from within a call of its
user, and nothing after it; what was written before C{close} reaches a peer that takes it,
even if the peer has sent something that nobody read (RFC 9112 section 9.6).
"""

from __future__ import annotations

from typing import Final, Protocol

# A peer that takes nothing for so long isn't waited for by a stream that closes, in seconds.
STALL: Final = 60.0


class Stream(Protocol):
    """
    A connection as a pair of byte streams.

    @ivar buffered: whether so much is still to be written that the writer should
        wait for C{streamDrained}.
    @ivar pending: how much, in bytes.
    @ivar refused: whether the peer had gone when something was written, of which it so has
        taken nothing; never set where that can't be told.
    """

    buffered: bool
    pending: int
    refused: bool

    def belongTo(self, user: StreamUser) -> None:
        """
        @param user: is told of all that happens from now on.
        """

    def write(self, data: bytes) -> None:
        """
        @param data: is sent after all that was written before.
        """

    def pause(self) -> None:
        """
        Read nothing until L{resume}.
        """

    def resume(self) -> None:
        """
        Read again.
        """

    def close(self) -> None:
        """
        Close when all is written; what the peer still sends is dropped.
        """

    def leave(self) -> None:
        """
        Close at once, of a connection on which nothing is under way.
        """

    def abort(self) -> None:
        """
        Close at once, so that the peer sees that something is missing.
        """

    def isQuiet(self) -> bool:
        """
        Whether the peer has neither closed the connection nor sent anything, at
        this very moment.
        """


class StreamUser(Protocol):
    """
    Whoever a stream belongs to.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        @param data: bytes, at least one.
        """

    def streamDrained(self) -> None:
        """
        What was buffered has been written.
        """

    def connectionLost(self, clean: bool) -> None:
        """
        @param clean: whether the peer ended it in an orderly way (else: a reset).
        """

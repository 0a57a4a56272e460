"""
Streams: what an upstream connection needs of the network, and no more.

A stream on a Twisted transport (L{twisted_multiserver.gateway.transportstream}) is the
only one so far; the upstream connection doesn't know, so that it can run on a lighter
one.

Invariant: a stream tells C{connectionLost} exactly once, and nothing after it.
"""

from __future__ import annotations

from typing import Protocol


class Stream(Protocol):
    """
    A connection as a pair of byte streams.

    @ivar buffered: whether so much is still to be written that the writer should
        wait for C{streamDrained}.
    """

    buffered: bool

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
        Close when all is written.
        """

    def abort(self) -> None:
        """
        Close at once.
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

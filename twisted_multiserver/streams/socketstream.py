"""
A stream on a plain non-blocking socket, watched by the poller.

Strategy: write at once, and watch for room only while something is left over; the socket
is registered for reading once and stays so.  A stream that is paused and writes nothing is
taken out of the epoll, since the end of a connection can't be masked and would be told
again and again.

Invariants: see L{twisted_multiserver.streams.streams}.  A closing stream sends its end
(C{SHUT_WR}) behind the last byte and drops what the peer still sends, for
L{LINGER} seconds at most: a socket closed with unread bytes in it is reset, and the reset
can overtake the response (RFC 9112 section 9.6).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from select import EPOLLIN, EPOLLOUT, POLLIN, poll
from socket import SHUT_WR, socket
from typing import Final, Protocol

from twisted_multiserver.streams.poller import Poller
from twisted_multiserver.streams.streams import STALL, StreamUser
from twisted_multiserver.streams.sweep import Sweep

_PIECE: Final = 65536
LINGER: Final = 2.0


class SocketOwner(Protocol):
    """
    Whose the socket is.
    """

    def release(self, aborted: bool) -> None:
        """
        Close the socket.

        @param aborted: whether the peer is to see a reset.
        """


class SocketStream:
    """
    See L{Stream<twisted_multiserver.streams.streams.Stream>}.

    @ivar deadline: when a peer that doesn't go away is dropped, in seconds of the clock.
    """

    __slots__ = (
        "_descriptor",
        "_isClosing",
        "_isOpen",
        "_isPaused",
        "_left",
        "_look",
        "_owner",
        "_poller",
        "_receive",
        "_send",
        "_socket",
        "_sweep",
        "_user",
        "_watched",
        "buffered",
        "deadline",
        "pending",
        "refused",
    )

    def __init__(
        self, connection: socket, owner: SocketOwner, poller: Poller, sweep: Sweep
    ) -> None:
        """
        @param connection: connected and non-blocking.
        @param owner: closes it in the end.
        @param poller: watches it.
        @param sweep: watches the time when it is to close.
        """
        self._socket = connection
        self._descriptor = connection.fileno()
        self._receive = connection.recv
        self._send = connection.send
        self._owner = owner
        self._poller = poller
        self._sweep = sweep
        self._user: StreamUser | None = None
        self._left: list[bytes] = []
        self._look: Callable[[int], list[tuple[int, int]]] | None = None
        self._isOpen = True
        self._isClosing = False
        self._isPaused = False
        self._watched = EPOLLIN
        self.buffered = False
        self.pending = 0
        self.refused = False
        self.deadline = inf
        poller.register(self._descriptor, EPOLLIN, self)

    def belongTo(self, user: StreamUser) -> None:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        self._user = user

    def write(self, data: bytes) -> None:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        if not self.buffered:
            try:
                sent = self._send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                # The peer has gone; the epoll tells, and what it still said is read first.
                self.refused = True
                return
            if sent == len(data):
                return
            data = data[sent:]
            self.buffered = True
            self._watch()
        self._left.append(data)
        self.pending += len(data)

    def pause(self) -> None:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        self._isPaused = True
        self._watch()

    def resume(self) -> None:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        self._isPaused = False
        self._watch()

    def close(self) -> None:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        if not self._isOpen or self._isClosing:
            return
        self._isClosing = True
        self._isPaused = False
        self._watch()
        if self.buffered:
            self._expectProgress()
        else:
            self._sendEnd()

    def leave(self) -> None:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        self._end(clean=True)

    def abort(self) -> None:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        self._end(clean=False, aborted=True)

    def overdue(self) -> None:
        """
        The peer had time enough to go.
        """
        self._end(clean=True)

    def isQuiet(self) -> bool:
        """
        See L{Stream<twisted_multiserver.streams.streams.Stream>}.
        """
        if self._look is None:
            # Asked of few streams, and cheaper than a read that fails.
            look = poll()
            look.register(self._descriptor, POLLIN)
            self._look = look.poll
        return self._isOpen and not self._look(0)

    def readable(self) -> None:
        """
        See L{Polled<twisted_multiserver.streams.poller.Polled>}.
        """
        try:
            data = self._receive(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            self._end(clean=False)
            return
        if not data:
            self._end(clean=True)
        elif not self._isClosing and self._user is not None:
            self._user.dataReceived(data)

    def writable(self) -> None:
        """
        See L{Polled<twisted_multiserver.streams.poller.Polled>}.
        """
        if not self.buffered:
            return
        data = b"".join(self._left)
        try:
            sent = self._send(data)
        except BlockingIOError:
            return
        except OSError:
            # As above; but nothing is left to be written, so that the end is told once.
            sent = len(data)
        if sent < len(data):
            self._left = [data[sent:]]
            self.pending = len(data) - sent
            if self._isClosing:
                self._expectProgress()
            return
        self._left = []
        self.pending = 0
        self.buffered = False
        self._watch()
        if self._isClosing:
            self._sendEnd()
        elif self._user is not None:
            self._user.streamDrained()

    def _watch(self) -> None:
        """
        Let the poller know what is wanted.
        """
        if not self._isOpen:
            return
        wanted = (0 if self._isPaused else EPOLLIN) | (EPOLLOUT if self.buffered else 0)
        if wanted == self._watched:
            return
        if not wanted:
            self._poller.unregister(self._descriptor)
        elif not self._watched:
            self._poller.register(self._descriptor, wanted, self)
        else:
            self._poller.modify(self._descriptor, wanted)
        self._watched = wanted

    def _expectProgress(self) -> None:
        """
        Nobody else watches a stream that closes.
        """
        self.deadline = self._sweep.seconds() + STALL
        self._sweep.watch(self)

    def _sendEnd(self) -> None:
        try:
            self._socket.shutdown(SHUT_WR)
        except OSError:
            # It has ended already, which the epoll tells.
            pass
        self.deadline = self._sweep.seconds() + LINGER
        self._sweep.watch(self)

    def _end(self, clean: bool, aborted: bool = False) -> None:
        if not self._isOpen:
            return
        self._isOpen = False
        if self._watched:
            self._poller.unregister(self._descriptor)
        self._sweep.forget(self)
        self._left = []
        self.buffered = False
        self._owner.release(aborted)
        user, self._user = self._user, None
        if user is not None:
            self._poller.soon(lambda: user.connectionLost(clean))

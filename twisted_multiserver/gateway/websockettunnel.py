"""
A tunnel of a WebSocket, which can be ended in the WebSocket's own way.

Strategy: a close frame of ours goes to the client between two frames of the backend's, of which
no more is passed on.  The client's answer goes to the backend, which so learns of the end, and
closes; then all is closed.

Invariants: no frame is cut in two by ours; whoever doesn't go along is cut in L{_PATIENCE}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from twisted_multiserver.gateway.tunnel import Tunnel, TunnelSide
from twisted_multiserver.gateway.websocketframes import FrameBoundaries, closeFrame
from twisted_multiserver.streams.streams import Stream

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

# For the end of a frame and the client's answer, in seconds.
_PATIENCE: Final = 3.0


class _FromBackend(TunnelSide):
    """
    The backend's side, whose frames are followed.
    """

    __slots__ = ("_boundaries", "_farewell", "_isOver")

    def __init__(self, stream: Stream, tunnel: Tunnel) -> None:
        super().__init__(stream, tunnel)
        self._boundaries = FrameBoundaries()
        self._farewell = b""
        self._isOver = False

    def dataReceived(self, data: bytes) -> None:
        if self._isOver:
            return
        end = self._boundaries.follow(data)
        if self._farewell and end >= 0:
            self._isOver = True
            super().dataReceived(data[:end] + self._farewell)
        else:
            super().dataReceived(data)

    def sayFarewell(self, frame: bytes) -> None:
        self._farewell = frame
        if self._boundaries.isBetween and self.other.isOpen:
            self._isOver = True
            self.other.send(frame)

    def abort(self) -> None:
        for side in (self, self.other):
            if side.isOpen:
                side.stream.abort()


class WebSocketTunnel(Tunnel):
    """
    See the module.
    """

    __slots__ = ("_backendSide", "_giveUp")

    _backendSide: _FromBackend
    _giveUp: IDelayedCall | None

    def goAway(self, code: int, clock: IReactorTime) -> None:
        """
        End it.

        @param code: that the client is told.
        @param clock: the reactor.
        """
        self._backendSide.sayFarewell(closeFrame(code))
        self._giveUp = clock.callLater(_PATIENCE, self._backendSide.abort)

    def bothEnded(self) -> None:
        """
        See L{Tunnel}.
        """
        if self._giveUp is not None and self._giveUp.active():
            self._giveUp.cancel()
        super().bothEnded()

    def sideOf(self, backend: Stream) -> TunnelSide:
        """
        See L{Tunnel}.
        """
        self._giveUp = None
        self._backendSide = _FromBackend(backend, self)
        return self._backendSide

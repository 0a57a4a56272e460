"""
All WebSockets, by the backends that they lead to.

Strategy: when a backend is to be left, its WebSockets are ended one by one, at random moments of
a window: their clients come back at once, and all together would be a burst.

Invariant: one that has ended by itself is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.gateway.websockettunnel import WebSocketTunnel

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

# RFC 6455 section 7.4.1, and the registry of close codes.
GOING_AWAY: Final = 1001
SERVICE_RESTART: Final = 1012


class Tunnels:
    """
    See the module.
    """

    def __init__(self, clock: IReactorTime, window: float, random: Callable[[], float]) -> None:
        """
        @param clock: the reactor.
        @param window: how long it takes until all of a backend's are told to end, in seconds.
        @param random: gives numbers from 0 to 1.
        """
        self._clock = clock
        self._window = window
        self._random = random
        self._open: dict[Backend, dict[WebSocketTunnel, IDelayedCall | None]] = {}

    def began(self, backend: Backend, tunnel: WebSocketTunnel) -> None:
        """
        @param backend: to which it leads.
        @param tunnel: a new one.
        """
        self._open.setdefault(backend, {})[tunnel] = None

    def ended(self, backend: Backend, tunnel: WebSocketTunnel) -> None:
        """
        @param backend: to which it led.
        @param tunnel: one that has begun.
        """
        tunnels = self._open[backend]
        call = tunnels.pop(tunnel)
        if call is not None and call.active():
            call.cancel()
        if not tunnels:
            del self._open[backend]

    def leave(self, backend: Backend, code: int) -> None:
        """
        @param backend: whose WebSockets are to end.
        @param code: that their clients are told.
        """
        tunnels = self._open.get(backend, {})
        for tunnel, call in tunnels.items():
            if call is None:
                pause = self._random() * self._window
                clock = self._clock
                tunnels[tunnel] = clock.callLater(pause, tunnel.goAway, code, clock)

    def leaveAll(self) -> None:
        """
        The master stops.
        """
        for backend in tuple(self._open):
            self.leave(backend, GOING_AWAY)

"""
The one way for a child to stop, whoever asks::

    SIGTERM, SIGINT         finish what is in flight, within the stop budget; exit 0
    the master is gone      finish at once
    reactor.stop() by the
    application itself      as for SIGTERM

The exchanges are finished before the reactor's shutdown begins, because applications
close their databases in its first phase.  Twisted's own SIGTERM would make the exit
status that of a signal.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

from twisted_multiserver.child.notify import Notifier
from twisted_multiserver.child.reactors import IChildReactor

# Of the stop budget; the rest is for what comes after the exchanges: the application's
# own shutdown, threads, the interpreter.
_SHARE_OF_EXCHANGES = 0.8
# How long a child that lost its master may take, in seconds.
_ORPHAN_GRACE = 5


class Serving(Protocol):
    """
    An application being served.
    """

    def busyThreads(self) -> tuple[int, int]:
        """
        @return: threads that work for a request, and all of them; 0 and 0 if requests
            need none.
        """

    async def stop(self, budget: float) -> None:
        """
        Accept no more, let the exchanges in flight finish, and end the application.

        @param budget: how long exchanges may take, in seconds; then they are cut.
        """


class Stopping:
    """
    Stops the child, once.
    """

    _log = Logger()

    def __init__(self, reactor: IChildReactor, notifier: Notifier, budget: float) -> None:
        """
        @param reactor: stopped in the end.
        @param notifier: tells the master.
        @param budget: from SIGTERM to SIGKILL, in seconds.
        """
        self._reactor = reactor
        self._notifier = notifier
        self._budget = budget * _SHARE_OF_EXCHANGES
        self._serving: Serving | None = None
        self._close: Callable[[], Deferred[None]] | None = None
        self._begun = False
        self._finished = False
        self._waiting: list[Deferred[None]] = []

    def watch(self) -> None:
        """
        Answer signals from now on, and the application's own reactor.stop().
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        self._reactor.addSystemEventTrigger("before", "shutdown", self._finish, self._budget)

    def served(self, serving: Serving) -> None:
        """
        There is something to stop now.

        @param serving: the application being served.
        """
        self._serving = serving

    def closesAfterwards(self, close: Callable[[], Deferred[None]]) -> None:
        """
        @param close: called when the application has ended.
        """
        self._close = close

    @property
    def begun(self) -> bool:
        """
        Whether the child is stopping.
        """
        return self._begun

    def masterGone(self) -> None:
        """
        Nobody is left to serve, nor to end this process if it hangs.
        """
        # The default action ends the process even while a thread is being waited for.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_ORPHAN_GRACE)
        self._stop(0.0)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._stop, self._budget)

    def _stop(self, budget: float) -> None:
        self._finish(budget).addCallback(self._stopReactor)

    def _stopReactor(self, _finished: None) -> None:
        try:
            self._reactor.stop()
        except ReactorNotRunning:
            # The application asked for it at the same time.
            pass

    def _finish(self, budget: float) -> Deferred[None]:
        """
        Finish the exchanges, once for all who ask.

        @param budget: how long they may take, in seconds.
        @return: fires when that is done.
        """
        if self._finished:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        if not self._begun:
            self._begun = True
            self._notifier.stopping()
            Deferred.fromCoroutine(self._stopServing(budget))
        return waiting

    async def _stopServing(self, budget: float) -> None:
        try:
            if self._serving is not None:
                await self._serving.stop(budget)
            if self._close is not None:
                await self._close()
        # Whatever the application does at its end, the process ends.
        except Exception:
            self._log.failure("stopping the application failed")
        self._finished = True
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.callback(None)

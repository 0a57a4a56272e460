"""
Deferreds that tell of crashes.

Invariants: each call gets a L{Deferred} of its own; one crash is told in each turn of
the reactor, to all that wait then, so that whoever asks again when its Deferred fires
(or asks twice in one turn) misses none.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from twisted_multiserver.supervision._iobserver import ILifecycleObserver
from twisted_multiserver.supervision.crash import Crash
from twisted_multiserver.supervision.events import ChildCrashed, LifecycleEvent


@implementer(ILifecycleObserver)
class CrashNotifier:
    """
    Gives out Deferreds and fires them.
    """

    def __init__(self, clock: IReactorTime) -> None:
        """
        @param clock: the reactor.
        """
        self._clock = clock
        self._waiting: dict[Deferred[Crash], None] = {}
        self._untold: deque[Crash] = deque()

    def whenCrashed(self) -> Deferred[Crash]:
        """
        @return: fires with the next crash; may be cancelled.
        """
        waiting: Deferred[Crash] = Deferred(self._forget)
        self._waiting[waiting] = None
        return waiting

    def lifecycleEvent(self, event: LifecycleEvent) -> None:
        """
        See L{ILifecycleObserver}.
        """
        if isinstance(event, ChildCrashed):
            self._untold.append(event.crash)
            if len(self._untold) == 1:
                self._clock.callLater(0, self._tell)

    def _tell(self) -> None:
        crash = self._untold.popleft()
        if self._untold:
            self._clock.callLater(0, self._tell)
        waiting, self._waiting = self._waiting, {}
        for deferred in waiting:
            # One that fired earlier may have cancelled another.
            if not deferred.called:
                deferred.callback(crash)

    def _forget(self, waiting: Deferred[Crash]) -> None:
        self._waiting.pop(waiting, None)

"""
Whoever wants to hear what happens.

Invariants: all hear the same events in the same order; one whose own code fails harms nobody.
"""

from __future__ import annotations

from twisted.logger import Logger

from twisted_multiserver.supervision._iobserver import ILifecycleObserver
from twisted_multiserver.supervision.events import LifecycleEvent


class Observers:
    """
    Those who are told.
    """

    _log = Logger()

    def __init__(self, *observers: ILifecycleObserver) -> None:
        """
        @param observers: the first ones.
        """
        self._observers = list(observers)

    def add(self, observer: ILifecycleObserver) -> None:
        """
        @param observer: is told of all that happens from now on.
        """
        self._observers.append(observer)

    def remove(self, observer: ILifecycleObserver) -> None:
        """
        @param observer: is told no more.
        """
        self._observers.remove(observer)

    def tell(self, event: LifecycleEvent) -> None:
        """
        @param event: has happened.
        """
        for observer in tuple(self._observers):
            try:
                observer.lifecycleEvent(event)
            except Exception:  # the user's own code
                self._log.failure("an observer failed at {event}", event=event)

"""
Being told of the life of children.
"""

from __future__ import annotations

from zope.interface import Interface

from twisted_multiserver.supervision.events import LifecycleEvent


class ILifecycleObserver(Interface):
    """
    Is told of all that happens: to children, by reloads, to backends.
    """

    def lifecycleEvent(event: LifecycleEvent) -> None:
        """
        Something has happened.  An exception is logged and harms nobody.

        @param event: one of the classes in L{twisted_multiserver.events}.
        """

"""
What supervision asks of whoever distributes requests.

The two don't know each other: processes here, requests there.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred

from twisted_multiserver.supervision.child import Child


class ITraffic(Protocol):
    """
    Distributes requests over children.
    """

    def expect(self, slot: int) -> None:
        """
        Requests may wait for a slot.

        @param slot: starting, or in backoff.
        """

    def unexpect(self, slot: int) -> None:
        """
        Nothing will come of a slot for now.

        @param slot: suspended, or removed.
        """

    def admit(self, child: Child, places: int | None = None) -> None:
        """
        Let a child be chosen; its slot isn't expected any more.

        @param child: ready.
        @param places: how many requests it works for at once; L{None} for any number.
        """

    def limit(self, child: Child, places: int) -> None:
        """
        Give a child no more at once.

        @param child: an application, admitted or not.
        @param places: how many requests it works for at once.
        """

    def reported(self, child: Child, lag: float, busyThreads: int, threads: int) -> None:
        """
        Note a child's load.

        @param child: an application, admitted or not.
        @param lag: how late its event loop is, in seconds.
        @param busyThreads: threads that work for a request.
        @param threads: all of them; 0 if there are none for requests.
        """

    def requestsOf(self, child: Child) -> int:
        """
        @param child: ready, admitted or not.
        @return: how many requests it got so far.
        """
        raise NotImplementedError

    def drain(self, child: Child) -> Deferred[None]:
        """
        Choose a child no more and close what is idle there.

        @param child: admitted, or not.
        @return: fires when its exchanges have finished.
        """

    def remove(self, child: Child, crashed: bool) -> tuple[str, ...]:
        """
        Forget a child.

        @param child: gone.
        @param crashed: whether nobody had asked it to go.
        @return: the exchanges that were in flight, such as C{"GET /path"}.
        """

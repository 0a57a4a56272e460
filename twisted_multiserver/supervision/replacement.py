"""
The promise of a slot to put another child into the place of the one that lives there.

Invariant: kept or broken once.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from twisted_multiserver.errors import MultiserverError
from twisted_multiserver.supervision.incarnation import Incarnation
from twisted_multiserver.supervision.program import Program


class Replacement:
    """
    One such promise.

    @ivar program: what the other one runs.
    @ivar generation: of it.
    @ivar successor: the other one; L{None} as long as the place isn't free for it.
    @ivar done: fires when it is ready; fails if nothing comes of it.
    """

    def __init__(self, program: Program, generation: int) -> None:
        """
        @param program: what the other one runs.
        @param generation: of it.
        """
        self.program = program
        self.generation = generation
        self.successor: Incarnation | None = None
        self.done: Deferred[None] = Deferred()

    def end(self, error: MultiserverError | None) -> None:
        """
        @param error: why nothing comes of it; L{None} if the successor is ready.
        """
        if error is None:
            self.done.callback(None)
        else:
            self.done.errback(error)

"""
Circumstances for plans: nobody waits, unless a test says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted_multiserver.balancing.pool import Pool
from twisted_multiserver.gateway.circumstances import Circumstances
from twisted_multiserver.testing import MadeExchange

QUEUE_BUDGET = 5.0


@dataclass
class SaidQueue:
    """
    A queue that is as a test says.
    """

    isFull: bool = False
    hasLine: bool = False
    isEmpty: bool = True

    def tried(self) -> tuple[MadeExchange, ...]:
        return ()


def circumstancesOf(
    pool: Pool, seconds: Callable[[], float], queue: SaidQueue | None = None
) -> Circumstances:
    """
    @param pool: the backends.
    @param seconds: the clock.
    @param queue: who waits; L{None} for nobody.
    @return: what plans look at.
    """
    said = SaidQueue() if queue is None else queue
    return Circumstances(pool, said, QUEUE_BUDGET, seconds, lambda: 0.5)

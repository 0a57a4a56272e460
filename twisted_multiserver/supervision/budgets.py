"""
How long a child may take for each step of its life.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budgets:
    """
    Budgets, in seconds.

    @ivar boot: from the spawn until it is ready.
    @ivar run: between two signs of life of its event loop.
    @ivar drain: for the exchanges in flight when it is to stop.
    @ivar stop: from SIGTERM to its exit.
    """

    boot: float = 60.0
    run: float = 30.0
    drain: float = 30.0
    stop: float = 10.0

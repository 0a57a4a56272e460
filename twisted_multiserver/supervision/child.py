"""
Who a child is: its place, its life, its process.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Child:
    """
    One incarnation in a slot.

    @ivar slot: its place, from 0.
    @ivar generation: counts reloads, from 1.
    @ivar incarnation: counts the lives in all slots of this run, from 1.
    @ivar pid: its process; 0 if it could not be started.
    @ivar address: where it serves, C{"unix:path"} or C{"tcp:127.0.0.1:port"}; empty if
        it could not be started.
    @ivar isApplication: whether it is a process of ours that runs an application.
    """

    slot: int
    generation: int
    incarnation: int
    pid: int
    address: str
    isApplication: bool = True

    @property
    def name(self) -> str:
        """
        What people call it.
        """
        return f"child {self.slot}"

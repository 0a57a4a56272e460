"""
What all incarnations of a master share, and where one of them lives.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_multiserver.supervision._itraffic import ITraffic
from twisted_multiserver.supervision.budgets import Budgets
from twisted_multiserver.supervision.crash import Crash
from twisted_multiserver.supervision.folders import RuntimeFolder
from twisted_multiserver.supervision.spawning import Reactor
from twisted_multiserver.supervision.tracebacks import KnownTracebacks
from twisted_multiserver.supervision.warden import Warden


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What all incarnations of a master share.

    @ivar reactor: the reactor.
    @ivar traffic: distributes requests.
    @ivar budgets: how long things may take.
    @ivar runtimeFolder: for sockets.
    @ivar stateFolder: for what survives; L{None} if there is none.
    @ivar run: names this run of the master.
    @ivar tracebacks: those that were told already.
    @ivar warden: ends what children leave behind.
    @ivar loadInterval: how often applications report their load, in seconds; L{None}
        for never.
    """

    reactor: Reactor
    traffic: ITraffic
    budgets: Budgets
    runtimeFolder: RuntimeFolder
    stateFolder: str | None
    run: str
    tracebacks: KnownTracebacks
    warden: Warden
    loadInterval: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where and when an incarnation lives.

    @ivar slot: its place.
    @ivar generation: counts reloads.
    @ivar incarnation: counts lives.
    @ivar previous: the crash before it in its slot, and when it was (seconds since
        the epoch).
    """

    slot: int
    generation: int
    incarnation: int
    previous: tuple[Crash, float] | None

"""
Recycling: looks at the children again and again, and has those replaced that are worn.

Invariants: one child at a time, and none while a reload runs; a successor that doesn't boot
leaves the old child where it is, and the next try waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_multiserver.supervision._itraffic import ITraffic
from twisted_multiserver.supervision.crash import BootFailed
from twisted_multiserver.supervision.processes import residentMemory
from twisted_multiserver.supervision.slot import Slot
from twisted_multiserver.supervision.slotowner import Stopped
from twisted_multiserver.supervision.wear import Wear, WearJudge

# Seconds.
INTERVAL = 1.0
_PAUSE = 30.0


class Owner(Protocol):
    """
    The supervisor.
    """

    @property
    def isReloading(self) -> bool:
        """
        Whether all children are being replaced.
        """

    def readySlots(self) -> Iterable[Slot]:
        """
        @return: those whose children serve or stand by.
        """

    def recycle(self, slot: Slot, reason: str) -> Deferred[None]:
        """
        @param slot: whose child is to be replaced.
        @param reason: for people.
        @return: as L{Slot.replace}.
        """


class Recycler:
    """
    Has worn children replaced.
    """

    _log = Logger()

    def __init__(
        self, reactor: IReactorTime, owner: Owner, traffic: ITraffic, judge: WearJudge
    ) -> None:
        """
        @param reactor: the clock.
        @param owner: the supervisor.
        @param traffic: knows what children have served.
        @param judge: decides.
        """
        self._reactor = reactor
        self._owner = owner
        self._traffic = traffic
        self._judge = judge
        self._isBusy = False
        self._notBefore = 0.0
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor

    def start(self) -> None:
        """
        Begin to look.
        """
        if not self._looking.running:
            self._looking.start(INTERVAL, now=False)

    def stop(self) -> None:
        """
        Look no more.
        """
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        memory = residentMemory() if self._judge.needsMemory else {}
        for slot in tuple(self._owner.readySlots()):
            child = slot.child
            if child is None or slot.readySince is None:
                continue
            wear = Wear(
                self._traffic.requestsOf(child),
                self._reactor.seconds() - slot.readySince,
                memory.get(child.pid, 0),
            )
            if self._judge.isDeadly(wear):
                slot.endOvergrown(wear.memory)
                continue
            reason = self._judge.reason(child, wear)
            if reason is not None and self._mayRecycle():
                self._recycle(slot, reason)

    def _mayRecycle(self) -> bool:
        isTime = self._reactor.seconds() >= self._notBefore
        return isTime and not self._isBusy and not self._owner.isReloading

    def _recycle(self, slot: Slot, reason: str) -> None:
        child = slot.child
        assert child is not None
        self._isBusy = True
        self._log.info("{child} is replaced: {reason}", child=child.name, reason=reason)
        replaced = self._owner.recycle(slot, reason)
        replaced.addErrback(self._notReplaced, child.name)
        replaced.addCallback(lambda _: self._replaced())

    def _notReplaced(self, failure: Failure, name: str) -> None:
        failure.trap(BootFailed, Stopped)
        self._notBefore = self._reactor.seconds() + _PAUSE
        self._log.error(
            "{child} was not replaced: {reason}", child=name, reason=failure.getErrorMessage()
        )

    def _replaced(self) -> None:
        self._isBusy = False

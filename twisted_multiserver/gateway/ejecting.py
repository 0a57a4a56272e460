"""
Passive ejection: backends that keep failing are put out, and come back.

Invariant: a backend that is out for its failures comes back by itself, unless it is gone.
"""

from __future__ import annotations

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.ejection import FAILURES
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.circumstances import Circumstances
from twisted_multiserver.gateway.journal import Journal
from twisted_multiserver.streams.sweep import Sweep

REASON = "failures"


class _Pause:
    """
    Ends an ejection.

    @ivar deadline: when, in seconds of the clock.
    """

    def __init__(self, ejecting: Ejecting, backend: Backend, deadline: float) -> None:
        """
        @param ejecting: readmits.
        @param backend: which is out.
        @param deadline: when it comes back, in seconds of the clock.
        """
        self._ejecting = ejecting
        self._backend = backend
        self.deadline = deadline

    def overdue(self) -> None:
        """
        See L{Timed<twisted_multiserver.streams.sweep.Timed>}.
        """
        self._ejecting.readmit(self._backend)


class Ejecting:
    """
    Judges the backends by the outcomes.
    """

    def __init__(self, circumstances: Circumstances, sweep: Sweep, log: Journal) -> None:
        """
        @param circumstances: know the backends.
        @param sweep: tells when a pause is over.
        @param log: is told of both ends of it.
        """
        self._circumstances = circumstances
        self._sweep = sweep
        self._log = log
        self._pauses: dict[Backend, _Pause] = {}

    def judge(self, backend: Backend, outcome: Outcome) -> None:
        """
        @param backend: had an exchange.
        @param outcome: how that ended.
        """
        circumstances = self._circumstances
        if not circumstances.judge(backend, outcome):
            return
        if not circumstances.pool.eject(backend, REASON):
            return
        pause = backend.health.eject()
        circumstances.counts.ejections += 1
        self.forget(backend)
        self._pauses[backend] = _Pause(self, backend, circumstances.seconds() + pause)
        self._sweep.watch(self._pauses[backend])
        self._log.warn(
            "{backend} gets no requests for {pause:g} s: {failures} failures in a row,"
            " the last one: {outcome}",
            backend=backend.name,
            pause=pause,
            failures=FAILURES,
            outcome=outcome.value,
        )

    def readmit(self, backend: Backend) -> None:
        """
        @param backend: its pause is over.
        """
        self.forget(backend)
        if self._circumstances.pool.readmit(backend, REASON):
            self._log.info("{backend} gets requests again", backend=backend.name)

    def forget(self, backend: Backend) -> None:
        """
        @param backend: of which no pause is to end any more.
        """
        pause = self._pauses.pop(backend, None)
        if pause is not None:
            self._sweep.forget(pause)

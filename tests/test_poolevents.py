"""
Events of backends.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.backend import Backend, BackendKind
from twisted_multiserver.balancing.pool import Pool
from twisted_multiserver.events import BackendEjected, BackendReadmitted, LifecycleEvent
from twisted_multiserver.poolevents import PoolEvents


class PoolEventsTests(SynchronousTestCase):
    """
    A pool of three.
    """

    def setUp(self) -> None:
        self.pool = Pool(Clock().seconds)
        self.told: list[LifecycleEvent] = []
        self.pool.observe(PoolEvents(self.told.append))
        self.ill, *_ = [self.admit(number) for number in range(3)]

    def admit(self, number: int) -> Backend:
        backend = Backend(f"tcp:127.0.0.1:{8000 + number}", BackendKind.remote)
        self.pool.admit(backend)
        return backend

    def test_outAndBack(self) -> None:
        """
        Each is told once; that backends come is no news.
        """
        self.assertEqual(self.told, [])
        self.pool.eject(self.ill, "failures")
        self.pool.eject(self.ill, "health checks")
        name, address = self.ill.name, self.ill.address
        self.assertEqual(self.told, [BackendEjected(name, address)])
        self.pool.readmit(self.ill, "failures")
        self.pool.readmit(self.ill, "health checks")
        self.assertEqual(self.told[1:], [BackendReadmitted(name, address)])

    def test_goneMeanwhile(self) -> None:
        """
        It doesn't come back; nor does one that is drained count as ejected.
        """
        self.pool.eject(self.ill, "failures")
        self.pool.remove(self.ill)
        self.pool.admit(self.ill)
        self.pool.drain(self.ill, lambda: None)
        self.assertEqual([type(event) for event in self.told], [BackendEjected])

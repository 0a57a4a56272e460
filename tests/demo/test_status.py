"""
L{twisted_multiserver.demo.status}: the facts that the demo tells.
"""

from __future__ import annotations

import json
import os

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.child.identity import Identity
from twisted_multiserver.demo.status import Life, Previous

CRASHED: dict[str, object] = {
    "description": "signal 9 (SIGKILL)",
    "exitCode": None,
    "signal": 9,
    "at": 1000.0,
}


class StatusTests(SynchronousTestCase):
    """
    What a life tells, inside a child and outside.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.5)

    def life(self, previous: dict[str, object] | None = None) -> Life:
        identity = Identity(2, 1, 7, 4711, 1000.25, previous, None)
        return Life(identity, self.clock.seconds)

    def test_child(self) -> None:
        """
        A child tells who it is; its uptime counts from its birth, not from when the
        application was built.
        """
        life = self.life()
        self.clock.advance(2)
        status = life.status()
        self.assertEqual(
            (status.slot, status.pid, status.generation, status.incarnation), (2, 4711, 1, 7)
        )
        self.assertEqual(status.uptime, 2.25)
        self.assertIsNone(status.previous)

    def test_outsideChild(self) -> None:
        """
        Without an identity there is only the process.
        """
        life = Life(None, self.clock.seconds)
        self.clock.advance(3)
        status = life.status()
        self.assertEqual(
            (status.slot, status.pid, status.generation, status.incarnation),
            (None, os.getpid(), None, None),
        )
        self.assertEqual(status.uptime, 3.0)

    def test_backAfter(self) -> None:
        """
        It was away from the previous death until it was built, however late it is asked.
        """
        life = self.life(CRASHED)
        self.clock.advance(60)
        self.assertEqual(life.status().previous, Previous("signal 9 (SIGKILL)", 1000.0, 0.5))

    def test_clockSetBack(self) -> None:
        """
        No duration is negative, though the wall clock may be set back.
        """
        self.clock.rightNow = 999.0
        status = self.life(CRASHED).status()
        assert status.previous is not None
        self.assertEqual((status.uptime, status.previous.backAfter), (0.0, 0.0))

    def test_visits(self) -> None:
        """
        Visits are counted one by one.
        """
        life = self.life()
        life.visited()
        life.visited()
        self.assertEqual(life.status().visits, 2)

    def test_json(self) -> None:
        """
        The script gets exactly these names.
        """
        self.assertEqual(
            json.loads(self.life(CRASHED).status().toJSON()),
            {
                "slot": 2,
                "pid": 4711,
                "generation": 1,
                "incarnation": 7,
                "uptime": 0.25,
                "visits": 0,
                "previous": {"description": "signal 9 (SIGKILL)", "at": 1000.0, "backAfter": 0.5},
            },
        )

"""
Telling the master, with a real datagram socket and a clock of the test's.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.child.notify import READY, STOPPING, WATCHDOG, Notifier, beatInterval


class NotifierTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.path = os.path.join(folder, "notify")
        self.master = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.master.close)
        self.master.bind(self.path)
        self.master.setblocking(False)
        self.clock = Clock()

    def notifier(self, interval: float | None = None) -> Notifier:
        return Notifier(self.clock, self.path, interval)

    def heard(self) -> list[bytes]:
        found = []
        try:
            while True:
                found.append(self.master.recv(4096))
        except BlockingIOError:
            return found

    def fill(self) -> int:
        """
        Leave no room in the master's queue.
        """
        count = 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            try:
                while True:
                    stranger.sendto(b"x", self.path)
                    count += 1
            except BlockingIOError:
                return count

    def test_ready(self) -> None:
        """
        READY goes out at once, beats at their interval.
        """
        self.notifier(2.0).ready()
        self.assertEqual(self.heard(), [READY, WATCHDOG])
        self.clock.advance(1.9)
        self.assertEqual(self.heard(), [])
        self.clock.advance(0.1)
        self.clock.advance(2.0)
        self.assertEqual(self.heard(), [WATCHDOG, WATCHDOG])

    def test_noWatchdog(self) -> None:
        """
        Without an interval there are no beats, and no timer.
        """
        self.notifier().ready()
        self.assertEqual(self.heard(), [READY])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_repeatedUntilSent(self) -> None:
        """
        What must arrive waits for room, in order; beats don't queue up meanwhile.
        """
        count = self.fill()
        notifier = self.notifier(0.1)
        notifier.ready()
        notifier.stopping()
        self.clock.pump([0.1] * 20)
        self.assertEqual(self.heard(), [b"x"] * count)
        self.clock.advance(0.1)
        self.assertEqual(self.heard()[:2], [READY, STOPPING])

    def test_stoppingOnce(self) -> None:
        """
        STOPPING is said once.
        """
        notifier = self.notifier()
        notifier.stopping()
        notifier.stopping()
        self.assertEqual(self.heard(), [STOPPING])

    def test_noMaster(self) -> None:
        """
        No socket there: a warning, and no endless repetition.
        """
        os.unlink(self.path)
        notifier = self.notifier()
        notifier.ready()
        notifier.stopping()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nobodyAsked(self) -> None:
        """
        Outside a master nothing is sent.
        """
        Notifier(self.clock, None, None).ready()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_abstractName(self) -> None:
        """
        An @ means the abstract namespace.
        """
        name = f"twisted_multiserver-{os.getpid()}-{id(self)}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as master:
            master.bind("\0" + name)
            Notifier(self.clock, "@" + name, None).ready()
            master.setblocking(False)
            self.assertEqual(master.recv(99), READY)


class IntervalTests(SynchronousTestCase):
    def test_thirdOfBudget(self) -> None:
        """
        Two of three beats may get lost.
        """
        self.assertEqual(beatInterval({"WATCHDOG_USEC": "30000000"}), 10.0)

    def test_none(self) -> None:
        for text in ("", "0", "-1", "x"):
            self.assertIsNone(beatInterval({"WATCHDOG_USEC": text}))
        self.assertIsNone(beatInterval({}))

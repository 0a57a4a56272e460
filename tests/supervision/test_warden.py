"""
The warden, as its master sees it.
"""

from __future__ import annotations

import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.supervision.fakes import FakeReactor, FakeWarden
from twisted_multiserver.supervision.warden import Warden


class WardenTests(SynchronousTestCase):
    """
    L{Warden}.
    """

    def setUp(self) -> None:
        """
        There is one.
        """
        self.reactor = FakeReactor()
        self.warden = Warden(self.reactor, "cafe")
        self.warden.start()

    @property
    def process(self) -> FakeWarden:
        """
        The latest.
        """
        return self.reactor.wardens[-1]

    def test_start(self) -> None:
        """
        A bare Python, without the master's environment; once.
        """
        self.warden.start()
        (process,) = self.reactor.wardens
        self.assertEqual(process.argv[:3], [sys.executable.encode(), b"-I", b"-S"])
        self.assertEqual(process.argv[4:], [b"TWISTED_MULTISERVER_RUN", b"cafe"])
        self.assertEqual(process.environment, {})
        self.assertEqual(process.descriptors, {0: "w", 1: "r", 2: "r"})

    def test_orders(self) -> None:
        """
        What it needs to know, in order; a folder once.
        """
        self.warden.keep("/run/x\n")
        self.warden.keep("/run/x\n")
        self.warden.watch(100, 1)
        self.successResultOf(self.warden.end(100, 1))
        self.assertEqual(
            self.process.orders, [{"folder": "/run/x\n"}, {"watch": [100, 1]}, {"end": [100, 1]}]
        )
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_overdue(self) -> None:
        """
        Nobody waits for it for ever.
        """
        self.process.isDeaf = True
        gone = self.warden.end(100, 1)
        self.reactor.advance(1.99)
        self.assertNoResult(gone)
        self.reactor.advance(0.02)
        self.successResultOf(gone)
        self.process.protocol.childDataReceived(1, b"gone 1\n")

    def test_nonsense(self) -> None:
        """
        Answers in pieces, and what is none.
        """
        self.process.isDeaf = True
        gone = self.warden.end(100, 12)
        for piece in (b"nonsense\ngone x\ngone 7\ngo", b"ne 1"):
            self.process.protocol.childDataReceived(1, piece)
            self.assertNoResult(gone)
        self.process.protocol.childDataReceived(1, b"2\n")
        self.successResultOf(gone)

    def test_restarted(self) -> None:
        """
        The next one is told all that the last one knew.
        """
        self.warden.keep("/run/x")
        self.warden.watch(100, 1)
        self.warden.watch(200, 2)
        self.process.isDeaf = True
        gone = self.warden.end(200, 2)
        self.process.exits(signal=9)
        self.assertEqual(len(self.reactor.wardens), 1)
        self.reactor.advance(0)
        self.assertEqual(len(self.reactor.wardens), 2)
        self.assertEqual(
            self.process.orders, [{"folder": "/run/x"}, {"watch": [100, 1]}, {"end": [200, 2]}]
        )
        self.successResultOf(gone)

    def test_whileThereIsNone(self) -> None:
        """
        What happens meanwhile is told to the next one.
        """
        self.process.exits(exitCode=1)
        self.warden.watch(100, 1)
        gone = self.warden.end(200, 2)
        self.reactor.advance(0)
        self.assertEqual(self.process.orders, [{"watch": [100, 1]}, {"end": [200, 2]}])
        self.successResultOf(gone)

    def test_dyingOverAndOver(self) -> None:
        """
        That is no reason to spawn without a pause.
        """
        for _ in range(10):
            self.process.protocol.childDataReceived(2, b"no module named json\n")
            self.process.exits(exitCode=1)
            self.reactor.advance(0.5)
        self.assertLess(len(self.reactor.wardens), 9)
        self.reactor.advance(5)
        self.assertIsNotNone(self.process.pid)

    def test_cannotBeStarted(self) -> None:
        """
        It is tried again.
        """
        self.reactor.refusal = OSError(11, "no more processes")
        self.process.exits(signal=9)
        self.reactor.advance(0)
        self.warden.watch(100, 1)
        self.reactor.refusal = None
        self.reactor.advance(1)
        self.assertEqual(self.process.orders, [{"watch": [100, 1]}])

    def test_close(self) -> None:
        """
        Its end is waited for; there is no other one.
        """
        self.successResultOf(self.warden.close())
        self.reactor.advance(10)
        self.warden.start()
        self.assertEqual(len(self.reactor.wardens), 1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_closeDeaf(self) -> None:
        """
        It is killed in the end.
        """
        self.process.isDeaf = True
        closed = self.warden.close()
        self.reactor.advance(5)
        self.assertNoResult(closed)
        self.assertEqual(len(self.process.signals), 1)
        self.process.exits(signal=9)
        self.successResultOf(closed)

    def test_closeWithout(self) -> None:
        """
        There may be none just then.
        """
        self.process.exits(signal=9)
        self.successResultOf(self.warden.close())
        self.reactor.advance(10)
        self.assertEqual(len(self.reactor.wardens), 1)

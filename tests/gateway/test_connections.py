"""
The connections to one backend: which is used, which is kept, which is closed.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.doubles import FakeDialer, FakeStream
from twisted_multiserver.balancing.backend import Backend, BackendKind, BackendState
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.connections import IDLE_BUDGETS, Connections, GatewayBudgets
from twisted_multiserver.gateway.dialer import Dialer, DialFailed
from twisted_multiserver.gateway.upstream import UpstreamConnection
from twisted_multiserver.streams.sweep import INTERVAL, Sweep


class ConnectionsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.make(BackendKind.child)

    def make(self, kind: BackendKind) -> None:
        self.clock = Clock()
        self.dialer = FakeDialer()
        self.backend = Backend("x", kind)
        self.connections = Connections(
            self.backend,
            cast(Dialer, self.dialer),
            self.clock,
            Sweep(self.clock),
            GatewayBudgets(),
        )

    def connect(self) -> tuple[UpstreamConnection, FakeStream]:
        connection = self.connections.connect()
        assert isinstance(connection, UpstreamConnection)
        return connection, self.dialer.streams[-1]

    def idle(self, count: int) -> list[tuple[UpstreamConnection, FakeStream]]:
        made = [self.connect() for _ in range(count)]
        for connection, _ in made:
            self.connections.connectionIdle(connection)
        return made

    def test_latestFirst(self) -> None:
        """
        The one used last is used first, and each only once.
        """
        (first, _), (second, _) = self.idle(2)
        self.assertIs(self.connections.takeIdle(), second)
        self.assertIs(self.connections.takeIdle(), first)
        self.assertIsNone(self.connections.takeIdle())

    def test_lookedAt(self) -> None:
        """
        One that isn't quiet any more is closed, and the next is looked at; but for those
        of our own children, which are.
        """
        self.make(BackendKind.remote)
        (first, _), (_, second), (_, third) = self.idle(3)
        second.quiet = third.quiet = False
        self.assertIs(self.connections.takeIdle(), first)
        self.assertEqual((second.state, third.state), ("closed", "closed"))
        self.make(BackendKind.child)
        ((connection, stream),) = self.idle(1)
        stream.quiet = False
        self.assertIs(self.connections.takeIdle(), connection)

    def test_idleBudgets(self) -> None:
        """
        Each kind has its own, shorter than its servers' own.
        """
        self.assertLess(IDLE_BUDGETS[BackendKind.program], 2.0)
        self.assertLess(IDLE_BUDGETS[BackendKind.remote], 5.0)
        for kind in BackendKind:
            self.make(kind)
            ((_, stream),) = self.idle(1)
            steps = int(IDLE_BUDGETS[kind] / INTERVAL)
            self.clock.pump([INTERVAL] * (steps - 1))
            self.assertEqual(stream.state, "open")
            self.clock.pump([INTERVAL] * 2)
            self.assertEqual(stream.state, "closed")
            self.assertIsNone(self.connections.takeIdle())

    def test_lostWhileIdle(self) -> None:
        (_, stream), (second, _) = self.idle(2)
        stream.ends(clean=True)
        self.assertIs(self.connections.takeIdle(), second)
        self.assertIsNone(self.connections.takeIdle())

    def test_notKeptForWhoLeaves(self) -> None:
        """
        A backend that may not be chosen any more gets no connection kept.
        """
        for state in (BackendState.draining, BackendState.removed):
            self.make(BackendKind.child)
            connection, stream = self.connect()
            self.backend.state = state
            self.connections.connectionIdle(connection)
            self.assertEqual(stream.state, "closed")
            self.assertIsNone(self.connections.takeIdle())

    def test_closeIdle(self) -> None:
        """
        Those in use stay.
        """
        (_, first), (_, second) = self.idle(2)
        _, used = self.connect()
        self.connections.closeIdle()
        self.assertEqual((first.state, second.state, used.state), ("closed", "closed", "open"))
        self.assertIsNone(self.connections.takeIdle())

    def test_noTimerForNone(self) -> None:
        """
        Without a connection nothing is watched.
        """
        _, used = self.connect()
        used.ends(clean=True)
        self.clock.advance(INTERVAL)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_backendDied(self) -> None:
        """
        Idle ones are closed, those in use are read to their end.
        """
        ((_, idle),) = self.idle(1)
        _, used = self.connect()
        used.pause()
        self.connections.backendDied()
        self.assertEqual((idle.state, used.state, used.paused), ("closed", "open", False))

    def test_refused(self) -> None:
        self.dialer.refusal = Outcome.busy
        error = self.assertRaises(DialFailed, self.connections.connect)
        self.assertIs(error.outcome, Outcome.busy)

    def test_later(self) -> None:
        """
        A connection may take its time.
        """
        self.dialer.slow = Deferred()
        connecting = self.connections.connect()
        assert isinstance(connecting, Deferred)
        self.assertNoResult(connecting)
        self.dialer.slow.callback(FakeStream())
        self.assertIsInstance(self.successResultOf(connecting), UpstreamConnection)

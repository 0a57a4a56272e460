"""
Backends that are asked how they are.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.doubles import OK, FakeStream, Stage
from twisted_multiserver.balancing.backend import BackendKind, BackendState
from twisted_multiserver.balancing.healthcount import HealthCount
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.healthchecks import HealthChecks, HealthPlan
from twisted_multiserver.streams.sweep import INTERVAL

PLAN = HealthPlan("/up?x=1", (200, 299), interval=2.0, budget=1.0, rise=2, fall=3)
BAD = b"HTTP/1.1 503 X\r\nContent-Length: 2\r\n\r\nno"


class CountTests(SynchronousTestCase):
    def test_rows(self) -> None:
        """
        Only a whole row means something.
        """
        count = HealthCount(2, 3)
        seen = [count.note(each == "+") for each in "+--+---+-++-"]
        self.assertEqual(
            seen, [True] * 6 + [False] * 4 + [True] * 2, "after three bad ones, until two good"
        )


class CheckTests(SynchronousTestCase):
    """
    Two backends, of which one is ill.
    """

    def setUp(self) -> None:
        self.stage = Stage()
        self.checks = HealthChecks(self.stage.distribution, PLAN, lambda: 0.5)
        self.ill = self.stage.add("a", BackendKind.remote)
        self.well = self.stage.add("b", BackendKind.remote)

    def pass_(self, seconds: float) -> None:
        """
        Let time pass; the healthy one answers whatever it is asked.
        """
        for _ in range(round(seconds / INTERVAL)):
            self.stage.clock.advance(INTERVAL)
            for stream in self.stage.dialers["b"].streams:
                if stream.state == "open":
                    stream.receives(OK)

    def answered(self, answer: bytes) -> FakeStream:
        """
        Wait for the next check of the ill one, and answer it.
        """
        before = len(self.stage.dialers["a"].streams)
        while len(self.stage.dialers["a"].streams) == before:
            self.pass_(INTERVAL)
        stream = self.stage.stream("a")
        if answer:
            stream.receives(answer)
        return stream

    def test_asked(self) -> None:
        """
        What, and that nothing of it is left, or counted as a request.
        """
        stream = self.answered(OK)
        self.assertTrue(stream.sent.startswith(b"GET /up?x=1 HTTP/1.1\r\nHost: a\r\n"), stream.sent)
        self.assertIn(b"\r\nConnection: close\r\n", stream.sent)
        self.assertNotEqual(stream.state, "open")
        self.assertEqual(self.ill.statistics.requests, 0)
        self.assertEqual(self.ill.inFlight, 0)

    def test_outAndBack(self) -> None:
        for _ in range(2):
            self.answered(BAD)
        self.assertIs(self.ill.state, BackendState.admitted)
        self.answered(BAD)
        self.assertIs(self.ill.state, BackendState.ejected)
        self.answered(OK)
        self.assertIs(self.ill.state, BackendState.ejected)
        self.answered(OK)
        self.assertIs(self.ill.state, BackendState.admitted)
        self.assertEqual(self.ill.statistics.failedChecks, 3)

    def test_whatIsBad(self) -> None:
        """
        Another status, nonsense, an end, nothing in time, no connection.
        """
        for number, answer in enumerate(
            (b"HTTP/1.1 301 X\r\nContent-Length: 0\r\n\r\n", b"what?\r\n\r\n")
        ):
            self.answered(answer)
            self.assertEqual(self.ill.statistics.failedChecks, number + 1)
        self.answered(b"").ends(clean=True)
        self.assertEqual(self.ill.statistics.failedChecks, 3)
        stream = self.answered(b"HTTP/1.1 200")
        self.pass_(1.5)
        self.assertEqual(self.ill.statistics.failedChecks, 4)
        self.assertEqual(stream.state, "aborted")
        self.stage.dialers["a"].refusal = Outcome.connectRefused
        self.pass_(3)
        self.assertEqual(self.ill.statistics.failedChecks, 5)

    def test_endlessBody(self) -> None:
        """
        Its head is enough.
        """
        stream = self.answered(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.assertEqual(self.ill.statistics.failedChecks, 0)
        self.assertEqual(stream.state, "aborted")

    def test_slowConnection(self) -> None:
        """
        It is given up in time, too.
        """
        waiting: Deferred[FakeStream] = Deferred()
        self.stage.dialers["a"].slow = waiting
        while not waiting.called:
            self.pass_(INTERVAL)
        self.assertEqual(self.ill.statistics.failedChecks, 1)

    def test_neverTheLastHalf(self) -> None:
        """
        But at once when there are others again.
        """
        self.stage.distribution.pool.remove(self.well)
        for _ in range(4):
            self.answered(BAD)
        self.assertIs(self.ill.state, BackendState.admitted)
        self.stage.add("c")
        self.answered(BAD)
        self.assertIs(self.ill.state, BackendState.ejected)

    def test_leaves(self) -> None:
        """
        Who is gone, or draining, isn't asked any more; nor is anybody at the end.
        """
        stream = self.answered(b"")
        self.stage.distribution.pool.remove(self.ill)
        self.assertEqual(stream.state, "aborted")
        asked = len(self.stage.dialers["a"].streams)
        self.stage.distribution.pool.drain(self.well, lambda: None)
        before = len(self.stage.dialers["b"].streams)
        self.pass_(10)
        self.assertEqual(len(self.stage.dialers["a"].streams), asked)
        self.assertEqual(len(self.stage.dialers["b"].streams), before)
        self.stage.add("d")
        self.checks.stop()
        self.pass_(10)
        self.assertEqual(self.stage.dialers["d"].streams, [])

"""
The circuit breaker.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions.breaker import CircuitBreaker


class CircuitBreakerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.breaker = CircuitBreaker(self.clock.seconds, threshold=3, pause=2.0)

    def test_closed(self) -> None:
        """It admits all while fewer failures come in a row than open it."""
        for _ in range(5):
            self.breaker.failed()
            self.breaker.failed()
            self.assertTrue(self.breaker.admits())
            self.assertEqual(self.breaker.state, "closed")
            self.breaker.succeeded()
        self.assertEqual(self.breaker.failures, 0)

    def test_open(self) -> None:
        """It admits nobody until the pause is over."""
        self._open()
        self.assertFalse(self.breaker.admits())
        self.clock.advance(1.9)
        self.assertFalse(self.breaker.admits())
        self.assertEqual(self.breaker.state, "open")

    def test_probe(self) -> None:
        """Then it admits one, and another only after another pause."""
        self._open()
        self.clock.advance(2.0)
        self.assertEqual(self.breaker.state, "half-open")
        self.assertTrue(self.breaker.admits())
        self.assertFalse(self.breaker.admits())
        self.assertEqual(self.breaker.state, "open")
        self.clock.advance(2.0)
        self.assertTrue(self.breaker.admits())

    def test_probeSucceeds(self) -> None:
        """It closes when the probe succeeds."""
        self._open()
        self.clock.advance(2.0)
        self.breaker.admits()
        self.breaker.succeeded()
        self.assertEqual(self.breaker.state, "closed")
        self.assertTrue(self.breaker.admits())
        self.assertTrue(self.breaker.admits())

    def test_probeFails(self) -> None:
        """The pause begins anew when the probe fails."""
        self._open()
        self.clock.advance(2.0)
        self.breaker.admits()
        self.clock.advance(1.5)
        self.breaker.failed()
        self.clock.advance(1.9)
        self.assertFalse(self.breaker.admits())
        self.clock.advance(0.1)
        self.assertTrue(self.breaker.admits())

    def _open(self) -> None:
        for _ in range(3):
            self.assertTrue(self.breaker.admits())
            self.breaker.failed()
        self.assertEqual(self.breaker.state, "open")

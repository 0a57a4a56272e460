"""
What is decided in times of trouble: retries, quarantine, ejection.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.ejection import (
    FAILURES,
    LONGEST,
    RECOVERED,
    SLOW_START,
    Health,
    mayEject,
)
from twisted_multiserver.balancing.quarantine import (
    EXPIRY,
    HEADS,
    Quarantine,
    fingerprintOf,
    kindOf,
    signatureOf,
)
from twisted_multiserver.balancing.retrybudget import (
    ALWAYS_PER_SECOND,
    SHARE,
    WINDOW,
    RetryBudget,
)


class RetryBudgetTests(SynchronousTestCase):
    """
    How many retries there may be.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.requests = 0
        self.budget = RetryBudget(self.clock.seconds, lambda: self.requests)

    def granted(self, asked: int) -> int:
        return sum(self.budget.take() for _ in range(asked))

    def test_aFewAlways(self) -> None:
        """
        Ten a second, without any request.
        """
        self.assertEqual(self.granted(50), ALWAYS_PER_SECOND)
        self.clock.advance(1)
        self.assertEqual(self.granted(50), ALWAYS_PER_SECOND)

    def test_share(self) -> None:
        """
        A fifth of what came in the window.
        """
        self.budget.take()
        self.requests += 1000
        self.assertEqual(self.granted(500), 200 - 1)
        self.clock.advance(WINDOW + 1)
        self.assertEqual(self.granted(500), ALWAYS_PER_SECOND)

    @given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 200), st.integers(0, 200))))
    def test_neverMore(self, steps: list[tuple[float, int, int]]) -> None:
        """
        Over any life, at most the share of all requests and the few of each second.
        """
        self.setUp()
        granted = 0
        for pause, requests, asked in steps:
            self.clock.advance(pause)
            self.requests += requests
            granted += self.granted(asked)
        most = SHARE * self.requests + ALWAYS_PER_SECOND * (len(steps) + 1) + 1
        self.assertLessEqual(granted, most)


class QuarantineTests(SynchronousTestCase):
    """
    Requests that kill.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.quarantine = Quarantine(self.clock.seconds)
        self.poison = fingerprintOf(b"GET", b"/poison")

    def crash(self, fingerprint: bytes | None = None) -> None:
        """
        Let a child crash that was sent the request after all that was before.
        """
        self.clock.advance(0.1)
        since = self.clock.seconds()
        self.clock.advance(0.1)
        poison = self.poison if fingerprint is None else fingerprint
        self.quarantine.crashed(poison, since, self.clock.seconds())

    def test_twoCrashes(self) -> None:
        """
        One may be chance.
        """
        self.crash()
        self.assertFalse(self.quarantine.holds(self.poison))
        self.crash()
        self.assertTrue(self.quarantine.holds(self.poison))
        self.assertFalse(self.quarantine.holds(fingerprintOf(b"GET", b"/other")))

    def test_atOnce(self) -> None:
        """
        Children that die together, by one hand, may have had the same in flight.
        """
        since = self.clock.seconds()
        self.clock.advance(1)
        for _ in range(4):
            self.quarantine.crashed(self.poison, since, self.clock.seconds())
            self.clock.advance(0.01)
        self.assertFalse(self.quarantine.holds(self.poison))

    def test_byItsBody(self) -> None:
        """
        Its like with another body is innocent; that there is a body to be known is told.
        """
        poison = fingerprintOf(b"POST", b"/", b"bad")
        self.crash(poison)
        kind = kindOf(b"POST", b"/")
        self.assertFalse(self.quarantine.concerns(kind))
        self.crash(poison)
        self.assertTrue(self.quarantine.concerns(kind))
        self.assertFalse(self.quarantine.concerns(kindOf(b"PUT", b"/")))
        self.assertFalse(self.quarantine.holds(fingerprintOf(b"POST", b"/", b"good")))
        self.assertTrue(self.quarantine.holds(poison))

    def test_byItsHead(self) -> None:
        """
        One with another head may be tried, but not ever more of them.
        """
        for head in range(HEADS + 2):
            signature = signatureOf(b"%d" % head)
            self.assertEqual(self.quarantine.mayTry(self.poison, signature), head < HEADS)
            self.clock.advance(1)
            now = self.clock.seconds()
            self.quarantine.crashed(self.poison, now, now, signature)
            self.assertFalse(self.quarantine.mayTry(self.poison, signature))

    def test_successClears(self) -> None:
        """
        Between the crashes, and after them.
        """
        self.crash()
        self.quarantine.succeeded(self.poison)
        self.crash()
        self.assertFalse(self.quarantine.holds(self.poison))
        self.crash()
        self.quarantine.succeeded(self.poison)
        self.assertFalse(self.quarantine.holds(self.poison))
        self.assertEqual(self.quarantine.suspects, 0)

    def test_expires(self) -> None:
        """
        A minute after the first crash.
        """
        self.crash()
        self.clock.advance(EXPIRY - 1)
        self.crash()
        self.assertTrue(self.quarantine.holds(self.poison))
        self.clock.advance(1)
        self.assertFalse(self.quarantine.holds(self.poison))

    def test_bounded(self) -> None:
        """
        However many requests were in flight.
        """
        for number in range(5000):
            self.crash(fingerprintOf(b"GET", b"/%d" % number))
        self.assertLessEqual(self.quarantine.suspects, 1000)

    @given(*[st.binary(max_size=5)] * 6)
    def test_fingerprints(self, a: bytes, b: bytes, c: bytes, d: bytes, e: bytes, f: bytes) -> None:
        """
        They are equal exactly if all parts are.
        """
        same = fingerprintOf(a, b, c) == fingerprintOf(d, e, f)
        self.assertEqual(same, (a, b, c) == (d, e, f))


class HealthTests(SynchronousTestCase):
    """
    Backends that keep failing.
    """

    def fail(self, health: Health, times: int = FAILURES) -> bool:  # type: ignore[override]
        return [health.failed() for _ in range(times)][-1]

    def test_inARow(self) -> None:
        """
        A success in between begins anew.
        """
        health = Health()
        self.assertTrue(health.isSpotless)
        self.assertFalse(self.fail(health, FAILURES - 1))
        self.assertFalse(health.isSpotless)
        health.succeeded()
        self.assertTrue(health.isSpotless)
        self.assertFalse(self.fail(health, FAILURES - 1))
        self.assertTrue(health.failed())

    def test_longerEachTime(self) -> None:
        """
        5, 10, 15 seconds, up to a bound; recovery begins anew.
        """
        health = Health()
        self.assertEqual([health.eject() for _ in range(3)], [5, 10, 15])
        self.assertEqual([health.eject() for _ in range(100)][-1], LONGEST)
        for _ in range(RECOVERED):
            health.succeeded()
        self.assertEqual(health.eject(), 5)

    def test_slowStart(self) -> None:
        """
        A share that grows to the whole.
        """
        health = Health()
        self.assertEqual(health.share(0), 1)
        health.eject()
        health.readmit(5)
        shares = [health.share(5 + SLOW_START * part / 10) for part in range(12)]
        self.assertEqual(shares, sorted(shares))
        self.assertGreater(shares[0], 0)
        self.assertEqual(shares[-2:], [1, 1])

    def test_panic(self) -> None:
        """
        Half of them stay, and one always does.
        """
        most = {}
        for count in range(1, 10):
            out = 0
            while mayEject(out, count):
                out += 1
            most[count] = out
        self.assertEqual(most, {1: 0, 2: 1, 3: 1, 4: 2, 5: 2, 6: 3, 7: 3, 8: 4, 9: 4})

"""
How every operation on a store runs.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions.breaker import CircuitBreaker
from twisted_multiserver.sessions.errors import (
    SessionCorrupt,
    SessionError,
    StoreConfigError,
    StoreUnavailable,
)
from twisted_multiserver.sessions.operations import Operations


class DriverError(Exception):
    """
    What a driver raises.
    """


def _classify(error: BaseException) -> SessionError | None:
    if not isinstance(error, DriverError):
        return None
    return {
        "away": StoreUnavailable("away"),
        "lost": StoreUnavailable("lost", retryable=True, outcomeUnknown=True),
        "refused": StoreConfigError("refused"),
    }[str(error)]


class OperationsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.operations = Operations("a store", self.clock, _classify)
        self.asked: list[Deferred[str]] = []

    def ask(self) -> Deferred[str]:
        """A driver that answers when it is told to."""
        self.asked.append(Deferred())
        return self.asked[-1]

    def run_(self, call: Callable[[], Deferred[str]] | None = None) -> Deferred[str]:
        return self.operations.run("load", 1.0, call or self.ask)

    def failureOf(self, waiting: Deferred[str]) -> StoreUnavailable:
        error = self.failureResultOf(waiting, StoreUnavailable).value
        assert isinstance(error, StoreUnavailable)
        return error

    def test_answer(self) -> None:
        """The driver's answer is the result, and nothing is left to be called."""
        waiting = self.run_()
        self.assertNoResult(waiting)
        self.asked[0].callback("a")
        self.assertEqual(self.successResultOf(waiting), "a")
        self.assertEqual(self.operations.counts, {"load ok": 1})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_answerAtOnce(self) -> None:
        """A driver may answer before it returns."""
        self.assertEqual(self.successResultOf(self.run_(lambda: succeed("a"))), "a")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late(self) -> None:
        """A caller waits until the deadline and no longer; what comes then is dropped."""
        waiting = self.run_()
        self.clock.advance(0.999)
        self.assertNoResult(waiting)
        self.clock.advance(0.001)
        error = self.failureOf(waiting)
        self.assertEqual(str(error), "a store did not answer in time: load")
        self.assertTrue(error.outcomeUnknown)
        self.assertFalse(error.retryable)
        self.asked[0].callback("late")
        self.assertEqual(self.operations.counts, {"load unavailable": 1})

    def test_lateFailure(self) -> None:
        """A failure after the deadline is reported nowhere, and no second one."""
        waiting = self.run_()
        self.clock.advance(1.0)
        self.failureOf(waiting)
        self.asked[0].errback(DriverError("lost"))
        self.assertEqual(len(self.asked), 1)
        self.assertEqual(self.operations.breaker.failures, 1)
        self.assertEqual(self.operations.counts, {"load unavailable": 1})
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_cancelled(self) -> None:
        """Who gives up waiting doesn't disturb the driver."""
        waiting = self.run_()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertFalse(self.asked[0].called)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.asked[0].errback(DriverError("lost"))
        self.clock.advance(0)
        self.assertEqual(len(self.asked), 1)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_errorMeans(self) -> None:
        """An error of the driver's is never seen, only what it means."""
        waiting = self.run_()
        self.asked[0].errback(DriverError("refused"))
        self.assertEqual(str(self.failureResultOf(waiting, StoreConfigError).value), "refused")
        self.assertEqual(self.operations.counts, {"load error": 1})

    def test_errorOfOurs(self) -> None:
        """An error that may be reported already is reported as it is."""
        corrupt = SessionCorrupt("corrupt")
        waiting = self.run_(lambda: fail(corrupt))
        self.assertIs(self.failureResultOf(waiting, SessionCorrupt).value, corrupt)

    def test_raised(self) -> None:
        """A driver may raise before it returns anything."""

        def call() -> Deferred[str]:
            raise DriverError("away")

        self.assertEqual(str(self.failureOf(self.run_(call))), "away")

    def test_unknownError(self) -> None:
        """A fault is logged with its traceback; the caller gets an error that it knows."""
        error = self.failureOf(self.run_(lambda: fail(ZeroDivisionError("secret"))))
        self.assertEqual(str(error), "a store: load failed: ZeroDivisionError")
        self.assertTrue(error.outcomeUnknown)
        self.assertFalse(error.retryable)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_secondTry(self) -> None:
        """What may help is tried again, once, and not in the same turn."""
        waiting = self.run_()
        self.asked[0].errback(DriverError("lost"))
        self.assertEqual(len(self.asked), 1)
        self.assertNoResult(waiting)
        self.clock.advance(0)
        self.assertEqual(len(self.asked), 2)
        self.asked[1].callback("a")
        self.assertEqual(self.successResultOf(waiting), "a")
        self.assertEqual(self.operations.counts, {"load ok": 1})
        self.assertEqual(self.operations.breaker.failures, 0)

    def test_noThirdTry(self) -> None:
        """Two tries are all; they are one failure."""
        waiting = self.run_()
        self.asked[0].errback(DriverError("lost"))
        self.clock.advance(0)
        self.asked[1].errback(DriverError("lost"))
        self.assertTrue(self.failureOf(waiting).outcomeUnknown)
        self.assertEqual(len(self.asked), 2)
        self.assertEqual(self.operations.breaker.failures, 1)

    def test_noSecondTry(self) -> None:
        """What can't help isn't tried again."""
        waiting = self.run_()
        self.asked[0].errback(DriverError("away"))
        self.failureOf(waiting)
        self.clock.advance(0)
        self.assertEqual(len(self.asked), 1)

    def test_oneDeadline(self) -> None:
        """Both tries together have the deadline of one."""
        waiting = self.run_()
        self.clock.advance(0.7)
        self.asked[0].errback(DriverError("lost"))
        self.clock.advance(0)
        self.clock.advance(0.3)
        self.failureOf(waiting)

    def test_breaker(self) -> None:
        """After failures in a row the driver isn't asked for a while."""
        for _ in range(5):
            self.failureOf(self.run_(lambda: fail(DriverError("away"))))
        error = self.failureOf(self.run_())
        self.assertEqual(str(error), "a store does not answer; it isn't asked for now")
        self.assertFalse(error.outcomeUnknown)
        self.assertEqual(self.asked, [])
        self.assertEqual(self.operations.counts, {"load unavailable": 5, "load refused": 1})
        self.clock.advance(1.0)
        probe = self.run_()
        self.failureOf(self.run_())
        self.asked[0].callback("a")
        self.assertEqual(self.successResultOf(probe), "a")
        self.assertEqual(self.operations.breaker.state, "closed")

    def test_breakerLate(self) -> None:
        """Deadlines that pass are failures."""
        waiting = [self.run_() for _ in range(5)]
        self.clock.advance(1.0)
        for each in waiting:
            self.failureOf(each)
        self.assertEqual(self.operations.breaker.state, "open")
        self.asked[0].callback("late")
        self.assertEqual(self.operations.breaker.state, "closed")

    def test_breakerAnswered(self) -> None:
        """A store that refuses has answered."""
        for _ in range(9):
            waiting = self.run_(lambda: fail(DriverError("refused")))
            self.failureResultOf(waiting, StoreConfigError)
        self.assertEqual(self.operations.breaker.failures, 0)

    def test_breakerOfServer(self) -> None:
        """A store of several servers has a breaker for each."""
        server = CircuitBreaker(self.clock.seconds, threshold=1)
        waiting = self.operations.run("load", 1.0, lambda: fail(DriverError("away")), server)
        self.failureOf(waiting)
        self.assertEqual((server.state, self.operations.breaker.failures), ("open", 0))
        self.failureOf(self.operations.run("load", 1.0, self.ask, server))
        self.assertEqual(self.asked, [])

    def test_quiet(self) -> None:
        """It is quiet when nothing is being asked."""
        self.successResultOf(self.operations.whenQuiet(1.0))

    def test_whenQuiet(self) -> None:
        """Whoever stops waits for the driver, though nobody else does any more."""
        first, second = self.run_(), self.run_()
        quiet = self.operations.whenQuiet(5.0)
        self.clock.advance(1.0)
        self.failureOf(first)
        self.failureOf(second)
        self.asked[0].callback("a")
        self.assertNoResult(quiet)
        self.asked[1].callback("a")
        self.successResultOf(quiet)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_quietBetweenTries(self) -> None:
        """An operation that is about to be tried again isn't over."""
        waiting = self.run_()
        self.asked[0].errback(DriverError("lost"))
        quiet = self.operations.whenQuiet(5.0)
        self.assertNoResult(quiet)
        self.clock.advance(0)
        self.asked[1].callback("a")
        self.successResultOf(quiet)
        self.successResultOf(waiting)

    def test_neverQuiet(self) -> None:
        """It waits so long and no longer."""
        waiting = self.run_()
        quiet = self.operations.whenQuiet(0.5)
        self.clock.advance(0.5)
        self.successResultOf(quiet)
        self.assertNoResult(waiting)
        self.asked[0].callback("a")
        self.successResultOf(waiting)

"""
The plan of one exchange: its rules one by one.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.surroundings import QUEUE_BUDGET, SaidQueue, circumstancesOf
from twisted_multiserver.balancing.backend import Backend, BackendKind
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.pool import Pool
from twisted_multiserver.gateway.plan import (
    MAX_TRIES,
    Answer,
    Choose,
    Cut,
    Decision,
    ExchangePlan,
    Progress,
    Send,
    Wait,
)
from twisted_multiserver.testing import MadeExchange


class PlanTests(SynchronousTestCase):
    """
    The rules.
    """

    def setUp(self) -> None:
        self.now = 1000.0
        self.pool = Pool(lambda: self.now)
        self.queue = SaidQueue()
        self.signature = b"its head"
        self.circumstances = circumstancesOf(self.pool, lambda: self.now, self.queue)

    def add(self, count: int, kind: BackendKind = BackendKind.child) -> tuple[Backend, ...]:
        for number in range(count):
            self.pool.admit(Backend(f"unix:/{kind.name}{number}", kind))
        return self.pool.admissible

    def plan(self, method: bytes = b"GET") -> ExchangePlan:
        return ExchangePlan(self.circumstances, method, lambda: b"it", lambda: self.signature)

    def failed(
        self,
        kind: BackendKind,
        outcome: Outcome,
        method: bytes = b"GET",
        bodySent: bool = False,
        bodyLost: bool = False,
        reused: bool = False,
    ) -> tuple[Decision, Backend, Backend]:
        """
        Let the first of two backends fail.

        @return: what comes next, and the two.
        """
        for backend in self.pool.backends():
            self.pool.remove(backend)
        first, second = self.add(2, kind)
        plan = self.plan(method)
        self.assertEqual(plan.begin(), Choose((first, second)))
        self.assertEqual(plan.chosen(first), Send(first))
        return plan.failed(first, outcome, Progress(reused, bodySent, bodyLost)), first, second

    def test_nothingSent(self) -> None:
        """
        (a) While no byte was sent any request goes elsewhere.
        """
        for kind in BackendKind:
            for outcome in (Outcome.connectRefused, Outcome.connectTimeout, Outcome.withdrawn):
                decision, _, second = self.failed(kind, outcome, b"POST")
                self.assertEqual(decision, Choose((second,)))

    def test_unread(self) -> None:
        """
        (b) A reset of our own child: any method, if no byte of the body was sent.
        """
        for kind in (BackendKind.child, BackendKind.program):
            decision, _, second = self.failed(kind, Outcome.resetUnread, b"POST")
            self.assertEqual(decision, Choose((second,)))
            decision, first, _ = self.failed(kind, Outcome.resetUnread, b"POST", bodySent=True)
            reason = f"{first.name}: {Outcome.resetUnread.value}"
            self.assertEqual(decision, Answer(502, reason))

    def test_unsent(self) -> None:
        """
        A connection that had ended before the request came tried nothing, wherever it led:
        any method goes elsewhere, and it may happen any number of times.
        """
        for kind in BackendKind:
            for backend in self.pool.backends():
                self.pool.remove(backend)
            backends = self.add(MAX_TRIES + 2, kind)
            plan = self.plan(b"POST")
            plan.begin()
            for backend in backends[:-1]:
                plan.chosen(backend)
                decision = plan.failed(backend, Outcome.resetUnread, Progress(isUnsent=True))
                self.assertIsInstance(decision, Choose)
        # The last ones are servers elsewhere.
        lost = Progress(isUnsent=True, bodyLost=True)
        decision = plan.failed(backends[-1], Outcome.resetUnread, lost)
        self.assertIsInstance(decision, Answer)

    def test_unreadElsewhere(self) -> None:
        """
        (b) TCP promises nothing of the kind.
        """
        decision, _, _ = self.failed(BackendKind.remote, Outcome.resetUnread, b"POST")
        self.assertIsInstance(decision, Answer)

    def test_read(self) -> None:
        """
        (c) What may have been read is repeated if the method is idempotent, and the body
        still there.
        """
        for kind in BackendKind:
            for outcome in (Outcome.eofBeforeHead, Outcome.resetRead):
                for method, isLost, repeated in (
                    (b"GET", False, True),
                    (b"HEAD", False, True),
                    (b"GET", True, False),
                    (b"POST", False, False),
                    (b"PUT", True, False),
                    (b"PUT", False, True),
                    (b"DELETE", False, True),
                    (b"OPTIONS", False, True),
                    (b"get", False, False),
                    (b"PATCH", False, False),
                ):
                    decision, _, second = self.failed(kind, outcome, method, bodyLost=isLost)
                    if repeated:
                        self.assertEqual(decision, Choose((second,)))
                    else:
                        self.assertIsInstance(decision, Answer)

    def test_nonsense(self) -> None:
        """
        A backend that talks nonsense isn't taken for a dead one.
        """
        for kind in BackendKind:
            decision, _, _ = self.failed(kind, Outcome.badResponse)
            assert isinstance(decision, Answer)
            self.assertEqual(decision.status, 502)

    def test_timeouts(self) -> None:
        """
        Of a backend that takes too long another one is asked, but only what can be
        repeated, and never on another connection to the same one.
        """
        for outcome in (Outcome.firstByteTimeout, Outcome.stalled):
            for kind in BackendKind:
                decision, _, second = self.failed(kind, outcome, reused=True)
                self.assertEqual(decision, Choose((second,)))
                decision, _, _ = self.failed(kind, outcome, b"POST")
                assert isinstance(decision, Answer)
                self.assertEqual(decision.status, 504)

    def test_retryBudget(self) -> None:
        """
        What living backends and other servers fail is repeated ten times a second, and
        not much more; the deaths of our own children aren't counted.
        """
        for kind, outcome, isBounded in (
            (BackendKind.remote, Outcome.eofBeforeHead, True),
            (BackendKind.remote, Outcome.connectRefused, False),
            (BackendKind.remote, Outcome.gatewayError, True),
            (BackendKind.child, Outcome.firstByteTimeout, True),
            (BackendKind.child, Outcome.gatewayError, True),
            (BackendKind.child, Outcome.resetRead, False),
            (BackendKind.child, Outcome.cut, False),
        ):
            self.now += 60
            decisions = [self.failed(kind, outcome)[0] for _ in range(20)]
            repeated = sum(isinstance(decision, Choose) for decision in decisions)
            self.assertEqual(repeated, 10 if isBounded else 20, (kind, outcome))
        self.assertEqual(self.circumstances.counts.retriesRefused, 40)

    def test_fullBackends(self) -> None:
        """
        They aren't chosen; if all are, the request stands in line.
        """
        for number in range(2):
            self.pool.admit(Backend(f"unix:/{number}", BackendKind.child, limit=1))
        first, second = self.pool.admissible
        plan = self.plan()
        first.begin(MadeExchange())
        self.assertEqual(plan.begin(), Choose((second,)))
        second.begin(MadeExchange())
        self.assertEqual(plan.chosen(second), Wait(self.now + QUEUE_BUDGET, inLine=True))
        self.assertEqual(plan.goOn(), Wait(self.now + QUEUE_BUDGET, inLine=True))
        self.now += QUEUE_BUDGET
        decision = plan.goOn()
        assert isinstance(decision, Answer)
        self.assertEqual(decision.status, 503)

    def test_line(self) -> None:
        """
        Nobody overtakes those who stand in line, but who was in it may go on.
        """
        (only,) = self.add(1)
        self.queue.hasLine = True
        plan = self.plan()
        self.assertEqual(plan.begin(), Wait(self.now + QUEUE_BUDGET, inLine=True))
        self.assertEqual(plan.goOn(), Choose((only,)))

    def test_queueFull(self) -> None:
        """
        Then nobody may wait any more, but who waits already.
        """
        self.pool.expect(0)
        waiting = self.plan()
        self.assertIsInstance(waiting.begin(), Wait)
        self.queue.isFull = True
        self.assertEqual(self.plan().begin(), Answer(503, "the queue is full"))
        self.assertIsInstance(waiting.goOn(), Wait)
        self.assertEqual(self.circumstances.counts.queueFull, 1)

    def test_alone(self) -> None:
        """
        One that two children have died with is tried a third time alone.
        """
        first, second, third = self.add(3)
        plan = self.plan()
        plan.begin()
        for backend in (first, second):
            self.assertEqual(plan.chosen(backend), Send(backend))
            plan.failed(backend, Outcome.eofBeforeHead, Progress())
        self.circumstances.hasLoner = True
        self.assertEqual(plan.chosen(third), Wait(self.now + QUEUE_BUDGET))
        self.circumstances.hasLoner = False
        self.assertEqual(plan.goOn(), Choose((third,)))
        self.assertEqual(plan.chosen(third), Send(third, alone=True))

    def test_quarantined(self) -> None:
        """
        A request that has killed children is refused, but not one that is being tried.
        """
        self.add(3)
        trying = self.plan()
        trying.begin()
        trying.failed(self.pool.admissible[0], Outcome.resetRead, Progress())
        quarantine = self.circumstances.quarantine
        quarantine.crashed(b"it", self.now, self.now, b"its head")
        self.assertIsInstance(self.plan().begin(), Choose)
        quarantine.crashed(b"it", self.now + 1, self.now + 2, b"its head")
        decision = self.plan().begin()
        assert isinstance(decision, Answer)
        self.assertEqual(decision.status, 503)
        self.assertIn("quarantined", decision.reason)
        self.signature = b"another head"
        self.assertIsInstance(self.plan().begin(), Choose)
        self.assertIsInstance(trying.goOn(), Choose)

    def test_responseStarted(self) -> None:
        """
        Nothing is repeated once the client has a part of the response.
        """
        first, _ = self.add(2)
        for outcome in (Outcome.cut, Outcome.stalled, Outcome.resetUnread):
            plan = self.plan()
            plan.chosen(first)
            decision = plan.failed(first, outcome, Progress(responseStarted=True))
            self.assertEqual(decision, Cut(f"{first.name}: {outcome.value}"))

    def test_threeTries(self) -> None:
        """
        Tries of which a byte may have been read are counted, others aren't.
        """
        backends = self.add(8)
        plan = self.plan()
        plan.begin()
        sent = [Outcome.eofBeforeHead, Outcome.resetRead, Outcome.resetRead]
        outcomes = [Outcome.connectRefused, sent[0], Outcome.resetUnread, *sent[1:]]
        for number, (backend, outcome) in enumerate(zip(backends, outcomes, strict=False)):
            sending = plan.chosen(backend)
            assert isinstance(sending, Send)
            self.assertIs(sending.backend, backend)
            decision = plan.failed(backend, outcome, Progress())
            if number < len(outcomes) - 1:
                self.assertEqual(decision, Choose(backends[number + 1 :]))
        reason = f"{backends[4].name}: {Outcome.resetRead.value}"
        self.assertEqual(decision, Answer(502, reason))

    def test_refusedAfterThreeTries(self) -> None:
        """
        The last word of the last backend counts, also if nothing was sent to it.
        """
        (only,) = self.add(1, BackendKind.remote)
        plan = self.plan()
        plan.begin()
        plan.chosen(only)
        decision = plan.failed(only, Outcome.connectTimeout, Progress())
        assert isinstance(decision, Answer)
        self.assertEqual(decision.status, 504)

    def test_keepAliveRace(self) -> None:
        """
        A used connection of a server that isn't ours: the same one, anew, once; not if
        it was withdrawn meanwhile; an application's says that it died.
        """
        for kind in (BackendKind.remote, BackendKind.program):
            decision, first, _ = self.failed(kind, Outcome.eofBeforeHead, reused=True)
            self.assertEqual(decision, Send(first, fresh=True))
        decision, _, second = self.failed(BackendKind.child, Outcome.eofBeforeHead, reused=True)
        self.assertEqual(decision, Choose((second,)))
        decision, _, _ = self.failed(BackendKind.remote, Outcome.resetUnread, b"POST", reused=True)
        self.assertIsInstance(decision, Answer)

    def test_unreadOverTCP(self) -> None:
        """
        (b) is for UNIX sockets: TCP doesn't tell, even from a program of ours.
        """
        first = Backend("tcp:127.0.0.1:1", BackendKind.program)
        for backend in (first, Backend("tcp:127.0.0.1:2", BackendKind.program)):
            self.pool.admit(backend)
        plan = self.plan(b"POST")
        plan.begin()
        plan.chosen(first)
        decision = plan.failed(first, Outcome.resetUnread, Progress())
        self.assertIsInstance(decision, Answer)

    def test_keepAliveRaceOfAWithdrawnOne(self) -> None:
        first, second = self.add(2, BackendKind.remote)
        plan = self.plan()
        plan.chosen(first)
        self.pool.drain(first, lambda: None)
        decision = plan.failed(first, Outcome.eofBeforeHead, Progress(reusedConnection=True))
        self.assertEqual(decision, Choose((second,)))

    def test_busy(self) -> None:
        """
        Another one; if all are busy the request knocks again in a moment, at all of
        them, until the budget is over.
        """
        backends = first, second = self.add(2)
        plan = self.plan(b"POST")
        for _ in range(10):
            self.assertEqual(plan.begin(), Choose(backends))
            plan.chosen(first)
            self.assertEqual(plan.failed(first, Outcome.busy, Progress()), Choose((second,)))
            plan.chosen(second)
            self.assertEqual(plan.failed(second, Outcome.busy, Progress()), Wait(self.now + 0.5))
            self.assertFalse(plan.isRetry)
            self.now += 0.5
        self.assertEqual(plan.begin(), Choose(backends))
        plan.chosen(first)
        plan.failed(first, Outcome.busy, Progress())
        plan.chosen(second)
        decision = plan.failed(second, Outcome.busy, Progress())
        assert isinstance(decision, Answer)
        self.assertEqual(decision.status, 503)

    def test_nobody(self) -> None:
        """
        With nobody there and nobody expected there is nothing to wait for.
        """
        self.assertEqual(self.plan().begin(), Answer(503, "there is no backend"))

    def test_expected(self) -> None:
        """
        Whoever is expected is waited for, in all as long as the budget says.
        """
        self.pool.expect(0)
        plan = self.plan()
        self.assertEqual(plan.begin(), Wait(self.now + QUEUE_BUDGET))
        deadline = self.now + QUEUE_BUDGET
        self.now += 3.0
        self.assertEqual(plan.begin(), Wait(deadline))
        self.now = deadline
        decision = plan.begin()
        self.assertEqual(decision, Answer(503, "no backend became ready in time"))

    def test_nobodyExpectedAnyMore(self) -> None:
        self.pool.expect(0)
        plan = self.plan()
        plan.begin()
        self.pool.unexpect(0)
        self.assertEqual(plan.begin(), Answer(503, "there is no backend"))

    def test_budgetIsForAllWaits(self) -> None:
        """
        Waiting a second time doesn't start it anew.
        """
        self.pool.expect(0)
        plan = self.plan()
        plan.begin()
        deadline = self.now + QUEUE_BUDGET
        self.now += 4.0
        (first,) = self.add(1)
        self.pool.expect(1)
        self.assertEqual(plan.begin(), Choose((first,)))
        plan.chosen(first)
        self.assertEqual(plan.failed(first, Outcome.eofBeforeHead, Progress()), Wait(deadline))

    def test_suspicion(self) -> None:
        """
        A child that failed is probably dead: its exit is waited for, half a second.
        """
        (only,) = self.add(1)
        plan = self.plan()
        plan.begin()
        plan.chosen(only)
        failed = self.now
        self.assertEqual(plan.failed(only, Outcome.resetUnread, Progress()), Wait(failed + 0.5))
        self.now += 0.3
        self.assertEqual(plan.begin(), Wait(failed + 0.5))
        self.now += 0.2
        reason = f"no backend is left: {Outcome.resetUnread.value}"
        self.assertEqual(plan.begin(), Answer(502, reason))

    def test_suspicionConfirmed(self) -> None:
        """
        Once it is gone its successor is waited for, if there is to be one.
        """
        for expected in (True, False):
            (only,) = self.add(1)
            plan = self.plan()
            plan.begin()
            plan.chosen(only)
            plan.failed(only, Outcome.resetUnread, Progress())
            self.pool.remove(only)
            if expected:
                self.pool.expect(0)
                self.assertEqual(plan.begin(), Wait(self.now + QUEUE_BUDGET))
                self.pool.unexpect(0)
            else:
                self.assertIsInstance(plan.begin(), Answer)

    def test_remoteIsNotSuspected(self) -> None:
        """
        Nobody tells of the death of a server that isn't ours.
        """
        (only,) = self.add(1, BackendKind.remote)
        plan = self.plan()
        plan.begin()
        plan.chosen(only)
        reason = f"no backend is left: {Outcome.connectRefused.value}"
        self.assertEqual(plan.failed(only, Outcome.connectRefused, Progress()), Answer(502, reason))

    def test_noneSuits(self) -> None:
        """
        The request waits, and in the end it isn't a backend's fault.
        """
        self.add(1)
        plan = self.plan()
        plan.begin()
        self.assertEqual(plan.noneSuits(), Wait(self.now + QUEUE_BUDGET))
        self.now += QUEUE_BUDGET
        plan.begin()
        decision = plan.noneSuits()
        assert isinstance(decision, Answer)
        self.assertEqual(decision.status, 503)

    def test_withdrawnChoice(self) -> None:
        """
        A choice that has gone meanwhile leads to another.
        """
        first, second = self.add(2)
        plan = self.plan()
        plan.begin()
        self.pool.drain(first, lambda: None)
        self.assertEqual(plan.chosen(first), Choose((second,)))
        self.assertFalse(plan.isRetry)

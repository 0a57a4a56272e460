"""
The plan of one exchange: what holds for any sequence of reports.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.surroundings import QUEUE_BUDGET, circumstancesOf
from twisted_multiserver.balancing.backend import Backend, BackendKind, BackendState
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.pool import Pool
from twisted_multiserver.gateway.plan import (
    MAX_TRIES,
    Answer,
    Choose,
    Cut,
    ExchangePlan,
    Progress,
    Send,
    Wait,
)


class AnySequenceTests(SynchronousTestCase):
    """
    What holds whatever happens.
    """

    @given(st.data())
    @settings(max_examples=300, deadline=None)
    def test_invariants(self, data: st.DataObject) -> None:
        """
        Every sequence of reports ends; no more than three tries get a byte; only
        admitted backends are named, and none that has failed, but for the one fresh
        connection; no wait is longer than the budget in all.
        """
        now = [100.0]
        pool = Pool(lambda: now[0])
        draw = data.draw
        for number, kind in enumerate(draw(st.lists(st.sampled_from(BackendKind), max_size=5))):
            scheme = draw(st.sampled_from(("unix", "tcp")))
            slot = number if kind.isOurs else None
            pool.admit(Backend(f"{scheme}:b{number}", kind, slot=slot))
        if draw(st.booleans()):
            pool.expect(99)
        method = draw(st.sampled_from([b"GET", b"HEAD", b"POST"]))
        hasBody = draw(st.booleans())
        plan = ExchangePlan(circumstancesOf(pool, lambda: now[0]), method, lambda: b"", lambda: b"")

        failed: set[Backend] = set()
        busy: set[Backend] = set()
        sent, repeats, firstWait = 0, 0, None
        decision = plan.begin()
        for _ in range(300):
            match decision:
                case Answer() | Cut():
                    break
                case Choose(backends):
                    self.assertTrue(backends)
                    self.assertLessEqual(set(backends), set(pool.admissible))
                    self.assertFalse(set(backends) & (failed | busy))
                    if not failed and not busy:
                        self.assertIs(backends, pool.admissible)
                    choice = draw(st.sampled_from((*backends, None)))
                    if choice is None:
                        decision = plan.noneSuits()
                        continue
                    if draw(st.sampled_from((True, False, False, False))):
                        pool.remove(choice)
                    decision = plan.chosen(choice)
                case Send(backend, fresh, _):
                    self.assertIs(backend.state, BackendState.admitted)
                    self.assertNotIn(backend, failed | busy)
                    repeats += fresh
                    if fresh:
                        self.assertTrue(backend.kind.closesIdle)
                    outcome = draw(
                        st.sampled_from(
                            [o for o in Outcome if o not in (Outcome.ok, Outcome.clientGone)]
                        )
                    )
                    isUnread = outcome is Outcome.resetUnread and backend.tellsUnread
                    sent += not (outcome.nothingSent or isUnread)
                    self.assertLessEqual(sent, MAX_TRIES)
                    started = not outcome.nothingSent and draw(st.booleans())
                    progress = Progress(
                        reusedConnection=not fresh
                        and not outcome.nothingSent
                        and draw(st.booleans()),
                        bodySent=hasBody and not outcome.nothingSent and draw(st.booleans()),
                        bodyLost=hasBody and draw(st.booleans()),
                        responseStarted=started,
                        isUnsent=isUnread and not started and draw(st.booleans()),
                    )
                    if draw(st.sampled_from((True, False, False, False))):
                        pool.remove(backend)
                    decision = plan.failed(backend, outcome, progress)
                    if started:
                        self.assertIsInstance(decision, Cut)
                    if outcome is Outcome.busy:
                        busy.add(backend)
                    elif decision != Send(backend, fresh=True):
                        failed.add(backend)
                case Wait(until):
                    firstWait = now[0] if firstWait is None else firstWait
                    self.assertGreater(until, now[0])
                    self.assertLessEqual(until, firstWait + QUEUE_BUDGET)
                    now[0] += draw(st.sampled_from((0.1, until - now[0])))
                    change = draw(st.sampled_from(("none", "admit", "unexpect", "remove")))
                    if change == "admit" and len(pool.backends()) < 8:
                        pool.admit(Backend(f"unix:n{now[0]}", BackendKind.child, slot=99))
                    elif change == "unexpect":
                        pool.unexpect(99)
                    elif change == "remove" and pool.backends():
                        pool.remove(pool.backends()[0])
                    busy.clear()
                    decision = plan.begin()
        else:
            self.fail("it doesn't end")
        self.assertLessEqual(repeats, MAX_TRIES)

"""
Sticky session: whoever chooses for clients that have no backend yet, and what it hears.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.affinity import Affinity
from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.base import BasePolicy
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.balancing.stickysession import StickySession
from twisted_multiserver.testing import makeBackend, makeRequest

KEY = b"k" * 32


def backends(count: int) -> tuple[Backend, ...]:
    return tuple(makeBackend(f"child {number}") for number in range(count))


def pinned(backend: Backend, secure: bool = False) -> Affinity:
    """
    @return: what a new client gets that is bound to this backend.
    """
    choice = StickySession(key=KEY).choose(makeRequest(secure=secure), (backend,))
    assert isinstance(choice, Affinity)
    return choice


def returning(backend: Backend) -> RequestInfo:
    """
    @return: a request of a client that is bound to this backend.
    """
    return makeRequest(fields=[(b"Cookie", pinned(backend).cookie.partition(b";")[0])])


class Recording(BasePolicy):
    """
    Chooses what it is told to, and keeps what it hears.
    """

    def __init__(self) -> None:
        self.choices: list[object] = []
        self.heard: list[tuple[object, ...]] = []

    def choose(self, request: RequestInfo, backends: tuple[Backend, ...]) -> object:
        self.heard.append(("choose", request, backends))
        return self.choices.pop(0)

    def backendAdmitted(self, backend: Backend) -> None:
        self.heard.append(("admitted", backend))

    def backendRemoved(self, backend: Backend) -> None:
        self.heard.append(("removed", backend))

    def exchangeFinished(self, backend: Backend, request: RequestInfo, outcome: Outcome) -> None:
        self.heard.append(("finished", backend, request, outcome))


class FallbackTests(SynchronousTestCase):
    """
    Whoever chooses for clients that have no backend yet.
    """

    def setUp(self) -> None:
        self.fallback = Recording()
        self.policy = StickySession(self.fallback, KEY)
        self.shown = backends(3)

    def test_asked(self) -> None:
        """
        It is shown what the policy is shown, the same tuple, and only for a miss.
        """
        self.fallback.choices = [self.shown[1]]
        request = makeRequest()
        choice = self.policy.choose(request, self.shown)
        self.assertEqual(choice, pinned(self.shown[1]))
        self.assertIs(self.policy.choose(returning(self.shown[1]), self.shown), self.shown[1])
        self.assertEqual(self.fallback.heard, [("choose", request, self.shown)])
        self.assertIs(self.fallback.heard[0][2], self.shown)

    def test_none(self) -> None:
        """
        If none suits it now, that is the answer; nothing is remembered of it.
        """
        self.fallback.choices = [None, self.shown[0]]
        request = makeRequest()
        self.assertIs(self.policy.choose(request, self.shown), None)
        self.assertIs(self.policy.choose(request, self.shown).backend, self.shown[0])

    def test_deferred(self) -> None:
        """
        If it answers later, the client is pinned then.
        """
        later: Deferred[Backend | None] = Deferred()
        self.fallback.choices = [later]
        choice = self.policy.choose(makeRequest(secure=True), self.shown)
        self.assertNoResult(choice)
        later.callback(self.shown[2])
        self.assertEqual(self.successResultOf(choice), pinned(self.shown[2], secure=True))

    def test_deferredNone(self) -> None:
        later: Deferred[Backend | None] = Deferred()
        self.fallback.choices = [later]
        choice = self.policy.choose(makeRequest(), self.shown)
        later.callback(None)
        self.assertIs(self.successResultOf(choice), None)

    def test_deferredFailure(self) -> None:
        later: Deferred[Backend | None] = Deferred()
        self.fallback.choices = [later]
        choice = self.policy.choose(makeRequest(), self.shown)
        later.errback(LookupError("no table"))
        self.failureResultOf(choice, LookupError)

    def test_changesOfTheSet(self) -> None:
        self.policy.backendAdmitted(self.shown[0])
        self.policy.backendRemoved(self.shown[0])
        expected = [("admitted", self.shown[0]), ("removed", self.shown[0])]
        self.assertEqual(self.fallback.heard, expected)

    def finishedOnes(self) -> list[tuple[object, ...]]:
        return [entry[1:] for entry in self.fallback.heard if entry[0] == "finished"]

    def test_finished(self) -> None:
        """
        It hears of the end of what it chose, once, and of nothing else.
        """
        later: Deferred[Backend | None] = Deferred()
        self.fallback.choices = [self.shown[0], later]
        missing, slow, pinned = makeRequest(), makeRequest(), returning(self.shown[0])
        for request in (missing, slow, pinned):
            self.policy.choose(request, self.shown)
        later.callback(self.shown[0])
        self.policy.exchangeFinished(self.shown[0], pinned, Outcome.ok)
        self.assertEqual(self.finishedOnes(), [])
        for request, outcome in ((slow, Outcome.cut), (missing, Outcome.ok)):
            self.policy.exchangeFinished(self.shown[0], request, outcome)
        expected = [(self.shown[0], slow, Outcome.cut), (self.shown[0], missing, Outcome.ok)]
        self.assertEqual(self.finishedOnes(), expected)
        self.policy.exchangeFinished(self.shown[0], missing, Outcome.ok)
        self.assertEqual(self.finishedOnes(), expected)

    def test_finishedAfterRetries(self) -> None:
        """
        A request whose pinned backend failed, and that it chose for then, ends once for
        it; so does one that it chose the same backend for twice.
        """
        failed, other = self.shown[:2]
        self.fallback.choices = [other, other]
        request = returning(failed)
        self.assertIs(self.policy.choose(request, self.shown), failed)
        self.policy.exchangeFinished(failed, request, Outcome.resetUnread)
        for _ in range(2):
            self.policy.choose(request, self.shown[1:])
        for outcome in (Outcome.busy, Outcome.ok, Outcome.ok):
            self.policy.exchangeFinished(other, request, outcome)
        expected = [(other, request, Outcome.busy), (other, request, Outcome.ok)]
        self.assertEqual(self.finishedOnes(), expected)

    def test_finishedAfterRemoval(self) -> None:
        self.fallback.choices = [self.shown[0]]
        request = makeRequest()
        self.policy.choose(request, self.shown)
        self.policy.backendRemoved(self.shown[0])
        self.policy.exchangeFinished(self.shown[0], request, Outcome.cut)
        self.assertEqual(self.finishedOnes(), [(self.shown[0], request, Outcome.cut)])

    def test_bindsByItself(self) -> None:
        """
        A fallback's own cookie gives way to this policy's, and it hears of the end.
        """
        self.fallback.choices = [Affinity(self.shown[2], b"own=1")]
        request = makeRequest()
        self.assertEqual(self.policy.choose(request, self.shown), pinned(self.shown[2]))
        self.policy.exchangeFinished(self.shown[2], request, Outcome.ok)
        self.assertEqual(len(self.finishedOnes()), 1)

    def test_lateChoice(self) -> None:
        """
        One that falls on a backend that is gone by then leaves nothing behind.
        """
        late: Deferred[Backend] = Deferred()
        self.fallback.choices = [late]
        choosing = self.policy.choose(makeRequest(), self.shown)
        self.policy.backendRemoved(self.shown[0])
        late.callback(self.shown[0])
        self.assertEqual(self.successResultOf(choosing), pinned(self.shown[0]))
        self.assertNotIn(self.shown[0], self.policy._pins)

    def test_byDefault(self) -> None:
        """
        New clients go to whoever has least to do.
        """
        shown = (makeBackend("busy", 2), makeBackend("idle"), makeBackend("busier", 3))
        self.assertIs(StickySession().choose(makeRequest(), shown).backend, shown[1])

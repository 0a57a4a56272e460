"""
Tests of what may become of a change when the response begins.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.sessions.fieldcase import ReversedSealing
from tests.sessions.settlingcase import SettlingCase
from twisted_multiserver.sessions.errors import (
    SessionConflict,
    SessionTooLarge,
    StoreUnavailable,
)
from twisted_multiserver.sessions.requestsession import RequestSession, Sessions

VARY = (b"vary", b"Cookie")


class OutcomeTests(SettlingCase):
    """
    What may become of a change.
    """

    def settling(
        self, session: RequestSession, method: bytes = b"POST", status: int = 200
    ) -> Deferred[None]:
        """
        Settle a response that has something to wait for.
        """
        settling = session.settle(method, status)
        assert settling is not None
        return settling

    def test_concurrent(self) -> None:
        """
        Two requests at the same time lose nothing of one another.
        """
        self.put(a=1, cart=[])
        first, second = self.open(), self.open()
        first.data["b"] = 2
        second.data["cart"].append("x")
        del second.data["a"]
        self.settle(first)
        self.settle(second)
        self.assertEqual(self.get(), {"b": 2, "cart": ["x"]})

    def test_guarded(self) -> None:
        """
        Of those who guard a field only one succeeds; the others' changes are dropped.
        """
        self.put(token="once")
        requests = [self.open() for _ in range(4)]
        for index, session in enumerate(requests):
            session.data.guard("token")
            session.data.pop("token")
            session.data["winner"] = index
        self.settle(requests[2])
        for index in (0, 1, 3):
            self.failureResultOf(self.settling(requests[index]), SessionConflict)
            self.assertIsNone(requests[index].finish())
        self.assertEqual(self.get(), {"winner": 2})
        self.assertEqual(self.sessions.counts["commit conflict"], 3)

    def test_sealed(self) -> None:
        """
        Encrypted fields, never the same twice, are guarded and rotated as others; those that
        are only read aren't written.
        """
        self.sessions = Sessions(self.store, None, self.clock.seconds, sealing=ReversedSealing())
        self.put(a=[1], b=2)
        self.assertEqual(self.get(), {"a": [1], "b": 2})
        self.assertEqual(len(self.store.deltas), 1)
        session, other = self.open(), self.open()
        for each in (session, other):
            each.data.guard("a")
            each.data["a"].append(2)
        session.data.rotate()
        self.settle(session)
        self.assertEqual(self.get(), {"a": [1, 2], "b": 2})
        self.failureResultOf(self.settling(other), SessionConflict)
        session, other = self.open(), self.open()
        for each in (session, other):
            each.data.guard("a")
            each.data["a"].append(3)
        self.settle(session)
        self.failureResultOf(self.settling(other), SessionConflict)
        self.assertEqual(self.get(), {"a": [1, 2, 3], "b": 2})

    def test_guardedSafe(self) -> None:
        """
        That doesn't depend on the method.
        """
        self.put(a=1)
        session, other = self.open(), self.open()
        session.data.guard("absent")
        session.data["b"] = 1
        other.data["absent"] = 1
        self.settle(other)
        self.failureResultOf(self.settling(session, b"GET"), SessionConflict)

    def logOutMeanwhile(self) -> RequestSession:
        """
        @return: a request with a change, whose session is ended by another one.
        """
        self.put(a=1)
        session, other = self.open(), self.open()
        session.data["a"] = 2
        other.data.destroy()
        self.settle(other)
        return session

    def test_goneUnsafe(self) -> None:
        """
        A change of a session that has ended is a conflict, and doesn't bring it back.
        """
        session = self.logOutMeanwhile()
        self.failureResultOf(self.settling(session), SessionConflict)
        self.assertEqual(self.records, 0)
        self.assertEqual(self.sessions.counts["commit gone"], 1)
        self.assertEqual(session.fields(), [VARY])

    def test_goneSafe(self) -> None:
        """
        For safe methods it is dropped, and where the policy says so.
        """
        for rules, method in (
            ({}, b"GET"),
            ({}, b"HEAD"),
            ({"whenGone": "drop"}, b"POST"),
        ):
            self.use(**rules)
            session = self.logOutMeanwhile()
            self.settle(session, method)
            self.assertEqual(self.records, 0)
            self.assertEqual(session.fields(), [VARY])

    def test_goneRotated(self) -> None:
        """
        A session that has ended, or got another identifier, can't be rotated.
        """
        self.put(a=1)
        session, other = self.open(), self.open()
        session.data.rotate()
        other.data.rotate()
        self.settle(other)
        cookie = self.cookie
        self.settle(session, b"GET")
        self.assertEqual(self.cookie, cookie)
        self.assertEqual(self.get(), {"a": 1})

    def test_serverError(self) -> None:
        """
        A response of 500 or more drops what was changed.
        """
        self.put(a=1)
        session = self.open()
        session.data["a"] = 2
        session.data.rotate()
        self.assertIsNone(session.settle(b"POST", 500))
        session.headSent()
        self.assertEqual(session.data["a"], 1)
        session.data["a"] = 3
        self.assertIsNone(session.finish())
        self.assertEqual(self.get(), {"a": 1})

    def test_serverErrorNew(self) -> None:
        """
        It begins no session.
        """
        session = self.open()
        session.data["a"] = 1
        self.assertIsNone(session.settle(b"POST", 503))
        self.assertEqual(session.fields(), [VARY])
        self.assertEqual(self.records, 0)

    def test_serverErrorDestroyed(self) -> None:
        """
        An end is an end all the same, but nothing begins after it.
        """
        self.put(a=1)
        session = self.open()
        session.data.destroy()
        session.data["b"] = 1
        self.settle(session, b"POST", 500)
        self.assertEqual((self.cookie, self.records), (b"", 0))

    def test_unavailable(self) -> None:
        """
        If the store fails, so does the response; nothing more is tried afterwards.
        """
        self.put(a=1)
        session = self.open()
        session.data["a"] = 2
        self.store.failures = [StoreUnavailable("away")]
        self.failureResultOf(self.settling(session), StoreUnavailable)
        self.assertIsNone(session.finish())
        self.assertIsNone(session.abandoned())
        self.assertEqual(self.sessions.counts["commit error"], 1)
        self.assertEqual(self.get(), {"a": 1})

    def test_unavailableBegun(self) -> None:
        """
        Then no cookie is given out.
        """
        session = self.open()
        session.data["a"] = 1
        self.store.failures = [StoreUnavailable("away", outcomeUnknown=True)]
        self.failureResultOf(self.settling(session), StoreUnavailable)
        self.assertEqual(session.fields(), [VARY])

    def test_unavailableDestroyed(self) -> None:
        """
        A logout that isn't done isn't answered as if it were.
        """
        for rules in ({}, {"whenUnavailable": "degrade"}):
            self.use(**rules)
            self.put(a=1)
            session = self.open()
            session.data.destroy()
            self.store.failures = [StoreUnavailable("away")]
            self.failureResultOf(self.settling(session, b"GET"), StoreUnavailable)
        self.assertEqual(self.sessions.counts["delete error"], 1)

    def test_degradedBegun(self) -> None:
        """
        Degraded, a page that would begin a session is served without; what may not be
        repeated fails, and so does a change of a session that is there.
        """
        self.use(whenUnavailable="degrade")
        unavailable = StoreUnavailable("away")
        session = self.open()
        session.data["a"] = 1
        self.store.failures = [unavailable]
        self.settle(session, b"GET")
        self.assertEqual((session.fields(), session.data.isDegraded), ([VARY], True))
        self.assertIsNone(session.finish())
        session = self.open()
        session.data["a"] = 1
        self.store.failures = [unavailable]
        self.failureResultOf(self.settling(session), StoreUnavailable)
        self.put(a=1)
        session = self.open()
        session.data["a"] = 2
        self.store.failures = [unavailable]
        self.failureResultOf(self.settling(session, b"GET"), StoreUnavailable)

    def test_unstorable(self) -> None:
        """
        What can't be stored, or is too much, fails by name; what was stored stays.
        """
        self.use(maxSize=1000)
        self.put(a=[], b="x" * 500)
        cases: list[tuple[Any, type[Exception], str]] = [
            (object(), TypeError, "session['a']: at [0], a value of type builtins.object"),
            ("y" * 600, SessionTooLarge, "session['a'] has 604 bytes, and the session 1108 in"),
        ]
        for value, error, words in cases:
            session = self.open()
            session.data["a"].append(value)
            failure = self.failureResultOf(self.settling(session), error)
            self.assertIn(words, failure.getErrorMessage())
            self.assertIsNone(session.finish())
        self.assertEqual(self.get(), {"a": [], "b": "x" * 500})

    def test_tooLargeForStore(self) -> None:
        """
        What the store finds too much is the application's fault too.
        """
        self.put(a=1)
        session = self.open()
        session.data["a"] = 2
        self.store.failures = [SessionTooLarge("more than the store takes")]
        self.failureResultOf(self.settling(session), SessionTooLarge)
        self.assertEqual(self.get(), {"a": 1})

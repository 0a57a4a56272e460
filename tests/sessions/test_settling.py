"""
Tests of what is stored, and what the client is told, before a response leaves.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.sessions.settlingcase import NAME, SettlingCase
from twisted_multiserver.sessions.errors import (
    NotSupported,
    SessionConflict,
    SessionTooLarge,
    StoreUnavailable,
    TooLateForCookies,
)
from twisted_multiserver.sessions.identifier import keyOf
from twisted_multiserver.sessions.policy import DAY
from twisted_multiserver.sessions.requestsession import RequestSession

NO_STORE = (b"cache-control", b"no-store")
VARY = (b"vary", b"Cookie")


class FieldsTests(SettlingCase):
    """
    What goes into the head.
    """

    def test_untouched(self) -> None:
        """
        Who doesn't look at the session has nothing to wait for and nothing to say.
        """
        self.put(a=1)
        del self.store.calls[:]
        for cookie, calls in ((b"", []), (self.cookie, ["load"])):
            self.cookie = cookie
            session = self.open()
            self.assertFalse(session.isAccessed)
            self.assertIsNone(session.settle(b"POST", 200))
            self.assertEqual(session.fields(), [])
            session.headSent()
            self.assertIsNone(session.finish())
            self.assertIsNone(session.abandoned())
            self.assertEqual(self.store.calls, calls)

    def test_read(self) -> None:
        """
        Who looks at it has C{Vary}, with a session and without.
        """
        session = self.open()
        session.data.get("a")
        self.assertIsNone(session.settle(b"GET", 200))
        self.assertEqual(session.fields(), [VARY])
        self.put(a=1)
        session = self.open()
        session.data.get("a")
        self.assertIsNone(session.settle(b"GET", 200))
        self.assertEqual(session.fields(), [VARY])
        self.assertEqual(self.sessions.counts["commit noop"], 2)

    def test_begun(self) -> None:
        """
        Who begins a session has a cookie, for as long as the session may live, that no cache
        keeps.
        """
        session = self.open()
        session.data["a"] = 1
        settling = session.settle(b"GET", 200)
        assert settling is not None
        self.successResultOf(settling)
        line = b"%b=%b; Max-Age=%d; Path=/; Secure; HttpOnly; SameSite=Lax" % (
            NAME,
            session.identifier.encode(),
            90 * DAY,
        )
        self.assertEqual(session.fields(), [VARY, (b"set-cookie", line), NO_STORE])
        self.assertEqual(self.sessions.counts["commit ok"], 1)

    def test_begunPlain(self) -> None:
        """
        Without TLS the cookie is another.
        """
        session = self.open(secure=False)
        session.data["a"] = 1
        self.settle(session)
        line = dict(session.fields())[b"set-cookie"]
        self.assertTrue(line.startswith(b"sid="))
        self.assertNotIn(b"Secure", line)

    def test_changed(self) -> None:
        """
        Who changes one has none.
        """
        self.put(a=1)
        session = self.open()
        session.data["a"] = 2
        self.settle(session)
        self.assertEqual(session.fields(), [VARY])
        self.assertEqual(self.get(), {"a": 2})

    def test_rotated(self) -> None:
        """
        Who rotates one has another, for what is left; the old one leads nowhere.
        """
        self.put(a=1)
        old = self.cookie
        self.clock.advance(5 * DAY)
        session = self.open()
        session.data.rotate()
        session.data.principal = "ada"
        self.settle(session)
        self.assertNotEqual(self.cookie, old)
        self.assertIn(b"Max-Age=%d;" % (85 * DAY), dict(session.fields())[b"set-cookie"])
        self.assertIn(NO_STORE, session.fields())
        self.assertEqual(self.store.calls[-1], "rotate")
        self.assertEqual(self.records, 1)
        self.assertEqual(self.get(), {"a": 1})
        self.assertEqual(self.open().data.principal, "ada")
        self.cookie = old
        self.assertEqual(self.get(), {})

    def test_rotatedKeepsDeadline(self) -> None:
        """
        A session doesn't live longer for being rotated.
        """
        self.use(absolute=20 * DAY)
        self.put(a=1)
        for _ in range(2):
            self.clock.advance(9 * DAY)
            session = self.open()
            session.data.rotate()
            self.settle(session)
        self.assertEqual(self.get(), {"a": 1})
        self.clock.advance(2 * DAY)
        self.assertEqual(self.get(), {})

    def test_destroyed(self) -> None:
        """
        Who ends one has its cookie removed, and the record.
        """
        self.put(a=1)
        session = self.open()
        session.data["b"] = 2
        session.data.destroy()
        self.settle(session)
        line = dict(session.fields())[b"set-cookie"]
        self.assertTrue(line.startswith(NAME + b"=; Max-Age=0; "))
        self.assertTrue(line.endswith(b"; Path=/; Secure; HttpOnly; SameSite=Lax"))
        self.assertIn(NO_STORE, session.fields())
        self.assertEqual(self.records, 0)
        self.assertEqual(self.sessions.counts["delete ok"], 1)

    def test_destroyedUnknown(self) -> None:
        """
        A cookie that leads nowhere is removed as well, without asking the store.
        """
        for value in (b"x" * 43, b"bad"):
            self.cookie = NAME + b"=" + value
            session = self.open()
            session.data.destroy()
            self.settle(session)
            self.assertEqual(self.cookie, b"")
        self.assertNotIn("delete", self.store.calls)

    def test_destroyedNone(self) -> None:
        """
        Who had none is told nothing.
        """
        session = self.open()
        session.data["a"] = 1
        session.data.destroy()
        self.assertIsNone(session.settle(b"POST", 200))
        self.assertEqual(session.fields(), [VARY])

    def test_destroyedAndBegun(self) -> None:
        """
        What is put in after the end is another session, with another identifier.
        """
        self.put(a=1)
        old = self.cookie
        session = self.open()
        session.data.destroy()
        session.data["b"] = 2
        self.settle(session)
        self.assertEqual(self.store.calls[-2:], ["delete", "commit"])
        self.assertNotIn(self.cookie, (b"", old))
        self.assertEqual(self.get(), {"b": 2})
        self.assertEqual(self.records, 1)

    def test_emptied(self) -> None:
        """
        A session that is emptied is kept.
        """
        self.put(a=1)
        session = self.open()
        session.data.clear()
        self.settle(session)
        self.assertEqual(self.get(), {})
        self.assertEqual(self.records, 1)
        self.assertFalse(self.open().data.isNew)


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


class EverywhereTests(SettlingCase):
    """
    L{SessionData.destroyEverywhere}.
    """

    def setUp(self) -> None:
        """
        Two sessions of Ada's, the second the client's, and one of Bob's.
        """
        super().setUp()
        for principal in ("ada", "bob", "ada"):
            self.cookie = b""
            session = self.open()
            session.data.principal = principal
            self.settle(session)

    def test_all(self) -> None:
        """
        All sessions of a principal end, this one with its cookie.
        """
        session = self.open()
        self.assertEqual(self.successResultOf(session.data.destroyEverywhere()), 2)
        self.settle(session)
        self.assertEqual((self.cookie, self.records), (b"", 1))

    def test_others(self) -> None:
        """
        This one may go on, as when a password was changed.
        """
        session = self.open()
        deleting = session.data.destroyEverywhere(exceptThis=True)
        self.assertEqual(self.successResultOf(deleting), 1)
        session.data.rotate()
        self.settle(session)
        self.assertEqual(self.open().data.principal, "ada")
        self.assertEqual(self.records, 2)

    def test_notSupported(self) -> None:
        """
        What the store can't do it says; nothing has ended then.
        """
        session = self.open()
        self.store.failures = [NotSupported("memcached can't enumerate")]
        self.failureResultOf(session.data.destroyEverywhere(), NotSupported)
        self.assertEqual(session.data.principal, "ada")
        self.assertIsNone(session.settle(b"POST", 200))
        self.assertEqual(self.records, 3)

    def test_answeredLate(self) -> None:
        """
        If the head has gone meanwhile, all have ended all the same.
        """
        session = self.open()
        self.store.hold()
        deleting = session.data.destroyEverywhere()
        self.assertIsNone(session.settle(b"POST", 200))
        session.headSent()
        self.store.release()
        self.successResultOf(deleting)
        finishing = session.finish()
        assert finishing is not None
        self.successResultOf(finishing)
        self.assertEqual(self.records, 1)
        self.assertRaises(TooLateForCookies, session.data.update, a=1)

    def test_run(self) -> None:
        """
        The face decides how the application waits.
        """
        session = self.open()
        session.run = lambda call: ("waiting", self.successResultOf(call()))
        session.data["a"] = 1
        self.assertEqual(session.data.commit(), ("waiting", None))
        self.assertEqual(session.data.destroyEverywhere(), ("waiting", 2))
        self.assertNotIn(keyOf(session.identifier), self.store.memory.records)

"""
Tests of how requests begin: who is loaded, who isn't.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.sessions.settlingcase import NAME, SettlingCase
from twisted_multiserver.sessions.errors import (
    SessionCorrupt,
    SessionReadOnly,
    StoreConfigError,
    StoreUnavailable,
)
from twisted_multiserver.sessions.identifier import keyOf, newId
from twisted_multiserver.sessions.policy import DAY
from twisted_multiserver.sessions.requestsession import RequestSession


class OpenTests(SettlingCase):
    """
    L{Sessions.open}.
    """

    def test_noCookie(self) -> None:
        """
        Without a cookie of ours the session is there at once, and the store not asked.
        """
        for fields in ([], [b"a=1"], [b"a=__Host-sid", b"b=2"], [b"sid=x"]):
            opened = self.sessions.open(fields, True)
            assert isinstance(opened, RequestSession)
            self.assertTrue(opened.data.isNew)
        self.assertEqual(self.store.calls, [])

    def test_invalid(self) -> None:
        """
        What can't be an identifier, or is there twice, isn't looked for.
        """
        good = newId().encode()
        for field in (
            NAME + b"=",
            NAME + b"=short",
            NAME + b'="' + good + b'"',
            NAME + b"=" + b"\xff" * 43,
            NAME + b"=" + good + b"; " + NAME + b"=" + good,
        ):
            opened = self.sessions.open([field], True)
            assert isinstance(opened, RequestSession)
            self.assertTrue(opened.data.isNew)
        self.assertEqual(self.store.calls, [])
        self.assertEqual(self.sessions.counts, {"load invalid": 5})

    def test_unknown(self) -> None:
        """
        An identifier that the store doesn't know is never taken on.
        """
        planted = newId()
        self.cookie = NAME + b"=" + planted.encode()
        session = self.open()
        self.assertTrue(session.data.isNew)
        session.data["a"] = 1
        self.settle(session)
        self.assertNotIn(keyOf(planted), self.store.memory.records)
        self.assertNotIn(planted.encode(), self.cookie)
        self.assertEqual(self.get(), {"a": 1})
        self.assertEqual(self.sessions.counts["load miss"], 1)
        self.assertEqual(self.sessions.counts["load hit"], 1)

    def test_unknownStays(self) -> None:
        """
        The cookie of one is left alone: another response may just be bringing its successor.
        """
        self.cookie = before = NAME + b"=" + newId().encode()
        self.assertEqual(self.get(), {})
        self.assertEqual(self.cookie, before)

    def test_namesByScheme(self) -> None:
        """
        The cookie of one scheme is none of the other's.
        """
        self.put(a=1)
        self.assertEqual(dict(self.open(secure=False).data), {})
        session = self.open(secure=False)
        session.data["a"] = 2
        self.settle(session)
        self.assertTrue(self.cookie.startswith(b"sid="))
        self.assertEqual(dict(self.open(secure=False).data), {"a": 2})

    def test_ownName(self) -> None:
        """
        The owner's name for the cookie counts for both.
        """
        self.use(cookie="mine")
        self.put(a=1)
        self.assertTrue(self.cookie.startswith(b"mine="))
        self.assertEqual(dict(self.open(secure=False).data), {"a": 1})

    def test_resume(self) -> None:
        """
        An identifier may come in other ways than by cookie.
        """
        self.put(a=1)
        identifier = self.cookie.partition(b"=")[2].decode()
        opened = self.sessions.resume(identifier, True)
        assert isinstance(opened, Deferred)
        session = self.successResultOf(opened)
        self.assertEqual(dict(session.data), {"a": 1})
        self.assertEqual(session.identifier, identifier)

    def test_principal(self) -> None:
        """
        Whom a session belongs to is loaded with it.
        """
        session = self.open()
        session.data.principal = "ada"
        self.settle(session)
        self.assertEqual(self.open().data.principal, "ada")
        self.assertFalse(self.open().data.isNew)

    def test_label(self) -> None:
        """
        The label is the beginning of the key, also before the session is stored.
        """
        session = self.open()
        label = session.data.label
        session.data["a"] = 1
        self.settle(session)
        self.assertEqual(label, keyOf(session.identifier).hex()[:8])
        self.assertEqual(self.open().data.label, label)
        self.assertIn(label, repr(session.data))


class FailingTests(SettlingCase):
    """
    The store can't be asked.
    """

    def fail(self, error: Exception) -> Deferred[RequestSession]:  # type: ignore[override]
        """
        Open a request while the store fails.
        """
        self.put(a=1)
        self.store.error = error
        opened = self.sessions.open([self.cookie], True)
        assert isinstance(opened, Deferred)
        return opened

    def test_refuse(self) -> None:
        """
        Usually the request fails; it doesn't look as if there were no session.
        """
        self.failureResultOf(self.fail(StoreUnavailable("away")), StoreUnavailable)
        self.assertEqual(self.sessions.counts["load error"], 1)

    def test_degrade(self) -> None:
        """
        Otherwise its session looks empty and can't be changed; the cookie is kept.
        """
        for error in (StoreUnavailable("away"), StoreConfigError("wrong password")):
            self.use(whenUnavailable="degrade")
            self.store.error = None
            session = self.successResultOf(self.fail(error))
            self.assertEqual((dict(session.data), session.data.isDegraded), ({}, True))
            self.assertRaises(SessionReadOnly, session.data.update, a=1)
            self.assertIsNone(session.settle(b"GET", 200))
            self.assertEqual(session.fields(), [(b"vary", b"Cookie")])

    def test_noCookie(self) -> None:
        """
        Who shows no cookie is served.
        """
        self.store.error = StoreUnavailable("away")
        self.assertEqual(self.get(), {})

    def test_corrupt(self) -> None:
        """
        What is no session of ours has a name, and stays.
        """
        self.put(a=1)
        [record] = self.store.memory.records.values()
        record.meta = b"something else"
        opened = self.sessions.open([self.cookie], True)
        assert isinstance(opened, Deferred)
        self.failureResultOf(opened, SessionCorrupt)
        self.assertEqual(self.records, 1)

    def test_corruptDegrading(self) -> None:
        """
        Nor is that a store that is away.
        """
        self.use(whenUnavailable="degrade")
        self.failureResultOf(self.fail(SessionCorrupt("no session")), SessionCorrupt)


class LifetimeTests(SettlingCase):
    """
    How long sessions live.
    """

    def test_idle(self) -> None:
        """
        A session lives as long as it is used.
        """
        self.put(a=1)
        for _ in range(3):
            self.clock.advance(13 * DAY)
            self.assertEqual(self.get(), {"a": 1})
        self.clock.advance(14 * DAY)
        self.assertEqual(self.get(), {})

    def test_touchSeldom(self) -> None:
        """
        One that is only read is written once a minute at most, and nobody waits for it.
        """
        self.put(a=1)
        self.clock.advance(60.0)
        for _ in range(10):
            self.get()
        self.assertEqual(self.store.touched, [])
        self.clock.advance(0.5)
        for _ in range(10):
            self.get()
        self.assertEqual(self.store.touched, [14 * DAY])
        self.assertEqual(self.store.deltas[1:], [])

    def test_touchNotAwaited(self) -> None:
        """
        A touch that fails, or takes its time, bothers nobody.
        """
        self.put(a=1)
        self.clock.advance(100.0)
        self.store.failures = [StoreUnavailable("away")]
        self.assertEqual(self.get(), {"a": 1})
        self.assertEqual(self.sessions.counts["touch error"], 1)
        self.assertEqual(self.get(), {"a": 1})
        self.assertEqual(self.sessions.counts["touch ok"], 1)

    def test_absolute(self) -> None:
        """
        However much it is used, it ends at its deadline.
        """
        self.use(absolute=20 * DAY)
        self.put(a=1)
        self.clock.advance(13 * DAY)
        self.get()
        self.assertEqual(self.store.touched, [7 * DAY])
        self.clock.advance(6 * DAY)
        self.put(b=1)
        self.assertEqual(self.store.deltas[-1].ttl, 1 * DAY)
        self.clock.advance(1 * DAY)
        self.assertEqual(self.get(), {})

    def test_deadlineOfOurs(self) -> None:
        """
        The deadline counts even if the store keeps the session.
        """
        self.use(absolute=20 * DAY)
        self.put(a=1)
        [record] = self.store.memory.records.values()
        record.expiry += 1000 * DAY
        self.clock.advance(20 * DAY)
        self.assertEqual(self.get(), {})
        self.assertEqual(self.sessions.counts["load miss"], 1)

    def test_stricterRules(self) -> None:
        """
        Stricter rules count for sessions that are there; laxer ones don't prolong them.
        """
        self.use(absolute=20 * DAY)
        self.put(a=1)
        self.clock.advance(10 * DAY)
        self.use(absolute=9 * DAY)
        self.assertEqual(self.get(), {})
        self.use(absolute=50 * DAY)
        self.assertEqual(self.get(), {"a": 1})
        self.clock.advance(10 * DAY)
        self.assertEqual(self.get(), {})

    def test_deadlineWhileServed(self) -> None:
        """
        A session whose deadline passes while its request is answered can be committed.
        """
        self.use(absolute=10.0)
        self.put(a=1)
        [record] = self.store.memory.records.values()
        record.expiry += 60.0
        session = self.open()
        self.clock.advance(10.0)
        session.data["a"] = 2
        self.settle(session)
        self.assertEqual(self.store.deltas[-1].ttl, 1.0)
        self.assertEqual(self.get(), {})

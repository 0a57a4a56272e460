"""
Tests of what is stored, and what the client is told, before a response leaves.
"""

from __future__ import annotations

from tests.sessions.settlingcase import NAME, SettlingCase
from twisted_multiserver.sessions.errors import (
    NotSupported,
    TooLateForCookies,
)
from twisted_multiserver.sessions.identifier import keyOf
from twisted_multiserver.sessions.policy import DAY

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

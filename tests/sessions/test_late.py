"""
Tests of what is stored at other times than before the head: on demand, after it, and when the
client has left.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from tests.sessions.settlingcase import SettlingCase
from twisted_multiserver.sessions.errors import (
    SessionConflict,
    StoreUnavailable,
    TooLateForCookies,
)
from twisted_multiserver.sessions.requestsession import RequestSession


class LateTests(SettlingCase):
    """
    After the head.
    """

    def test_changed(self) -> None:
        """
        What is changed while the body is written is stored before its end.
        """
        self.put(a=[])
        session = self.open()
        items = session.data["a"]
        self.settle(session, b"GET")
        items.append(1)
        finishing = session.finish()
        assert finishing is not None
        self.successResultOf(finishing)
        self.assertIsNone(session.finish())
        self.assertEqual(self.get(), {"a": [1]})

    def test_changedTwice(self) -> None:
        """
        Only what changed since the head is stored again.
        """
        session = self.open()
        session.data.update(a=1, b=[])
        self.settle(session)
        session.data["b"].append(2)
        finishing = session.finish()
        assert finishing is not None
        self.successResultOf(finishing)
        self.assertEqual(dict(self.store.deltas[-1].set), {"b": b"[2]"})
        self.assertEqual(self.get(), {"a": 1, "b": [2]})

    def test_tooLate(self) -> None:
        """
        What needs a cookie is refused, and refused first: from the moment the head is
        settled.
        """
        self.put(a=1)
        session = self.open()
        session.data["a"] = 2
        self.store.hold()
        settling = session.settle(b"POST", 200)
        assert settling is not None
        self.assertRaises(TooLateForCookies, session.data.rotate)
        self.assertRaises(TooLateForCookies, session.data.destroy)
        self.store.release()
        self.successResultOf(settling)

    def test_tooLateNew(self) -> None:
        """
        A session can't begin then, even if nobody asked for it before.
        """
        for settle in (True, False):
            session = self.open()
            if settle:
                self.assertIsNone(session.settle(b"GET", 200))
            session.headSent()
            self.assertRaises(TooLateForCookies, session.data.update, a=1)
            self.assertIsNone(session.finish())

    def test_goneLate(self) -> None:
        """
        The method counts as before the head, even if the session wasn't looked at then.
        """
        for method, isConflict in ((b"GET", False), (b"POST", True)):
            self.put(a=1)
            session = self.open()
            self.settle(session, method)
            self.store.memory.records.clear()
            session.data["a"] = 2
            finishing = session.finish()
            assert finishing is not None
            if isConflict:
                self.failureResultOf(finishing, SessionConflict)
            else:
                self.successResultOf(finishing)

    def test_serverErrorLate(self) -> None:
        """
        A response of 500 drops what is changed after it, too.
        """
        self.put(a=1)
        session = self.open()
        self.settle(session, b"POST", 500)
        session.data["a"] = 2
        self.assertIsNone(session.finish())
        self.assertEqual(self.get(), {"a": 1})


class CommitTests(SettlingCase):
    """
    On demand.
    """

    def test_twice(self) -> None:
        """
        What is stored on demand isn't stored again.
        """
        session = self.open()
        session.data["a"] = 1
        self.successResultOf(session.data.commit())
        self.successResultOf(session.data.commit())
        self.assertEqual(len(self.store.deltas), 1)
        session.data["b"] = 2
        self.settle(session)
        self.assertEqual(dict(self.store.deltas[-1].set), {"b": b"2"})
        self.assertFalse(self.store.deltas[-1].create)
        self.assertEqual(self.get(), {"a": 1, "b": 2})

    def test_thenServerError(self) -> None:
        """
        It is kept whatever comes then, and the client has its cookie.
        """
        session = self.open()
        session.data["a"] = 1
        self.successResultOf(session.data.commit())
        session.data["b"] = 2
        self.settle(session, b"POST", 500)
        self.assertEqual(self.get(), {"a": 1})

    def test_conflict(self) -> None:
        """
        Who is told of a conflict has lost the changes, and goes on without.
        """
        self.put(a=1)
        session = self.open()
        session.data.guard("a")
        session.data["a"] = 2
        self.put(a=3)
        self.failureResultOf(session.data.commit(), SessionConflict)
        self.assertIsNone(session.settle(b"POST", 200))
        self.assertEqual(self.get(), {"a": 3})

    def test_gone(self) -> None:
        """
        Who stores on demand wants to know that the session has ended, whatever the method;
        unless the policy says it doesn't matter.
        """
        for rules in ({}, {"whenGone": "drop"}):
            self.use(**rules)
            self.put(a=1)
            session = self.open()
            session.data["a"] = 2
            self.store.memory.records.clear()
            committing = session.data.commit()
            if rules:
                self.successResultOf(committing)
            else:
                self.failureResultOf(committing, SessionConflict)

    def test_unstorable(self) -> None:
        """
        What can't be stored fails the C{Deferred}, and may be put right.
        """
        session = self.open()
        session.data["a"] = []
        session.data["a"].append(object())
        self.failureResultOf(session.data.commit(), TypeError)
        session.data["a"] = [1]
        self.settle(session)
        self.assertEqual(self.get(), {"a": [1]})

    def test_unavailable(self) -> None:
        """
        What the store didn't take is tried again with the response.
        """
        session = self.open()
        session.data["a"] = 1
        self.store.failures = [StoreUnavailable("away")]
        self.failureResultOf(session.data.commit(), StoreUnavailable)
        self.settle(session)
        self.assertEqual(self.get(), {"a": 1})

    def test_login(self) -> None:
        """
        Rotation may happen on demand; the cookie comes with the response.
        """
        self.put(a=1)
        session = self.open()
        session.data.rotate()
        session.data.principal = "ada"
        self.successResultOf(session.data.commit())
        self.settle(session)
        self.assertEqual(self.get(), {"a": 1})
        self.assertEqual(self.store.calls.count("rotate"), 1)

    def test_destroyedAfter(self) -> None:
        """
        A session that was begun on demand can be ended before the response.
        """
        session = self.open()
        session.data["a"] = 1
        self.successResultOf(session.data.commit())
        session.data.destroy()
        self.settle(session)
        self.assertEqual(session.fields(), [(b"vary", b"Cookie")])
        self.assertEqual(self.records, 0)


class AbandonedTests(SettlingCase):
    """
    The client has left.
    """

    def abandon(self, session: RequestSession) -> None:
        """
        Let the client leave, and the store do what there is to do.
        """
        leaving = session.abandoned()
        if leaving is not None:
            self.successResultOf(leaving)

    def test_kept(self) -> None:
        """
        What was changed is stored.
        """
        self.put(a=1)
        session = self.open()
        session.data["a"] = 2
        self.abandon(session)
        self.assertEqual(self.get(), {"a": 2})

    def test_notBegun(self) -> None:
        """
        No session begins that nobody knows of.
        """
        session = self.open()
        session.data["a"] = 1
        self.abandon(session)
        self.assertEqual(self.store.calls, [])

    def test_notRotated(self) -> None:
        """
        None rotates that the client would lose; nor does it get the rights that went with it.
        """
        self.put(a=1)
        session = self.open()
        session.data.rotate()
        session.data.principal = "ada"
        self.abandon(session)
        self.assertEqual(self.get(), {"a": 1})
        self.assertEqual(self.open().data.principal, "")

    def test_destroyed(self) -> None:
        """
        An end is an end.
        """
        self.put(a=1)
        session = self.open()
        session.data.destroy()
        self.abandon(session)
        self.assertEqual(self.records, 0)

    def test_gone(self) -> None:
        """
        Nobody is told of a conflict.
        """
        self.put(a=1)
        session = self.open()
        session.data["a"] = 2
        self.store.memory.records.clear()
        with capturedLogs() as events:
            self.abandon(session)
        self.assertEqual((events, self.records), ([], 0))

    def test_unavailable(self) -> None:
        """
        What fails is logged only.
        """
        self.put(a=1)
        session = self.open()
        session.data["a"] = 2
        self.store.failures = [StoreUnavailable("away")]
        with capturedLogs() as events:
            self.abandon(session)
        self.assertEqual([event["reason"] for event in events], ["away"])
        self.assertEqual(self.get(), {"a": 1})

    def test_whileSettling(self) -> None:
        """
        A write that is on its way is awaited; what it did stays.
        """
        session = self.open()
        session.data["a"] = 1
        self.store.hold()
        settling = session.settle(b"POST", 200)
        leaving = session.abandoned()
        assert settling is not None
        assert isinstance(leaving, Deferred)
        self.assertNoResult(leaving)
        self.store.release()
        self.successResultOf(settling)
        self.successResultOf(leaving)
        self.send(session)
        self.assertEqual(self.get(), {"a": 1})

"""
Tests of writes that overlap with changes, and of writes whose outcome nobody knows.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

from tests.sessions.settlingcase import SettlingCase
from twisted_multiserver.sessions.errors import StoreUnavailable
from twisted_multiserver.sessions.requestsession import RequestSession

UNKNOWN = StoreUnavailable("no answer in time", outcomeUnknown=True)


class OverlapTests(SettlingCase):
    """
    While a write is on its way.
    """

    def test_changedMeanwhile(self) -> None:
        """
        What is changed meanwhile is in the next write, and not lost.
        """
        self.put(cart=[])
        session = self.open()
        session.data["cart"].append(1)
        session.data["a"] = 1
        self.store.hold()
        committing = session.data.commit()
        session.data["cart"].append(2)
        session.data["a"] = 2
        session.data["b"] = 3
        self.store.release()
        self.successResultOf(committing)
        self.settle(session)
        self.assertEqual(self.get(), {"cart": [1, 2], "a": 2, "b": 3})
        self.assertEqual(
            [dict(delta.set) for delta in self.store.deltas[1:]],
            [{"cart": b"[1]", "a": b"1"}, {"cart": b"[1,2]", "a": b"2", "b": b"3"}],
        )

    def test_oneAfterTheOther(self) -> None:
        """
        Writes wait for one another; the head waits for all.
        """
        session = self.open()
        session.data["a"] = 1
        self.store.hold()
        first = session.data.commit()
        session.data["b"] = 2
        settling = session.settle(b"POST", 200)
        assert settling is not None
        self.assertEqual(self.store.calls, ["commit"])
        self.store.release()
        self.successResultOf(first)
        self.successResultOf(settling)
        self.send(session)
        self.assertEqual([delta.create for delta in self.store.deltas], [True, False])
        self.assertEqual(self.get(), {"a": 1, "b": 2})

    def test_awaitedWithoutChange(self) -> None:
        """
        The head waits for what was asked for and not awaited.
        """
        session = self.open()
        session.data["a"] = 1
        self.store.hold()
        session.data.commit()
        settling = session.settle(b"GET", 200)
        assert settling is not None
        self.assertNoResult(settling)
        self.store.release()
        self.successResultOf(settling)
        self.send(session)
        self.assertEqual(self.get(), {"a": 1})

    def test_serverErrorMeanwhile(self) -> None:
        """
        A write on its way is kept, and what changed since dropped.
        """
        self.put(a=1)
        session = self.open()
        session.data["a"] = 2
        self.store.hold()
        session.data.commit()
        session.data["a"] = 3
        settling = session.settle(b"POST", 500)
        assert settling is not None
        self.store.release()
        self.successResultOf(settling)
        self.assertEqual(self.get(), {"a": 2})

    def test_destroyedMeanwhile(self) -> None:
        """
        A session that is ended while it begins, changes or rotates is not left behind.
        """

        def begin(session: RequestSession) -> None:
            session.data["a"] = 1

        def rotate(session: RequestSession) -> None:
            session.data.rotate()

        for isStored, act in ((False, begin), (True, begin), (True, rotate)):
            self.cookie = b""
            if isStored:
                self.put(b=1)
            session = self.open()
            act(session)
            self.store.hold()
            committing = session.data.commit()
            session.data.destroy()
            session.data["next"] = 1
            label = session.label
            self.store.release()
            self.successResultOf(committing)
            self.settle(session)
            self.assertEqual(self.get(), {"next": 1})
            self.assertEqual(session.label, label)
            self.assertEqual(self.records, 1)
            self.store.memory.records.clear()


class UnknownTests(SettlingCase):
    """
    A write failed, and may have been done all the same.
    """

    def test_repeated(self) -> None:
        """
        It is repeated as the same operation, so a guard doesn't turn against its own write;
        what changed since comes after it.
        """
        for isDone in (True, False):
            self.put(a=1, b=0)
            session = self.open()
            session.data.guard("a")
            session.data["a"] = 2
            self.store.failures, self.store.isDone = [UNKNOWN], isDone
            self.failureResultOf(session.data.commit(), StoreUnavailable)
            session.data["a"] = 3
            del self.store.deltas[:-1]
            self.settle(session)
            first, second, third = self.store.deltas
            self.assertEqual(first, second)
            self.assertEqual((dict(third.set), third.expect), ({"a": b"3"}, {"a": b"2"}))
            self.assertEqual(self.get(), {"a": 3, "b": 0})

    def test_begun(self) -> None:
        """
        A session isn't begun twice.
        """
        for isDone in (True, False):
            self.cookie = b""
            session = self.open()
            session.data["a"] = 1
            self.store.failures, self.store.isDone = [UNKNOWN], isDone
            self.failureResultOf(session.data.commit(), StoreUnavailable)
            self.settle(session)
            self.assertEqual(self.get(), {"a": 1})
            self.assertEqual(self.records, 1)
            self.store.memory.records.clear()

    def test_rotated(self) -> None:
        """
        A session that may have another identifier by now gets just that one.
        """
        for isDone in (True, False):
            self.put(a=1)
            session = self.open()
            session.data.rotate()
            self.store.failures, self.store.isDone = [UNKNOWN], isDone
            self.failureResultOf(session.data.commit(), StoreUnavailable)
            self.settle(session)
            self.assertEqual(self.get(), {"a": 1})
            self.assertEqual(self.records, 1)
            self.store.memory.records.clear()

    def test_destroyed(self) -> None:
        """
        One that may be there, under one identifier or the other, is removed.
        """
        for isStored in (False, True):
            self.cookie = b""
            if isStored:
                self.put(a=1)
            session = self.open()
            session.data["a"] = 2
            session.data.rotate()
            self.store.failures, self.store.isDone = [UNKNOWN], True
            self.failureResultOf(session.data.commit(), StoreUnavailable)
            session.data.destroy()
            self.settle(session)
            self.assertEqual(self.records, 0)

    def test_destroyedMeanwhile(self) -> None:
        """
        Nor is one left behind that was ended before its first write had failed.
        """
        session = self.open()
        session.data["a"] = 1
        self.store.hold()
        committing = session.data.commit()
        session.data.destroy()
        self.assertNotEqual(session.label, "")
        self.store.error = UNKNOWN
        self.store.release()
        self.failureResultOf(committing, StoreUnavailable)
        self.store.error = None
        self.settle(session)
        self.assertEqual(self.store.calls, ["commit", "delete"])

    def test_serverError(self) -> None:
        """
        It isn't repeated for a response of 500.
        """
        self.put(a=1)
        session = self.open()
        session.data["a"] = 2
        self.store.failures = [UNKNOWN]
        self.failureResultOf(session.data.commit(), StoreUnavailable)
        self.assertIsNone(session.settle(b"POST", 500))
        self.successResultOf(session.data.commit())
        self.assertEqual(self.get(), {"a": 1})

    def test_cancelled(self) -> None:
        """
        Who gives up waiting doesn't know either.
        """
        self.put(a=1)
        session = self.open()
        session.data.guard("a")
        session.data["a"] = 2
        self.store.hold()
        committing = session.data.commit()
        assert isinstance(committing, Deferred)
        committing.cancel()
        self.failureResultOf(committing, CancelledError)
        # What was held is never done.
        self.store.hold()
        self.store.release()
        self.settle(session)
        self.assertEqual(self.store.deltas[-1], self.store.deltas[-2])
        self.assertEqual(self.get(), {"a": 2})

    def test_known(self) -> None:
        """
        What certainly was not done is made anew, as it is by then.
        """
        self.put(a=1)
        session = self.open()
        session.data["a"] = 2
        self.store.failures = [StoreUnavailable("refused")]
        self.failureResultOf(session.data.commit(), StoreUnavailable)
        session.data["a"] = 3
        self.settle(session)
        self.assertEqual(
            [dict(delta.set) for delta in self.store.deltas[1:]], [{"a": b"2"}, {"a": b"3"}]
        )
        self.assertNotEqual(self.store.deltas[-1].operation, self.store.deltas[-2].operation)

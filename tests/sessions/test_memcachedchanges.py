"""
Changes of sessions in memcached, whatever comes in between.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions import memcachedchanges as changes
from twisted_multiserver.sessions.errors import StoreUnavailable
from twisted_multiserver.sessions.memcachedrecord import Record, decode
from twisted_multiserver.sessions.record import CommitResult, SessionDelta, StoredSession

OLD, NEW = b"o" * 32, b"n" * 32


class Crash(Exception):
    """
    The server, or we, are gone.
    """


class FakeNode:
    """
    Does what memcached does; before or after a call something else may happen.

    @ivar before: called with the name of a call before it is done.
    @ivar after: called with the name of a call when it is done.
    """

    def __init__(self) -> None:
        self._items: dict[bytes, tuple[bytes, int]] = {}
        self._turn = 0
        self.before: Callable[[str], None] = lambda name: None
        self.after: Callable[[str], None] = lambda name: None

    def get(self, key: bytes) -> Record | None:
        return self.read(key)[0]

    def read(self, key: bytes) -> tuple[Record | None, object]:
        self.before("read")
        blob, token = self._items.get(key, (None, 0))
        self.after("read")
        return None if blob is None else decode(blob), token

    def add(self, key: bytes, record: Record) -> bool:
        self.before("add")
        done = key not in self._items
        if done:
            self._store(key, record)
        self.after("add")
        return done

    def replace(self, key: bytes, record: Record, token: object) -> bool:
        self.before("replace")
        done = key in self._items and self._items[key][1] == token
        if done:
            self._store(key, record)
        self.after("replace")
        return done

    def remove(self, key: bytes) -> bool:
        self.before("remove")
        return self._items.pop(key, None) is not None

    def _store(self, key: bytes, record: Record) -> None:
        self._turn += 1
        self._items[key] = (record.encode(), self._turn)


class ChangesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.time = 1000.0
        self.node = FakeNode()
        self.source = self.target = self.node
        self.commit(OLD, SessionDelta(60.0, create=True, meta=b"m", set={"a": b"1"}))

    def now(self) -> float:
        return self.time

    def commit(self, key: bytes, delta: SessionDelta) -> CommitResult:
        return changes.commit(self.node, key, delta, self.now)

    def load(self, key: bytes, node: FakeNode | None = None) -> StoredSession | None:
        return changes.load(node or self.node, key, self.now)

    def rotate(self, delta: SessionDelta) -> CommitResult:
        return changes.rotate(self.source, OLD, self.target, NEW, delta, self.now)

    def meanwhile(self, call: str, what: Callable[[], object], at: int = 1) -> None:
        """Something happens once before the call by that name is done for the at-th time."""
        times = 0

        def before(name: str) -> None:
            nonlocal times
            times += name == call
            if name == call and times == at:
                self.node.before = lambda name: None
                what()

        self.node.before = before

    def crash(self, call: str, isDone: bool, at: int = 1) -> None:
        """The answer of the at-th call by that name is lost, and maybe the call."""
        times = 0

        def lose(name: str) -> None:
            nonlocal times
            times += name == call
            if name == call and times == at:
                self.node.before = self.node.after = lambda name: None
                raise Crash

        if isDone:
            self.node.after = lose
        else:
            self.node.before = lose

    def test_otherCommit(self) -> None:
        """Two changes at the same time are both applied."""
        self.meanwhile("replace", lambda: self.commit(OLD, SessionDelta(60.0, set={"b": b"2"})))
        self.assertIs(self.commit(OLD, SessionDelta(60.0, set={"c": b"3"})), CommitResult.ok)
        stored = self.load(OLD)
        assert stored is not None
        self.assertEqual(stored.fields, {"a": b"1", "b": b"2", "c": b"3"})

    def test_otherGuarded(self) -> None:
        """Only one of two that expect the same is applied."""
        delta = SessionDelta(60.0, set={"a": b"2"}, expect={"a": b"1"})
        other = SessionDelta(60.0, set={"a": b"3"}, expect={"a": b"1"})
        self.meanwhile("replace", lambda: self.commit(OLD, other))
        self.assertIs(self.commit(OLD, delta), CommitResult.conflict)

    def test_otherCreate(self) -> None:
        """Only one creates."""
        first, second = (SessionDelta(60.0, create=True, meta=b"") for _ in range(2))
        self.meanwhile("add", lambda: self.commit(NEW, first))
        self.assertIs(self.commit(NEW, second), CommitResult.conflict)

    def test_deleted(self) -> None:
        """A change doesn't bring back what is deleted meanwhile."""
        self.meanwhile("replace", lambda: changes.delete(self.node, OLD, self.now))
        self.assertIs(self.commit(OLD, SessionDelta(60.0)), CommitResult.gone)
        self.assertIsNone(self.load(OLD))

    def test_touchDeleted(self) -> None:
        """Nor does a touch."""
        self.meanwhile("replace", lambda: changes.delete(self.node, OLD, self.now))
        self.assertFalse(changes.touch(self.node, OLD, 60.0, self.now))

    def test_expired(self) -> None:
        """A session that has ended isn't there, though the server has it yet."""
        self.time += 60.0
        self.assertIsNone(self.load(OLD))
        self.assertIs(self.commit(OLD, SessionDelta(60.0)), CommitResult.gone)
        self.assertFalse(changes.touch(self.node, OLD, 60.0, self.now))
        self.assertFalse(changes.delete(self.node, OLD, self.now))
        self.assertIs(self.commit(OLD, SessionDelta(60.0, create=True, meta=b"")), CommitResult.ok)

    def test_always(self) -> None:
        """Who is always too late gives up."""
        others = iter(range(99))

        def before(name: str) -> None:
            if name == "replace":
                # It may change the record itself without being disturbed.
                node.before = lambda name: None
                self.commit(OLD, SessionDelta(60.0, set={"x": b"%d" % next(others)}))
                node.before = before

        node = self.node
        node.before = before
        self.assertRaises(StoreUnavailable, self.commit, OLD, SessionDelta(60.0))
        self.assertEqual(next(others), changes.TRIES)

    def test_rotate(self) -> None:
        """The session has the new key and what changes, and nothing is left at the old one."""
        self._checkRotate()

    def test_rotateToOther(self) -> None:
        """The same if the new key is on another server."""
        self.target = FakeNode()
        self._checkRotate()

    def _checkRotate(self) -> None:
        delta = SessionDelta(90.0, set={"b": b"2"})
        self.assertIs(self.rotate(delta), CommitResult.ok)
        stored = self.load(NEW, self.target)
        assert stored is not None
        self.assertEqual(stored.fields, {"a": b"1", "b": b"2"})
        self.assertEqual(stored.ttl, 90.0)
        self.assertIsNone(self.load(OLD))
        self.assertFalse(changes.delete(self.node, OLD, self.now))
        self.assertIs(self.rotate(delta), CommitResult.ok)
        self.assertIs(self.rotate(SessionDelta(90.0)), CommitResult.gone)

    def test_rotateChanged(self) -> None:
        """A change while the key is being changed is not lost."""
        for call, at in (("replace", 1), ("add", 1), ("read", 2)):
            self.meanwhile(call, lambda: self.commit(OLD, SessionDelta(60.0, set={"b": b"2"})), at)
            self.assertIs(self.rotate(SessionDelta(60.0)), CommitResult.ok)
            stored = self.load(NEW)
            assert stored is not None
            self.assertEqual(stored.fields, {"a": b"1", "b": b"2"})
            self.node._items.clear()
            self.commit(OLD, SessionDelta(60.0, create=True, meta=b"m", set={"a": b"1"}))

    def test_rotateDeleted(self) -> None:
        """A session that ends while its key is being changed has ended."""
        self.meanwhile("replace", lambda: changes.delete(self.node, OLD, self.now))
        self.assertIs(self.rotate(SessionDelta(60.0)), CommitResult.gone)
        self.assertIsNone(self.load(NEW))

    def test_rotateTwice(self) -> None:
        """Only one of two that change the key succeeds."""
        other = b"x" * 32
        self.meanwhile(
            "replace",
            lambda: changes.rotate(self.node, OLD, self.node, other, SessionDelta(60.0), self.now),
        )
        self.assertIs(self.rotate(SessionDelta(60.0)), CommitResult.gone)
        self.assertIsNone(self.load(NEW))
        self.assertIsNotNone(self.load(other))

    def test_rotateTaken(self) -> None:
        """A key that somebody has is nobody else's."""
        self.commit(NEW, SessionDelta(60.0, create=True, meta=b"other"))
        self.assertIs(self.rotate(SessionDelta(60.0)), CommitResult.conflict)
        stored = self.load(NEW)
        assert stored is not None
        self.assertEqual(stored.meta, b"other")
        self.assertIsNotNone(self.load(OLD))

    def test_rotateCrash(self) -> None:
        """
        Whatever is lost in between: the session is at one key, and a second try succeeds.
        """
        for call, isDone, isMoved in (
            ("read", True, False),
            ("add", False, False),
            ("add", True, False),
            ("replace", False, False),
            ("replace", True, True),
        ):
            delta = SessionDelta(60.0, set={"b": b"2"})
            self.crash(call, isDone)
            self.assertRaises(Crash, self.rotate, delta)
            self.assertEqual(self.load(OLD) is None, isMoved)
            self.assertIs(self.rotate(delta), CommitResult.ok)
            stored = self.load(NEW)
            assert stored is not None
            self.assertEqual(stored.fields, {"a": b"1", "b": b"2"})
            self.assertIsNone(self.load(OLD))
            self.node._items.clear()
            self.commit(OLD, SessionDelta(60.0, create=True, meta=b"m", set={"a": b"1"}))

    def test_rotateCrashDeleted(self) -> None:
        """A session that ended between two tries isn't brought back by the second."""
        delta = SessionDelta(60.0)
        self.crash("replace", False)
        self.assertRaises(Crash, self.rotate, delta)
        changes.delete(self.node, OLD, self.now)
        self.assertIs(self.rotate(delta), CommitResult.gone)
        self.assertIsNone(self.load(NEW))

    def test_rotateConflict(self) -> None:
        """What isn't as expected is left alone."""
        delta = SessionDelta(60.0, expect={"a": b"2"})
        self.assertIs(self.rotate(delta), CommitResult.conflict)
        self.assertIsNotNone(self.load(OLD))
        self.assertIsNone(self.load(NEW))

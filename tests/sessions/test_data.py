"""
Tests of the mapping that applications see.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.sessions.fieldcase import BIRTH, codec, rules
from twisted_multiserver.sessions.data import SessionData
from twisted_multiserver.sessions.errors import SessionReadOnly, TooLateForCookies
from twisted_multiserver.sessions.fields import Fields
from twisted_multiserver.sessions.state import SessionState


class Owner:
    """
    A request that only notes what it is asked.
    """

    label = "00c0ffee"

    def __init__(self) -> None:
        self.asked: list[object] = []

    def commitNow(self) -> str:
        return "committing"

    def destroyEverywhereNow(self, principal: str, exceptThis: bool) -> str:
        self.asked.append((principal, exceptThis))
        return "destroying"


def storedState(principal: str = "", **values: Any) -> SessionState:
    """
    @return: a session that the store has.
    """
    base = {name: codec.encode(value) for name, value in values.items()}
    return SessionState(rules(), Fields(rules(), base, BIRTH), principal)


class MappingTests(SynchronousTestCase):
    """
    It is a mapping as others.
    """

    def setUp(self) -> None:
        self.state = storedState(a=1, cart=["x"])
        self.data = SessionData(Owner(), self.state)

    def test_reading(self) -> None:
        """
        Names and values are those of the session.
        """
        self.assertEqual(self.data["a"], 1)
        self.assertEqual(dict(self.data), {"a": 1, "cart": ["x"]})
        self.assertEqual(self.data, {"a": 1, "cart": ["x"]})
        self.assertEqual(len(self.data), 2)
        self.assertIn("a", self.data)
        self.assertNotIn("b", self.data)
        self.assertEqual(self.data.get("b", 7), 7)
        self.assertIsNone(self.state.change())

    def test_missing(self) -> None:
        """
        What isn't there is a C{KeyError} that names it.
        """
        for act in (
            lambda: self.data["b"],
            lambda: self.data.pop("b"),
            lambda: self.data.__delitem__("b"),
        ):
            self.assertEqual(self.assertRaises(KeyError, act).args, ("b",))

    def test_changing(self) -> None:
        """
        All ways to change a mapping change it.
        """
        self.assertEqual(self.data.pop("a"), 1)
        self.assertEqual(self.data.pop("a", 5), 5)
        self.data.setdefault("cart", []).append("y")
        self.data.setdefault("new", []).append("z")
        self.data.update({"u": 1}, v=2)
        self.data["w"] = 3
        del self.data["w"]
        self.assertEqual(self.data, {"cart": ["x", "y"], "new": ["z"], "u": 1, "v": 2})
        change = self.state.change()
        assert change is not None
        assert change.fields is not None
        self.assertEqual(set(change.fields.set), {"cart", "new", "u", "v"})
        self.assertEqual(change.fields.unset, {"a"})

    def test_clear(self) -> None:
        """
        Clearing removes all, in the store as well, and keeps the session.
        """
        self.data.clear()
        self.assertEqual(len(self.data), 0)
        change = self.state.change()
        assert change is not None
        assert change.fields is not None
        self.assertTrue(change.fields.clear)
        self.assertTrue(self.state.isStored)

    def test_popitem(self) -> None:
        """
        Items can be taken one by one.
        """
        taken = [self.data.popitem(), self.data.popitem()]
        self.assertEqual(dict(taken), {"a": 1, "cart": ["x"]})
        self.assertRaises(KeyError, self.data.popitem)

    def test_removingWhileIterating(self) -> None:
        """
        Fields may go while they are listed.
        """
        for name in self.data:
            del self.data[name]
        self.assertEqual(len(self.data), 0)

    def test_repr(self) -> None:
        """
        Values don't get into logs by accident, nor does the identifier.
        """
        self.assertEqual(repr(self.data), "<SessionData 00c0ffee>")

    def test_accessed(self) -> None:
        """
        Whatever tells something about the session counts as a look at it.
        """
        for look in (
            lambda data: data.get("a"),
            lambda data: "a" in data,
            len,
            list,
            lambda data: data.principal,
            lambda data: data.isNew,
            lambda data: data.guard("a"),
            lambda data: data.rotate(),
            lambda data: data.destroy(),
        ):
            state = storedState(a=1)
            data = SessionData(Owner(), state)
            self.assertEqual((data.label, data.isDegraded), ("00c0ffee", False))
            self.assertFalse(state.isAccessed)
            look(data)
            self.assertTrue(state.isAccessed)


class SessionTests(SynchronousTestCase):
    """
    What can be done with the session.
    """

    def setUp(self) -> None:
        self.owner = Owner()

    def test_new(self) -> None:
        """
        A new session that nothing is put into is no change, whatever else is done with it.
        """
        state = SessionState(rules())
        data = SessionData(self.owner, state)
        self.assertTrue(data.isNew)
        data.rotate()
        data.clear()
        data.guard("a")
        data["a"] = 1
        del data["a"]
        data.principal = "ada"
        data.principal = ""
        self.assertIsNone(state.change())

    def test_newPrincipal(self) -> None:
        """
        A new session that belongs to somebody is one.
        """
        state = SessionState(rules())
        SessionData(self.owner, state).principal = "ada"
        change = state.change()
        assert change is not None
        self.assertEqual(change.principal, "ada")

    def test_principal(self) -> None:
        """
        Only another principal is a change.
        """
        state = storedState("ada")
        data = SessionData(self.owner, state)
        data.principal = "ada"
        self.assertIsNone(state.change())
        data.principal = ""
        change = state.change()
        assert change is not None
        self.assertEqual(change.principal, "")
        state.applied(change)
        self.assertIsNone(state.change())
        with self.assertRaises(TypeError):
            data.principal = 7  # type: ignore[assignment]

    def test_guard(self) -> None:
        """
        Guarded fields go with any change, as they are stored, even if they aren't there.
        """
        state = storedState(a=1, b=[])
        data = SessionData(self.owner, state)
        data.guard("a")
        data.guard("absent")
        self.assertIsNone(state.change())
        data["b"].append(1)
        change = state.change()
        assert change is not None
        self.assertEqual(change.expect, {"a": b"1", "absent": None})

    def test_guardAfterCommit(self) -> None:
        """
        After a commit the field is to be what was committed.
        """
        state = storedState(a=1)
        data = SessionData(self.owner, state)
        data.guard("a")
        for value, before in ((2, b"1"), (3, b"2")):
            data["a"] = value
            change = state.change()
            assert change is not None
            self.assertEqual(change.expect, {"a": before})
            state.applied(change)

    def test_rotate(self) -> None:
        """
        Rotation alone is a change, once.
        """
        state = storedState(a=1)
        data = SessionData(self.owner, state)
        data.rotate()
        change = state.change()
        assert change is not None
        self.assertTrue(change.rotates)
        self.assertIsNone(change.fields)
        state.applied(change)
        self.assertIsNone(state.change())
        self.assertEqual(data["a"], 1)

    def test_destroy(self) -> None:
        """
        A destroyed session is empty and new, whatever was done with it; it may begin again.
        """
        state = storedState("ada", a=1)
        data = SessionData(self.owner, state)
        data.guard("a")
        data["b"] = 2
        data.rotate()
        data.destroy()
        self.assertEqual((dict(data), data.principal, data.isNew), ({}, "", True))
        self.assertTrue(state.isDestroyed)
        self.assertIsNone(state.change())
        data["c"] = 3
        change = state.change()
        assert change is not None
        assert change.fields is not None
        self.assertEqual((change.fields.set, change.expect), ({"c": b"3"}, {}))
        self.assertFalse(change.rotates)

    def test_anotherBirth(self) -> None:
        """
        Sessions never share what their fields are sealed for.
        """
        state = storedState(a=1)
        self.assertEqual(state.birth, BIRTH)
        state.end()
        self.assertNotEqual(state.birth, BIRTH)
        self.assertNotEqual(SessionState(rules()).birth, SessionState(rules()).birth)

    def test_revert(self) -> None:
        """
        Changes can be dropped, but an end is an end.
        """
        state = storedState("ada", a=1)
        data = SessionData(self.owner, state)
        data["a"] = 2
        data.principal = "bob"
        data.rotate()
        state.revert()
        self.assertIsNone(state.change())
        self.assertEqual((data["a"], data.principal), (1, "ada"))
        data.destroy()
        state.revert()
        self.assertTrue(state.isDestroyed)

    def test_asksOwner(self) -> None:
        """
        What asks the store is the request's to do.
        """
        data = SessionData(self.owner, storedState("ada"))
        self.assertEqual(data.commit(), "committing")
        self.assertEqual(data.destroyEverywhere(exceptThis=True), "destroying")
        data.destroyEverywhere()
        self.assertEqual(self.owner.asked, [("ada", True), ("ada", False)])

    def test_destroyEverywhereOfNobody(self) -> None:
        """
        Nobody has no sessions.
        """
        data = SessionData(self.owner, storedState())
        self.assertRaises(ValueError, data.destroyEverywhere)
        self.assertEqual(self.owner.asked, [])


class RefusingTests(SynchronousTestCase):
    """
    When a session can't be changed.
    """

    def test_degraded(self) -> None:
        """
        If the store could not be asked, it looks empty and takes nothing.
        """
        state = SessionState(rules(), isDegraded=True)
        data = SessionData(Owner(), state)
        self.assertEqual((dict(data), data.isDegraded), ({}, True))
        for act in (
            lambda: data.update(a=1),
            lambda: data.setdefault("a", 1),
            lambda: setattr(data, "principal", "ada"),
            data.rotate,
            data.destroy,
            data.destroyEverywhere,
        ):
            self.assertRaises(SessionReadOnly, act)
        data.clear()
        data.guard("a")
        self.assertIsNone(state.change())

    def test_lateNew(self) -> None:
        """
        After the head no session begins.
        """
        state = SessionState(rules(), isLate=True)
        data = SessionData(Owner(), state)
        self.assertEqual(dict(data), {})
        for act in (lambda: data.update(a=1), lambda: setattr(data, "principal", "ada")):
            self.assertRaises(TooLateForCookies, act)
        self.assertIsNone(state.change())

    def test_lateStored(self) -> None:
        """
        One that is there may change, but neither rotate nor end.
        """
        state = storedState("ada", a=1)
        state.isLate = True
        data = SessionData(Owner(), state)
        data["a"] = 2
        self.assertIsNotNone(state.change())
        for act in (data.rotate, data.destroy, data.destroyEverywhere):
            self.assertRaises(TooLateForCookies, act)
        data.destroyEverywhere(exceptThis=True)
        self.assertFalse(state.isDestroyed)

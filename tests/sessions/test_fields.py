"""
Tests of the algebra of changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.sessions.fieldcase import BIRTH, ReversedSealing, applied, codec, rules, written
from twisted_multiserver.sessions.errors import SessionCorrupt
from twisted_multiserver.sessions.fields import FieldChange, Fields
from twisted_multiserver.sessions.sealing import NoSealing, SessionSealing

_names = st.sampled_from(["a", "b", "c", "d", ""])
_values = st.one_of(
    st.integers(0, 3),
    st.lists(st.integers(0, 2), max_size=2),
    st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 2), max_size=2),
)
# Names of operations of mappings, and what they take.
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _names, _values),
        st.tuples(st.just("remove"), _names, st.none()),
        st.tuples(st.just("clear"), st.none(), st.none()),
        st.tuples(st.just("read"), _names, st.none()),
        st.tuples(st.just("mutate"), _names, st.integers(0, 2)),
        st.tuples(st.just("iterate"), st.none(), st.none()),
        st.tuples(st.just("commit"), st.none(), st.none()),
        st.tuples(st.just("begin"), st.none(), st.none()),
        st.tuples(st.just("end"), st.booleans(), st.none()),
        st.tuples(st.just("revert"), st.none(), st.none()),
    ),
    max_size=14,
)


def _mutate(value: Any, item: int) -> None:
    if isinstance(value, list):
        value.append(item)
    elif isinstance(value, dict):
        value["z"] = item


class AlgebraTests(SynchronousTestCase):
    """
    What is applied to what is stored gives what was visible.
    """

    sealings: tuple[Callable[[], SessionSealing], ...] = (NoSealing, ReversedSealing)

    @given(st.sampled_from(sealings), st.dictionaries(_names, _values), _steps)
    def test_model(
        self,
        makeSealing: Callable[[], SessionSealing],
        values: dict[str, Any],
        steps: list[tuple[str, Any, Any]],
    ) -> None:
        """
        Whatever is done, in whatever order, also while a write is on its way that may fail,
        fields are as a dictionary's, and so is what the store has at the end.
        """
        sealing = makeSealing()
        stored = written(sealing, values)
        fields = Fields(rules(sealing), dict(stored), BIRTH)
        # A copy without shared parts.
        model = codec.decode(codec.encode(values))
        underWay: FieldChange | None = None
        for step, name, value in steps:
            if step == "put":
                fields.put(name, value := codec.decode(codec.encode(value)))
                model[name] = codec.decode(codec.encode(value))
            elif step == "remove":
                if name in model:
                    fields.remove(name)
                    del model[name]
                else:
                    self.assertRaises(KeyError, fields.remove, name)
            elif step == "clear":
                fields.clear()
                model.clear()
            elif step == "read":
                if name in model:
                    self.assertEqual(fields.get(name), model[name])
                    self.assertIs(fields.get(name), fields.get(name))
                else:
                    self.assertRaises(KeyError, fields.get, name)
            elif step == "mutate" and name in model:
                _mutate(fields.get(name), value)
                _mutate(model[name], value)
            elif step == "commit" and underWay is None:
                change = fields.difference()
                stored = applied(stored, change)
                if change is not None:
                    fields.applied(change)
                self.assertIsNone(fields.difference())
            elif step == "begin" and underWay is None:
                underWay = fields.difference()
            elif step == "end" and underWay is not None:
                if name:
                    stored = applied(stored, underWay)
                    fields.applied(underWay)
                underWay = None
            elif step == "revert" and underWay is None:
                fields.revert()
                model = {
                    key: codec.decode(sealing.open(value, BIRTH, key))
                    for key, value in stored.items()
                }
            self.assertEqual(len(fields), len(model))
            self.assertEqual(set(fields), set(model))
            self.assertTrue(all(key in fields for key in model))
        if underWay is not None:
            stored = applied(stored, underWay)
            fields.applied(underWay)
        stored = applied(stored, fields.difference())
        self.assertEqual(
            {key: codec.decode(sealing.open(value, BIRTH, key)) for key, value in stored.items()},
            model,
        )

    @given(
        st.dictionaries(_names, _values),
        st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.booleans(), _values)),
    )
    def test_interleaved(
        self, values: dict[str, Any], changes: dict[str, tuple[bool, Any]]
    ) -> None:
        """
        Two requests that change different fields lose nothing, whichever is first.
        """
        sealing = NoSealing()
        stored = written(sealing, values)
        both = [Fields(rules(), dict(stored), BIRTH) for _ in range(2)]
        expected = dict(values)
        for index, (name, (isThere, value)) in enumerate(changes.items()):
            mine = both[index % 2]
            if isThere:
                mine.put(name, value)
                expected[name] = value
            elif name in mine:
                mine.remove(name)
                del expected[name]
        differences = [fields.difference() for fields in both]
        for order in (differences, differences[::-1]):
            result = stored
            for change in order:
                result = applied(result, change)
            self.assertEqual(result, written(sealing, expected))

    @given(st.dictionaries(_names, _values))
    def test_reading(self, values: dict[str, Any]) -> None:
        """
        Who only reads writes nothing.
        """
        for makeSealing in self.sealings:
            sealing = makeSealing()
            fields = Fields(rules(sealing), written(sealing, values), BIRTH)
            self.assertEqual({name: fields.get(name) for name in fields}, values)
            self.assertIsNone(fields.difference())

    @given(st.dictionaries(_names, _values, min_size=1))
    def test_same(self, values: dict[str, Any]) -> None:
        """
        Who puts what is there already writes nothing.
        """
        for makeSealing in self.sealings:
            sealing = makeSealing()
            fields = Fields(rules(sealing), written(sealing, values), BIRTH)
            for name, value in values.items():
                fields.put(name, value)
            self.assertIsNone(fields.difference())


class FieldsTests(SynchronousTestCase):
    """
    Fields one by one.
    """

    def test_lazy(self) -> None:
        """
        Nothing is decoded that nobody looks at: counting, listing and removing do without.
        """
        fields = Fields(rules(), {"bad": b"}", "good": b"1", "worse": b""}, BIRTH)
        self.assertEqual(len(fields), 3)
        self.assertEqual(list(fields), ["bad", "good", "worse"])
        self.assertIn("bad", fields)
        fields.remove("worse")
        self.assertEqual(fields.get("good"), 1)
        change = fields.difference()
        assert change is not None
        self.assertEqual((change.set, change.unset), ({}, {"worse"}))

    def test_corrupt(self) -> None:
        """
        What can't be read says which field it is, and stays.
        """
        fields = Fields(rules(), {"bad": b"}"}, BIRTH)
        error = self.assertRaises(SessionCorrupt, fields.get, "bad")
        self.assertIn("session['bad']: ", str(error))
        self.assertIsNone(fields.difference())

    def test_corruptReplaced(self) -> None:
        """
        It can be replaced.
        """
        sealing = ReversedSealing()
        fields = Fields(rules(sealing), {"bad": b"plain"}, BIRTH)
        fields.put("bad", 1)
        change = fields.difference()
        assert change is not None
        self.assertEqual(change.plain, {"bad": b"1"})

    def test_inside(self) -> None:
        """
        Changes inside values are noticed, in lists in tuples too, and in what was put.
        """
        fields = Fields(rules(), {"t": b'{"$tuple":[[]]}', "s": b'"x"'}, BIRTH)
        fields.get("t")[0].append(1)
        fields.get("s")
        cart: list[str] = []
        fields.put("cart", cart)
        cart.append("book")
        change = fields.difference()
        assert change is not None
        self.assertEqual(change.set, {"t": b'{"$tuple":[[1]]}', "cart": b'["book"]'})

    def test_backAgain(self) -> None:
        """
        What is as before in the end is no change.
        """
        fields = Fields(rules(), {"a": b"[1]", "b": b"2"}, BIRTH)
        fields.get("a").append(2)
        fields.get("a").pop()
        fields.remove("b")
        fields.put("b", 2)
        self.assertIsNone(fields.difference())

    def test_order(self) -> None:
        """
        Names are in the order of the store, new ones behind.
        """
        fields = Fields(rules(), {"b": b"1", "a": b"1"}, BIRTH)
        fields.put("c", 1)
        fields.put("b", 2)
        self.assertEqual(list(fields), ["b", "a", "c"])

    def test_whileUnderWay(self) -> None:
        """
        A field that is changed again while its change is on its way is in the next one.
        """
        fields = Fields(rules(), {"a": b"[]"}, BIRTH)
        fields.get("a").append(1)
        first = fields.difference()
        assert first is not None
        fields.get("a").append(2)
        fields.applied(first)
        second = fields.difference()
        assert second is not None
        self.assertEqual((first.set, second.set), ({"a": b"[1]"}, {"a": b"[1,2]"}))

    def test_removedWhileUnderWay(self) -> None:
        """
        A field that is removed while it is on its way doesn't come back.
        """
        fields = Fields(rules(), {}, BIRTH)
        fields.put("a", 1)
        first = fields.difference()
        assert first is not None
        fields.remove("a")
        fields.applied(first)
        self.assertNotIn("a", fields)
        second = fields.difference()
        assert second is not None
        self.assertEqual(second.unset, {"a"})

    def test_clearedAndPutBack(self) -> None:
        """
        What is put back as it was after all was cleared is stored again.
        """
        fields = Fields(rules(), {"a": b"1", "b": b"2"}, BIRTH)
        fields.clear()
        fields.put("a", 1)
        change = fields.difference()
        assert change is not None
        self.assertEqual((change.set, change.clear), ({"a": b"1"}, True))

    def test_changedAndReplaced(self) -> None:
        """
        What was changed inside before it was replaced doesn't matter.
        """
        fields = Fields(rules(), {"a": b"[1]"}, BIRTH)
        fields.get("a").append(2)
        fields.put("a", [3])
        change = fields.difference()
        assert change is not None
        self.assertEqual(change.set, {"a": b"[3]"})

    def test_baseNotShared(self) -> None:
        """
        What the store handed out is left alone.
        """
        base = {"a": b"1"}
        fields = Fields(rules(), base, BIRTH)
        fields.put("a", 2)
        change = fields.difference()
        assert change is not None
        fields.applied(change)
        self.assertEqual(base, {"a": b"1"})
        self.assertEqual(fields.base, {"a": b"2"})

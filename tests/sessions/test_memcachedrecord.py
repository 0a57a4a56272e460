"""
A session as one blob.
"""

from __future__ import annotations

from unittest import TestCase as PlainTestCase

from hypothesis import example, given
from hypothesis.strategies import (
    DataObject,
    binary,
    builds,
    data,
    dictionaries,
    floats,
    integers,
    lists,
    text,
)
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions.errors import SessionCorrupt
from twisted_multiserver.sessions.memcachedrecord import Record, changed, decode
from twisted_multiserver.sessions.record import OPERATIONS_KEPT, CommitResult, SessionDelta

_operations = lists(binary(min_size=16, max_size=16), max_size=OPERATIONS_KEPT).map(tuple)
_fields = dictionaries(text(), binary(), max_size=5).map(lambda fields: tuple(fields.items()))
_records = builds(
    Record,
    expiry=floats(allow_nan=False, allow_infinity=False),
    meta=binary(),
    fields=_fields,
    principal=text(),
    operations=_operations,
)


class FormatTests(PlainTestCase):
    @given(_records)
    def test_roundTrip(self, record: Record) -> None:
        """Whatever a record holds comes back."""
        self.assertEqual(decode(record.encode()), record)

    @given(binary())
    @example(b"")
    def test_anything(self, blob: bytes) -> None:
        """Any other bytes are refused by their name, or are exactly what we would write."""
        self._check(blob)

    @given(_records, data())
    def test_damaged(self, record: Record, draw: DataObject) -> None:
        """The same for a blob with a byte that is wrong, missing, or too many."""
        blob = record.encode()
        at = draw.draw(integers(0, len(blob) - 1))
        byte = draw.draw(binary(min_size=1, max_size=4))
        self._check(blob[:at] + byte + blob[at + 1 :])
        self._check(blob[:at])
        self._check(blob + byte)

    def _check(self, blob: bytes) -> None:
        try:
            record = decode(blob)
        except SessionCorrupt:
            return
        self.assertEqual(record.encode(), blob)


class FormatCaseTests(SynchronousTestCase):
    def test_bad(self) -> None:
        """What is wrong is refused, however large the lengths that it pretends to have."""
        good = Record(1.0, b"m", (("a", b"b"),), "p", (b"o" * 16,)).encode()
        for blob in (
            b"\x02" + good[1:],
            good[:1] + b"\x02" + good[2:],
            good[:2] + b"\x7f\xf8" + b"\0" * 6 + good[10:],
            good[:-6] + b"\xff\xff\xff\xff" + good[-2:],
            good.replace(b"\0\0\0\x01a", b"\0\0\0\x01\xff"),
            Record(1.0, fields=(("a", b""), ("a", b""))).encode(),
            Record(1.0, operations=(b"o" * 16,) * 17).encode(),
        ):
            self.assertRaises(SessionCorrupt, decode, blob)
        decode(good)


class ChangedTests(SynchronousTestCase):
    def test_create(self) -> None:
        """A session begins where none is: none at all, one that has ended, or a tombstone."""
        delta = SessionDelta(5.0, create=True, meta=b"m", set={"a": b"1"}, principal="p")
        expected = Record(105.0, b"m", (("a", b"1"),), "p", (delta.operation,))
        for nothing in (None, Record(100.0, fields=(("b", b""),)), Record(200.0, isTombstone=True)):
            self.assertEqual(changed(nothing, delta, 100.0), expected)
        self.assertIs(changed(Record(100.1), delta, 100.0), CommitResult.conflict)

    def test_gone(self) -> None:
        """A session doesn't begin by a change."""
        delta = SessionDelta(5.0, set={"a": b"1"})
        for nothing in (None, Record(100.0), Record(200.0, isTombstone=True)):
            self.assertIs(changed(nothing, delta, 100.0), CommitResult.gone)

    def test_repeated(self) -> None:
        """An operation that was applied isn't applied again, whatever it expects."""
        first = SessionDelta(5.0, create=True, meta=b"", set={"a": b"1"})
        second = SessionDelta(5.0, set={"a": b"2"}, expect={"a": b"1"})
        record = changed(None, first, 100.0)
        assert isinstance(record, Record)
        record = changed(record, second, 100.0)
        assert isinstance(record, Record)
        self.assertIs(changed(record, first, 100.0), CommitResult.ok)
        self.assertIs(changed(record, second, 100.0), CommitResult.ok)

    def test_operationsKept(self) -> None:
        """The last operations are remembered, and no more."""
        record: Record | CommitResult = Record(200.0)
        deltas = [SessionDelta(100.0) for _ in range(OPERATIONS_KEPT + 1)]
        for delta in deltas:
            assert isinstance(record, Record)
            record = changed(record, delta, 100.0)
        assert isinstance(record, Record)
        self.assertEqual(record.operations, tuple(each.operation for each in deltas[1:]))

    def test_order(self) -> None:
        """What is expected comes first, then clear, then unset, then set."""
        record = Record(200.0, b"m", (("a", b"1"), ("b", b"2"), ("c", b"3")), "p")
        delta = SessionDelta(
            50.0,
            expect={"a": b"1", "d": None},
            unset=frozenset(["b", "x"]),
            set={"a": b"", "d": b"4"},
        )
        result = changed(record, delta, 100.0)
        assert isinstance(result, Record)
        self.assertEqual(dict(result.fields), {"a": b"", "c": b"3", "d": b"4"})
        self.assertEqual((result.expiry, result.meta, result.principal), (150.0, b"m", "p"))
        delta = SessionDelta(50.0, clear=True, set={"d": b"4"}, meta=b"", principal="")
        result = changed(record, delta, 100.0)
        assert isinstance(result, Record)
        self.assertEqual(result.fields, (("d", b"4"),))
        self.assertEqual((result.meta, result.principal), (b"", ""))

    def test_conflict(self) -> None:
        """A value that isn't what is expected is a conflict."""
        record = Record(200.0, fields=(("a", b"1"),))
        for expect in ({"a": b"2"}, {"a": None}, {"b": b"1"}, {"a": b"1", "b": b""}):
            result = changed(record, SessionDelta(5.0, expect=expect), 100.0)
            self.assertIs(result, CommitResult.conflict)

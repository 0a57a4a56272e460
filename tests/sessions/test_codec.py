"""
Tests of how values are written.
"""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import IntEnum
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions.codec import MAX_DEPTH, TaggedJSON
from twisted_multiserver.sessions.errors import SessionCorrupt

codec = TaggedJSON()

_offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
_zones = st.one_of(
    st.none(),
    _offsets,
    st.just(UTC),
    st.just(timezone(timedelta(hours=1), "CET")),
    st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]).map(ZoneInfo),
)
_hashable = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(st.characters(), max_size=10),
        st.binary(max_size=10),
        st.builds(
            lambda when, fold: when.replace(fold=fold),
            st.datetimes(timezones=_zones),
            st.sampled_from([0, 1]),
        ),
        st.dates(),
        st.times(timezones=_zones),
        st.timedeltas(),
        st.uuids(),
        st.decimals(allow_nan=False),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple), st.frozensets(inner, max_size=3)
    ),
    max_leaves=6,
)
_values = st.recursive(
    _hashable,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.sets(_hashable, max_size=4),
        st.dictionaries(_hashable, inner, max_size=4),
        st.dictionaries(st.sampled_from(["$set", "$", "$dict", "$x", "a"]), inner, max_size=3),
    ),
    max_leaves=15,
)


def _exactly(value: Any) -> Any:
    """
    @return: something that is equal only for values that are equal in type, too.
    """
    kind = type(value)
    if kind in (list, tuple):
        return kind, [_exactly(item) for item in value]
    if kind in (set, frozenset):
        return kind, sorted(repr(_exactly(item)) for item in value)
    if kind is dict:
        return kind, [(_exactly(key), _exactly(item)) for key, item in value.items()]
    if kind in (datetime, time):
        return kind, repr(value), value.fold
    return kind, hex(value) if kind is int else repr(value)


class RoundTripTests(SynchronousTestCase):
    """
    What is written is read, and nothing else.
    """

    # On a loaded machine the first values take long.
    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(_values)
    @example({"$set": [1]})
    @example({"$unknown": 1})
    @example([{"$": {}}, {1: 2, "1": 3}, {True: 1}, {None: 1}])
    @example(10**5000)
    @example(-(2**14000))
    @example([float("inf"), float("-inf"), -0.0, 1e308, 5e-324])
    @example("\ud83d\ude00 \U0001f600 \x00 \u2028")
    @example(Decimal("-0.00"))
    @example(Decimal("Infinity"))
    @example(UTC.utcoffset(None))
    def test_values(self, value: Any) -> None:
        """
        Values come back as what they were, and are written the same again.
        """
        written = codec.encode(value)
        read = codec.decode(written)
        self.assertEqual(_exactly(read), _exactly(value))
        self.assertEqual(codec.encode(read), written)

    def test_notNumbers(self) -> None:
        """
        What isn't equal to itself comes back, too.
        """
        value: Any = codec.decode(codec.encode([float("nan"), Decimal("NaN"), Decimal("sNaN123")]))
        self.assertEqual(repr(value), "[nan, Decimal('NaN'), Decimal('sNaN123')]")

    def test_zones(self) -> None:
        """
        Time zones stay of the kind they are.
        """
        for zone in (
            UTC,
            timezone(timedelta(hours=-5)),
            timezone(timedelta(seconds=1234, microseconds=5)),
            timezone(timedelta(hours=1), "CET"),
            timezone(timedelta(0), "GMT"),
            ZoneInfo("Europe/Berlin"),
        ):
            for value in (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=zone), time(1, tzinfo=zone)):
                read = codec.decode(codec.encode(value)).tzinfo
                self.assertIs(type(read), type(zone))
                self.assertEqual(repr(read), repr(zone))

    def test_readable(self) -> None:
        """
        What JSON has words for is plain JSON.
        """
        self.assertEqual(
            codec.encode({"a": [1, "é", None, True, 1.5], "$b": {}, "c": {}}),
            '{"a":[1,"é",null,true,1.5],"$b":{},"c":{}}'.encode(),
        )
        self.assertEqual(codec.encode({"$b": 1}), b'{"$dict":[["$b",1]]}')

    def test_sameEverywhere(self) -> None:
        """
        Sets are written the same in every process.
        """
        code = (
            "from twisted_multiserver.sessions.codec import TaggedJSON\n"
            "print(TaggedJSON().encode({frozenset('abcdefgh'), 'x', 'y', 'z', 1, b'1'}))"
        )
        written = {
            subprocess.run(
                [sys.executable, "-c", code],
                env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
                capture_output=True,
                check=True,
            ).stdout
            for seed in ("1", "2", "3")
        }
        self.assertEqual(len(written), 1)


class Zone(tzinfo):
    """
    A time zone of somebody's.
    """

    def utcoffset(self, when: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, when: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, when: datetime | None) -> str:
        return "Z"


class Colour(IntEnum):
    red = 1


class Text(str):
    __slots__ = ()


class RefusedTests(SynchronousTestCase):
    """
    What would not come back is refused.
    """

    def assertRefused(self, value: Any, *words: str) -> None:
        """
        Check that it is refused in so many words.
        """
        error = self.assertRaises(TypeError, codec.encode, value)
        for word in words:
            self.assertIn(word, str(error))

    def test_types(self) -> None:
        """
        Other types are refused, and subclasses, which would come back as something else.
        """
        self.assertRefused(object(), "type builtins.object can't be stored")
        values: list[Any] = [Colour.red, Text("x"), OrderedDict(), bytearray(), 1j, len, range(3)]
        for value in values:
            self.assertRefused(value, type(value).__qualname__)

    def test_place(self) -> None:
        """
        The message says where.
        """
        self.assertRefused([1, {"a": (0, object())}], "at [1]['a'][1], ")
        self.assertRefused({"a": {1, Colour.red + 1, Text("x")}}, "at ['a']{...}, ", "Text")
        self.assertRefused({(Text("x"),): 1}, "at [key ('x',)][0], ")

    def test_zone(self) -> None:
        """
        Time zones of other kinds are named.
        """
        self.assertRefused([datetime(2026, 1, 1, tzinfo=Zone())], "at [0], a time zone", "Zone")

    def test_depth(self) -> None:
        """
        What is nested too deep, or in itself, is refused; what is a bit less deep isn't.
        """
        value: Any = 1
        for _ in range(MAX_DEPTH):
            value = {(): value}
        self.assertEqual(codec.decode(codec.encode(value)), value)
        self.assertRefused([value], "nested more than")
        endless: list[Any] = []
        endless += (1, endless, endless)
        self.assertRefused({"a": endless}, "nested")


class CorruptTests(SynchronousTestCase):
    """
    What was not written by us.
    """

    def test_corrupt(self) -> None:
        """
        All that can be wrong is one error.
        """
        for data in (
            b"",
            b"\xff",
            b"{",
            b"1 2",
            b"'x'",
            b'{"$new": 1}',
            b'{"$set": 1}',
            b'{"$set": [[]]}',
            b'{"$tuple": null}',
            b'{"$dict": [[1]]}',
            b'{"$dict": [[[], 1]]}',
            b'{"$int": "x"}',
            b'{"$bytes": "%"}',
            b'{"$decimal": "x"}',
            b'{"$uuid": "x"}',
            b'{"$uuid": 1}',
            b'{"$date": "x"}',
            b'{"$datetime": ["2026-01-01T00:00:00", 2, null]}',
            b'{"$datetime": ["2026-01-01T00:00:00", 0, "Nowhere/Atall"]}',
            b'{"$datetime": ["2026-01-01T00:00:00", 0, [2, 0, 0]]}',
            b'{"$time": []}',
            b'{"$timedelta": [999999999999, 0, 0]}',
            b"[" * 100_000,
            b"9" * 5000,
        ):
            self.assertRaises(SessionCorrupt, codec.decode, data)

    @given(st.binary(max_size=50))
    def test_anything(self, data: bytes) -> None:
        """
        No bytes raise another.
        """
        try:
            codec.decode(data)
        except SessionCorrupt:
            pass

    @given(
        st.sampled_from(
            [
                "int",
                "dict",
                "tuple",
                "set",
                "frozenset",
                "bytes",
                "datetime",
                "time",
                "date",
                "timedelta",
                "uuid",
                "decimal",
            ]
        ),
        st.recursive(
            st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=9)),
            lambda inner: st.lists(inner, max_size=4),
        ),
    )
    def test_tags(self, tag: str, value: Any) -> None:
        """
        Nor does any value under a tag.
        """
        try:
            codec.decode(b'{"$%b":%b}' % (tag.encode(), codec.encode(value)))
        except SessionCorrupt:
            pass

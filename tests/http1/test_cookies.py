"""
Cookies: what was sent by a name, and the rest without it.
"""

from __future__ import annotations

from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.http1.cookies import cookieValues, withoutCookie
from twisted_multiserver.http1.heads import Fields

HOST = (b"Host", b"www.example.com")
NAMES = st.sampled_from([b"sid", b"SID", b"sid2", b"xsid", b"a", b"", b"theme"])
# What RFC 6265 section 4.1.1 allows in a value, and some that clients send as well.
VALUES = st.text("abcXYZ09!#$%&'()*+-./:<=>?@[]^_`{|}~\"\\, ").map(
    lambda text: text.strip().encode("ascii")
)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
# A request's fields: the cookies of one, or another as it is.
Part: TypeAlias = list[tuple[bytes, bytes]] | tuple[bytes, bytes]
FIELDS: st.SearchStrategy[list[Part]] = st.lists(st.one_of(PAIRS, st.just(HOST)), max_size=4)


def made(parts: list[Part]) -> Fields:
    """
    @return: the fields as browsers write them.
    """
    return tuple(
        part
        if isinstance(part, tuple)
        else (b"Cookie", b"; ".join(name + b"=" + value for name, value in part))
        for part in parts
    )


class ValuesTests(SynchronousTestCase):
    def values(self, *cookies: bytes, name: bytes = b"sid") -> list[bytes]:
        """
        @return: the values in these Cookie fields.
        """
        return cookieValues((HOST, *((b"Cookie", cookie) for cookie in cookies)), name)

    def test_one(self) -> None:
        self.assertEqual(self.values(b"sid=31d4"), [b"31d4"])
        self.assertEqual(self.values(b"a=b; sid=31d4; c=d"), [b"31d4"])

    def test_none(self) -> None:
        self.assertEqual(cookieValues((), b"sid"), [])
        self.assertEqual(self.values(b"a=sid; xsid=1; sidx=2; SID=3; =sid", b""), [])

    def test_inOrder(self) -> None:
        """
        Each that was sent by the name, in all fields; HTTP/2 may split them (RFC 9113
        section 8.2.3).
        """
        self.assertEqual(self.values(b"sid=3; a=0; sid=1", b"b=0", b"sid=2"), [b"3", b"1", b"2"])

    def test_fieldName(self) -> None:
        """
        The case of the field's name doesn't matter, and it is no other field.
        """
        fields = ((b"cOOKIE", b"sid=1"), (b"Set-Cookie", b"sid=2"), (b"X-Cookie", b"sid=3"))
        self.assertEqual(cookieValues(fields, b"sid"), [b"1"])

    def test_lax(self) -> None:
        """
        What clients send against the grammar is found as servers find it.
        """
        for cookie, values in (
            (b"a=b;sid=1;c=d", [b"1"]),
            (b" \tsid=1 ", [b"1"]),
            (b"sid = 1", [b"1"]),
            (b"sid=", [b""]),
            (b"sid", [b""]),
            (b"sid=a=b==", [b"a=b=="]),
            (b'sid="a b"', [b'"a b"']),
            (b";;sid=1;;", [b"1"]),
            (b"sid=\xff\x01", [b"\xff\x01"]),
            (b"sid=1,sid=2", [b"1,sid=2"]),
        ):
            self.assertEqual(self.values(cookie), values, cookie)

    @settings(deadline=None)
    @given(FIELDS, NAMES)
    def test_found(self, parts: list[Part], name: bytes) -> None:
        """
        Exactly those that were sent, in their order.
        """
        sent = [pair for part in parts if isinstance(part, list) for pair in part]
        if name:
            expected = [value for other, value in sent if other == name]
            self.assertEqual(cookieValues(made(parts), name), expected)


class WithoutTests(SynchronousTestCase):
    def left(self, *fields: tuple[bytes, bytes]) -> Fields:
        return withoutCookie(fields, b"sid")

    def test_notThere(self) -> None:
        """
        Without it the fields are the same, to the byte and to the object.
        """
        fields = (HOST, (b"Cookie", b"a=b;c=d;; xsid=1;"), (b"Cookie", b""))
        self.assertIs(withoutCookie(fields, b"sid"), fields)

    def test_onlyOne(self) -> None:
        """
        No empty Cookie field is left.
        """
        self.assertEqual(self.left((b"Cookie", b"sid=1"), HOST), (HOST,))
        self.assertEqual(self.left(HOST, (b"cookie", b"sid; sid=1;")), (HOST,))

    def test_amongOthers(self) -> None:
        for cookie in (b"sid=1; a=b; c=d", b"a=b; sid=1; c=d", b"a=b;c=d;sid=1", b"a=b; sid; c=d"):
            self.assertEqual(self.left((b"cookie", cookie)), ((b"cookie", b"a=b; c=d"),))

    def test_everyOne(self) -> None:
        fields = ((b"Cookie", b"sid=1; a=b"), HOST, (b"Cookie", b"sid=2"), (b"cookie", b"c=d"))
        left = ((b"Cookie", b"a=b"), HOST, (b"cookie", b"c=d"))
        self.assertEqual(self.left(*fields), left)

    def test_otherFields(self) -> None:
        """
        Only Cookie fields are changed.
        """
        others = (HOST, (b"Set-Cookie", b"sid=1"), (b"X-Cookie", b"sid=1"), (b"sid", b"sid=1"))
        self.assertEqual(self.left(*others, (b"Cookie", b"sid=1")), others)

    @settings(deadline=None)
    @given(FIELDS, NAMES.filter(bool))
    def test_othersPass(self, parts: list[Part], name: bytes) -> None:
        """
        All other cookies and fields pass unchanged, in their order.
        """
        rest: list[Part] = []
        for part in parts:
            if isinstance(part, tuple):
                rest.append(part)
            elif kept := [pair for pair in part if pair[0] != name]:
                rest.append(kept)
        fields = made(parts)
        left = withoutCookie(fields, name)
        if cookieValues(fields, name):
            self.assertEqual(left, made(rest))
        else:
            self.assertIs(left, fields)
        self.assertEqual(cookieValues(left, name), [])

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.sampled_from([b"Cookie", b"A"]), st.binary(max_size=30))))
    def test_anything(self, fields: list[tuple[bytes, bytes]]) -> None:
        """
        Whatever bytes there are: it is gone, and to leave it out again changes nothing.
        """
        left = withoutCookie(tuple(fields), b"sid")
        self.assertEqual(cookieValues(left, b"sid"), [])
        self.assertIs(withoutCookie(left, b"sid"), left)

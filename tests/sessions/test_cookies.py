"""
Tests of the session's cookie.
"""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions.cookies import (
    REPEATED,
    cookieAttributes,
    deleteCookie,
    sessionCookie,
    setCookie,
)

_words = st.text('sidSID=;, \t"x-_', max_size=12).map(str.encode)


def _naive(fields: list[bytes], name: bytes) -> list[bytes]:
    """
    @return: all values of a cookie, found the long way.
    """
    found = []
    for field in fields:
        for pair in field.split(b";"):
            if b"=" in pair:
                key, value = pair.split(b"=", 1)
                if key.strip(b" \t") == name:
                    found.append(value.strip(b" \t"))
    return found


class ReadingTests(SynchronousTestCase):
    """
    L{sessionCookie} finds one cookie, or none.
    """

    def test_found(self) -> None:
        """
        It is found among others, whose names may be like it.
        """
        for fields in (
            [b"sid=x"],
            [b"a=1; sid=x; b=2"],
            [b"a=1;sid=x"],
            [b"a=1", b"sid=x"],
            [b"\t sid = x "],
            [b"xsid=1; sid2=2; SID=3; sid=x; y=sid"],
            [b"a=sid=9; sid=x"],
        ):
            self.assertEqual(sessionCookie(fields, b"sid"), b"x", fields)

    def test_none(self) -> None:
        """
        It isn't found where it isn't.
        """
        for fields in ([], [b""], [b"a=sid"], [b"sid"], [b"=sid=x"], [b"sidsid=x"], [b'"sid"=x']):
            self.assertIsNone(sessionCookie(fields, b"sid"), fields)

    def test_repeated(self) -> None:
        """
        Two of the name are as good as none, even if they say the same.
        """
        for fields in ([b"sid=x; sid=y"], [b"sid=x; sid=x"], [b"sid=x", b"a=1; sid="]):
            self.assertIs(sessionCookie(fields, b"sid"), REPEATED, fields)

    def test_valueWithEquals(self) -> None:
        """
        The value begins after the first sign.
        """
        self.assertEqual(sessionCookie([b"sid=a=b"], b"sid"), b"a=b")

    @given(st.lists(_words, max_size=4), st.sampled_from([b"sid", b"s", b"__Host-sid"]))
    @example([b"sid=1;sid=2"], b"sid")
    def test_fuzz(self, fields: list[bytes], name: bytes) -> None:
        """
        Whatever clients send, the short way finds what the long one does.
        """
        values = _naive(fields, name)
        expected = None if not values else values[0] if len(values) == 1 else REPEATED
        self.assertEqual(sessionCookie(fields, name), expected)

    @given(st.lists(st.binary(max_size=40), max_size=3))
    def test_bytes(self, fields: list[bytes]) -> None:
        """
        No bytes make it fail.
        """
        sessionCookie(fields, b"s")


class WritingTests(SynchronousTestCase):
    """
    The lines for the browser.
    """

    def test_secure(self) -> None:
        """
        With TLS the cookie is for TLS only.
        """
        attributes = cookieAttributes(True, "Lax")
        self.assertEqual(
            setCookie(b"__Host-sid", b"x", 60.0, attributes),
            b"__Host-sid=x; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax",
        )

    def test_plain(self) -> None:
        """
        Without TLS it isn't, and C{SameSite=None}, which browsers would refuse, is C{Lax}.
        """
        self.assertEqual(cookieAttributes(False, "None"), b"; Path=/; HttpOnly; SameSite=Lax")
        self.assertEqual(cookieAttributes(False, "Strict"), b"; Path=/; HttpOnly; SameSite=Strict")
        self.assertIn(b"SameSite=None", cookieAttributes(True, "None"))

    def test_maxAge(self) -> None:
        """
        It is a whole number of seconds, at least 1 and at most 400 days.
        """
        for age, expected in ((0.2, 1), (-5.0, 1), (59.5, 60), (1e9, 400 * 86400)):
            self.assertIn(b"; Max-Age=%d;" % expected, setCookie(b"s", b"x", age, b"; Path=/"))

    def test_delete(self) -> None:
        """
        It is forgotten with the attributes it was set with.
        """
        attributes = cookieAttributes(True, "Strict")
        line = deleteCookie(b"__Host-sid", attributes)
        self.assertTrue(line.startswith(b"__Host-sid=; Max-Age=0; Expires=Thu, 01 Jan 1970"))
        self.assertTrue(line.endswith(attributes))

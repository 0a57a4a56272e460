"""
Request keys: what of a request decides, and how that is said.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.balancing.requestkey import RequestKey, parseRequestKey
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.testing import makeRequest

TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
CLIENT = "192.0.2.7"


def keyOf(text: str, *fields: tuple[bytes, bytes], client: str = CLIENT) -> bytes:
    """
    @return: the key of a request with these fields.
    """
    return parseRequestKey(text).of(makeRequest(clientAddress=client, fields=fields))


class AddressTests(SynchronousTestCase):
    def test_address(self) -> None:
        """
        Whatever the request says.
        """
        key = keyOf("address", (b"X-Forwarded-For", b"198.51.100.1"), (b"Cookie", b"address=a"))
        self.assertEqual(key, b"192.0.2.7")

    def test_needsNoHead(self) -> None:
        self.assertFalse(parseRequestKey("address").needsHead)
        self.assertEqual(parseRequestKey("address").of(RequestInfo("::1", True, None)), b"::1")

    def test_noAddress(self) -> None:
        """
        Clients on a UNIX socket have none.
        """
        self.assertEqual(keyOf("address", client=""), b"")

    def test_unprintable(self) -> None:
        """
        An address that can't be encoded is a key like any other.
        """
        self.assertEqual(keyOf("address", client="\udcff"), b"\xff")


class HeaderTests(SynchronousTestCase):
    def test_value(self) -> None:
        self.assertTrue(parseRequestKey("header:X-User").needsHead)
        self.assertEqual(keyOf("header:X-User", (b"X-User", b"eve")), b"eve")

    def test_caseOfTheName(self) -> None:
        """
        The case of a field's name doesn't matter (RFC 9110 section 5.1); that of its
        value does.
        """
        for name in ("x-user", "X-USER", "X-User"):
            self.assertEqual(keyOf(f"header:{name}", (b"x-UsEr", b"Eve")), b"Eve")

    def test_repeated(self) -> None:
        """
        A repeated field is one with the values joined (RFC 9110 section 5.3).
        """
        key = keyOf("header:X-User", (b"X-User", b"a"), (b"X-Other", b"b"), (b"x-user", b"c"))
        self.assertEqual(key, b"a,c")
        self.assertEqual(keyOf("header:X-User", (b"X-User", b"a,c")), key)

    def test_missing(self) -> None:
        """
        Without it the client's address is the key.
        """
        self.assertEqual(keyOf("header:X-User", (b"X-Users", b"eve")), b"192.0.2.7")
        key = parseRequestKey("header:X-User")
        self.assertEqual(key.of(RequestInfo(CLIENT, False, None)), b"192.0.2.7")

    def test_empty(self) -> None:
        """
        A field that is there and empty is there.
        """
        self.assertEqual(keyOf("header:X-User", (b"X-User", b"")), b"")

    def test_long(self) -> None:
        self.assertEqual(keyOf("header:X-User", (b"X-User", b"a" * 9000)), b"a" * 9000)


class CookieTests(SynchronousTestCase):
    def test_value(self) -> None:
        self.assertTrue(parseRequestKey("cookie:sid").needsHead)
        self.assertEqual(keyOf("cookie:sid", (b"Cookie", b"a=b; sid=x=y; c=d")), b"x=y")

    def test_caseOfTheName(self) -> None:
        """
        The case of a cookie's name matters (RFC 6265 section 5.3).
        """
        self.assertEqual(keyOf("cookie:SID", (b"cookie", b"sid=a; SID=b")), b"b")

    def test_repeated(self) -> None:
        """
        Of a cookie that is sent twice, the first counts, whichever field it is in: it
        is the one with the longer path (RFC 6265 section 5.4).
        """
        self.assertEqual(keyOf("cookie:sid", (b"Cookie", b"sid=1; sid=2")), b"1")
        self.assertEqual(keyOf("cookie:sid", (b"Cookie", b"sid=1"), (b"Cookie", b"sid=2")), b"1")

    def test_missing(self) -> None:
        """
        Without it the client's address is the key.
        """
        for fields in ((), ((b"Cookie", b"xsid=1; sidx=2"),), ((b"X-Cookie", b"sid=1"),)):
            self.assertEqual(keyOf("cookie:sid", *fields), b"192.0.2.7")
        key = parseRequestKey("cookie:sid")
        self.assertEqual(key.of(RequestInfo(CLIENT, False, None)), b"192.0.2.7")


class ParseTests(SynchronousTestCase):
    """
    C{--hash-key}.
    """

    @given(st.text(TOKEN_CHARACTERS, min_size=1))
    def test_names(self, name: str) -> None:
        """
        Any token is a name; that of a field is kept in lower case.
        """
        raw = name.encode("ascii")
        self.assertEqual(parseRequestKey(f"cookie:{name}"), RequestKey("cookie", raw))
        self.assertEqual(parseRequestKey(f"header:{name}"), RequestKey("header", raw.lower()))

    def test_errors(self) -> None:
        """
        What is none of the three is refused in one line that shows it.
        """
        for text in (
            "",
            "addres",
            "Address",
            "address:",
            "address:x",
            "header",
            "header:",
            "header:a b",
            "header:a:b",
            "header:a\n",
            "header:\u00e4",
            "Header:X-User",
            "cookie",
            "cookie:",
            "cookie:a=b",
            "cookie:a;b",
            " cookie:a",
            "query:q",
        ):
            error = self.assertRaises(ConfigError, parseRequestKey, text)
            self.assertEqual(
                str(error),
                f"the hash key is {text!r}, it must be address, header:NAME or cookie:NAME",
            )

    @given(st.text())
    def test_oneLine(self, text: str) -> None:
        """
        Whatever it is, it is a key, or refused in one line.
        """
        try:
            key = parseRequestKey(text)
        except ConfigError as error:
            self.assertEqual(len(str(error).splitlines()), 1)
        else:
            self.assertIn(key.source, ("address", "header", "cookie"))

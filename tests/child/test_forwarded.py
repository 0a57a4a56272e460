"""
Reading the forwarded fields: what they say, and never an exception.
"""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.child.forwarded import (
    UNKNOWN_CLIENT,
    UNKNOWN_HOST,
    authority,
    clientAddress,
    pathPrefix,
    readView,
)


class ClientAddressTests(SynchronousTestCase):
    """
    X-Forwarded-For.
    """

    def test_forms(self) -> None:
        for value, expected in [
            (b"203.0.113.9", "203.0.113.9"),
            (b" 203.0.113.9 ", "203.0.113.9"),
            (b"203.0.113.9:1234", "203.0.113.9"),
            (b"203.0.113.9, 10.0.0.1", "203.0.113.9"),
            (b"2001:db8::7", "2001:db8::7"),
            (b"[2001:db8::7]:443", "2001:db8::7"),
            (b"[2001:db8::7]", "2001:db8::7"),
            (b"fe80::1%eth0", "fe80::1%eth0"),
            (b"", UNKNOWN_CLIENT),
            (b"unknown", UNKNOWN_CLIENT),
            (b"203.0.113.999", UNKNOWN_CLIENT),
            (b"\xff" * 5000, UNKNOWN_CLIENT),
        ]:
            self.assertEqual(clientAddress(value), expected, value)

    @given(st.ip_addresses())
    def test_anyAddress(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        """
        Every address is read as it was written.
        """
        self.assertEqual(clientAddress(str(address).encode()), str(address))

    @given(st.binary())
    def test_anyBytes(self, value: bytes) -> None:
        """
        What comes out is an address.
        """
        ipaddress.ip_address(clientAddress(value))


class AuthorityTests(SynchronousTestCase):
    """
    X-Forwarded-Host and Host.
    """

    def test_forms(self) -> None:
        for value, expected in [
            (b"example.com", (b"example.com", 80)),
            (b"example.com:", (b"example.com", 80)),
            (b"example.com:8080", (b"example.com", 8080)),
            (b"[::1]", (b"[::1]", 80)),
            (b"[::1]:8080", (b"[::1]", 8080)),
            (b"example.com:65535", (b"example.com", 65535)),
            (b"example.com:65536", (UNKNOWN_HOST, 80)),
            (b"example.com:123456", (UNKNOWN_HOST, 80)),
            (b"::1", (UNKNOWN_HOST, 80)),
            (b"a b", (UNKNOWN_HOST, 80)),
            (b"user@example.com", (UNKNOWN_HOST, 80)),
            (b"example.com/path", (UNKNOWN_HOST, 80)),
            (b"example.com\n", (b"example.com", 80)),
            (b"", (UNKNOWN_HOST, 80)),
        ]:
            self.assertEqual(authority(value, 80), expected, value)

    @given(st.binary())
    def test_anyBytes(self, value: bytes) -> None:
        """
        What comes out fits into a URL.
        """
        name, port = authority(value, 443)
        self.assertTrue(name)
        self.assertFalse(set(name) & set(b" /?#@\r\n\t"))
        self.assertIn(port, range(65536))


class PathPrefixTests(SynchronousTestCase):
    """
    X-Forwarded-Prefix.
    """

    def test_forms(self) -> None:
        for value, expected in [
            (b"/app", b"/app"),
            (b"/app/", b"/app"),
            (b"/my%20app/v1", b"/my%20app/v1"),
            (b"/", b""),
            (b"", b""),
            (b"app", b""),
            (b"//evil.example", b""),
            (b"/a b", b""),
            (b"/a?b", b""),
            (b"/a\r\nX: y", b""),
        ]:
            self.assertEqual(pathPrefix(value), expected, value)

    @given(st.lists(st.text(alphabet="abc-~%20", min_size=1), min_size=1))
    def test_segments(self, segments: list[str]) -> None:
        """
        A view's segments are as many as the prefix's.
        """
        prefix = "/" + "/".join(segments)
        view = readView(None, None, b"h", prefix.encode())
        self.assertEqual(len(view.prefixSegments), len(segments))


class ViewTests(SynchronousTestCase):
    """
    All fields together.
    """

    def test_schemeDecidesPort(self) -> None:
        """
        The port that isn't named is the scheme's.
        """
        self.assertEqual(readView(None, b"https", b"h", None).port, 443)
        self.assertEqual(readView(None, b"HTTPS ", b"h", None).port, 443)
        self.assertEqual(readView(None, b"http", b"h", None).port, 80)
        self.assertEqual(readView(None, None, b"h", None).port, 80)

    def test_prefixIsDecodedOnce(self) -> None:
        """
        A slash that was quoted stays in its segment.
        """
        self.assertEqual(
            readView(None, None, None, b"/a%2Fb/c%2525").prefixSegments, [b"a/b", b"c%25"]
        )

    @given(
        st.none() | st.binary(),
        st.none() | st.binary(),
        st.none() | st.binary(),
        st.none() | st.binary(),
    )
    def test_anything(
        self,
        forwardedFor: bytes | None,
        proto: bytes | None,
        host: bytes | None,
        prefix: bytes | None,
    ) -> None:
        """
        Nothing is an error.
        """
        view = readView(forwardedFor, proto, host, prefix)
        view.host.decode("ascii")
        self.assertNotIn(b"", view.prefixSegments)

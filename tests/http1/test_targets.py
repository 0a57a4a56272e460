"""
Targets and hosts: forms, and what is well-formed.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.http1.targets import authorityOf, isHost, originForm

GOOD_HOSTS = (
    b"a",
    b"www.example.com",
    b"www.example.com:8080",
    b"127.0.0.1:1",
    b"[::1]",
    b"[::1]:",
    b"[2001:db8::1]:80",
    b"[::ffff:192.0.2.1]:80",
    b"a_b.example",
    b"x%20y",
    b"%41",
    b"a:",
    b"",
)
BAD_HOSTS = (
    b"a b",
    b"user@a",
    b"a/b",
    b"a?b",
    b"a#b",
    b"a:b",
    b"a:123456",
    b"[::1",
    b"::1",
    b"[::1]x",
    b"[]",
    b"[:::]",
    b"[1:2]",
    b"[192.0.2.1]",
    b"[::1]:a",
    b"[::1]:123456",
    b"[::1]\n",
    b"a\x00",
    b"a\n",
    b"\xe4",
    b"http://a",
    b"a\\b",
    b"a, b",
    b"x%2",
    b"x%zz",
    b"a:1:2",
)


class HostTests(SynchronousTestCase):
    def test_good(self) -> None:
        for host in GOOD_HOSTS:
            self.assertTrue(isHost(host), host)

    def test_bad(self) -> None:
        for host in BAD_HOSTS:
            self.assertFalse(isHost(host), host)


class AuthorityTests(SynchronousTestCase):
    def test_forms(self) -> None:
        """
        Only a target in absolute form names a host.
        """
        for target, authority in (
            (b"http://a", b"a"),
            (b"http://a/", b"a"),
            (b"HTTPS://a:1/b?c", b"a:1"),
            (b"http://a?b/c", b"a"),
            (b"http://u@a/", b"u@a"),
            (b"http:///x", b""),
            (b"/", None),
            (b"//a/b", None),
            (b"/http://a", None),
            (b"*", None),
            (b"ftp://a/b", None),
            (b"a:1", None),
        ):
            self.assertEqual(authorityOf(target), authority, target)


class OriginFormTests(SynchronousTestCase):
    def test_forms(self) -> None:
        for target, form in (
            (b"/", b"/"),
            (b"/a%2Fb?c=d%20", b"/a%2Fb?c=d%20"),
            (b"//a/b", b"//a/b"),
            (b"*", b"*"),
            (b"http://a", b"/"),
            (b"http://a/", b"/"),
            (b"HTTPS://a:1/b?c", b"/b?c"),
            (b"http://a?b", b"/?b"),
            (b"http://a?b/c", b"/?b/c"),
            (b"/?u=http://a/b", b"/?u=http://a/b"),
            (b"/http://a", b"/http://a"),
            (b"ftp://a/b", b"ftp://a/b"),
        ):
            self.assertEqual(originForm(b"GET", target), form, target)

    def test_wholeServer(self) -> None:
        """
        OPTIONS without a path is about the whole server (RFC 9112 section 3.2.4).
        """
        for target, form in (
            (b"*", b"*"),
            (b"http://a:80", b"*"),
            (b"http://a/", b"/"),
            (b"http://a?b", b"/?b"),
            (b"/", b"/"),
        ):
            self.assertEqual(originForm(b"OPTIONS", target), form, target)

"""
Trust: which proxies are believed, and who the client is by what they say.
"""

from __future__ import annotations

import weakref

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.http1.forwarding import ClientView, upstreamHead
from twisted_multiserver.http1.heads import HTTP_1_1, Fields, RequestHead
from twisted_multiserver.http1.requests import CheckedRequest, checkRequest
from twisted_multiserver.http1.trust import BadNetwork, TrustedProxies

HOST = (b"Host", b"inside.example:81")
LISTENER = b"127.0.0.1:8080"
PROXIES = TrustedProxies(["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"])
PEER = ClientView("10.0.0.1", False, LISTENER)
STRANGER = ClientView("203.0.113.1", False, LISTENER)

# Address, security and host.
Seen = tuple[str | None, bool, bytes | None]


def request(*fields: tuple[bytes, bytes]) -> CheckedRequest:
    """
    @return: with Host, and these.
    """
    return checkRequest(RequestHead(b"GET", b"/", HTTP_1_1, (HOST, *fields)))


def seen(
    *fields: tuple[bytes, bytes], view: ClientView = PEER, proxies: TrustedProxies = PROXIES
) -> Seen:
    """
    @return: address, security and host of who is believed to ask.
    """
    found = proxies.believedView(view, request(*fields))
    return found.address, found.secure, found.host


def forwardedFor(*values: bytes) -> str | None:
    """
    @return: the client by lines of X-Forwarded-For.
    """
    return seen(*((b"X-Forwarded-For", value) for value in values))[0]


class Address(str):
    """
    One that can be seen to be gone.
    """


class NetworkTests(SynchronousTestCase):
    """
    Who is trusted.
    """

    def test_addresses(self) -> None:
        for address in ("10.0.0.0", "10.255.255.255", "192.0.2.7", "2001:db8::1", "2001:DB8:0::1"):
            self.assertTrue(PROXIES.trusts(address), address)
        for address in ("11.0.0.0", "192.0.2.8", "2001:db9::", "::1", "", "x", "10.0.0", "\xe4"):
            self.assertFalse(PROXIES.trusts(address), address)

    def test_nobody(self) -> None:
        proxies = TrustedProxies([])
        for address in (None, "127.0.0.1", "::1"):
            self.assertFalse(proxies.trusts(address))

    def test_everybody(self) -> None:
        proxies = TrustedProxies(["0.0.0.0/0", "::/0"])
        for address in ("0.0.0.0", "255.255.255.255", "::", "2001:db8::1"):
            self.assertTrue(proxies.trusts(address), address)
        self.assertFalse(proxies.trusts(None))

    def test_unix(self) -> None:
        """
        Peers without an address are a kind of their own.
        """
        self.assertFalse(PROXIES.trusts(None))
        proxies = TrustedProxies(["unix"])
        self.assertTrue(proxies.trusts(None))
        self.assertFalse(proxies.trusts("10.0.0.1"))
        self.assertTrue(TrustedProxies(["unix", "10.0.0.1"]).trusts("10.0.0.1"))

    def test_mapped(self) -> None:
        """
        An IPv4 address is the same on a socket of IPv6, and in an option.
        """
        self.assertTrue(PROXIES.trusts("::ffff:10.0.0.1"))
        self.assertFalse(PROXIES.trusts("::ffff:11.0.0.1"))
        for text in ("::ffff:10.0.0.0/104", "::ffff:a00:1"):
            proxies = TrustedProxies([text])
            self.assertTrue(proxies.trusts("10.0.0.1"), text)
            self.assertTrue(proxies.trusts("::ffff:10.0.0.1"), text)
            self.assertFalse(proxies.trusts("11.0.0.1"), text)

    def test_zone(self) -> None:
        """
        The address of a peer on the same link names the interface.
        """
        self.assertTrue(TrustedProxies(["fe80::/10"]).trusts("fe80::1%eth0"))

    def test_bad(self) -> None:
        """
        What is wrong is said in one line.
        """
        for text, reason in (
            ("", "is no IP address, no network"),
            ("proxy.example", "is no IP address, no network"),
            ("10.0.0.1, 10.0.0.2", "is no IP address, no network"),
            ("10.0.0.0/255.0.0.0", "is no IP address, no network"),
            ("10.0.0.0/", "is no IP address, no network"),
            (" 10.0.0.1", "is no IP address, no network"),
            ("[::1]", "is no IP address, no network"),
            ("fe80::1%eth0", "is no IP address, no network"),
            ("Unix", "not the word unix"),
            ("10.0.0.0/8\n", "is no IP address, no network"),
            ("10.0.0.256", "10.0.0.256 is no IP address"),
            ("10.0.0.08/32", "10.0.0.08 is no IP address"),
            ("1:2", "1:2 is no IP address"),
            ("10.0.0.0/33", "an IPv4 network has at most 32 bits"),
            ("::/129", "an IPv6 network has at most 128 bits"),
            ("10.0.0.1/8", "bits behind its first 8; the network is 10.0.0.0/8"),
            ("2001:db8::1/32", "bits behind its first 32; the network is 2001:db8::/32"),
            ("1" * 5000, "is no IP address"),
        ):
            error = self.assertRaises(BadNetwork, TrustedProxies, ["127.0.0.1", text])
            self.assertIsInstance(error, ValueError)
            self.assertIn(reason, str(error))
            self.assertIn(repr(text[:50])[:-1], str(error))
            self.assertNotIn("\n", str(error))
            self.assertLess(len(str(error)), 300)

    def test_memory(self) -> None:
        """
        Addresses that were asked for are not kept for ever.
        """
        proxies = TrustedProxies(["10.0.0.1"])
        known = []
        for number in range(3000):
            address = Address(f"198.51.{number >> 8}.{number & 255}")
            known.append(weakref.ref(address))
            proxies.trusts(address)
        kept = sum(reference() is not None for reference in known)
        self.assertTrue(0 < kept <= 1024, kept)


class PeerTests(SynchronousTestCase):
    """
    Who the peer is decides.
    """

    WORDS: Fields = (
        (b"Forwarded", b"for=198.51.100.1;proto=https;host=a.example"),
        (b"X-Forwarded-For", b"198.51.100.2"),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Forwarded-Host", b"b.example"),
    )

    def test_stranger(self) -> None:
        """
        Nothing is believed of a peer that isn't trusted.
        """
        for view in (STRANGER, ClientView(None, True, LISTENER)):
            self.assertIs(PROXIES.believedView(view, request(*self.WORDS)), view)
        self.assertIs(TrustedProxies([]).believedView(PEER, request(*self.WORDS)), PEER)

    def test_silent(self) -> None:
        """
        A trusted peer that says nothing is the client.
        """
        self.assertIs(PROXIES.believedView(PEER, request()), PEER)
        words = ((b"X-Forwarded-For", b""), (b"X-Forwarded-Host", b""), (b"Forwarded", b""))
        self.assertIs(PROXIES.believedView(PEER, request(*words)), PEER)

    def test_otherNames(self) -> None:
        """
        Names that only look like these, and those that aren't read, say nothing.
        """
        words = [
            (b"X_Forwarded_For", b"198.51.100.1"),
            (b"X-Forwarded_Proto", b"https"),
            (b"X-Forwarded-Port", b"443"),
            (b"X-Real-IP", b"198.51.100.1"),
            (b"X-Forwarded-Fo", b"198.51.100.1"),
        ]
        self.assertIs(PROXIES.believedView(PEER, request(*words)), PEER)

    def test_unix(self) -> None:
        """
        A proxy on the same machine, which has no address.
        """
        view = ClientView(None, False, LISTENER)
        words = (b"x-forwarded-for", b"198.51.100.1, 10.0.0.9")
        proxies = TrustedProxies(["unix", "10.0.0.0/8"])
        self.assertEqual(seen(words, view=view, proxies=proxies), ("198.51.100.1", False, None))
        proxies = TrustedProxies(["unix"])
        self.assertEqual(seen(words, view=view, proxies=proxies), ("10.0.0.9", False, None))
        words = (b"X-Forwarded-For", b"unix:")
        self.assertEqual(seen(words, view=view, proxies=proxies), (None, False, None))

    def test_upstream(self) -> None:
        """
        The backend gets what is believed, and the Host that came.
        """
        asked = request(*self.WORDS)
        head = upstreamHead(asked, PROXIES.believedView(PEER, asked))
        self.assertEqual(
            head,
            b"GET / HTTP/1.1\r\n"
            b"Host: inside.example:81\r\n"
            b"Via: 1.1 twisted_multiserver\r\n"
            b"X-Forwarded-For: 198.51.100.2\r\n"
            b"X-Forwarded-Proto: https\r\n"
            b"X-Forwarded-Host: b.example\r\n"
            b"\r\n",
        )

    def test_listener(self) -> None:
        """
        Where it came to stays.
        """
        self.assertEqual(PROXIES.believedView(PEER, request(*self.WORDS)).listener, LISTENER)


class ForTests(SynchronousTestCase):
    """
    X-Forwarded-For.
    """

    def test_walk(self) -> None:
        """
        From the right over those that are trusted; what is in front of the client is its own.
        """
        for value, client in (
            (b"198.51.100.1", "198.51.100.1"),
            (b"198.51.100.1, 10.0.0.2", "198.51.100.1"),
            (b"198.51.100.1,10.0.0.2 ,\t2001:db8::9", "198.51.100.1"),
            (b"6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
            (b"10.0.0.9, 198.51.100.1", "198.51.100.1"),
            (b'", 198.51.100.1', "198.51.100.1"),
        ):
            self.assertEqual(forwardedFor(value), client, value)

    def test_allTrusted(self) -> None:
        """
        The first of them is the client then.
        """
        self.assertEqual(forwardedFor(b"10.0.0.3, 10.0.0.2"), "10.0.0.3")

    def test_lines(self) -> None:
        """
        Several lines are one list.
        """
        self.assertEqual(
            forwardedFor(b"6.6.6.6, 198.51.100.1", b"10.0.0.3, 10.0.0.2"), "198.51.100.1"
        )
        self.assertEqual(forwardedFor(b"198.51.100.1", b"6.6.6.6"), "6.6.6.6")

    def test_forms(self) -> None:
        """
        Ports, brackets and quotes, as proxies write them.
        """
        for value, client in (
            (b"198.51.100.1:5678", "198.51.100.1"),
            (b"198.51.100.1:_x", "198.51.100.1"),
            (b'"198.51.100.1"', "198.51.100.1"),
            (b'"198.51.100.1:80"', "198.51.100.1"),
            (b"2001:DB9:0:0::1", "2001:db9::1"),
            (b"[2001:db9::1]", "2001:db9::1"),
            (b'"[2001:db9::1]:65535"', "2001:db9::1"),
            (b"::ffff:198.51.100.1", "198.51.100.1"),
            (b"[::ffff:198.51.100.1]:80", "198.51.100.1"),
        ):
            self.assertEqual(forwardedFor(value), client, value)
            self.assertEqual(forwardedFor(value + b", 10.0.0.2:81"), client, value)

    def test_garbage(self) -> None:
        """
        The walk stops at the last good one; before the first, at the peer.
        """
        for value in (
            b"",
            b"unknown",
            b"_hidden",
            b"unix:",
            b"198.51.100.256",
            b"198.51.100.01",
            b"198.51.100",
            b"198.51.100.1:",
            b"198.51.100.1:123456",
            b'"198.51.100.1',
            b"[198.51.100.1",
            b"2001:db9::1]",
            b"fe80::1%eth0",
            b"198.51.100.1 10.0.0.1",
            b"1" * 5000,
            b"\xe4",
            b"-",
        ):
            self.assertEqual(forwardedFor(b"6.6.6.6, " + value), "10.0.0.1", value)
            self.assertEqual(forwardedFor(b"6.6.6.6, " + value + b", 10.0.0.2"), "10.0.0.2", value)


class ProtoAndHostTests(SynchronousTestCase):
    """
    X-Forwarded-Proto and X-Forwarded-Host.
    """

    def test_proto(self) -> None:
        secure = ClientView("10.0.0.1", True, LISTENER)
        for value, expected in ((b"https", True), (b"HTTPS", True), (b"http", False)):
            words = (b"X-Forwarded-Proto", value)
            for view in (PEER, secure):
                self.assertEqual(seen(words, view=view), ("10.0.0.1", expected, None))
        for value in (b"", b"wss", b"on", b"https;", b'"https"', b"http s", b"\xe4"):
            words = (b"X-Forwarded-Proto", value)
            for view in (PEER, secure):
                self.assertIs(PROXIES.believedView(view, request(words)), view)

    def test_host(self) -> None:
        for value in (b"a.example", b"a.example:8443", b"[::1]:80", b"192.0.2.1"):
            self.assertEqual(seen((b"X-Forwarded-Host", value)), ("10.0.0.1", False, value))
        for value in (b"", b"a b", b"u@a", b"[::1", b"a/b", b"a:123456", b"\xe4", b'"a"', b"a\tb"):
            self.assertEqual(seen((b"X-Forwarded-Host", value)), ("10.0.0.1", False, None))

    def test_nearest(self) -> None:
        """
        Of several the last one counts: the others may be of anybody.
        """
        self.assertEqual(
            seen(
                (b"X-Forwarded-For", b"198.51.100.1, 10.0.0.2"),
                (b"X-Forwarded-Proto", b"http"),
                (b"X-Forwarded-Proto", b"http, https"),
                (b"X-Forwarded-Host", b"a.example, b.example ,\tc.example"),
            ),
            ("198.51.100.1", True, b"c.example"),
        )
        self.assertEqual(seen((b"X-Forwarded-Proto", b"https, ")), ("10.0.0.1", False, None))
        self.assertEqual(seen((b"X-Forwarded-Host", b"a.example,")), ("10.0.0.1", False, None))

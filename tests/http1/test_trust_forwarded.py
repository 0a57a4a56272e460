"""
Trust: the field Forwarded, and whatever else is sent.
"""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.test_trust import PEER, PROXIES, STRANGER, Seen, seen
from twisted_multiserver.http1.heads import HTTP_1_1, Fields
from twisted_multiserver.http1.requests import NO_WISHES, CheckedRequest, JudgedRequest
from twisted_multiserver.http1.targets import isHost


def unchecked(fields: Fields) -> CheckedRequest:
    """
    @return: with any bytes in its fields.
    """
    return JudgedRequest(b"GET", b"/", HTTP_1_1, b"", b"", 0, True, NO_WISHES, fields)


def forwarded(*values: bytes) -> Seen:
    """
    @return: what is believed of lines of Forwarded.
    """
    return seen(*((b"Forwarded", value) for value in values))


class ForwardedTests(SynchronousTestCase):
    """
    Forwarded.
    """

    def test_specified(self) -> None:
        """
        As in the examples of RFC 7239 section 4.
        """
        for value, client in (
            (b"for=198.51.100.1", "198.51.100.1"),
            (b'For="[2001:db9:cafe::17]:4711"', "2001:db9:cafe::17"),
            (b"for=198.51.100.1;proto=http;by=203.0.113.43", "198.51.100.1"),
            (b"for=198.51.100.1, for=10.51.100.17", "198.51.100.1"),
            (b'for=198.51.100.1,FOR="[2001:db8::9]";by="_:,;x"', "198.51.100.1"),
            (b"for=6.6.6.6, for=198.51.100.1", "198.51.100.1"),
        ):
            self.assertEqual(forwarded(value), (client, False, None), value)

    def test_hidden(self) -> None:
        """
        A hop that doesn't tell ends the walk; what else it says counts.
        """
        for value in (b"unknown", b"_hidden", b'"_gazonk"', b"_x:80", b'""', b"198.51.100.256"):
            element = b"for=6.6.6.6;proto=http, for=%b;proto=https" % value
            self.assertEqual(forwarded(element), ("10.0.0.1", True, None), value)
            element += b", for=10.0.0.2;host=a"
            self.assertEqual(forwarded(element), ("10.0.0.2", True, b"a"), value)
        self.assertEqual(forwarded(b"for=6.6.6.6, proto=https"), ("10.0.0.1", True, None))

    def test_protoAndHost(self) -> None:
        """
        What counts was said by the believed hop that is the closest to the client.
        """
        client = b'for=198.51.100.1;proto=HTTPS;host="a.example:444"'
        other = b"for=6.6.6.6;proto=http;host=evil.example, "
        inner = b", for=10.0.0.2;proto=http;host=inner.example"
        expected = ("198.51.100.1", True, b"a.example:444")
        for value in (client, other + client, client + inner, other + client + inner):
            self.assertEqual(forwarded(value), expected, value)
        self.assertEqual(
            forwarded(b"for=198.51.100.1" + inner), ("198.51.100.1", False, b"inner.example")
        )
        ignored = b'for=198.51.100.1;proto=ws;host="a b"'
        self.assertEqual(forwarded(ignored), ("198.51.100.1", False, None))
        self.assertEqual(forwarded(ignored + inner), ("198.51.100.1", False, b"inner.example"))

    def test_lenient(self) -> None:
        """
        What the grammar forbids, but proxies write.
        """
        for value in (
            b"for=198.51.100.1:80; proto=https ;host=a:81",
            b"for=[198.51.100.1];proto=https;host=a:81",
            b";proto=https;;for=198.51.100.1;host=a:81;",
        ):
            self.assertEqual(forwarded(value), ("198.51.100.1", True, b"a:81"), value)
        self.assertEqual(forwarded(b"for=2001:db9::1")[0], "2001:db9::1")
        self.assertEqual(forwarded(b"for=[2001:db9::1]:80")[0], "2001:db9::1")

    def test_quotedSeparators(self) -> None:
        """
        Commas and semicolons within quotes part nothing.
        """
        value = b'for=198.51.100.1;x="a, for=6.6.6.6;proto=https";host="a,b;c"'
        self.assertEqual(forwarded(value), ("198.51.100.1", False, b"a,b;c"))

    def test_garbage(self) -> None:
        """
        What can't be read stops the walk at the last good one, whatever the client put in
        front.
        """
        for value in (
            b"",
            b"x",
            b'"',
            b"for",
            b"for=",
            b"=198.51.100.1",
            b"for =198.51.100.1",
            b"for= 198.51.100.1",
            b'for="198.51.100.1',
            b'for=198.51.100.1"',
            b'for="198.51.100.\\1"',
            b'x="\\"";for=198.51.100.1',
            b"for=198.51.100.1;FOR=198.51.100.1",
            b"for=198.51.100.1 proto=https",
            b"f(r=198.51.100.1",
            b"for=198.51.100.1;\xe4=1",
            b"for=198.51.100.1=2",
        ):
            element = b"for=6.6.6.6, " + value
            self.assertEqual(forwarded(element), ("10.0.0.1", False, None), value)
            element += b", for=10.0.0.2;proto=https"
            self.assertEqual(forwarded(element), ("10.0.0.2", True, None), value)
            element = value + b", for=198.51.100.1"
            self.assertEqual(forwarded(element), ("198.51.100.1", False, None), value)

    def test_lines(self) -> None:
        """
        Several lines are one list.
        """
        self.assertEqual(
            forwarded(b"for=6.6.6.6, for=198.51.100.1;proto=https", b"for=10.0.0.2"),
            ("198.51.100.1", True, None),
        )

    def test_both(self) -> None:
        """
        It counts only where none of the others is there: a proxy that writes those may not
        know it, and let pass what a client wrote.
        """
        for other, believed in (
            ((b"X-Forwarded-For", b"198.51.100.2"), ("198.51.100.2", False, None)),
            ((b"X-Forwarded-Proto", b"https"), ("10.0.0.1", True, None)),
            ((b"X-Forwarded-Host", b"b.example"), ("10.0.0.1", False, b"b.example")),
        ):
            for value in (b"for=198.51.100.1;host=a.example", b"", b'for="198.51.100.1'):
                self.assertEqual(seen((b"Forwarded", value), other), believed, value)


NAMES = st.sampled_from(
    [b"Forwarded", b"forwarded", b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host"]
)
PIECES = st.sampled_from(
    [
        *(b"for=", b"proto=", b"host=", b"by=", b"=", b";", b",", b", ", b'"', b"\\", b" ", b"\t"),
        *(b"10.0.0.2", b"198.51.100.1", b"2001:db8::2", b"[2001:db9::1]", b":80", b"[", b"]", b"%"),
        *(b"https", b"http", b"unknown", b"_x", b"a.example", b"\x00", b"\r\n", b"\xe4", b"::"),
    ]
)
VALUES = st.lists(PIECES, max_size=20).map(b"".join) | st.binary(max_size=60)
FIELDS: SearchStrategy[Fields] = st.lists(st.tuples(NAMES, VALUES), max_size=4).map(tuple)
TRUSTED = [b"10.0.0.2", b"10.3.4.5:80", b"2001:db8::2", b"[2001:db8::3]:9", b'"192.0.2.7"']


class AnyBytesTests(SynchronousTestCase):
    """
    Whatever is sent.
    """

    @given(fields=FIELDS)
    def test_stranger(self, fields: Fields) -> None:
        """
        Nothing is believed of it.
        """
        self.assertIs(PROXIES.believedView(STRANGER, unchecked(fields)), STRANGER)

    @given(fields=FIELDS)
    def test_trusted(self, fields: Fields) -> None:
        """
        What comes of it is an address and a host, and the lines are lines.
        """
        found = PROXIES.believedView(PEER, unchecked(fields))
        assert found.address is not None
        self.assertEqual(str(ipaddress.ip_address(found.address)), found.address)
        self.assertTrue(found.host is None or (found.host and isHost(found.host)))
        self.assertRegex(
            found.lines,
            rb"\AX-Forwarded-For: [0-9a-f:.]+\r\nX-Forwarded-Proto: https?\r\n\Z",
        )

    @given(front=VALUES, hops=st.lists(st.sampled_from(TRUSTED), max_size=4))
    def test_nobodyIsSomebodyElse(self, front: bytes, hops: list[bytes]) -> None:
        """
        A client that a trusted proxy has named can't be another one by what it sent before.
        """
        chain = b", ".join([b"198.51.100.1", *hops])
        self.assertEqual(
            PROXIES.believedView(
                PEER, unchecked(((b"X-Forwarded-For", front + b", " + chain),))
            ).address,
            "198.51.100.1",
        )
        quoted = [b'"%b"' % hop.strip(b'"') for hop in [b"198.51.100.1", *hops]]
        elements = b",".join(b"by=_us;for=%b;proto=https;host=a.example" % node for node in quoted)
        for between in (b",", b", "):
            view = PROXIES.believedView(
                PEER, unchecked(((b"Forwarded", front + between + elements),))
            )
            self.assertEqual(
                (view.address, view.secure, view.host), ("198.51.100.1", True, b"a.example")
            )

    def test_large(self) -> None:
        """
        Twice as much takes twice as long: this would take minutes otherwise.
        """
        for unit in (
            *(b",", b";", b'"', b" ", b"=", b"a", b'="', b'";a="', b',a=";a="', b"a=b;", b"a=b,"),
            *(
                b"for=10.0.0.2,",
                b'for="10.0.0.2" , ',
                b"10.0.0.2,",
                b'"\\',
                b":",
                b"1.",
                b"[",
                b"\t;",
            ),
        ):
            value = unit * (1_000_000 // len(unit))
            for name in (b"Forwarded", b"X-Forwarded-For", b"X-Forwarded-Proto"):
                for tail in (b"", b"x", b"for=10.0.0.2", b", for=10.0.0.2", b", 10.0.0.2", b'"'):
                    PROXIES.believedView(PEER, unchecked(((name, value + tail),)))

"""
Fields: what passes, what ends, what is added.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.http1.fields import (
    ClientView,
    originForm,
    refuse,
    requestForUpstream,
    responseForClient,
)
from twisted_multiserver.http1.heads import (
    HTTP_1_0,
    HTTP_1_1,
    Fields,
    RequestHead,
    ResponseHead,
)

CLIENT = ClientView("192.0.2.1", True, b"127.0.0.1:8080")
HOST = (b"Host", b"www.example.com:81")


def forwarded(
    *fields: tuple[bytes, bytes],
    client: ClientView = CLIENT,
    length: int | None = None,
    target: bytes = b"/",
    version: bytes = HTTP_1_1,
) -> Fields:
    """
    @return: the fields that a backend gets.
    """
    head = RequestHead(b"GET", target, version, fields)
    return requestForUpstream(head, client, b"/", length).fields


def answered(*fields: tuple[bytes, bytes], status: int = 200) -> Fields:
    """
    @return: the fields that the client gets.
    """
    return responseForClient(ResponseHead(status, b"", HTTP_1_1, fields)).fields


def named(fields: Fields, name: bytes) -> list[bytes]:
    """
    @return: the values of the fields of a name.
    """
    return [value for key, value in fields if key.lower() == name]


class RequestTests(SynchronousTestCase):
    """
    On the way to a backend.
    """

    def test_whole(self) -> None:
        """
        Host first, then what passes in its order, then what is ours.
        """
        self.assertEqual(
            forwarded((b"Accept", b"a"), HOST, (b"accept", b"b"), length=3),
            (
                HOST,
                (b"Accept", b"a"),
                (b"accept", b"b"),
                (b"Via", b"1.1 twisted_multiserver"),
                (b"X-Forwarded-For", b"192.0.2.1"),
                (b"X-Forwarded-Proto", b"https"),
                (b"X-Forwarded-Host", b"www.example.com:81"),
                (b"Content-Length", b"3"),
            ),
        )

    def test_prefix(self) -> None:
        view = ClientView(None, False, b"x", b"/app")
        fields = forwarded(HOST, client=view)
        self.assertEqual(named(fields, b"x-forwarded-prefix"), [b"/app"])
        self.assertEqual(named(fields, b"x-forwarded-proto"), [b"http"])
        self.assertEqual(named(fields, b"x-forwarded-for"), [])

    def test_endHere(self) -> None:
        """
        Hop-by-hop fields, the client's framing, and words about the client that
        only we may say.
        """
        for name in (
            b"Connection",
            b"Keep-Alive",
            b"Proxy-Connection",
            b"TE",
            b"Trailer",
            b"Transfer-Encoding",
            b"Upgrade",
            b"Proxy-Authorization",
            b"Proxy-Authenticate",
            b"Expect",
            b"Content-Length",
            b"Forwarded",
            b"X-Real-IP",
            b"X-Forwarded-Port",
            b"X-Forwarded-Server",
            b"X-Forwarded-Ssl",
            b"X-Forwarded-Scheme",
            b"X-Forwarded-Anything",
        ):
            for spelt in (name, name.lower(), name.upper()):
                self.assertEqual(named(forwarded(HOST, (spelt, b"6.6.6.6")), name.lower()), [])

    @given(
        st.sampled_from(
            [b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host", b"X-Forwarded-Prefix"]
        ),
        st.lists(st.booleans(), min_size=20, max_size=20),
        st.booleans(),
    )
    def test_spoofed(self, name: bytes, capitals: list[bool], underscored: bool) -> None:
        """
        No spelling of a field that applications believe comes through: WSGI knows
        C{X-Forwarded-For} and C{X_Forwarded_For} by the same name.
        """
        spelt = b"".join(
            bytes([byte]).upper() if capital else bytes([byte]).lower()
            for byte, capital in zip(name, capitals, strict=False)
        )
        if underscored:
            spelt = spelt.replace(b"-", b"_")
        fields = forwarded(HOST, (spelt, b"6.6.6.6"), (b"Connection", name))
        self.assertNotIn(b"6.6.6.6", [value for _, value in fields])
        self.assertEqual(named(fields, b"x-forwarded-for"), [b"192.0.2.1"])

    def test_namedByConnection(self) -> None:
        """
        What Connection names ends here too, but for what is ours.
        """
        fields = forwarded(
            HOST,
            (b"Connection", b"X-Hop, close"),
            (b"X-HOP", b"1"),
            (b"connection", b"Host,\tX-Other"),
            (b"X-Other", b"2"),
            (b"X-Kept", b"3"),
            length=1,
        )
        self.assertEqual(
            [name.lower() for name, _ in fields],
            [
                b"host",
                b"x-kept",
                b"via",
                b"x-forwarded-for",
                b"x-forwarded-proto",
                b"x-forwarded-host",
                b"content-length",
            ],
        )

    def test_via(self) -> None:
        """
        Ours comes last, with the version that was received.
        """
        fields = forwarded(HOST, (b"Via", b"1.0 other"), version=b"HTTP/2")
        self.assertEqual(named(fields, b"via"), [b"1.0 other", b"2 twisted_multiserver"])
        self.assertEqual(named(forwarded(version=HTTP_1_0), b"via"), [b"1.0 twisted_multiserver"])

    def test_hostOfTheListener(self) -> None:
        """
        A client that names no host came to the listener's address.
        """
        fields = forwarded(version=HTTP_1_0)
        self.assertEqual(fields[0], (b"Host", b"127.0.0.1:8080"))
        self.assertEqual(named(fields, b"x-forwarded-host"), [b"127.0.0.1:8080"])

    def test_hostOfTheTarget(self) -> None:
        """
        A target in absolute form wins over Host (RFC 9112 section 3.2.2).
        """
        for target, host in (
            (b"http://other.example/x", b"other.example"),
            (b"HTTPS://other.example:8443", b"other.example:8443"),
            (b"http://[::1]:80?a", b"[::1]:80"),
            (b"/http://other.example/", b"www.example.com:81"),
            (b"*", b"www.example.com:81"),
        ):
            fields = forwarded(HOST, target=target)
            self.assertEqual(named(fields, b"host"), [host])
            self.assertEqual(named(fields, b"x-forwarded-host"), [host])

    def test_cookiesOfHTTP2(self) -> None:
        """
        HTTP/2 may cut Cookie into several fields; HTTP/1.1 has one (RFC 9113 section
        8.2.3).
        """
        cookies = ((b"cookie", b"a=1"), (b"accept", b"x"), (b"cookie", b"b=2"))
        fields = forwarded(HOST, *cookies, version=b"HTTP/2")
        self.assertEqual(named(fields, b"cookie"), [b"a=1; b=2"])
        self.assertEqual(named(forwarded(HOST, *cookies[:1]), b"cookie"), [b"a=1"])


class RefuseTests(SynchronousTestCase):
    """
    What a backend is never asked.
    """

    def status(
        self,
        *hosts: bytes,
        version: bytes = HTTP_1_1,
        method: bytes = b"GET",
        target: bytes = b"/",
    ) -> int | None:
        fields = tuple((b"hOst", host) for host in hosts)
        refusal = refuse(RequestHead(method, target, version, fields))
        return None if refusal is None else refusal.status

    def test_goodHosts(self) -> None:
        for host in (
            b"a",
            b"www.example.com",
            b"www.example.com:8080",
            b"127.0.0.1:1",
            b"[::1]",
            b"[2001:db8::1]:80",
            b"a_b.example",
            b"x%20y",
            b"a:",
            b"",
        ):
            self.assertIsNone(self.status(host), host)
            self.assertIsNone(self.status(host, version=b"HTTP/2"), host)

    def test_badHosts(self) -> None:
        for host in (
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
            b"a\x00",
            b"a\n",
            b"\xe4",
            b"http://a",
            b"a\\b",
        ):
            self.assertEqual(self.status(host), 400, host)

    def test_count(self) -> None:
        """
        Exactly one, and an old client may have none.
        """
        self.assertEqual(self.status(), 400)
        self.assertEqual(self.status(version=b"HTTP/2"), 400)
        self.assertEqual(self.status(b"a", b"a"), 400)
        self.assertEqual(self.status(b"a", b"b", version=HTTP_1_0), 400)
        self.assertIsNone(self.status(version=HTTP_1_0))

    def test_targets(self) -> None:
        """
        A host that the target names is held to the same rule.
        """
        for target, status in (
            (b"http://user@a/", 400),
            (b"http://a b/", 400),
            (b"http:///x", 400),
            (b"http://a:80/x@y", None),
        ):
            self.assertEqual(self.status(b"a", target=target), status, target)

    def test_connect(self) -> None:
        self.assertEqual(self.status(b"a:1", method=b"CONNECT", target=b"a:1"), 501)


class ResponseTests(SynchronousTestCase):
    """
    On the way to the client.
    """

    def test_passes(self) -> None:
        """
        End-to-end fields in their order and number, Server and cookies among them.
        """
        fields = (
            (b"Server", b"x"),
            (b"Set-Cookie", b"a=1"),
            (b"Date", b"y"),
            (b"set-cookie", b"b=2"),
            (b"Proxy-Authenticate", b"z"),
        )
        via = (b"Via", b"1.1 twisted_multiserver")
        self.assertEqual(answered(*fields), (*fields, via))

    def test_endHere(self) -> None:
        fields = answered(
            (b"Connection", b"X-Hop"),
            (b"x-hop", b"1"),
            (b"Keep-Alive", b"timeout=5"),
            (b"Transfer-Encoding", b"chunked"),
            (b"Trailer", b"x"),
            (b"Upgrade", b"h2c"),
        )
        self.assertEqual(fields, ((b"Via", b"1.1 twisted_multiserver"),))

    def test_cookieOfOurs(self) -> None:
        """
        It comes beside the application's.
        """
        head = ResponseHead(200, b"", HTTP_1_1, ((b"Set-Cookie", b"a=1"),))
        fields = responseForClient(head, b"stay=2").fields
        self.assertEqual(named(fields, b"set-cookie"), [b"a=1", b"stay=2"])

    def test_length(self) -> None:
        """
        One Content-Length goes on, however often it was said; none with a 204.
        """
        twice = ((b"Content-Length", b"3"), (b"content-length", b"3"))
        self.assertEqual(named(answered(*twice), b"content-length"), [b"3"])
        self.assertEqual(named(answered((b"Content-Length", b"3, 3")), b"content-length"), [b"3"])
        self.assertEqual(named(answered(*twice, status=204), b"content-length"), [])
        self.assertEqual(named(answered(*twice, status=304), b"content-length"), [b"3"])


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
            self.assertEqual(originForm(target), form, target)

"""
What goes on of a request: which fields, and what is known of them afterwards.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.test_checkrequest import HOST, checked
from twisted_multiserver.http1.heads import HTTP_1_0, Fields, RequestHead
from twisted_multiserver.http1.requests import checkRequest

_CODING = b"Transfer-Encoding"
_LENGTH = b"Content-Length"


class PassingTests(SynchronousTestCase):
    def passing(self, *fields: tuple[bytes, bytes]) -> Fields:
        """
        @return: the fields that go on.
        """
        lines = checked(*fields).passing.split(b"\r\n")[:-1]
        pairs = [line.split(b": ", 1) for line in lines]
        return tuple((name, value) for name, value in pairs)

    def test_pass(self) -> None:
        """
        In their order and number, with their names in their case.
        """
        fields = ((b"Accept", b"a"), (b"X", b""), (b"accept", b"b"), (b"Hosts", b"c"))
        self.assertEqual(self.passing(*fields), fields)

    def test_endHere(self) -> None:
        """
        Hop-by-hop fields, the client's framing, and words about the client that only we
        may say.
        """
        for name in (
            b"Connection",
            b"Keep-Alive",
            b"Proxy-Connection",
            b"TE",
            b"Trailer",
            b"Upgrade",
            b"HTTP2-Settings",
            b"Proxy-Authorization",
            b"Proxy-Authenticate",
            b"Forwarded",
            b"X-Real-IP",
            b"X-Forwarded-For",
            b"X-Forwarded-Port",
            b"X-Forwarded-Server",
            b"X-Forwarded-Ssl",
            b"X-Forwarded-Scheme",
            b"X-Forwarded-Anything",
        ):
            for spelt in (name, name.lower(), name.upper()):
                self.assertEqual(self.passing((spelt, b"6.6.6.6")), ())
        self.assertEqual(self.passing((b"Expect", b"100-continue"), (_LENGTH, b"5")), ())
        self.assertEqual(self.passing((_CODING, b"chunked")), ())

    def test_alike(self) -> None:
        """
        Names that only look like these pass.
        """
        fields = ((b"X-Forwarde", b"a"), (b"Forwarded-For", b"a"), (b"X-Real-IPs", b"a"))
        self.assertEqual(self.passing(*fields), fields)

    @settings(deadline=None)
    @given(
        st.sampled_from(
            [
                b"X-Forwarded-For",
                b"X-Forwarded-Proto",
                b"X-Forwarded-Host",
                b"X-Forwarded-Prefix",
                b"X-Real-IP",
            ]
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
        self.assertEqual(self.passing((spelt, b"6.6.6.6"), (b"Connection", name)), ())

    def test_namedByConnection(self) -> None:
        """
        What Connection names ends here too.
        """
        self.assertEqual(
            self.passing(
                (b"Connection", b"X-Hop, close"),
                (b"X-HOP", b"1"),
                (b"connection", b"Host,\tX-Other"),
                (b"X-Other", b"2"),
                (b"Close", b"3"),
                (b"X-Kept", b"4"),
            ),
            ((b"Close", b"3"), (b"X-Kept", b"4")),
        )

    def test_head(self) -> None:
        """
        The neutral head is the one that was judged.
        """
        head = RequestHead(b"GET", b"http://a/\x7e", HTTP_1_0, (HOST, (b"A", b"b")))
        request = checkRequest(head)
        self.assertEqual(request.head, head)
        self.assertEqual(request.description, head.description)
        self.assertEqual(request.size, 0)

    def test_description(self) -> None:
        """
        What a log line calls a request is text of bounded length.
        """
        request = checked(target=b"/" + b"x" * 500)
        self.assertEqual(request.description, "GET /" + "x" * 199 + "...")

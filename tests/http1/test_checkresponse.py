"""
Judging responses: what a head says of body and connection, and what can't be believed.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.http1.heads import (
    HTTP_1_0,
    HTTP_1_1,
    BadMessage,
    ResponseHead,
)
from twisted_multiserver.http1.requests import CHUNKED
from twisted_multiserver.http1.responses import UNTIL_CLOSE, CheckedResponse, checkResponse

CODING = (b"Transfer-Encoding", b"chunked")
LENGTH = (b"Content-Length", b"3")


def checked(
    *fields: tuple[bytes, bytes], status: int = 200, version: bytes = HTTP_1_1
) -> CheckedResponse:
    return checkResponse(ResponseHead(status, b"", version, fields))


class FramingTests(SynchronousTestCase):
    """
    RFC 9112 section 6.3, as far as it is about responses.
    """

    def test_kinds(self) -> None:
        for fields, version, length in (
            ((), HTTP_1_1, UNTIL_CLOSE),
            ((), HTTP_1_0, UNTIL_CLOSE),
            ((LENGTH,), HTTP_1_1, 3),
            ((LENGTH,), HTTP_1_0, 3),
            ((LENGTH, (b"content-length", b"3")), HTTP_1_1, 3),
            (((b"Content-Length", b"3, 3"),), HTTP_1_1, 3),
            (((b"Content-Length", b"0"),), HTTP_1_1, 0),
            (((b"transfer-encoding", b"Chunked"),), HTTP_1_1, CHUNKED),
        ):
            self.assertEqual(checked(*fields, version=version).length, length, fields)

    def test_refused(self) -> None:
        for fields, version in (
            ((CODING, LENGTH), HTTP_1_1),
            ((CODING,), HTTP_1_0),
            ((CODING, CODING), HTTP_1_1),
            (((b"Transfer-Encoding", b"gzip, chunked"),), HTTP_1_1),
            (((b"Transfer-Encoding", b"identity"),), HTTP_1_1),
            (((b"Transfer-Encoding", b""),), HTTP_1_1),
            (((b"Transfer-Encoding", b"xchunked"),), HTTP_1_1),
            (((b"Transfer-Encoding", b"\x0bchunked"),), HTTP_1_1),
            ((LENGTH, (b"Content-Length", b"4")), HTTP_1_1),
            (((b"Content-Length", b"x"),), HTTP_1_1),
        ):
            for status in (200, 204, 304):
                # Not even where no body follows: what else does such a head get wrong?
                with self.assertRaises(BadMessage, msg=fields):
                    checked(*fields, version=version, status=status)


class PersistenceTests(SynchronousTestCase):
    def test_persists(self) -> None:
        """
        RFC 9112 section 9.3.
        """
        for version, options, persists in (
            (HTTP_1_1, [], True),
            (HTTP_1_1, [b"close"], False),
            (HTTP_1_1, [b"Close"], False),
            (HTTP_1_1, [b"x ,\tclose"], False),
            (HTTP_1_1, [b"close", b"close"], False),
            (HTTP_1_1, [b"keep-alive", b"close"], False),
            (HTTP_1_1, [b"closed"], True),
            (HTTP_1_0, [], False),
            (HTTP_1_0, [b"Keep-Alive"], True),
            (HTTP_1_0, [b"x, keep-alive"], True),
            (HTTP_1_0, [b"keep-alive, close"], False),
        ):
            fields = tuple((b"Connection", option) for option in options)
            self.assertEqual(checked(*fields, version=version).persists, persists, options)


class PassingTests(SynchronousTestCase):
    def test_passing(self) -> None:
        """
        End-to-end fields, in their order and number.
        """
        response = checked(
            (b"Connection", b"X-Hop"),
            (b"Set-Cookie", b"a=1"),
            (b"x-hop", b"1"),
            (b"KEEP-ALIVE", b"timeout=5"),
            (b"Proxy-Connection", b"x"),
            LENGTH,
            (b"Trailer", b"x"),
            (b"TE", b"x"),
            (b"Upgrade", b"h2c"),
            (b"X", b""),
            (b"set-cookie", b"b=2"),
        )
        self.assertEqual(response.passing, b"Set-Cookie: a=1\r\nX: \r\nset-cookie: b=2\r\n")
        self.assertEqual(
            response.fields, ((b"Set-Cookie", b"a=1"), (b"X", b""), (b"set-cookie", b"b=2"))
        )

    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from([b"A", b"b-C", b"x_y"]),
                st.sampled_from([b"", b"a", b"a b", b"a:b", b"\xe4\t,x", b'"']),
            ),
            max_size=5,
        )
    )
    def test_fields(self, fields: list[tuple[bytes, bytes]]) -> None:
        """
        The fields are those of the lines.
        """
        self.assertEqual(checked(*fields).fields, tuple(fields))

    def test_upgrade(self) -> None:
        """
        Only with 101 is another protocol spoken.
        """
        fields = ((b"Upgrade", b"a/1"), (b"Connection", b"Upgrade"), (b"upgrade", b"b"))
        self.assertEqual(checked(*fields, status=101).upgrade, b"a/1, b")
        self.assertIsNone(checked(*fields, status=426).upgrade)

    def test_informational(self) -> None:
        self.assertTrue(checked(status=199).isInformational)
        self.assertFalse(checked(status=200).isInformational)

"""
Fields go where twisted.web would put them.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from twisted_multiserver.child import requestfields
from twisted_multiserver.child.requestfields import addFields

NAMES = st.sampled_from(
    [b"host", b"HOST", b"etag", b"ETag", b"x-a-b", b"X-A-B", b"dnt", b"!#~", b"www-authenticate"]
) | st.from_regex(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}", fullmatch=True)
VALUES = st.binary(max_size=12).map(
    lambda value: bytes(byte for byte in value if byte == 9 or 32 <= byte != 127).strip(b"\t ")
)


class AddFieldsTests(SynchronousTestCase):
    @given(st.lists(st.tuples(NAMES, VALUES)))
    def test_asTwistedWeb(self, fields: list[tuple[bytes, bytes]]) -> None:
        """
        Whatever fields a request has, the values are those that C{addRawHeader} gives, by the
        same names, in the same order.
        """
        ours, theirs = Headers(), Headers()
        addFields(ours, tuple(fields))
        for name, value in fields:
            theirs.addRawHeader(name, value)
        self.assertEqual(list(ours.getAllRawHeaders()), list(theirs.getAllRawHeaders()))

    def test_place(self) -> None:
        """
        Twisted has the place; without it there are its own functions.
        """
        self.assertTrue(requestfields._hasPlace)
        self.patch(requestfields, "_hasPlace", False)
        headers = Headers()
        addFields(headers, ((b"a", b"1"), (b"A", b"2")))
        self.assertEqual(headers.getRawHeaders(b"a"), [b"1", b"2"])

    def test_manyNames(self) -> None:
        """
        Names that clients make up aren't kept without end.
        """
        addFields(Headers(), tuple((b"x-%d" % number, b"") for number in range(2000)))
        self.assertLessEqual(len(requestfields._names), 1000)

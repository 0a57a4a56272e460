"""
Heads: the neutral values.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.http1.heads import (
    HTTP_1_1,
    RequestHead,
    ResponseHead,
    fieldValues,
    listMembers,
)

FIELDS = (
    (b"Accept", b"a, b"),
    (b"X", b"1"),
    (b"ACCEPT", b" ,C,\t"),
)


class HeadTests(SynchronousTestCase):
    def test_values(self) -> None:
        """
        Names are compared without case, order and repetition are kept.
        """
        self.assertEqual(fieldValues(FIELDS, b"accept"), [b"a, b", b" ,C,\t"])
        self.assertEqual(RequestHead(b"GET", b"/", HTTP_1_1, FIELDS).values(b"x"), [b"1"])
        self.assertEqual(ResponseHead(200, b"", HTTP_1_1, FIELDS).values(b"y"), [])

    def test_listMembers(self) -> None:
        self.assertEqual(listMembers(FIELDS, b"accept"), [b"a", b"b", b"c"])
        self.assertEqual(listMembers(FIELDS, b"y"), [])

    def test_description(self) -> None:
        """
        What a log line calls a request is text of bounded length.
        """
        head = RequestHead(b"GET", b"/\xe4", HTTP_1_1, ())
        self.assertEqual(head.description, "GET /\xe4")
        long = RequestHead(b"GET", b"/" + b"x" * 500, HTTP_1_1, ())
        self.assertEqual(long.description, "GET /" + "x" * 199 + "...")

    def test_informational(self) -> None:
        self.assertTrue(ResponseHead(199, b"", HTTP_1_1, ()).isInformational)
        self.assertFalse(ResponseHead(200, b"", HTTP_1_1, ()).isInformational)

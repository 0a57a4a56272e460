"""
Writing requests: whatever the head holds, the bytes are one head.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.http1.heads import HTTP_1_0, HTTP_1_1, BadMessage, RequestHead
from twisted_multiserver.http1.requests import requestBytes

# Bytes of which smuggled lines are made, among others.
_texts = st.lists(
    st.sampled_from([b"a", b"Z", b":", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\0", b"\x7f", b"\xe4"])
).map(b"".join)


class RequestBytesTests(SynchronousTestCase):
    def test_bytes(self) -> None:
        head = RequestHead(b"GET", b"/a%2Fb?c", HTTP_1_0, ((b"Host", b"x"), (b"A", b" \xe4\t")))
        self.assertEqual(
            requestBytes(head), b"GET /a%2Fb?c HTTP/1.1\r\nHost: x\r\nA:  \xe4\t\r\n\r\n"
        )

    def test_refused(self) -> None:
        for method, target, name, value in (
            (b"", b"/", b"A", b"b"),
            (b"G T", b"/", b"A", b"b"),
            (b"GET\r\n", b"/", b"A", b"b"),
            (b"GET", b"", b"A", b"b"),
            (b"GET", b"/ HTTP/1.1", b"A", b"b"),
            (b"GET", b"/\n", b"A", b"b"),
            (b"GET", b"/\0", b"A", b"b"),
            (b"GET", b"/", b"", b"b"),
            (b"GET", b"/", b"A:", b"b"),
            (b"GET", b"/", b"A ", b"b"),
            (b"GET", b"/", b"A\n", b"b"),
            (b"GET", b"/", b"A", b"b\n"),
            (b"GET", b"/", b"A", b"b\r\nC: d"),
            (b"GET", b"/", b"A", b"\0"),
        ):
            with self.assertRaises(BadMessage, msg=(method, target, name, value)):
                requestBytes(RequestHead(method, target, HTTP_1_1, ((name, value),)))

    @given(_texts, _texts, st.lists(st.tuples(_texts, _texts), max_size=4))
    def test_neverAnotherLine(
        self, method: bytes, target: bytes, fields: list[tuple[bytes, bytes]]
    ) -> None:
        """
        Either it is refused, or it has as many lines as the head has parts, each as
        it was given.
        """
        for head in (
            RequestHead(method, target, HTTP_1_1, tuple(fields)),
            RequestHead(b"GET", b"/", HTTP_1_1, tuple(fields)),
            RequestHead(b"GET", b"/", HTTP_1_1, tuple((b"A", value) for _, value in fields)),
        ):
            try:
                data = requestBytes(head)
            except BadMessage:
                continue
            self.assertTrue(data.endswith(b"\r\n\r\n"))
            first, *lines = data[:-4].split(b"\r\n")
            self.assertEqual(first, b"%s %s HTTP/1.1" % (head.method, head.target))
            self.assertEqual(first.count(b" "), 2)
            self.assertEqual(lines, [name + b": " + value for name, value in head.fields])
            for byte in (b"\r", b"\n", b"\0"):
                self.assertNotIn(byte, b"".join([first, *lines]))

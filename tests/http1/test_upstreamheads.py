"""
Whatever a client sends: what a backend gets is one request, as an independent reader (h11)
sees it, and holds nothing that should have ended here.
"""

from __future__ import annotations

import re

import h11
from hypothesis import event, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.headstrategies import requestHeads
from tests.http1.samples import REQUESTS
from twisted_multiserver.http1.forwarding import ClientView, upstreamHead
from twisted_multiserver.http1.requestreader import RequestReader
from twisted_multiserver.http1.requests import CHUNKED, CheckedRequest, Refused

CLIENT = ClientView("192.0.2.1", True, b"listener:8080")
# RFC 9110 sections 7.6.1 and 11.7, RFC 9112 section 6, RFC 9113 section 3.1.
_ENDS = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade"),
    *(b"transfer-encoding", b"content-length", b"expect", b"host", b"http2-settings"),
    *(b"proxy-authenticate", b"proxy-authorization"),
}
_isForged = re.compile(rb"(forwarded|x[-_]real[-_]ip|x[-_]forwarded[-_].*)\Z", re.I).match


def read(data: bytes) -> CheckedRequest | None:
    """
    @return: the request at the beginning; L{None} if there is none.
    """
    try:
        found = RequestReader().receive(data)
    except Refused:
        return None
    return None if found is None else found[0]


def received(head: bytes, length: int) -> h11.Request:
    """
    Be the backend.

    @param head: what it gets.
    @param length: of the body, which is made here.
    @return: the request, if it is exactly one.
    """
    backend = h11.Connection(our_role=h11.SERVER)
    body = b"5\r\nhello\r\n0\r\n\r\n" if length == CHUNKED else b"x" * min(length, 100)
    backend.receive_data(head + body)
    request = backend.next_event()
    assert isinstance(request, h11.Request), request
    size = 0
    while isinstance(part := backend.next_event(), h11.Data):
        size += len(part.data)
    assert size == (5 if length == CHUNKED else len(body))
    assert backend.trailing_data == (b"", False)
    if length <= 100:
        assert isinstance(part, h11.EndOfMessage), part
    return request


class UpstreamTests(SynchronousTestCase):
    def passesOn(self, data: bytes, prefix: bytes = b"") -> bool:
        """
        @param data: from a client.
        @param prefix: that is stripped.
        @return: whether it was a request; if so it was passed on rightly.
        """
        request = read(data)
        if request is None:
            return False
        target = b"/stripped" if prefix else None
        got = received(upstreamHead(request, CLIENT, target, prefix), request.length)
        self.assertEqual(got.http_version, b"1.1")
        self.assertEqual(got.method, request.method)
        path = re.sub(rb"(?i)^https?://[^/?]*", b"", request.target)
        if not path.startswith((b"/", b"*")):
            path = b"*" if not path and request.method == b"OPTIONS" else b"/" + path
        self.assertEqual(got.target, target or path)
        hosts = [value for name, value in request.fields if name.lower() == b"host" and value]
        if not request.target.startswith((b"/", b"*")):
            authority = re.match(rb"(?i)https?://([^/?]*)", request.target)
            assert authority is not None
            hosts = [authority[1]]
        (host,) = hosts or [b"listener:8080"]
        self.fieldsAreRight(request, list(got.headers.raw_items()), host, prefix)
        return True

    def fieldsAreRight(
        self,
        request: CheckedRequest,
        got: list[tuple[bytes, bytes]],
        host: bytes,
        prefix: bytes,
    ) -> None:
        """
        The fields are Host, what passes, and what is ours, in this order.
        """
        named = b",".join(v for k, v in request.fields if k.lower() == b"connection").lower()
        ends = _ENDS | {name.strip(b" \t") for name in named.split(b",")} - {b"close"}
        if request.wishes.maxForwards is not None:
            ends.add(b"max-forwards")
        passing = [
            (name, value)
            for name, value in request.fields
            if name.lower() not in ends and not _isForged(name)
        ]
        version = request.version.removeprefix(b"HTTP/")
        ours = [
            (b"Via", version + b" twisted_multiserver"),
            (b"X-Forwarded-For", b"192.0.2.1"),
            (b"X-Forwarded-Proto", b"https"),
            (b"X-Forwarded-Host", host),
        ]
        if prefix:
            ours.append((b"X-Forwarded-Prefix", prefix))
        known = [(b"Host", host), *passing, *ours]
        self.assertEqual(got[: len(known)], known)
        allowed = {b"Content-Length", b"Transfer-Encoding", b"Expect", b"Max-Forwards"}
        if request.wishes.upgrade is not None:
            allowed |= {b"Connection", b"Upgrade"}
        names = [name for name, _ in got[len(known) :]]
        self.assertLessEqual(set(names), allowed)
        self.assertEqual(len(names), len(set(names)))
        self.assertNotEqual(set(names) & {b"Content-Length", b"Transfer-Encoding"}, allowed)

    def test_real(self) -> None:
        for data in REQUESTS.values():
            self.assertTrue(self.passesOn(data))

    @settings(deadline=None, max_examples=600)
    @given(requestHeads(), st.sampled_from([b"", b"/app"]))
    def test_mutated(self, data: bytes, prefix: bytes) -> None:
        event(f"passed on: {self.passesOn(data, prefix)}")

    def test_often(self) -> None:
        """
        What is tried above is passed on often, and often it isn't.
        """
        passed = []

        @settings(deadline=None, max_examples=300, derandomize=True, database=None)
        @given(requestHeads())
        def look(data: bytes) -> None:
            passed.append(read(data) is not None)

        look()
        self.assertGreater(sum(passed), len(passed) // 4)
        self.assertGreater(passed.count(False), len(passed) // 4)

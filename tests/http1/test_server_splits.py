"""
However a client's bytes are cut, a connection does the same.
"""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.doubles import Conversation, ok
from tests.http1.headstrategies import chunkedBodies, cuts, pieces, requestHeads
from twisted_multiserver.http1.connections import ServerLimits
from twisted_multiserver.http1.requests import CheckedRequest
from twisted_multiserver.http1.server import ServerConnection

_GOOD = st.sampled_from(
    [
        b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HEAD /c HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
        b"GET /d HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        b"POST /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nhe\r\n3;x\r\nllo\r\n0\r\nA: b\r\n\r\n",
        b"POST /g HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n\r\n",
        b"PUT /h HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nGET / \r\n\r\n!",
    ]
)
_CHUNKED = b"POST /i HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
_REQUESTS = st.lists(
    st.one_of(
        _GOOD,
        _GOOD,
        requestHeads(mutations=1).map(lambda head: head + b"hello"),
        chunkedBodies(mutations=1).map(lambda body: _CHUNKED + body),
    ),
    min_size=1,
    max_size=5,
).map(b"".join)


class Answering:
    """
    A conversation whose requests are answered when they are whole, at once or later.
    """

    def __init__(self, parts: list[bytes], isLater: bool) -> None:
        """
        @param parts: what the client sends.
        @param isLater: whether an answer comes only after all that a piece brought.
        """
        self.conversation = Conversation(ServerLimits(body=12))
        self.whole = 0
        self.conversation.responder.onRequest = self.received
        self.conversation.responder.onEnd = self.ended
        self.isLater = isLater
        for part in parts:
            self.conversation.sends(part)
            while isLater and self.whole and not self.conversation.connection.isIdle:
                self.whole = 0
                ok(self.conversation.connection, self.conversation.responder.requests[-1])

    def received(self, connection: ServerConnection, request: CheckedRequest) -> None:
        if request.length == 0:
            self.ended(connection, request)

    def ended(self, connection: ServerConnection, request: CheckedRequest) -> None:
        if self.isLater:
            self.whole = 1
        else:
            ok(connection, request)

    @property
    def outcome(self) -> tuple[list[object], bytes, str]:
        """
        What everybody got to see, but for the time of day.
        """
        conversation = self.conversation
        sent = re.sub(rb"Date: [^\r]*", b"Date:", conversation.sent)
        return conversation.told, sent, conversation.state


class SplitTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=500)
    @given(_REQUESTS, st.booleans(), st.data())
    def test_same(self, sent: bytes, isLater: bool, data: st.DataObject) -> None:
        """
        Requests, bodies, answers and refusals are the same for any cut and any answerer.

        Only this may differ: how much of a body was shown before it turned out to be bad,
        and which fault of several is seen first.
        """
        expected = self.comparable(Answering([sent], False))
        for parts in (data.draw(cuts(sent)), pieces(sent, list(range(1, len(sent))))):
            self.assertEqual(self.comparable(Answering(parts, isLater)), expected, parts)
        self.assertEqual(self.comparable(Answering([sent], True)), expected)

    def comparable(self, answering: Answering) -> tuple[object, ...]:
        told, sent, state = answering.outcome
        shown = list(told)
        if "gone" in shown:
            at = shown.index("gone")
            self.assertEqual(shown[at:], ["gone"])
            if isinstance(shown[at - 1], bytes):
                del shown[at - 1]
        refusal = re.search(rb"HTTP/1\.1 [45][0-9]{2} ", sent)
        return shown, sent[: refusal.start()] if refusal else sent, refusal is not None, state

"""
The fallback: a resource that answers if no backend can.
"""

from __future__ import annotations

from typing import IO

from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.gateway.doubles import OK
from tests.gateway.face import FaceCase
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.streams.sweep import INTERVAL


class Fallback(Resource):
    """
    Answers in place of a backend, with what it got.
    """

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        return b"instead of /" + b"/".join(request.postpath or [])

    def render_POST(self, request: Request) -> bytes:
        assert request.content is not None
        content: IO[bytes] = request.content
        return b"got " + content.read()


class FallbackTests(FaceCase):
    fallback = Fallback()

    def test_noBackend(self) -> None:
        """
        It is rendered at the place below the gateway.
        """
        self.stage.distribution.pool.remove(self.backend)
        self.connect(b"app")
        self.send(b"GET /app/x/y HTTP/1.1")
        self.assertEqual(self.received()[2], b"instead of /x/y")

    def test_bodyForTheFallback(self) -> None:
        """
        It gets the request as it was, also after a backend was sent a part.
        """
        self.stage.dialers["a"].refusal = Outcome.busy
        self.send(b"POST / HTTP/1.1", b"Content-Length: 3", body=b"abc")
        self.stage.clock.pump([INTERVAL] * 24)
        self.assertEqual(self.received()[2], b"got abc")
        self.stage.distribution.pool.remove(self.backend)
        self.send(b"POST / HTTP/1.1", b"Content-Length: 3", body=b"abc")
        self.assertEqual(self.received()[2], b"got abc")

    def test_notInsteadOfAResponse(self) -> None:
        """
        It stands in for backends that aren't there, not for one that failed.
        """
        self.send(b"GET / HTTP/1.1")
        self.assertEqual(self.answer(OK)[2], b"ok")
        self.send(b"GET / HTTP/1.1")
        self.assertEqual(self.answer(b"nonsense\r\n\r\n")[0], b"HTTP/1.1 502 Bad Gateway")

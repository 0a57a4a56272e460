"""
An ASGI application as its client sees it, and its start watched.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.child.asgiscope import (
    Message,
    Receive,
    Scope,
    Send,
    WatchedApplication,
    lifespanFailure,
    seenByClient,
)
from twisted_multiserver.child.bootfailure import EXIT_CRASHED


def scope(*fields: tuple[bytes, bytes], scheme: str = "https") -> dict[str, Any]:
    return {
        "type": "http",
        "scheme": scheme,
        "headers": list(fields),
        "server": ("/run/http", None),
        "root_path": "",
        "path": "/a b",
        "raw_path": b"/a%20b",
    }


class ScopeTests(SynchronousTestCase):
    def test_server(self) -> None:
        """
        The server is what the client asked for, never a UNIX socket.
        """
        forwarded, host = (b"x-forwarded-host", b"outer:8443"), (b"host", b"inner")
        for found, expected in [
            (scope(forwarded, host), ("outer", 8443)),
            (scope(host, forwarded), ("outer", 8443)),
            (scope(host), ("inner", 443)),
            (scope(host, scheme="ws"), ("inner", 80)),
            (scope(host, scheme="wss"), ("inner", 443)),
            (scope(), ("localhost", 443)),
        ]:
            self.assertEqual(seenByClient(found)["server"], expected)

    def test_prefix(self) -> None:
        """
        The path includes the root path; the raw one stays raw.
        """
        seen = seenByClient(scope((b"x-forwarded-prefix", b"/my%20app/")))
        self.assertEqual(
            (seen["root_path"], seen["path"], seen["raw_path"]),
            ("/my app", "/my app/a b", b"/my%20app/a%20b"),
        )

    def test_noPrefix(self) -> None:
        """
        Without a prefix, path and root path are as they were.
        """
        seen = seenByClient(scope((b"x-forwarded-prefix", b"nonsense")))
        self.assertEqual((seen["root_path"], seen["path"]), ("", "/a b"))

    @given(st.binary(), st.binary(), st.binary())
    def test_anything(self, host: bytes, forwarded: bytes, prefix: bytes) -> None:
        """
        Nothing is an error.
        """
        seenByClient(
            scope(
                (b"host", host), (b"x-forwarded-host", forwarded), (b"x-forwarded-prefix", prefix)
            )
        )


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    await send(
        {"type": "lifespan.startup.failed", "message": "Traceback\n  line\nOSError: no disk\n"}
    )


async def noReceive() -> Message:
    return {}


class LifespanTests(SynchronousTestCase):
    def test_noted(self) -> None:
        """
        What the application says of its failure is noted, and reaches uvicorn.
        """
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        watched = WatchedApplication(failing)

        async def call() -> None:
            calling: Awaitable[None] = watched({"type": "lifespan"}, noReceive, send)
            await calling

        self.successResultOf(Deferred.fromCoroutine(call()))
        self.assertEqual(len(sent), 1)
        assert watched.failure is not None
        self.assertEqual(watched.failure.reason, "lifespan startup failed: OSError: no disk")
        self.assertEqual(watched.failure.status, EXIT_CRASHED)
        self.assertIn("Traceback", watched.failure.trace or "")

    def test_messages(self) -> None:
        """
        One line is a reason and no traceback; none is neither.
        """
        one = lifespanFailure("no disk")
        self.assertEqual((one.reason, one.trace), ("lifespan startup failed: no disk", None))
        self.assertEqual(lifespanFailure("").reason, "lifespan startup failed")

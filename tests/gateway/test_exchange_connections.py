"""
Exchanges on doubles: which connections they use.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.doubles import OK, Stage, someBody
from twisted_multiserver.balancing.backend import BackendKind


class ConnectionTests(SynchronousTestCase):
    """
    What is kept for reuse.
    """

    def test_deadOnesAreNotTrusted(self) -> None:
        """
        A kept connection is looked at before a request goes there.
        """
        stage = Stage()
        stage.add("a", BackendKind.remote)
        stage.begin()
        stage.stream("a").receives(OK)
        stage.stream("a").quiet = False
        stage.begin()
        self.assertEqual(len(stage.dialers["a"].streams), 2)

    def test_idleBudget(self) -> None:
        """
        Remote ones are closed after 4 s.
        """
        stage = Stage()
        stage.add("a", BackendKind.remote)
        stage.begin()
        stage.stream("a").receives(OK)
        stage.clock.pump([0.25] * 15)
        self.assertEqual(stage.stream("a").state, "open")
        stage.clock.pump([0.25] * 2)
        self.assertEqual(stage.stream("a").state, "closed")

    def test_drained(self) -> None:
        """
        Idle ones are closed at once; a busy one after its response.
        """
        stage = Stage()
        backend = stage.add("a")
        stage.begin()
        _, client = stage.begin()
        idle, busy = stage.dialers["a"].streams
        idle.receives(OK)
        drained: list[None] = []
        stage.distribution.pool.drain(backend, lambda: drained.append(None))
        self.assertEqual((idle.state, busy.state, drained), ("closed", "open", []))
        busy.receives(OK)
        self.assertEqual((client.heard[-1], busy.state, drained), ("end", "closed", [None]))

    def test_unasked(self) -> None:
        """
        What a backend sends unasked ends the connection.
        """
        stage = Stage()
        stage.add("a")
        stage.begin()
        stage.stream("a").receives(OK)
        stage.stream("a").receives(b"HTTP/1.1 408 Timeout\r\n\r\n")
        self.assertEqual(stage.stream("a").state, "aborted")
        stage.begin()
        self.assertEqual(len(stage.dialers["a"].streams), 2)

    def test_earlyAnswer(self) -> None:
        """
        A response before the whole request was sent: it counts, and the connection
        isn't used again.
        """
        stage = Stage()
        stage.add("a")
        stage.begin()
        stage.stream("a").receives(OK)
        stage.stream("a").buffered = True
        _, client = stage.begin(b"POST", someBody(b"x"))
        stage.stream("a").receives(OK)
        self.assertEqual(client.heard[-1], "end")
        self.assertEqual(stage.stream("a").state, "aborted")

    def test_largeBodyWaitsForTheStream(self) -> None:
        """
        A body is sent as the stream takes it.
        """
        stage = Stage()
        stage.add("a")
        stage.begin()
        stage.stream("a").receives(OK)
        stream = stage.stream("a")
        stream.sent = b""
        stream.buffered = True
        _, client = stage.begin(b"POST", someBody(b"x" * 200000))
        self.assertEqual(stream.sent.count(b"x" * 10), 0)
        stream.buffered = False
        assert stream.user is not None
        stream.user.streamDrained()
        self.assertEqual(len(stream.sent.partition(b"\r\n\r\n")[2]), 200000)
        stream.receives(OK)
        self.assertEqual(client.heard[-1], "end")

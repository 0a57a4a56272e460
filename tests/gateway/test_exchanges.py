"""
Exchanges on doubles: what becomes of a request, whatever its backends do.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.doubles import OK, FakeStream, Stage, someBody
from twisted_multiserver.balancing.backend import BackendKind
from twisted_multiserver.balancing.outcomes import Outcome


class ExchangeTests(SynchronousTestCase):
    """
    One request after the other.
    """

    def test_response(self) -> None:
        """
        Head, body, end; the connection is used again.
        """
        stage = Stage()
        backend = stage.add("a")
        for _ in range(3):
            _, client = stage.begin()
            self.assertEqual(backend.inFlight, 1)
            stage.stream("a").receives(OK)
            self.assertEqual(client.heard, [200, b"ok", "end"])
        self.assertEqual(len(stage.dialers["a"].streams), 1)
        self.assertEqual(backend.inFlight, 0)
        self.assertEqual(backend.statistics.outcomes[Outcome.ok], 3)
        self.assertEqual(stage.policy.told, [("admitted", "a"), *[("ok", "a")] * 3])

    def test_refusedGoesElsewhere(self) -> None:
        """
        Rule (a): with any method, as nothing was sent.
        """
        stage = Stage()
        stage.add("a")
        stage.add("b")
        stage.dialers["a"].refusal = Outcome.connectRefused
        _, client = stage.begin(b"POST", someBody(b"x"))
        self.assertTrue(stage.stream("b").sent.endswith(b"\r\n\r\nx"))
        stage.stream("b").receives(OK)
        self.assertEqual(client.heard[-1], "end")
        self.assertEqual(stage.policy.told[-2:], [("connectRefused", "a"), ("ok", "b")])

    def test_unreadByAChild(self) -> None:
        """
        Rule (b): a reset of our own child, with any method, unless a body was sent.
        """
        for body, retried in ((None, True), (someBody(b"x"), False)):
            stage = Stage()
            stage.add("a")
            stage.add("b")
            _, client = stage.begin(b"POST", body)
            stage.stream("a").ends(clean=False)
            if retried:
                stage.stream("b").receives(OK)
                self.assertEqual(client.heard[-1], "end")
            else:
                self.assertEqual(client.heard, [("answer", 502)])

    def test_readAndDied(self) -> None:
        """
        Rule (c): only GET and HEAD without a body.
        """
        for method, retried in ((b"GET", True), (b"HEAD", True), (b"POST", False)):
            stage = Stage()
            stage.add("a")
            stage.add("b")
            _, client = stage.begin(method)
            stage.stream("a").ends(clean=True)
            self.assertEqual(client.heard, [] if retried else [("answer", 502)])

    def test_threeTries(self) -> None:
        """
        No fourth.
        """
        stage = Stage()
        for address in "abcd":
            stage.add(address)
        _, client = stage.begin()
        for address in "abc":
            self.assertEqual(client.heard, [])
            stage.stream(address).ends(clean=True)
        self.assertEqual(client.heard, [("answer", 502)])
        self.assertEqual(stage.dialers["d"].streams, [])

    def test_keepAliveRace(self) -> None:
        """
        A remote server that closes a used connection is asked again on a new one.
        """
        stage = Stage()
        stage.add("a", BackendKind.remote)
        _, client = stage.begin()
        stage.stream("a").receives(OK)
        _, client = stage.begin()
        stage.stream("a").ends(clean=True)
        self.assertEqual(len(stage.dialers["a"].streams), 2)
        stage.stream("a").receives(OK)
        self.assertEqual(client.heard[-1], "end")
        self.assertEqual(stage.policy.told, [("admitted", "a"), ("ok", "a"), ("ok", "a")])

    def test_cut(self) -> None:
        """
        A response of which the client has a part is cut, and never tried again.
        """
        stage = Stage()
        stage.add("a")
        stage.add("b")
        _, client = stage.begin()
        stage.stream("a").receives(b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\nab")
        stage.stream("a").ends(clean=True)
        self.assertEqual(client.heard, [200, b"ab", "cut"])
        self.assertEqual(stage.dialers["b"].streams, [])
        self.assertEqual(stage.policy.told[-1], ("cut", "a"))

    def test_timeouts(self) -> None:
        """
        No response: 504.  A body that stops: cut.
        """
        stage = Stage(firstByte=2.0, stall=3.0)
        stage.add("a")
        _, client = stage.begin()
        stage.clock.pump([0.25] * 9)
        self.assertEqual(client.heard, [("answer", 504)])
        self.assertEqual(stage.stream("a").state, "aborted")
        _, client = stage.begin()
        stage.stream("a").receives(b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\nab")
        stage.clock.pump([0.25] * 13)
        self.assertEqual(client.heard, [200, b"ab", "cut"])

    def test_slowClientIsNotBlamedOnTheBackend(self) -> None:
        """
        While the client is slow nothing is read, and no budget runs.
        """
        stage = Stage(stall=1.0)
        stage.add("a")
        exchange, client = stage.begin()
        stage.stream("a").receives(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"
        )
        exchange.pause()
        self.assertTrue(stage.stream("a").paused)
        stage.clock.pump([0.25] * 40)
        exchange.resume()
        stage.stream("a").receives(b"2\r\ncd\r\n0\r\n\r\n")
        self.assertEqual(client.heard, [200, b"ab", b"cd", "end"])

    def test_nonsense(self) -> None:
        """
        What is no response is 502.
        """
        stage = Stage()
        stage.add("a")
        _, client = stage.begin()
        stage.stream("a").receives(b"hello\r\n\r\n")
        self.assertEqual(client.heard, [("answer", 502)])

    def test_busy(self) -> None:
        """
        Another one is chosen; when all are busy the request waits.
        """
        stage = Stage()
        first, second = stage.add("a"), stage.add("b")
        stage.dialers["a"].refusal = Outcome.busy
        stage.begin()
        self.assertEqual(second.inFlight, 1)
        stage.dialers["b"].refusal = Outcome.busy
        _, waiting = stage.begin(b"POST")
        self.assertEqual((waiting.heard, first.inFlight), ([], 0))
        stage.dialers["a"].refusal = None
        stage.stream("b").receives(OK)
        stage.clock.advance(0)
        stage.stream("a").receives(OK)
        self.assertEqual(waiting.heard[-1], "end")

    def test_waitingForAChild(self) -> None:
        """
        With none ready and one expected, requests wait in order.
        """
        stage = Stage()
        stage.distribution.pool.expect(0)
        clients = [stage.begin()[1] for _ in range(3)]
        stage.clock.advance(1)
        stage.add("a", slot=0)
        stage.clock.advance(0)
        streams = stage.dialers["a"].streams
        self.assertEqual(len(streams), 3)
        for client, stream in zip(clients, streams, strict=True):
            stream.receives(OK)
            self.assertEqual(client.heard[-1], "end")

    def test_queueBudget(self) -> None:
        """
        Not longer than the budget; at once if none is expected.
        """
        stage = Stage(queue=2.0)
        _, client = stage.begin()
        self.assertEqual(client.heard, [("answer", 503)])
        stage.distribution.pool.expect(0)
        _, client = stage.begin()
        stage.clock.pump([0.25] * 7)
        self.assertEqual(client.heard, [])
        stage.clock.pump([0.25] * 2)
        self.assertEqual(client.heard, [("answer", 503)])

    def test_onlyChildDies(self) -> None:
        """
        Its exit isn't seen yet: the request waits for that, then for the successor.
        """
        stage = Stage()
        child = stage.add("a", slot=0)
        _, client = stage.begin()
        stage.stream("a").ends(clean=True)
        self.assertEqual(client.heard, [])
        (lost,) = stage.distribution.pool.remove(child)
        self.assertEqual(lost.description, "GET /")
        stage.distribution.pool.expect(0)
        stage.clock.advance(0)
        self.assertEqual(client.heard, [])
        stage.add("b", slot=0)
        stage.clock.advance(0)
        stage.stream("b").receives(OK)
        self.assertEqual(client.heard[-1], "end")

    def test_onlyChildLivesOn(self) -> None:
        """
        A child that closed a connection and did not die: 502 after a moment.
        """
        stage = Stage()
        stage.add("a", slot=0)
        _, client = stage.begin()
        stage.stream("a").ends(clean=True)
        stage.clock.pump([0.25] * 4)
        self.assertEqual(client.heard, [("answer", 502)])

    def test_deadChildWhoseSocketLivesOn(self) -> None:
        """
        Another process holds it: the exchange doesn't wait for its budget.
        """
        stage = Stage()
        child = stage.add("a")
        stage.add("b")
        _, client = stage.begin()
        stage.distribution.pool.remove(child)
        stage.clock.pump([0.25] * 5)
        stage.stream("b").receives(OK)
        self.assertEqual(client.heard[-1], "end")


class ClientGoneTests(SynchronousTestCase):
    """
    The client leaves, at every stage.
    """

    def test_whileWaiting(self) -> None:
        """
        It is forgotten.
        """
        stage = Stage()
        stage.distribution.pool.expect(0)
        exchange, client = stage.begin()
        exchange.clientGone()
        stage.add("a", slot=0)
        stage.clock.advance(0)
        self.assertEqual(stage.dialers["a"].streams, [])
        self.assertEqual(client.heard, [])
        self.assertEqual(stage.distribution.open, 0)

    def test_whileChoosing(self) -> None:
        """
        The policy's Deferred is cancelled.
        """
        stage = Stage()
        stage.add("a")
        cancelled: list[object] = []
        stage.policy.choices = [Deferred(cancelled.append)]
        exchange, _ = stage.begin()
        exchange.clientGone()
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(stage.policy.told, [("admitted", "a")])

    def test_whileDialing(self) -> None:
        """
        The connection, if it comes, is closed.
        """
        stage = Stage()
        backend = stage.add("a", BackendKind.remote)
        slow: Deferred[FakeStream] = Deferred(lambda _: None)
        stage.dialers["a"].slow = slow
        exchange, _ = stage.begin()
        self.assertEqual(backend.inFlight, 1)
        exchange.clientGone()
        self.assertEqual(backend.inFlight, 0)
        self.assertEqual(stage.policy.told[-1], ("clientGone", "a"))

    def test_whileResponding(self) -> None:
        """
        The upstream connection is aborted, and nothing is told any more.
        """
        stage = Stage()
        backend = stage.add("a")
        exchange, client = stage.begin()
        stage.stream("a").receives(b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\nab")
        exchange.clientGone()
        exchange.clientGone()
        self.assertEqual(stage.stream("a").state, "aborted")
        stage.stream("a").receives(b"cde")
        stage.stream("a").ends(clean=False)
        self.assertEqual(client.heard, [200, b"ab"])
        self.assertEqual(backend.statistics.outcomes[Outcome.clientGone], 1)

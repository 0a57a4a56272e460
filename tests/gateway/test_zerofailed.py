"""
What an exchange does so that its client doesn't see that something failed.
"""

from __future__ import annotations

import tempfile
from io import BytesIO

from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.doubles import OK, Client, Stage
from twisted_multiserver.balancing.backend import Backend, BackendKind, BackendState
from twisted_multiserver.balancing.ejection import FAILURES, PAUSE, SLOW_START
from twisted_multiserver.gateway.body import StreamedBody
from twisted_multiserver.gateway.distribution import Buffering
from twisted_multiserver.gateway.http2body import WindowedBody
from twisted_multiserver.gateway.storedbody import StoredBody

SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"


class Source:
    """
    A client that is paused and resumed.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseBody(self) -> None:
        self.calls.append("pause")

    def resumeBody(self) -> None:
        self.calls.append("resume")


class Opened:
    """
    A window that is opened.
    """

    def __init__(self, sizes: list[int]) -> None:
        self._sizes = sizes

    def bodyTaken(self, size: int) -> None:
        self._sizes.append(size)


class HeldTests(SynchronousTestCase):
    """
    Small responses.
    """

    def setUp(self) -> None:
        self.stage = Stage(stall=1.0)
        self.stage.add("a")
        self.stage.add("b")
        self.exchange, self.client = self.stage.begin()
        self.first = self.stage.stream("a")

    def test_whole(self) -> None:
        """
        Nothing of it is told before all of it is there.
        """
        self.first.receives(SMALL)
        self.assertEqual(self.client.heard, [])
        self.first.receives(b"cd")
        self.assertEqual(self.client.heard, [200, b"abcd", "end"])

    def test_crashInside(self) -> None:
        """
        Another backend answers.
        """
        self.first.receives(SMALL)
        self.first.ends(clean=False)
        self.stage.stream("b").receives(OK)
        self.assertEqual(self.client.heard[-1], "end")
        self.assertNotIn(b"ab", self.client.heard)
        self.assertEqual(self.stage.policy.told[-2:], [("cut", "a"), ("ok", "b")])

    def test_crashInsideOfAPost(self) -> None:
        """
        It has been executed: it isn't executed twice, and gets 502.
        """
        _, client = self.stage.begin(b"POST")
        stream = self.stage.stream("a")
        stream.receives(SMALL)
        stream.ends(clean=False)
        self.assertEqual(client.heard, [("answer", 502)])

    def test_stalls(self) -> None:
        """
        Another one answers, too.
        """
        self.first.receives(SMALL)
        self.stage.clock.pump([0.25] * 6)
        self.assertEqual(self.first.state, "aborted")
        self.stage.stream("b").receives(OK)
        self.assertEqual(self.client.heard[-1], "end")

    def test_large(self) -> None:
        """
        It begins at once, as does one of unknown length.
        """
        for framing in (b"Content-Length: 65537", b"Transfer-Encoding: chunked"):
            _, client = self.stage.begin()
            self.stage.stream("a").receives(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
            self.assertEqual(client.heard, [200])


class ServerErrorTests(SynchronousTestCase):
    """
    A backend says that it can't.
    """

    def answered(self, head: bytes, method: bytes = b"GET", count: int = 2) -> Client:
        """
        Let the first of some backends answer so.
        """
        self.stage = Stage()
        for name in "ab"[:count]:
            self.stage.add(name)
        _, client = self.stage.begin(method)
        self.stage.stream("a").receives(head + b"\r\nContent-Length: 2\r\n\r\n")
        self.stage.stream("a").receives(b"no")
        return client

    def test_elsewhere(self) -> None:
        for status in (b"502", b"503", b"504"):
            client = self.answered(b"HTTP/1.1 " + status + b" X")
            self.assertEqual(client.heard, [])
            self.stage.stream("b").receives(OK)
            self.assertEqual(client.heard[-1], "end")
            self.assertEqual(self.stage.policy.told[-2:], [("gatewayError", "a"), ("ok", "b")])

    def test_atOnce(self) -> None:
        """
        Also if all of it comes in one piece.
        """
        stage = Stage()
        stage.add("a")
        stage.add("b")
        _, client = stage.begin()
        stage.stream("a").receives(b"HTTP/1.1 503 X\r\nContent-Length: 2\r\n\r\nno")
        self.assertEqual(client.heard, [])
        stage.stream("b").receives(OK)
        self.assertEqual(client.heard[-1], "end")

    def test_meant(self) -> None:
        """
        What only repeats itself elsewhere, or must not be repeated, is passed on.
        """
        for head, method, count in (
            (b"HTTP/1.1 500 X", b"GET", 2),
            (b"HTTP/1.1 501 X", b"GET", 2),
            (b"HTTP/1.1 503 X\r\nRetry-After: 7", b"GET", 2),
            (b"HTTP/1.1 503 X", b"POST", 2),
            (b"HTTP/1.1 503 X", b"GET", 1),
        ):
            client = self.answered(head, method, count)
            self.assertEqual(client.heard, [int(head[9:12]), b"no", "end"], (head, method))


class ReplayTests(SynchronousTestCase):
    """
    Bodies that are sent once more.
    """

    def setUp(self) -> None:
        self.stage = Stage()
        self.stage.add("a")
        self.stage.add("b")
        self.source = Source()

    def test_again(self) -> None:
        """
        What was sent, and what came meanwhile.
        """
        body = StreamedBody(6, self.source)
        _, client = self.stage.begin(b"PUT", body)
        body.add(b"ab")
        body.add(b"cd")
        self.assertIn(b"abcd", self.stage.stream("a").sent)
        self.stage.stream("a").ends(clean=False)
        body.add(b"ef")
        body.end(())
        self.assertTrue(self.stage.stream("b").sent.endswith(b"\r\n\r\nabcdef"))
        self.stage.stream("b").receives(OK)
        self.assertEqual(client.heard[-1], "end")

    def test_tooLong(self) -> None:
        """
        What was sent of it isn't there any more.
        """
        body = StreamedBody(200_000, self.source)
        _, client = self.stage.begin(b"PUT", body)
        for _ in range(3):
            body.add(b"x" * 40_000)
        self.stage.stream("a").ends(clean=False)
        self.assertEqual(client.heard, [("answer", 502)])

    def test_post(self) -> None:
        body = StreamedBody(2, self.source)
        _, client = self.stage.begin(b"POST", body)
        body.add(b"ab")
        body.end(())
        self.stage.stream("a").ends(clean=False)
        self.assertEqual(client.heard, [("answer", 502)])

    def test_windowed(self) -> None:
        """
        A body of HTTP/2, of which the window is opened once.
        """
        opened: list[int] = []
        body = WindowedBody(6, Opened(opened))
        body.add(b"ab")
        self.assertEqual(body.read(), b"ab")
        body.add(b"cd")
        body.rewind()
        self.assertEqual((body.read(), body.read(), body.read()), (b"ab", b"cd", b""))
        body.add(b"ef")
        self.assertIsNone(body.content())
        body.end(())
        self.assertEqual(body.content(), b"abcdef")
        body.rewind()
        self.assertEqual(body.read() + body.read(), b"abcdef")
        self.assertEqual(opened, [2, 2, 2])
        body.add(b"x" * 70_000)
        body.read()
        self.assertTrue(body.isLost)

    def test_stored(self) -> None:
        _, client = self.stage.begin(b"PUT", StoredBody(BytesIO(b"abc"), 3))
        self.stage.stream("a").ends(clean=False)
        self.assertTrue(self.stage.stream("b").sent.endswith(b"\r\n\r\nabc"))
        self.stage.stream("b").receives(OK)
        self.assertEqual(client.heard[-1], "end")


class LineTests(SynchronousTestCase):
    """
    Backends that take so much and no more.
    """

    def setUp(self) -> None:
        self.stage = Stage(queueLimit=6)
        self.backend = self.stage.add("a")
        self.backend.limit = 1
        self.stage.distribution.settle()

    def test_inOrder(self) -> None:
        """
        One after the other, also those who come when a place has just got free.
        """
        clients = [self.stage.begin()[1] for _ in range(4)]
        late = []
        for number, client in enumerate(clients):
            self.assertEqual(self.backend.inFlight, 1)
            self.stage.stream("a").receives(OK)
            self.assertEqual(client.heard[-1], "end", number)
            late.append(self.stage.begin()[1])
            self.stage.clock.advance(0)
        self.assertEqual([client.heard for client in late[:2]], [[], []])

    def test_full(self) -> None:
        """
        Who finds no room in the queue is told so at once.
        """
        clients = [self.stage.begin()[1] for _ in range(8)]
        self.assertEqual([client.heard for client in clients], [[]] * 7 + [[("answer", 503)]])
        counts = self.stage.distribution.circumstances.counts
        self.assertEqual((counts.queued, counts.queueFull), (6, 1))

    def test_clientGone(self) -> None:
        """
        It is forgotten, and the next one goes on.
        """
        self.stage.begin()
        gone, _ = self.stage.begin()
        _, next_ = self.stage.begin()
        gone.clientGone()
        self.stage.stream("a").receives(OK)
        self.stage.clock.advance(0)
        self.stage.stream("a").receives(OK)
        self.assertEqual(next_.heard[-1], "end")
        self.assertEqual(self.stage.distribution.open, 0)
        self.assertEqual(self.backend.inFlight, 0)

    def test_overdue(self) -> None:
        """
        The queue budget holds.
        """
        self.stage.begin()
        _, client = self.stage.begin()
        self.stage.clock.pump([0.25] * 22)
        self.assertEqual(client.heard, [("answer", 503)])

    def test_direct(self) -> None:
        """
        Without limits no plan is asked.
        """
        self.assertEqual(self.stage.distribution.circumstances.direct, ())
        self.stage.distribution.pool.remove(self.backend)
        self.stage.add("b")
        pool = self.stage.distribution.pool
        self.assertIs(self.stage.distribution.circumstances.direct, pool.admissible)


class BufferTests(SynchronousTestCase):
    """
    Requests that go on when they are whole.
    """

    def begin(self, length: int, buffering: Buffering = Buffering.auto) -> None:
        self.stage = Stage(buffering)
        self.backend = self.stage.add("a")
        self.backend.limit = 1
        self.stage.distribution.settle()
        self.body = StreamedBody(length, Source())
        self.exchange, self.client = self.stage.begin(b"POST", self.body)

    def test_slow(self) -> None:
        """
        No place is taken until all of it is there, however large.
        """
        self.begin(300_000)
        for _ in range(3):
            self.body.add(b"x" * 100_000)
            self.assertEqual(self.backend.inFlight, 0)
        self.body.end(())
        self.assertEqual(self.backend.inFlight, 1)
        self.assertEqual(self.stage.stream("a").sent.count(b"x" * 100), 3000)
        self.stage.stream("a").receives(OK)
        self.assertEqual(self.client.heard[-1], "end")

    def test_clientGone(self) -> None:
        self.begin(10)
        self.body.add(b"abc")
        self.exchange.clientGone()
        self.assertEqual(self.stage.distribution.open, 0)
        self.assertEqual(self.stage.dialers["a"].streams, [])

    def test_notStored(self) -> None:
        """
        With no room for it the request is refused, and nobody has got a part of it.
        """
        self.patch(tempfile, "tempdir", "/proc")
        self.begin(300_000)
        self.body.add(b"x" * 100_000)
        self.assertEqual(self.client.heard, [("answer", 503)])
        self.assertEqual(self.stage.distribution.open, 0)
        self.assertEqual(self.stage.dialers["a"].streams, [])

    def test_never(self) -> None:
        self.begin(10, Buffering.never)
        self.assertEqual(self.backend.inFlight, 1)

    def test_always(self) -> None:
        stage = Stage(Buffering.always)
        backend = stage.add("a")
        body = StreamedBody(2, Source())
        stage.begin(b"POST", body)
        self.assertEqual(backend.inFlight, 0)
        body.add(b"ab")
        body.end(())
        self.assertEqual(backend.inFlight, 1)


class QuarantineTests(SynchronousTestCase):
    """
    Requests that kill.
    """

    def crash(self, stage: Stage, name: str, seenFirst: bool = False, wasRead: bool = True) -> None:
        """
        Let the child die, which is seen before its connections end, or behind that.
        """
        stage.clock.advance(0.1)
        backend = next(each for each in stage.distribution.pool.backends() if each.name == name)
        if seenFirst:
            stage.distribution.crashed(backend, stage.distribution.pool.remove(backend))
        stage.stream(name).ends(clean=wasRead)
        if not seenFirst:
            stage.distribution.crashed(backend, stage.distribution.pool.remove(backend))

    def test_refused(self) -> None:
        """
        Behind two crashes the next one waits as long as the first is tried still, and is
        refused with it, as are all that follow; another request isn't, nor is it after a
        minute.
        """
        for seenFirst in (True, False):
            stage = Stage()
            for name in "abcd":
                stage.add(name)
            _, first = stage.begin()
            self.crash(stage, "a", seenFirst)
            self.crash(stage, "b", seenFirst)
            self.assertEqual(first.heard, [])
            _, second = stage.begin()
            self.assertEqual(second.heard, [])
            self.crash(stage, "c", seenFirst)
            stage.clock.advance(0)
            self.assertEqual(first.heard, [("answer", 502)])
            self.assertEqual(second.heard, [("answer", 503)])
            _, third = stage.begin()
            self.assertEqual(third.heard, [("answer", 503)])
            _, other = stage.begin(b"HEAD")
            self.assertEqual(other.heard, [])
            stage.clock.advance(61)
            _, later = stage.begin()
            self.assertEqual(later.heard, [])

    def test_notTogether(self) -> None:
        """
        Two that were in flight at the same two deaths have their last tries one after the
        other, so that the one that kills takes the other along no more.
        """
        stage = Stage()
        for name in "abcd":
            stage.add(name)
        _, guilty = stage.begin()
        _, innocent = stage.begin(b"HEAD")
        for name in "ab":
            backend = next(b for b in stage.distribution.pool.backends() if b.name == name)
            for stream in stage.dialers[name].streams:
                stream.ends(clean=True)
            stage.distribution.crashed(backend, stage.distribution.pool.remove(backend))
        self.assertEqual(len(stage.dialers["c"].streams), 1)
        self.crash(stage, "c")
        self.assertEqual((guilty.heard, innocent.heard), ([("answer", 502)], []))
        stage.clock.advance(0)
        stage.stream("d").receives(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        self.assertEqual(innocent.heard[-1], "end")
        circumstances = stage.distribution.circumstances
        self.assertFalse(circumstances.hasLoner)
        self.assertTrue(circumstances.queue.isEmpty)

    def test_innocent(self) -> None:
        """
        One that its like has made a suspect waits for it, and goes on when it succeeds.
        """
        stage = Stage()
        for name in "abcd":
            stage.add(name)
        _, first = stage.begin()
        self.crash(stage, "a")
        self.crash(stage, "b")
        _, second = stage.begin()
        self.assertEqual(second.heard, [])
        stage.stream("c").receives(OK)
        self.assertEqual(first.heard[-1], "end")
        stage.clock.advance(0)
        stage.stream("c").receives(OK)
        self.assertEqual(second.heard[-1], "end")

    def test_killedTogether(self) -> None:
        """
        Of children that are dead when a request comes to them it is no evidence.
        """
        stage = Stage()
        for name in "abc":
            stage.add(name)
        _, first = stage.begin()
        self.crash(stage, "a")
        self.crash(stage, "b", wasRead=False)
        stage.stream("c").receives(OK)
        self.assertEqual(first.heard[-1], "end")
        _, second = stage.begin()
        self.assertEqual(second.heard, [])

    def test_cleared(self) -> None:
        """
        By one success.
        """
        stage = Stage()
        for name in "abc":
            stage.add(name)
        _, first = stage.begin()
        self.crash(stage, "a")
        stage.stream("b").receives(OK)
        self.assertEqual(first.heard[-1], "end")
        circumstances = stage.distribution.circumstances
        self.assertEqual(circumstances.quarantine.suspects, 0)
        self.assertIs(circumstances.direct, stage.distribution.pool.admissible)

    def test_bodies(self) -> None:
        """
        Only the one with that body is refused, and not before it is known.
        """
        stage = Stage()
        for name in "abc":
            stage.add(name)
        for name in "ab":
            body = StreamedBody(3, Source())
            stage.begin(b"POST", body)
            body.add(b"bad")
            body.end(())
            self.crash(stage, name)
        heard = []
        for content in (b"bad", b"yes"):
            body = StreamedBody(3, Source())
            _, client = stage.begin(b"POST", body)
            self.assertEqual(client.heard, [])
            body.add(content)
            body.end(())
            heard.append(client.heard)
        self.assertEqual(heard, [[("answer", 503)], []])


class EjectionTests(SynchronousTestCase):
    """
    Backends that keep failing.
    """

    def setUp(self) -> None:
        self.stage = Stage()
        self.bad = self.stage.add("a", BackendKind.remote)
        self.good = self.stage.add("b", BackendKind.remote)

    def fail(self, backend: Backend) -> None:  # type: ignore[override]
        """
        Let it fail as often as it takes.
        """
        for _ in range(FAILURES):
            self.stage.begin()
            self.stage.stream(backend.name).ends(clean=True)
            self.stage.clock.advance(0.2)
            if backend is self.bad and self.stage.dialers["b"].streams:
                self.stage.stream("b").receives(OK)

    def test_outAndBack(self) -> None:
        self.fail(self.bad)
        self.assertIs(self.bad.state, BackendState.ejected)
        self.assertEqual(self.stage.distribution.pool.admissible, (self.good,))
        self.assertIn(("removed", "a"), self.stage.policy.told)
        self.stage.clock.pump([0.25] * int(PAUSE * 4 + 2))
        self.assertIs(self.bad.state, BackendState.admitted)
        self.assertEqual(self.stage.distribution.circumstances.direct, ())
        self.stage.clock.pump([0.25] * int(SLOW_START * 4 + 2))
        self.stage.begin()
        pool = self.stage.distribution.pool
        self.assertIs(self.stage.distribution.circumstances.direct, pool.admissible)
        self.assertEqual(self.stage.distribution.circumstances.counts.ejections, 1)

    def test_neverTheLastHalf(self) -> None:
        """
        With all failing, it is something else that fails.
        """
        self.fail(self.bad)
        self.fail(self.good)
        self.assertIs(self.good.state, BackendState.admitted)

    def test_othersLeave(self) -> None:
        """
        Whoever is left is needed.
        """
        self.fail(self.bad)
        self.stage.distribution.pool.remove(self.good)
        self.assertIs(self.bad.state, BackendState.admitted)

    def test_deathsOfChildren(self) -> None:
        """
        They are no news of health; that they answer late is.
        """
        stage = Stage(firstByte=1.0)
        child = stage.add("a", slot=0)
        stage.add("b", slot=1)
        for _ in range(2 * FAILURES):
            stage.begin()
            stage.stream("a").ends(clean=False)
            stage.stream("b").receives(OK)
        self.assertIs(child.state, BackendState.admitted)
        for _ in range(FAILURES):
            stage.begin()
        stage.clock.pump([0.25] * 6)
        self.assertIs(child.state, BackendState.ejected)

"""
One connection to a backend: bytes in, events out.
"""

from __future__ import annotations

from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.doubles import OK, Client, FakeStream, someBody
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.body import Body, StreamedBody
from twisted_multiserver.gateway.storedbody import StoredBody
from twisted_multiserver.gateway.upstream import UpstreamConnection
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.requests import CHUNKED
from twisted_multiserver.http1.responses import CheckedResponse
from twisted_multiserver.http1.wholeresponses import WholeResponse
from twisted_multiserver.streams.sweep import Sweep

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Listener:
    """
    Notes what it hears, a whole response as its parts; may act when it hears of a body.
    """

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.onBody = lambda: None
        self.onEnd = lambda: None

    def informationalReceived(self, head: CheckedResponse) -> None:
        self.heard.append(("interim", head.status))

    def wholeReceived(self, whole: WholeResponse) -> None:
        self.headReceived(whole.head)
        if whole.body:
            self.bodyReceived(whole.body)
        self.responseEnded(())

    def errorReceived(self, whole: WholeResponse) -> None:
        self.wholeReceived(whole)

    def switched(self, head: CheckedResponse, rest: bytes) -> None:
        self.heard.append(("switched", rest))

    def headReceived(self, head: CheckedResponse) -> None:
        self.heard.append(head.status)

    def bodyReceived(self, data: bytes) -> None:
        self.heard.append(data)
        self.onBody()

    def responseEnded(self, trailers: Fields) -> None:
        self.heard.extend(trailers)
        self.heard.append("end")
        self.onEnd()

    def upstreamFailed(self, outcome: Outcome) -> None:
        self.heard.append(outcome)


class Owner:
    """
    Notes what comes back.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def connectionIdle(self, connection: UpstreamConnection) -> None:
        self.told.append("idle")

    def connectionGone(self, connection: UpstreamConnection) -> None:
        self.told.append("gone")


class NarrowStream(FakeStream):
    """
    Takes one piece, and no more until it is told so.

    @ivar fillsUp: whether it does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fillsUp = False

    def write(self, data: bytes) -> None:
        super().write(data)
        self.buffered = self.buffered or self.fillsUp


class UpstreamTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.stream = NarrowStream()
        self.owner = Owner()
        self.connection = UpstreamConnection(
            self.stream, self.owner, Sweep(self.clock), self.clock.seconds, 6.0, 3.0
        )
        self.stream.belongTo(self.connection)

    def send(self, method: bytes = b"GET", body: Body | None = None) -> Listener:
        listener = Listener()
        self.connection.send(HEAD, method, body, listener)
        return listener

    def wait(self, seconds: float) -> None:
        self.clock.pump([0.25] * int(seconds * 4))

    def test_reuse(self) -> None:
        """
        It is idle after a whole response, and each request is told of its own.
        """
        for number in (1, 2):
            listener = self.send()
            self.assertEqual((self.connection.requests, self.connection.bytesSent), (number, 27))
            self.stream.receives(OK)
            self.assertEqual(listener.heard, [200, b"ok", "end"])
        self.assertEqual(self.owner.told, ["idle", "idle"])
        self.assertEqual((self.stream.sent, self.stream.state), (HEAD * 2, "open"))

    def test_idleBeforeItIsTold(self) -> None:
        """
        Whoever hears the end can use the connection again already.
        """
        for pieces in ([OK], [OK[:-1], OK[-1:]]):
            self.setUp()
            listener = self.send()
            listener.onEnd = lambda: self.assertEqual(self.owner.told, ["idle"])
            for piece in pieces:
                self.stream.receives(piece)
            self.assertEqual(listener.heard[-1], "end")

    def test_notReusable(self) -> None:
        for data in (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            OK + b"HTTP/1.1",
        ):
            self.setUp()
            listener = self.send()
            self.stream.receives(data)
            self.assertEqual(listener.heard[-1], "end")
            self.assertEqual((self.owner.told, self.stream.state), (["gone"], "closed"))

    def test_untilClose(self) -> None:
        """
        A body that ends with its connection is whole after an orderly end only.
        """
        for clean, last in ((True, "end"), (False, Outcome.cut)):
            self.setUp()
            listener = self.send()
            self.stream.receives(b"HTTP/1.1 200 OK\r\n\r\nall")
            self.stream.ends(clean)
            self.assertEqual(listener.heard, [200, b"all", last])

    def test_losses(self) -> None:
        """
        How it ended says what happened.
        """
        begun = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
        for data, clean, outcome in (
            (b"", True, Outcome.eofBeforeHead),
            (b"", False, Outcome.resetUnread),
            (b"HTTP/1.1", True, Outcome.eofBeforeHead),
            (b"HTTP/1.1", False, Outcome.resetRead),
            (b"HTTP/1.1 100 Continue\r\n\r\n", False, Outcome.resetRead),
            (begun, True, Outcome.cut),
            (begun + b"part", False, Outcome.cut),
        ):
            self.setUp()
            listener = self.send()
            if data:
                self.stream.receives(data)
            self.stream.ends(clean)
            self.assertEqual(listener.heard[-1:], [outcome], data)
            self.assertIn("gone", self.owner.told)
            self.assertEqual(listener.heard.count(outcome), 1)

    def test_goneBefore(self) -> None:
        """
        A backend that had closed before the head came was given nothing, and the body is
        still whole; one that closed between head and body was given something.
        """
        body = someBody(b"all of it")
        self.stream.refused = True
        listener = self.send(b"POST", body)
        self.assertTrue(self.connection.isUnsent)
        self.assertFalse(body.isLost)
        self.stream.ends(True)
        self.assertEqual(listener.heard, [Outcome.resetUnread])
        self.setUp()
        listener = self.send(b"POST", someBody(b"all of it"))
        self.stream.refused = True
        self.assertFalse(self.connection.isUnsent)
        self.stream.ends(True)
        self.assertEqual(listener.heard, [Outcome.eofBeforeHead])

    def test_nonsense(self) -> None:
        """
        Before a head it is no response, behind one the response is cut.
        """
        listener = self.send()
        self.stream.receives(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n")
        self.assertEqual(listener.heard, [Outcome.badResponse])
        self.assertEqual(self.stream.state, "aborted")
        self.setUp()
        listener = self.send()
        self.stream.receives(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.stream.receives(b"x\r\n")
        self.assertEqual(listener.heard, [200, Outcome.cut])

    def test_informational(self) -> None:
        """
        Interim responses are told, and then the final one.
        """
        listener = self.send()
        self.stream.receives(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\n\r\n" + OK)
        self.assertEqual(listener.heard, [("interim", 100), ("interim", 103), 200, b"ok", "end"])

    def test_firstByteBudget(self) -> None:
        """
        The head must be there in time: neither a part of it nor an interim response
        gains any.
        """
        for data in (b"", b"HTTP/1.1 200", b"HTTP/1.1 102 Processing\r\n\r\n"):
            self.setUp()
            listener = self.send()
            self.wait(5.75)
            if data:
                self.stream.receives(data)
            self.assertNotIn(Outcome.firstByteTimeout, listener.heard)
            self.wait(0.5)
            self.assertIs(listener.heard[-1], Outcome.firstByteTimeout, data)
            self.assertEqual(self.stream.state, "aborted")

    def test_stallBudget(self) -> None:
        """
        It runs between two pieces of the body, and from the head to the first.
        """
        listener = self.send()
        self.wait(5.0)
        self.stream.receives(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        for _ in range(4):
            self.wait(2.75)
            self.stream.receives(b"x")
        self.wait(2.75)
        self.assertNotIn(Outcome.stalled, listener.heard)
        self.wait(0.5)
        self.assertEqual(listener.heard[-1], Outcome.stalled)

    def test_pauseInTheLastRead(self) -> None:
        """
        A client that turns slow while the end is there already: the idle connection
        is read, or the next response would never be.
        """
        listener = self.send()
        listener.onBody = self.connection.pause
        self.stream.receives(OK)
        self.assertEqual(self.owner.told, ["idle"])
        self.assertFalse(self.stream.paused)
        self.connection.deadline = self.clock.seconds() + 60.0
        listener = self.send()
        self.wait(7.0)
        self.assertEqual(listener.heard, [Outcome.firstByteTimeout])

    def test_pauseInTheMiddle(self) -> None:
        """
        What was read is told, nothing more is read, and no budget runs.
        """
        listener = self.send()
        listener.onBody = self.connection.pause
        self.stream.receives(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        self.assertTrue(self.stream.paused)
        self.wait(100.0)
        self.connection.resume()
        self.assertFalse(self.stream.paused)
        self.wait(2.75)
        self.assertEqual(listener.heard, [200, b"ab"])
        self.wait(0.5)
        self.assertEqual(listener.heard, [200, b"ab", Outcome.stalled])

    def test_abandon(self) -> None:
        """
        Nothing is told any more, not even of what was read in the same piece.
        """
        listener = self.send()
        listener.onBody = self.connection.abandon
        self.stream.receives(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
        )
        self.assertEqual(listener.heard, [200, b"a"])
        self.assertEqual((self.owner.told, self.stream.state), (["gone"], "aborted"))
        self.stream.ends(clean=False)
        self.wait(10.0)
        self.assertEqual(listener.heard, [200, b"a"])

    def test_idle(self) -> None:
        """
        It is closed when it is old, when its peer closes it, or talks unasked.
        """
        for happens, state in (
            (lambda: self.wait(4.25), "closed"),
            (lambda: self.stream.receives(b"HTTP/1.1 408 \r\n\r\n"), "aborted"),
            (lambda: self.stream.ends(clean=True), "lost"),
        ):
            self.setUp()
            self.send()
            self.stream.receives(OK)
            self.connection.deadline = self.clock.seconds() + 4.0
            self.wait(3.5)
            self.assertEqual(self.owner.told, ["idle"])
            happens()
            self.assertIn("gone", self.owner.told)
            self.assertEqual(self.stream.state, state)

    def test_usedAgainInTime(self) -> None:
        """
        The idle budget ends with the next request.
        """
        self.send()
        self.stream.receives(OK)
        self.connection.deadline = self.clock.seconds() + 1.0
        listener = self.send()
        self.wait(5.0)
        self.stream.receives(OK)
        self.assertEqual(listener.heard[-1], "end")

    def test_body(self) -> None:
        """
        It is sent as fast as the stream takes it, in pieces of at most 64 KiB, and
        the budget for the response begins with the last.
        """
        data = bytes(range(256)) * 1000
        body = StoredBody(BytesIO(data), len(data))
        self.stream.fillsUp = True
        listener = self.send(b"POST", body)
        self.assertEqual((self.stream.sent, self.connection.bodySent), (HEAD, False))
        for sent in (65536, 131072, 196608, 256000):
            self.wait(5.0)
            before = len(self.stream.sent)
            self.stream.buffered = False
            self.connection.streamDrained()
            self.assertLessEqual(len(self.stream.sent) - before, 65536)
            self.assertEqual(len(self.stream.sent), len(HEAD) + sent)
        self.assertTrue(self.connection.bodySent)
        self.wait(5.75)
        self.assertEqual(listener.heard, [])
        self.stream.buffered = self.stream.fillsUp = False
        self.connection.streamDrained()
        self.stream.receives(OK)
        self.assertEqual(self.stream.sent, HEAD + data)
        self.assertEqual(self.connection.bytesSent, len(HEAD + data))
        self.assertEqual(self.owner.told, ["idle"])

    def test_streamedBody(self) -> None:
        """
        It is sent as it comes, framed anew; while the client has the turn, no budget of
        the backend's runs.
        """
        trailers = ((b"X-Sum", b"1"),)
        for length, sent in (
            (5, b"abcde"),
            (CHUNKED, b"2\r\nab\r\n3\r\ncde\r\n0\r\nX-Sum: 1\r\n\r\n"),
        ):
            self.setUp()
            body = StreamedBody(length, Client())
            listener = self.send(b"POST", body)
            self.wait(30.0)
            body.add(b"ab")
            self.wait(30.0)
            body.add(b"cde")
            body.end(() if length > 0 else trailers)
            self.assertEqual(self.stream.sent, HEAD + sent)
            self.wait(5.75)
            self.assertEqual(listener.heard, [])
            self.wait(0.5)
            self.assertEqual(listener.heard, [Outcome.firstByteTimeout])

    def test_slowBackend(self) -> None:
        """
        A backend that takes no more pauses the client, until it does.
        """
        client = Client()
        body = StreamedBody(200000, client)
        self.stream.buffered = True
        self.send(b"POST", body)
        body.add(b"x" * 65536)
        self.assertFalse(client.isBodyPaused)
        body.add(b"x")
        self.assertTrue(client.isBodyPaused)
        self.stream.buffered = False
        self.connection.streamDrained()
        self.assertFalse(client.isBodyPaused)
        self.assertEqual(self.stream.sent, HEAD + b"x" * 65537)

    def test_switched(self) -> None:
        """
        After 101 the stream is somebody else's, with what came behind it; unasked for it
        is nonsense.
        """
        answer = b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nabc"
        listener = Listener()
        self.connection.send(HEAD, b"GET", None, listener, upgrade=b"x")
        self.stream.receives(answer)
        self.assertEqual(listener.heard, [("switched", b"abc")])
        self.assertIs(self.connection.takeStream(), self.stream)
        self.wait(100.0)
        self.assertEqual((self.owner.told, self.stream.state), (["gone"], "open"))
        self.setUp()
        listener = self.send()
        self.stream.receives(answer)
        self.assertEqual(listener.heard, [Outcome.badResponse])

    def test_answeredEarly(self) -> None:
        """
        The rest of the body isn't sent, and the connection isn't used again.
        """
        self.stream.buffered = True
        listener = self.send(b"POST", someBody(b"x"))
        self.stream.receives(OK)
        self.assertEqual(listener.heard, [200, b"ok", "end"])
        self.assertEqual((self.owner.told, self.stream.state), (["gone"], "aborted"))
        self.stream.buffered = False
        self.connection.streamDrained()
        self.assertEqual(self.stream.sent, HEAD)

    def test_peerDied(self) -> None:
        """
        What it wrote is still told; if its end doesn't come it is given up soon.
        """
        begun = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"
        for data, outcome in ((b"", Outcome.eofBeforeHead), (begun, Outcome.cut)):
            self.setUp()
            listener = self.send()
            if data:
                self.stream.receives(data)
                self.connection.pause()
            self.connection.peerDied()
            self.assertFalse(self.stream.paused)
            self.wait(1.0)
            self.assertEqual(listener.heard[-1:], [outcome])

    def test_peerDiedHavingAnswered(self) -> None:
        """
        A response that it finished counts; the connection doesn't.
        """
        listener = self.send()
        self.connection.peerDied()
        self.stream.receives(OK)
        self.assertEqual(listener.heard, [200, b"ok", "end"])
        self.assertEqual(self.owner.told, ["gone"])

    @given(
        st.binary(max_size=60) | st.just(OK) | st.just(b"HTTP/1.1 200 OK\r\n\r\nx"),
        st.integers(1, 40),
        st.booleans(),
    )
    def test_oneEnd(self, data: bytes, size: int, clean: bool) -> None:
        """
        Whatever the backend sends, there is one end, and nothing behind it.
        """
        self.setUp()
        listener = self.send()
        for start in range(0, len(data), size):
            self.stream.receives(data[start : start + size])
        self.stream.ends(clean)
        ends = [event for event in listener.heard if event == "end" or isinstance(event, Outcome)]
        self.assertEqual(ends, listener.heard[-1:])
        self.assertIn("gone", self.owner.told)

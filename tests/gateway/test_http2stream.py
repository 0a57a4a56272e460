"""
L{twisted_multiserver.gateway.http2stream}: requests and responses of one stream.
"""

from __future__ import annotations

from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    InformationalResponseReceived,
    StreamEnded,
    TrailersReceived,
)
from h2.settings import SettingCodes

from tests.gateway.doubles import OK
from tests.gateway.http2client import HTTP2Case
from twisted_multiserver.gateway.http2state import STREAMS, WINDOW
from twisted_multiserver.http1.connections import ServerLimits

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class ResponseTests(HTTP2Case):
    def test_whole(self) -> None:
        """
        The fields reach the backend as those of HTTP/1.1 do, and the response comes back.
        """
        number = self.ask(b"GET", (b"cookie", b"a=1"), (b"cookie", b"b=2"), path=b"/x?y")
        sent = self.stage.stream("a").sent
        self.assertTrue(sent.startswith(b"GET /x?y HTTP/1.1\r\nHost: example.com\r\n"), sent)
        for line in (
            b"cookie: a=1; b=2",
            b"Via: 2 twisted_multiserver",
            b"X-Forwarded-For: 192.0.2.7",
            b"X-Forwarded-Proto: https",
        ):
            self.assertIn(b"\r\n%b\r\n" % line, sent)
        self.answers(OK.replace(b"\r\n\r\n", b"\r\nKeep-Alive: 5\r\nServer: x\r\n\r\n"))
        fields = self.fields(number)
        self.assertEqual((self.status(number), self.body(number)), (200, b"ok"))
        self.assertEqual((fields[b"content-length"], fields[b"server"]), (b"2", b"x"))
        self.assertNotIn(b"keep-alive", fields)
        self.assertEqual(len(self.all(number, StreamEnded)), 1)
        self.assertEqual(self.stage.policy.told[-1], ("ok", self.backend.name))

    def test_pieces(self) -> None:
        """
        Of a length that isn't known; the trailers pass that may.
        """
        number = self.ask()
        self.answers(CHUNKED + b"2\r\nab\r\n")
        self.assertEqual(self.body(number), b"ab")
        self.assertNotIn(b"content-length", self.fields(number))
        self.answers(b"1\r\nc\r\n0\r\nX-Sum: 1\r\nContent-Type: evil\r\n\r\n")
        self.assertEqual(self.body(number), b"abc")
        (trailers,) = self.all(number, TrailersReceived)
        self.assertEqual(trailers.headers, [(b"x-sum", b"1")])
        self.assertEqual(len(self.all(number, StreamEnded)), 1)

    def test_bodiless(self) -> None:
        """
        HEAD, 204 and 304: no body, and the length as far as it may be told.
        """
        for method, response, length in (
            (b"HEAD", b"200 OK\r\nContent-Length: 5", b"5"),
            (b"HEAD", b"200 OK\r\nTransfer-Encoding: chunked", None),
            (b"GET", b"204 No Content", None),
            (b"GET", b"304 Not Modified\r\nContent-Length: 5", b"5"),
            (b"GET", b"304 Not Modified", None),
        ):
            number = self.ask(method)
            self.answers(b"HTTP/1.1 %b\r\n\r\n" % response)
            self.assertEqual(self.fields(number).get(b"content-length"), length, response)
            self.assertEqual(self.body(number), b"")
            self.assertEqual(len(self.all(number, StreamEnded)), 1, response)

    def test_own(self) -> None:
        """
        What is said instead of a backend, to a HEAD too.
        """
        self.stage.distribution.pool.remove(self.backend)
        number, head = self.ask(), self.ask(b"HEAD")
        self.assertEqual((self.status(number), self.status(head)), (503, 503))
        self.assertIn(b"not available", self.body(number))
        self.assertEqual(self.body(head), b"")
        self.assertEqual(self.fields(head)[b"content-length"], b"%d" % len(self.body(number)))
        self.assertEqual(len(self.all(head, StreamEnded)), 1)

    def test_informational(self) -> None:
        number = self.ask()
        self.answers(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        self.answers(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)
        (hints,) = self.all(number, InformationalResponseReceived)
        self.assertEqual(hints.headers, [(b":status", b"103"), (b"link", b"</x>")])
        self.assertEqual(self.status(number), 200)

    def test_cut(self) -> None:
        """
        A response that will never be whole: INTERNAL_ERROR.
        """
        number, other = self.ask(), self.ask()
        whole, cut = self.stage.dialers["a"].streams
        cut.receives(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\nab")
        cut.ends(True)
        self.hear()
        self.assertEqual(self.reset(other), ErrorCodes.INTERNAL_ERROR)
        self.assertEqual(self.all(other, StreamEnded), [])
        whole.receives(OK)
        self.hear()
        self.assertEqual(self.body(number), b"ok")

    def test_clientResets(self) -> None:
        """
        Before and within the response the backend's connection ends.
        """
        for part in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"):
            number = self.ask()
            backend = self.stage.stream("a")
            if part:
                self.answers(part)
            self.client.reset_stream(number, ErrorCodes.CANCEL)
            self.flush()
            self.assertEqual(backend.state, "aborted")
            self.assertEqual(self.stage.policy.told[-1][0], "clientGone")
        self.assertEqual((self.stage.distribution.open, self.backend.inFlight), (0, 0))
        self.assertEqual(self.stream.state, "open")

    def test_connectionLost(self) -> None:
        self.ask(), self.ask(b"POST", end=False)
        self.stream.ends(False)
        self.assertEqual((self.stage.distribution.open, self.backend.inFlight), (0, 0))
        self.assertEqual(len(self.connections), 0)

    def test_slowClient(self) -> None:
        """
        A client without a window pauses its backend, and no other stream; nothing is lost.
        """
        data = bytes(range(256)) * 1024
        number = self.ask()
        slow = self.stage.stream("a")
        self.answers(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data))
        self.answers(data[:100_000])
        self.assertEqual(len(self.body(number)), WINDOW)
        self.assertTrue(slow.paused)
        self.client.increment_flow_control_window(1 << 20)
        self.flush()
        other = self.ask()
        self.answers(OK)
        self.assertEqual(self.body(other), b"ok")
        self.assertTrue(slow.paused)
        self.client.increment_flow_control_window(1 << 20, number)
        self.flush()
        self.assertFalse(slow.paused)
        slow.receives(data[100_000:])
        self.hear()
        self.assertEqual(self.body(number), data)
        self.assertEqual(len(self.all(number, StreamEnded)), 1)

    def test_windowShrinks(self) -> None:
        """
        A window may become negative (RFC 9113 section 6.9.2): that is waiting, too.
        """
        number = self.ask()
        self.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"a" * 100_000)
        self.client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 10})
        self.flush()
        self.assertEqual(len(self.body(number)), WINDOW)
        self.client.increment_flow_control_window(200_000, number)
        self.client.increment_flow_control_window(200_000)
        self.flush()
        self.assertEqual(len(self.body(number)), 100_000)

    def test_slowTransport(self) -> None:
        """
        While the transport takes nothing the backend is paused.
        """
        number = self.ask()
        self.answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        self.stream.buffered = True
        self.answers(b"1\r\nc\r\n")
        self.assertTrue(self.stage.stream("a").paused)
        self.assertEqual(self.body(number), b"ab")
        self.stream.buffered = False
        assert self.stream.user is not None
        self.stream.user.streamDrained()
        self.hear()
        self.assertEqual(self.body(number), b"abc")
        self.assertFalse(self.stage.stream("a").paused)

    def test_neverTakes(self) -> None:
        """
        Who takes nothing of a response within the stall budget is given up.
        """
        number = self.ask()
        self.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"a" * 100_000)
        self.advance(59)
        self.assertIsNone(self.reset(number))
        self.advance(2)
        self.assertEqual(self.reset(number), ErrorCodes.CANCEL)
        self.assertEqual(self.stage.policy.told[-1][0], "ok")

    def test_maxForwards(self) -> None:
        number = self.ask(b"OPTIONS", (b"max-forwards", b"0"))
        self.assertEqual(self.status(number), 200)
        self.assertEqual(self.stage.dialers["a"].streams, [])


class UploadTests(HTTP2Case):
    def test_streams(self) -> None:
        """
        Each piece goes on as it comes, before the request is whole.
        """
        number = self.ask(b"POST", (b"content-length", b"5"), end=False)
        backend = self.stage.stream("a")
        self.assertIn(b"\r\nContent-Length: 5\r\n", backend.sent)
        self.upload(number, b"abc")
        self.assertTrue(backend.sent.endswith(b"\r\n\r\nabc"))
        self.upload(number, b"de", end=True)
        self.answers(OK)
        self.assertTrue(backend.sent.endswith(b"\r\n\r\nabcde"))
        self.assertEqual((self.status(number), self.reset(number)), (200, None))

    def test_unknownLength(self) -> None:
        """
        In chunks, with the trailers that may pass.
        """
        number = self.ask(b"POST", end=False)
        self.upload(number, b"abc")
        self.client.send_headers(number, [(b"x-sum", b"1"), (b"host", b"evil")], end_stream=True)
        self.flush()
        self.assertTrue(
            self.stage.stream("a").sent.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n")
        )

    def test_badTrailers(self) -> None:
        number, other = self.ask(b"POST", end=False), self.ask(b"POST", end=False)
        self.client.send_headers(number, [(b"connection", b"x")], end_stream=True)
        self.flush()
        self.assertEqual(self.reset(number), ErrorCodes.PROTOCOL_ERROR)
        self.assertEqual(self.stage.dialers["a"].streams[0].state, "aborted")
        self.upload(other, b"x", end=True)
        self.answers(OK)
        self.assertEqual(self.status(other), 200)

    def test_paddedAndEmptyFrames(self) -> None:
        """
        What isn't body is given back at once.
        """
        number = self.ask(b"POST", end=False)
        self.stage.stream("a").buffered = True
        for _ in range(400):
            self.client.send_data(number, b"", pad_length=255)
            self.flush()
        self.assertGreater(self.client.local_flow_control_window(number), WINDOW // 2)

    def test_expect(self) -> None:
        """
        The backend is asked, and its word comes back, once.
        """
        number = self.ask(b"POST", (b"expect", b"100-continue"), end=False)
        self.assertIn(b"\r\nExpect: 100-continue\r\n", self.stage.stream("a").sent)
        self.assertEqual(self.all(number, InformationalResponseReceived), [])
        self.answers(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.answers(b"HTTP/1.1 100 Continue\r\n\r\n")
        (head,) = self.all(number, InformationalResponseReceived)
        self.assertEqual(head.headers, [(b":status", b"100")])
        self.upload(number, b"x", end=True)
        self.answers(OK)
        self.assertEqual((self.status(number), self.reset(number)), (200, None))

    def test_earlyAnswer(self) -> None:
        """
        An answer to half of an upload: it comes whole, then the rest is stopped; by a
        closed window at once, by a reset if that doesn't help.
        """
        number = self.ask(b"POST", end=False)
        self.upload(number, b"abc")
        backend = self.stage.stream("a")
        self.answers(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
        self.assertEqual((self.status(number), self.body(number)), (413, b"no"))
        self.assertEqual(len(self.all(number, StreamEnded)), 1)
        self.assertEqual((backend.state, self.reset(number)), ("aborted", None))
        self.upload(number, b"x" * WINDOW)
        self.assertEqual(self.client.local_flow_control_window(number), 0)
        other = self.ask()
        self.answers(OK)
        self.assertEqual(self.status(other), 200)
        self.advance(2)
        self.assertEqual(self.reset(number), ErrorCodes.NO_ERROR)

    def test_earlyAnswerIsSeen(self) -> None:
        """
        A client that ends its upload behind it, or resets it, needs no word more.
        """
        number, other = self.ask(b"POST", end=False), self.ask(b"POST", end=False)
        for stream in self.stage.dialers["a"].streams:
            stream.receives(OK)
        self.hear()
        self.upload(number, b"abc", end=True)
        self.client.reset_stream(other)
        self.flush()
        self.advance(2)
        self.assertEqual((self.reset(number), self.reset(other)), (None, None))
        self.assertEqual((self.status(number), self.status(other)), (200, 200))

    def test_resetUploadsAreGivenBack(self) -> None:
        """
        Uploads that the client has given up don't close the connection's window.
        """
        for _ in range(STREAMS + 10):
            number = self.ask(b"POST", end=False)
            self.stage.stream("a").buffered = True
            self.assertEqual(self.upload(number, b"x" * WINDOW), WINDOW)
            self.client.reset_stream(number)
            self.flush()

    def test_droppedUploadsAreGivenBack(self) -> None:
        """
        Nor do those that came behind an answer, however they end.
        """
        for turn in range(2 * STREAMS + 20):
            number = self.ask(b"POST", end=False)
            self.answers(OK)
            self.assertEqual(self.upload(number, b"x" * WINDOW), WINDOW)
            if turn % 2:
                self.client.reset_stream(number)
                self.flush()
            else:
                self.advance(2)
                self.assertEqual(self.reset(number), ErrorCodes.NO_ERROR)

    def test_stalls(self) -> None:
        """
        Who doesn't go on with a body gets 408; once the response has begun, a reset.
        """
        number, begun = self.ask(b"POST", end=False), self.ask(b"POST", end=False)
        self.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\nab")
        self.advance(30)
        self.upload(number, b"x")
        self.advance(31)
        self.assertEqual((self.status(number), self.reset(begun)), (None, ErrorCodes.CANCEL))
        self.advance(30)
        self.assertEqual(self.status(number), 408)
        self.advance(2)
        self.assertEqual(self.reset(number), ErrorCodes.NO_ERROR)
        self.assertEqual(self.stage.distribution.open, 0)


class PatienceTests(HTTP2Case):
    # Shorter than what backends are given.
    limits = ServerLimits(stall=10)

    def test_slowBackend(self) -> None:
        """
        The window stays closed until the backend takes what came; other streams go on.
        """
        number = self.ask(b"POST", end=False)
        slow = self.stage.stream("a")
        slow.buffered = True
        before = len(slow.sent)
        self.assertEqual(self.upload(number, b"x" * 100_000), WINDOW)
        self.assertEqual(self.client.local_flow_control_window(number), 0)
        other = self.ask(b"POST", end=False)
        self.upload(other, b"y" * 50_000, end=True)
        self.answers(OK)
        self.assertEqual(self.status(other), 200)
        # It is the backend's turn: the client isn't blamed.
        self.advance(30)
        self.assertIsNone(self.status(number))
        slow.buffered = False
        assert slow.user is not None
        slow.user.streamDrained()
        self.hear()
        self.assertGreater(len(slow.sent) - before, WINDOW)
        self.assertEqual(self.client.local_flow_control_window(number), WINDOW)


class LimitTests(HTTP2Case):
    limits = ServerLimits(body=100)

    def test_announced(self) -> None:
        """
        Nothing goes to a backend.
        """
        number = self.ask(b"POST", (b"content-length", b"101"), end=False)
        self.assertEqual(self.status(number), 413)
        self.advance(2)
        self.assertEqual(self.reset(number), ErrorCodes.NO_ERROR)
        self.assertEqual(self.stage.dialers["a"].streams, [])

    def test_grows(self) -> None:
        """
        As soon as it is too long; other streams live on.
        """
        number, other = self.ask(b"POST", end=False), self.ask(b"POST", end=False)
        first, second = self.stage.dialers["a"].streams
        self.upload(number, b"x" * 100)
        self.assertIsNone(self.status(number))
        self.upload(number, b"y")
        self.assertEqual(self.status(number), 413)
        self.advance(2)
        self.assertEqual(self.reset(number), ErrorCodes.NO_ERROR)
        self.assertEqual(first.state, "aborted")
        self.assertNotIn(b"y\r\n", first.sent)
        self.upload(other, b"x", end=True)
        second.receives(OK)
        self.hear()
        self.assertEqual(self.status(other), 200)

    def test_growsBehindAHead(self) -> None:
        number = self.ask(b"POST", end=False)
        self.answers(CHUNKED)
        self.upload(number, b"x" * 101)
        self.assertEqual(self.reset(number), ErrorCodes.INTERNAL_ERROR)

    def test_refusals(self) -> None:
        """
        The answer says what is wrong, the connection goes on.
        """
        number = self.ask(b"GET", (b"x", b"y" * 70_000))
        self.assertEqual((self.status(number), self.reset(number)), (431, None))
        number = self.ask(b"HEAD", (b"host", b"other"))
        self.assertEqual((self.status(number), self.body(number)), (400, b""))
        self.assertEqual(self.all(number, DataReceived), [])
        number = self.ask(b"GET", (b"Upper", b"x"))
        self.assertEqual(self.reset(number), ErrorCodes.PROTOCOL_ERROR)
        self.assertEqual(self.status(number), None)
        number = self.ask()
        self.answers(OK)
        self.assertEqual(self.status(number), 200)

"""
Responses of twisted.web on the core: how they are framed, and how connections end.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from http import HTTPStatus
from operator import methodcaller
from typing import Any, cast

from twisted.internet.error import ConnectionLost
from twisted.logger import ILogObserver, LogLevel, formatEvent, globalLogPublisher
from twisted.web.resource import EncodingResourceWrapper
from twisted.web.server import GzipEncoderFactory

from tests.child.siteclient import Called, ChannelCase, Client, get
from twisted_multiserver.child.web import QuietSite


class ResponseTests(ChannelCase):
    """
    The core frames whatever a Request writes.
    """

    def test_oneWrite(self) -> None:
        """
        Head and body of a small response are one write.
        """
        client = self.serve(lambda request: b"hello")
        client.sends(get())
        self.assertEqual(len(client.stream.writes), 1)
        self.assertEqual(client.head, [b"200 OK", b"Content-Length: 5", b"Content-Type: text/html"])
        self.assertEqual(client.body, b"hello")

    def test_oneWriteEach(self) -> None:
        """
        A kept-alive connection carries any number of them.
        """
        client = self.serve(lambda request: request.uri)
        client.sends(get(target=b"/a"), get(target=b"/b") + get(target=b"/c"))
        self.assertEqual(len(client.stream.writes), 3)
        for uri, written in zip((b"/a", b"/b", b"/c"), client.stream.writes, strict=True):
            self.assertTrue(written.endswith(b"\r\n\r\n" + uri))

    def test_chunked(self) -> None:
        """
        Without a length, chunks are cut once, by the core; the head goes with the first.
        """
        client, kept = self.keep()
        client.sends(get())
        self.assertEqual(client.stream.sent, b"")
        kept[0].write(b"one")
        self.assertEqual(len(client.stream.writes), 1)
        kept[0].write(b"two")
        kept[0].finish()
        self.assertIn(b"Transfer-Encoding: chunked", client.head)
        self.assertEqual(client.body, b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
        self.assertEqual(client.stream.state, "open")

    def test_flush(self) -> None:
        """
        An empty write lets the head go: somebody waits for it.
        """
        client, kept = self.keep()
        client.sends(get())
        kept[0].write(b"")
        self.assertIn(b"Transfer-Encoding: chunked", client.head)
        self.assertEqual(client.body, b"")
        kept[0].finish()
        self.assertEqual(client.body, b"0\r\n\r\n")

    def test_nothing(self) -> None:
        """
        An empty response is one write, too, and has a length.
        """
        client, kept = self.keep()
        client.sends(get())
        kept[0].finish()
        self.assertEqual(len(client.stream.writes), 1)
        self.assertIn(b"Content-Length: 0", client.head)

    def test_headAndLength(self) -> None:
        """
        To HEAD, the length is that of a GET, or not known.
        """
        client = self.serve(lambda request: b"hello")
        client.sends(get(b"HEAD"))
        self.assertIn(b"Content-Length: 5", client.head)
        self.assertEqual(client.body, b"")
        client, kept = self.keep()
        client.sends(get(b"HEAD"), get(b"HEAD"))
        kept[0].finish()
        self.assertEqual(client.head, [b"200 OK", b"Content-Type: text/html"])
        kept[1].write(b"")
        kept[1].finish()
        self.assertEqual(client.head, [b"200 OK", b"Content-Type: text/html"])

    def test_withoutBody(self) -> None:
        """
        204 and 304 have none, whatever is written.
        """
        for status in (204, 304):
            client, kept = self.keep()
            client.sends(get())
            kept[0].setResponseCode(status)
            kept[0].write(b"no")
            kept[0].finish()
            self.assertEqual(client.body, b"")
            self.assertNotIn(b"Transfer-Encoding: chunked", client.head)
            self.assertEqual(client.stream.state, "open")

    def test_tooMuch(self) -> None:
        """
        What is more than the announced length never becomes the next response.
        """
        client, kept = self.keep()
        client.sends(get())
        kept[0].setHeader(b"content-length", b"3")
        kept[0].write(b"12345")
        kept[0].write(b"6")
        kept[0].finish()
        self.assertEqual(client.body, b"123")
        self.assertEqual(client.stream.state, "closed")

    def test_tooLittle(self) -> None:
        """
        A response that lacks bytes is cut.
        """
        for pieces in ((), (b"12",)):
            client, kept = self.keep()
            client.sends(get())
            kept[0].setHeader(b"content-length", b"3")
            for piece in pieces:
                kept[0].write(piece)
            kept[0].finish()
            self.assertEqual(client.stream.state, "aborted")

    def test_ownFraming(self) -> None:
        """
        Framing that an application writes by itself isn't doubled.
        """
        client, kept = self.keep()
        client.sends(get())
        kept[0].responseHeaders.setRawHeaders(b"transfer-encoding", [b"chunked"])
        kept[0].responseHeaders.setRawHeaders(b"content-length", [b"2", b"2"])
        kept[0].write(b"ok")
        kept[0].finish()
        self.assertEqual(client.head, [b"200 OK", b"Content-Length: 2", b"Content-Type: text/html"])

    def test_http10(self) -> None:
        """
        An old client reads until the end, or keeps the connection if it asks for that.
        """
        client, kept = self.keep()
        client.sends(get(version=b"1.0"))
        kept[0].write(b"all")
        kept[0].finish()
        self.assertEqual(client.body, b"all")
        self.assertEqual(client.stream.state, "closed")
        client = self.serve(lambda request: b"all")
        client.sends(get(version=b"1.0", more=b"Connection: keep-alive\r\n"))
        self.assertIn(b"Connection: keep-alive", client.head)
        self.assertEqual(client.stream.state, "open")

    def test_reason(self) -> None:
        """
        A phrase of the application's can't begin another line.
        """
        client, kept = self.keep()
        client.sends(get())
        kept[0].setResponseCode(200, b"fine\r\nX: y\x00")
        kept[0].finish()
        self.assertEqual(client.head[0], b"200 fineX: y")

    def refused(self, call: Callable[[Any], None], request: bytes = get()) -> tuple[Client, str]:
        """
        @param call: says what can't be sent; the body follows.
        @return: a client that got 500, and what was logged.
        """
        logged: list[Any] = []
        observer = cast(ILogObserver, logged.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        client, kept = self.keep()
        client.sends(request)
        call(kept[0])
        kept[0].write(b"secret")
        kept[0].write(b"secret")
        kept[0].finish()
        self.assertEqual(client.head[0], b"500 Internal Server Error")
        self.assertEqual(kept[0].code, 500)
        self.assertNotIn(b"secret", client.stream.sent)
        length = int(client.stream.sent.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        self.assertEqual(len(client.body), 0 if request.startswith(b"HEAD") else length)
        [text] = [formatEvent(event) for event in logged if event["log_level"] is LogLevel.error]
        return client, text

    def test_controlBytes(self) -> None:
        """
        Control bytes in a field are refused, for whoever reads them reads something else.
        """
        for byte in {*range(32), 127} - set(b"\t\r\n"):
            value = b"a%cb" % byte
            _, text = self.refused(methodcaller("setHeader", b"x-bad", value))
            self.assertIn("control bytes in X-Bad", text)
        _, text = self.refused(lambda request: request.addCookie(b"name", b"a\x00"))
        self.assertIn("control bytes in Set-Cookie", text)
        client, _ = self.refused(lambda request: request.setHeader(b"x-bad", b"\x00"), get(b"HEAD"))
        self.assertEqual(client.stream.state, "open")

    def test_otherBytes(self) -> None:
        """
        Tabs and bytes above 127 pass; line ends are blanks, as twisted.web has it.
        """
        client, kept = self.keep()
        client.sends(get())
        kept[0].setHeader(b"x-a", b"a\tb\x80\xff")
        kept[0].setHeader(b"x-b", b"a\r\nb")
        kept[0].finish()
        self.assertEqual(client.head[2:4], [b"Content-Type: text/html", b"X-A: a\tb\x80\xff"])
        self.assertEqual(client.head[4], b"X-B: a b")

    def test_statuses(self) -> None:
        """
        A status is a number from 100 to 599.
        """
        for status in (0, 1, 19, 99, 600, 999, 1000, -200, "200", b"200", None, 200.5):
            _, text = self.refused(methodcaller("setResponseCode", status))
            self.assertIn("can't be sent: status", text)
        self.assertIn("given as 200.5", text)
        for status in (HTTPStatus.OK, 299, 599):
            client, kept = self.keep()
            client.sends(get())
            kept[0].setResponseCode(status)
            kept[0].finish()
            self.assertTrue(client.head[0].startswith(b"%d " % status))

    def test_lengths(self) -> None:
        """
        What is no length isn't taken for one.
        """
        for values in ([], [b""], [b"x"], [b"-1"], [b"9" * 5000], [b"1", b"+3"]):
            client, kept = self.keep()
            client.sends(get())
            kept[0].responseHeaders.setRawHeaders(b"content-length", values)
            kept[0].responseHeaders.setRawHeaders(b"connection", [])
            kept[0].write(b"all")
            kept[0].finish()
            self.assertIn(b"Transfer-Encoding: chunked", client.head)
            self.assertEqual(client.body, b"3\r\nall\r\n0\r\n\r\n")

    def test_upgradeRequired(self) -> None:
        """
        The field that a 426 must have (RFC 9110 section 15.5.22) goes through.
        """
        client, kept = self.keep()
        client.sends(get())
        kept[0].setResponseCode(426)
        kept[0].setHeader(b"upgrade", b"websocket")
        kept[0].finish()
        self.assertIn(b"Upgrade: websocket", client.head)

    def test_gzip(self) -> None:
        """
        An encoder's length is the one that counts.
        """
        inner = Called(lambda request: b"hello" * 100)
        root = EncodingResourceWrapper(inner, [GzipEncoderFactory()])
        client = Client(QuietSite(root))
        client.sends(get(version=b"1.0", more=b"Accept-Encoding: gzip\r\n"))
        self.assertIn(b"Content-Encoding: gzip", client.head)
        self.assertEqual(gzip.decompress(client.body), b"hello" * 100)

    def test_failure(self) -> None:
        """
        An exception becomes twisted.web's page, also behind a write that failed.
        """

        def call(request: Any) -> bytes:
            request.write(None)
            raise AssertionError

        for each in (lambda request: 1 / 0, call):
            client = self.serve(each)
            client.sends(get())
            self.assertIn(b"Processing Failed", client.stream.sent)
            self.assertEqual(len(self.flushLoggedErrors()), 1)
            client.sends(get())
            self.flushLoggedErrors()
            self.assertEqual(client.stream.sent.count(b"<b>Processing Failed"), 2)


class ClosingTests(ChannelCase):
    """
    How applications end connections.
    """

    def test_connectionField(self) -> None:
        """
        C{Connection: close} is what it says.
        """
        client, kept = self.keep()
        client.sends(get())
        kept[0].setHeader(b"connection", b"close")
        kept[0].finish()
        self.assertIn(b"Connection: close", client.head)
        self.assertEqual(client.stream.state, "closed")

    def test_persistent(self) -> None:
        """
        So is C{channel.persistent}, which can't make a client stay.
        """
        client, kept = self.keep()
        client.sends(get())
        self.assertTrue(kept[0].channel.persistent)
        kept[0].channel.persistent = 0
        kept[0].finish()
        self.assertEqual(client.stream.state, "closed")
        client, kept = self.keep()
        client.sends(get(more=b"Connection: close\r\n"))
        kept[0].channel.persistent = True
        self.assertFalse(kept[0].channel.persistent)

    def test_loseConnection(self) -> None:
        """
        What was written goes out, nothing else does, and the request learns of the end.
        """
        client, kept = self.keep()
        client.sends(get())
        ended = kept[0].notifyFinish()
        kept[0].write(b"part")
        channel = kept[0].channel
        kept[0].loseConnection()
        self.assertTrue(channel.disconnecting)
        self.assertEqual(client.body, b"4\r\npart\r\n")
        self.assertEqual(client.stream.state, "closed")
        self.assertTrue(channel.connected)
        client.stream.ends()
        self.assertFalse(channel.connected)
        self.failureResultOf(ended, ConnectionLost)

    def test_loseConnectionUnframed(self) -> None:
        """
        The end of the connection would be that of the response: it is reset.
        """
        client, kept = self.keep()
        client.sends(get(version=b"1.0"))
        ended = kept[0].notifyFinish()
        kept[0].write(b"part")
        kept[0].transport.loseConnection()
        self.assertEqual(client.stream.state, "aborted")
        client.stream.turn()
        self.failureResultOf(ended, ConnectionLost)
        client, kept = self.keep()
        client.sends(get(version=b"1.0"))
        kept[0].setHeader(b"content-length", b"9")
        kept[0].write(b"part")
        kept[0].transport.loseConnection()
        self.assertEqual(client.stream.state, "closed")

    def test_abort(self) -> None:
        """
        Each of the names cuts the connection.
        """
        for cut in (
            lambda request: request.transport.abortConnection(),
            lambda request: request.channel.abortConnection(),
            lambda request: request.channel.forceAbortClient(),
        ):
            client, kept = self.keep()
            client.sends(get())
            ended = kept[0].notifyFinish()
            cut(kept[0])
            client.stream.turn()
            self.assertEqual(client.stream.state, "lost")
            self.failureResultOf(ended, ConnectionLost)

    def test_clientLeaves(self) -> None:
        """
        A client that leaves ends its request; what is written then goes nowhere.
        """
        client, kept = self.keep()
        client.sends(get())
        ended = kept[0].notifyFinish()
        client.stream.ends()
        self.failureResultOf(ended, ConnectionLost)
        kept[0].write(b"late")
        self.assertRaises(RuntimeError, kept[0].finish)
        self.assertEqual(client.stream.writes, [])

    def test_timeouts(self) -> None:
        """
        What applications do about timeouts does no harm.
        """
        client, kept = self.keep()
        client.sends(get())
        channel = kept[0].channel
        self.assertIsNone(channel.timeOut)
        channel.setTimeout(None)
        channel.resetTimeout()
        channel.timeOut = 5
        kept[0].finish()
        self.assertEqual(client.stream.state, "open")

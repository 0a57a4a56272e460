"""
Requests of twisted.web on the core: what they are given.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport
from twisted.web.iweb import INonQueuedRequestFactory
from twisted.web.server import Request
from zope.interface import provider
from zope.interface.verify import verifyObject

from tests.child.siteclient import HOST, PEER, Called, ChannelCase, Client, get, post
from twisted_multiserver.child.channel import WebChannel
from twisted_multiserver.child.web import QuietSite


class RequestTests(ChannelCase):
    """
    What a Request is given.
    """

    def test_attributes(self) -> None:
        client, kept = self.keep()
        client.sends(
            b"GET /a%20b/c?q=1&q=2 HTTP/1.1\r\nHost: h:81\r\nCOOKIE: a=b; c=d\r\nX-More: 1\r\n"
            b"x-more: 2\r\n\r\n"
        )
        request = kept[0]
        self.assertEqual(
            (request.method, request.uri, request.path, request.clientproto),
            (b"GET", b"/a%20b/c?q=1&q=2", b"/a%20b/c", b"HTTP/1.1"),
        )
        self.assertEqual(request.args, {b"q": [b"1", b"2"]})
        self.assertEqual(request.postpath, [b"a b", b"c"])
        self.assertEqual(request.received_cookies, {b"a": b"b", b"c": b"d"})
        self.assertEqual(request.requestHeaders.getRawHeaders(b"x-more"), [b"1", b"2"])
        self.assertEqual((request.getClientAddress(), request.getHost()), (PEER, HOST))
        self.assertEqual(request.getRequestHostname(), b"h")
        self.assertFalse(request.isSecure())
        self.assertIs(request.site, request.channel.site)
        self.assertIs(request.channel.factory, request.site)

    def test_interfaces(self) -> None:
        """
        The channel is the transport that its interfaces promise.
        """
        client, kept = self.keep()
        client.sends(get())
        transport = kept[0].transport
        self.assertIsInstance(transport, WebChannel)
        for interface in (ITransport, IConsumer, IPushProducer):
            verifyObject(interface, transport)
        self.assertEqual((transport.getPeer(), transport.getHost()), (PEER, HOST))

    def test_absoluteForm(self) -> None:
        """
        A target in absolute form is its path, and its host wins.
        """
        client, kept = self.keep()
        client.sends(get(target=b"http://other:8/a?b"))
        self.assertEqual(kept[0].uri, b"/a?b")
        self.assertEqual(kept[0].requestHeaders.getRawHeaders(b"host"), [b"other:8"])

    def test_body(self) -> None:
        """
        A body is all there before the request is processed; the site chooses where.
        """
        client, kept = self.keep()
        lengths: list[int | None] = []

        def content(length: int | None) -> BytesIO:
            lengths.append(length)
            return BytesIO()

        client.site.getContentFile = content
        whole = post(b"x" * 10)
        client.sends(whole[:-4])
        self.assertEqual(kept, [])
        client.sends(whole[-4:])
        self.assertEqual(kept[0].content.read(), b"x" * 10)
        kept[0].finish()
        client.sends(
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nab\r\n0\r\nT: t\r\n\r\n"
        )
        self.assertEqual(kept[1].content.read(), b"ab")
        self.assertEqual(lengths, [10, None])

    def test_form(self) -> None:
        client, kept = self.keep()
        client.sends(post(b"a=1&b=2", b"Content-Type: application/x-www-form-urlencoded\r\n"))
        self.assertEqual(kept[0].args, {b"a": [b"1"], b"b": [b"2"]})

    def test_badForm(self) -> None:
        """
        A form that can't be read is answered with 400, and the connection ends.
        """
        client, kept = self.keep()
        client.sends(post(b"x", b"Content-Type: multipart/form-data\r\n"))
        self.assertEqual(kept, [])
        self.assertTrue(client.stream.sent.startswith(b"HTTP/1.1 400 "))
        self.assertEqual(client.stream.state, "closed")

    def test_continue(self) -> None:
        """
        A client that waits to be asked for the body is asked.
        """

        def echo(request: Any) -> Any:
            return request.content.read()

        client = self.serve(echo)
        whole = post(b"body", b"Expect: 100-continue\r\n")
        client.sends(whole[:-4])
        self.assertEqual(client.stream.sent, b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sends(whole[-4:])
        self.assertTrue(client.stream.sent.endswith(b"\r\n\r\nbody"))

    def test_cookiesBeforeLength(self) -> None:
        """
        A request class that decides by the head, in gotLength, finds all of it.
        """
        seen = []

        class Deciding(Request):
            def gotLength(self, length: int | None) -> None:
                seen.append((length, self.getCookie(b"a"), self.getHeader(b"x")))
                super().gotLength(length)

        client, _ = self.keep(Deciding)
        client.sends(post(b"xyz", b"Cookie: a=1\r\nX: 2\r\n"))
        self.assertEqual(seen, [(3, b"1", b"2")])

    def test_refusedWhileItComes(self) -> None:
        """
        A request class may answer, leave or cut before the body is there.
        """

        class Answering(Request):
            def gotLength(self, length: int | None) -> None:
                super().gotLength(length)
                self.method, self.clientproto = b"POST", b"HTTP/1.1"
                self.setResponseCode(413)
                self.finish()

        class Leaving(Request):
            def gotLength(self, length: int | None) -> None:
                super().gotLength(length)
                self.loseConnection()

        class Cutting(Request):
            def handleContentChunk(self, data: bytes) -> None:
                transport: Any = self.transport
                transport.abortConnection()

        for kind, state, begin in (
            (Answering, "closed", b"HTTP/1.1 413 "),
            (Leaving, "closed", b""),
            (Cutting, "lost", b""),
        ):
            client, kept = self.keep(kind)
            client.sends(post(b"x" * 10)[:-5], b"x" * 5)
            self.assertEqual((kept, client.stream.state), ([], state))
            self.assertEqual(client.stream.sent[:13], begin)
        client, kept = self.keep(Answering)
        client.sends(get())
        self.assertEqual((kept, client.stream.sent[:13]), ([], b"HTTP/1.1 413 "))

    def test_queued(self) -> None:
        """
        Request classes are called as HTTPChannel calls them: with a second argument, but for
        those that declare that they want none.
        """

        class Old(Request):
            def __init__(self, channel: Any, queued: bool) -> None:
                super().__init__(channel, queued)

        @provider(INonQueuedRequestFactory)
        class New(Request):
            def __init__(self, channel: Any) -> None:
                super().__init__(channel)

        def function(channel: Any, queued: bool) -> Request:
            return Old(channel, queued)

        for factory in (Old, New, function):
            client = self.serve(lambda request: b"ok", factory)
            client.sends(get())
            self.assertTrue(client.stream.sent.endswith(b"ok"))

    def test_log(self) -> None:
        """
        The site logs each request once, with what was sent.
        """
        logged = []

        class Logging(QuietSite):
            def log(self, request: Any) -> None:
                logged.append((request.uri, request.code, request.sentLength))

        client = Client(Logging(Called(lambda request: b"hello")))
        client.sends(get(target=b"/x"))
        self.assertEqual(logged, [(b"/x", 200, 5)])

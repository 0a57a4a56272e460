"""
twisted.web's own tests of its server, run against the core.

Strategy: its test cases are subclassed.  Those that send bytes to an C{HTTPChannel} find
L{CoreChannel} in its place, and what differs in every answer is translated back
(L{CoreTransport}); requests of HTTP/1.1 get the Host that they lack.  Those of WSGI, which
call a request's methods by hand, get a connection instead (L{WSGIOnCore}).

Left out, by name, in the classes below::

    timeouts of HTTPChannel      the core has deadlines of its own: tests.http1
    limits of HTTPChannel        other ones, tests.http1: 64 KiB for a head
    folded lines                 refused (RFC 9112 section 5.2)
    methods called on a channel  _requestProducer, pauseProducing as its transport calls it:
    before it has a request      the core pauses the stream: tests.child.test_channel
    checkPersistence             decided by the core: tests.http1
    HTTP/1.2                     is served as HTTP/1.1 (RFC 9110 section 2.5)
    Transfer-Encoding: identity  not a coding any more (RFC 9112 section 7), 501
    GenericHTTPChannelTests,     which protocol a TLS client chose: a child is asked in
    SecurityTests                HTTP/1.1 without TLS
    chunked bodies in HTTP/1.0   refused (RFC 9112 section 6.1)
    no-body responses            have a Content-Length, where HTTPChannel would send chunks

The others of C{test_http}, C{test_web} and C{test_static} never reach a channel: they call
methods of requests and resources, which are twisted.web's here, too.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import TestCase
from twisted.web import http
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.wsgi import WSGIResource

from tests.gateway.doubles import FakeStream
from twisted_multiserver.child.web import CoreEntrance
from twisted_multiserver.streams.sweep import Sweep
from twisted_multiserver.streams.transportstream import TransportStream

try:
    from twisted.web.test import test_http, test_web, test_wsgi
except ImportError as missing:  # of PyHamcrest, which Twisted's tests need
    skip = str(missing)
    test_http = test_web = test_wsgi = None  # type: ignore[assignment]


def withHost(requests: bytes, end: bytes = b"\r\n") -> bytes:
    """
    @param requests: heads, perhaps without a Host.
    @param end: of their lines.
    @return: each of HTTP/1.1 has one.
    """
    if re.search(rb"^host:", requests, re.I | re.M):
        return requests
    return requests.replace(b" HTTP/1.1" + end, b" HTTP/1.1" + end + b"Host: h" + end)


class CoreTransport(StringTransport):
    """
    A transport that translates back what the core says differently.
    """

    isOld = False

    def value(self) -> bytes:
        """
        @return: as HTTPChannel would have said it.
        """
        said: bytes = super().value()
        said = re.sub(
            rb"HTTP/1\.1 (?:400|501|505|417) (?s:.)*?\r\n\r\n(?s:.)*",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            said,
        )
        if self.isOld:
            said = said.replace(b"HTTP/1.1 200", b"HTTP/1.0 200")
            said = said.replace(b"Connection: close\r\n", b"")
        return said


class CoreChannel:
    """
    The core, with the face of an C{HTTPChannel}.

    @ivar requests: the open one, as a list.
    """

    requestFactory: Any = http.Request
    _optimisticEagerReadSize = 65536

    def __init__(self, site: Any = None) -> None:
        self.requests: list[Any] = []
        self._site = site
        self._received = b""

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        site: Any = self._site
        if site is None:
            site = Site(Resource())
            site.requestFactory = self._made
        reactor: Any = MemoryReactorClock()
        self._stream = TransportStream(Sweep(reactor))
        self._stream.makeConnection(transport)
        entrance = CoreEntrance(reactor, site, False)
        entrance.serve(self._stream, transport.getPeer(), transport.getHost())

    def _made(self, *args: Any) -> Any:
        made = self.requestFactory(*args)
        # Twisted's tests look at it through a proxy.
        inner = getattr(made, "original", made)
        self.requests.append(made)
        inner.notifyFinish().addBoth(lambda _: self.requests.remove(made))
        self.transport.isOld = b" HTTP/1.0\r\n" in self._received
        return inner

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        self._stream.dataReceived(data)

    def connectionLost(self, reason: object) -> None:
        self._stream.connectionLost(None)


def without(base: Any, *names: str) -> Any:
    """
    @param base: a test case of Twisted's.
    @param names: of tests that don't apply.
    @return: a test case without them.
    """
    if base is None:
        return TestCase
    for name in names:
        assert hasattr(base, name), name

    class OnCore(base):  # type: ignore[misc]
        def setUp(self) -> None:
            super().setUp()
            self.patch(http, "HTTPChannel", CoreChannel)
            self.patch(test_http, "StringTransport", CoreTransport)

    def leftOut(self: object) -> None:
        """
        See the head of this file.
        """

    leftOut.skip = "doesn't apply"  # type: ignore[attr-defined]
    for name in names:
        setattr(OnCore, name, leftOut)
    return OnCore


def base(module: Any, name: str) -> Any:
    """
    @return: a test case of Twisted's; L{None} if it can't be had.
    """
    return getattr(module, name, None)


_TIMEOUTS = (
    "test_requestBodyDefaultTimeout",
    "test_requestBodyTimeout",
    "test_transportForciblyClosed",
    "test_transportNotAbortedAfterConnectionLost",
    "test_transportNotAbortedWithZeroAbortTimeout",
    "test_connectionLostAfterForceClose",
)


class HTTP10Tests(without(base(test_http, "HTTP1_0Tests"), *_TIMEOUTS)):  # type: ignore[misc]
    requests = b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\nAccept: text/html\r\n\r\n"


class HTTP11Tests(without(base(test_http, "HTTP1_1Tests"), *_TIMEOUTS)):  # type: ignore[misc]
    if test_http is not None:
        requests = withHost(test_http.HTTP1_1Tests.requests)


class CloseTests(without(base(test_http, "HTTP1_1_close_Tests"), *_TIMEOUTS)):  # type: ignore[misc]
    if test_http is not None:
        requests = withHost(test_http.HTTP1_1_close_Tests.requests)


class PipeliningTests(without(base(test_http, "PipeliningBodyTests"))):  # type: ignore[misc]
    if test_http is not None:
        requests = withHost(test_http.PipeliningBodyTests.requests)


class ShutdownTests(without(base(test_http, "ShutdownTests"))):  # type: ignore[misc]
    if test_http is not None:
        request = withHost(test_http.ShutdownTests.request)


class ExpectTests(without(base(test_http, "Expect100ContinueServerTests"))):  # type: ignore[misc]
    pass


class ParsingTests(
    without(  # type: ignore[misc]
        base(test_http, "ParsingTests"),
        "test_chunkedEncoding",
        "test_headerStripWhitespace",
        "test_headersMultiline",
        "test_headersTooBigInitialCommand",
        "test_headersTooBigOtherHeaders",
        "test_headersTooBigPerRequest",
        "test_headerLimitPerRequest",
        "test_invalidVersion",
        "test_tooManyHeaders",
        "test_transferEncodingIdentity",
    )
):
    def runRequest(
        self, httpRequest: bytes, requestFactory: Any = None, success: Any = True
    ) -> CoreChannel:
        """
        The same, with a Host.
        """
        channel: CoreChannel = super().runRequest(
            withHost(httpRequest, b"\n"), requestFactory, success
        )
        return channel


class ProducerTests(
    without(  # type: ignore[misc]
        base(test_http, "ChannelProductionTests"),
        "test_HTTPChannelCanUnregisterWithNoProducer",
        "test_HTTPChannelIsAProducer",
        "test_HTTPChannelPropagatesPausedProductionToRequest",
        "test_HTTPChannelPropagatesProducingFromTransportToTransport",
        "test_HTTPChannelRejectsMultipleProducers",
        "test_HTTPChannelStaysPausedWhenRequestCompletes",
        "test_HTTPChannelStopRequestProducer",
        "test_HTTPChannelStopWithNoRequestOutstanding",
        "test_HTTPChannelToleratesDataWhenTransportPaused",
        "test_HTTPChannelUnregistersSelfWhenCallingLoseConnection",
        "test_HTTPChannelUnregistersSelfWhenTimingOut",
    )
):
    pass


class SiteOnCore:
    """
    A Site, as far as its connections are concerned.
    """

    def __init__(self, resource: Any) -> None:
        self._site = Site(resource)

    def buildProtocol(self, address: object) -> CoreChannel:
        return CoreChannel(self._site)


class OrderTests(without(base(test_web, "TestRFC9112Section932"))):  # type: ignore[misc]
    def setUp(self) -> None:
        super().setUp()

        self.patch(test_web, "Site", SiteOnCore)


class Sink(FakeStream):
    """
    A stream to the transport of Twisted's C{DummyChannel}.
    """

    def __init__(self, transport: Any) -> None:
        super().__init__()
        self._transport = transport

    def write(self, data: bytes) -> None:
        # An empty response has a length.
        self._transport.write(
            data.replace(b"\r\nContent-Length: 0\r\n", b"\r\nTransfer-Encoding: chunked\r\n")
        )

    def close(self) -> None:
        self._transport.loseConnection()


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("iso-8859-1")


class WSGIOnCore:
    """
    Sends a request over a connection, where Twisted's tests call the request's methods.
    """

    reactor: Any
    threadpool: Any

    def lowLevelRender(
        self,
        requestFactory: Any,
        applicationFactory: Any,
        channelFactory: Any,
        method: str,
        version: str,
        resourceSegments: list[str],
        requestSegments: list[str],
        query: list[tuple[str, str]] | None = None,
        headers: list[tuple[Any, Any]] = [],  # noqa: B006
        body: bytes | None = None,
        safe: str = "",
    ) -> Any:
        root: Any = WSGIResource(self.reactor, self.threadpool, applicationFactory())
        for segment in reversed(resourceSegments):
            parent: Any = Resource()
            parent.putChild(_bytes(segment), root)
            root = parent
        made: list[Any] = []

        def make(*args: Any) -> Any:
            made.append(requestFactory(*args))
            return made[-1]

        site: Any = Site(root)
        site.requestFactory = make
        reactor: Any = MemoryReactorClock()
        transport = channelFactory().transport
        stream = Sink(transport)
        CoreEntrance(reactor, site, False).serve(stream, transport.getPeer(), transport.getHost())
        uri = "/" + "/".join(quote(segment, safe) for segment in requestSegments)
        if query is not None:
            uri += "?" + "&".join(
                f"{quote(key, safe)}={quote(value, safe)}" for key, value in query
            )
        fields = {_bytes(name).lower(): _bytes(value) for name, value in headers}
        added = [] if b"host" in fields else [(b"Host", b"10.0.0.1")]
        if body is None:
            # A length that is announced is sent.
            body = bytes(int(fields.get(b"content-length", 0)))
        elif b"content-length" not in fields:
            added.append((b"Content-Length", b"%d" % len(body)))
        lines = b"".join(
            b"%b: %b\r\n" % (_bytes(name), _bytes(value)) for name, value in [*added, *headers]
        )
        line = b"%b %b HTTP/%b\r\n" % (_bytes(method), _bytes(uri), _bytes(version))
        stream.receives(line + lines + b"\r\n" + body)
        return made[0]


class EnvironTests(
    WSGIOnCore,
    without(base(test_wsgi, "EnvironTests"), "test_headers", "test_wsgiURLScheme"),  # type: ignore[misc]
):
    pass


class InputTests(WSGIOnCore, without(base(test_wsgi, "InputStreamBytesIOTests"))):  # type: ignore[misc]
    pass


class InputFileTests(
    WSGIOnCore,
    without(base(test_wsgi, "InputStreamTemporaryFileTests")),  # type: ignore[misc]
):
    pass


class StartResponseTests(WSGIOnCore, without(base(test_wsgi, "StartResponseTests"))):  # type: ignore[misc]
    pass


class ApplicationTests(WSGIOnCore, without(base(test_wsgi, "ApplicationTests"))):  # type: ignore[misc]
    pass

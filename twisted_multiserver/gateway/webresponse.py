"""
A response written to a twisted.web request.

Strategy: the request is told to produce on our behalf, so that a slow client
pauses the exchange; whatever twisted.web would add by itself (Server, a default
Content-Type) is taken out, since the backend's word counts.

Invariant: a response that can't be completed is never ended cleanly, but cut.
"""

from __future__ import annotations

from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.web.resource import IResource, getChildForRequest
from twisted.web.server import Request
from zope.interface import implementer

from twisted_multiserver.cutting import cutResponse
from twisted_multiserver.gateway.exchange import Exchange
from twisted_multiserver.gateway.plan import Answer
from twisted_multiserver.gateway.upstream import UpstreamConnection
from twisted_multiserver.http1.answers import RETRY_AFTER, page
from twisted_multiserver.http1.grammar import findFields
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.responses import CheckedResponse


@implementer(IPushProducer)
class WebResponse:
    """
    The client's side of an exchange on a twisted.web request.
    """

    _log = Logger()

    def __init__(self, request: Request, fallback: IResource | None) -> None:
        """
        @param request: gets the response.
        @param fallback: renders the request if there is no backend; L{None} for a
            short page.
        """
        self._request = request
        self._fallback = fallback
        self._exchange: Exchange | None = None
        self._ended = False
        self._producing = False
        request.notifyFinish().addErrback(lambda _: self._clientGone())

    def belongTo(self, exchange: Exchange) -> None:
        """
        @param exchange: is told of the client's pace and leaving.
        """
        self._exchange = exchange

    def responseInformational(self, head: CheckedResponse) -> None:
        """
        twisted.web has no way for it.

        @param head: not told to the client.
        """

    def responseSwitched(
        self, head: CheckedResponse, lines: bytes, upstream: UpstreamConnection, rest: bytes
    ) -> None:
        """
        Never happens, since no upgrade is asked for.

        @param head: see L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        @param lines: see there.
        @param upstream: see there.
        @param rest: see there.
        """

    def responseWhole(self, head: CheckedResponse, lines: bytes, body: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._writeHead(head, lines)
        self._ended = True
        self._request.write(body)
        self._request.finish()

    def responseHead(self, head: CheckedResponse, lines: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._writeHead(head, lines)
        self._request.registerProducer(self, True)
        self._producing = True
        # Sends the head now: an event stream may not have a body for a long time.
        self._request.write(b"")

    def _writeHead(self, head: CheckedResponse, lines: bytes) -> None:
        request = self._request
        request.defaultContentType = None
        request.setResponseCode(head.status, head.reason)
        headers = request.responseHeaders
        headers.removeHeader(b"server")
        given: dict[bytes, list[bytes]] = {}
        for name, value in findFields(lines):
            given.setdefault(name.lower(), []).append(value)
        # RFC 9110 section 8.6: a 204 must not have one, and clients wait for its bytes.
        if head.length >= 0 and head.status != 204:
            given[b"content-length"] = [b"%d" % head.length]
        for name, values in given.items():
            headers.setRawHeaders(name, values)

    def responseBody(self, data: bytes) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._request.write(data)

    def responseEnd(self, trailers: Fields) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._end()
        self._request.finish()

    def cut(self, reason: str) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._log.warn(
            "{request}: the response was cut short: {reason}",
            request=self._request.uri.decode("latin-1"),
            reason=reason,
        )
        self._end()
        cutResponse(self._request)

    def answer(self, answer: Answer) -> None:
        """
        See L{Downstream<twisted_multiserver.gateway.receiving.Downstream>}.
        """
        self._ended = True
        self._log.warn(
            "{status} for {method} {uri}: {reason}",
            status=answer.status,
            method=self._request.method.decode("latin-1"),
            uri=self._request.uri.decode("latin-1")[:200],
            reason=answer.reason,
        )
        if answer.status == 503 and self._fallback is not None:
            if self._request.content is not None:
                # It may have been read for a backend.
                self._request.content.seek(0)
            self._request.render(getChildForRequest(self._fallback, self._request))
        else:
            writeAnswer(self._request, answer.status)

    def pauseProducing(self) -> None:
        """
        The client is slow.
        """
        if self._exchange is not None:
            self._exchange.pause()

    def resumeProducing(self) -> None:
        """
        The client takes more.
        """
        if self._exchange is not None:
            self._exchange.resume()

    def stopProducing(self) -> None:
        """
        The client has gone.
        """
        self._clientGone()

    def _clientGone(self) -> None:
        if not self._ended:
            self._end()
            if self._exchange is not None:
                self._exchange.clientGone()

    def _end(self) -> None:
        self._ended = True
        if self._producing:
            self._producing = False
            # A request whose client has left has no channel any more.
            if self._request.channel is not None:
                self._request.unregisterProducer()


def refuseRequest(request: Request, status: int) -> None:
    """
    Answer a request that can't be trusted, and nothing that follows on its
    connection (RFC 9112 section 11.2).

    @param request: nothing of its response was written.
    @param status: such as 400.
    """
    if request.clientproto != b"HTTP/2":
        # An HTTPChannel: so it doesn't read what it has of a next request.
        request.channel.persistent = False
        request.setHeader(b"Connection", b"close")
    writeAnswer(request, status)


def answerRequest(request: Request, status: int, reason: bytes, lines: bytes, body: bytes) -> None:
    """
    Answer a request ourselves, and finish it.

    @param request: nothing of its response was written.
    @param status: of the response.
    @param reason: its phrase.
    @param lines: of its fields.
    @param body: of it.
    """
    request.setResponseCode(status, reason)
    for name, value in findFields(lines):
        request.setHeader(name, value)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    request.write(body)
    request.finish()


def writeAnswer(request: Request, status: int) -> None:
    """
    Write an answer of our own and finish the request.

    @param request: nothing of its response was written.
    @param status: such as 503.
    """
    body = page(status)
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
    request.setHeader(b"Content-Length", b"%d" % len(body))
    request.setHeader(b"Cache-Control", b"no-store")
    if status == 503:
        request.setHeader(b"Retry-After", b"%d" % RETRY_AFTER)
    request.write(body)
    request.finish()

"""
The resource face: the gateway as an IResource, for any twisted.web Site, at any
path.

Requests come in as twisted.web has read them, are carried as everywhere else
(L{twisted_multiserver.gateway.exchange}) and answered through twisted.web.
"""

from __future__ import annotations

from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.exchange import Exchange
from twisted_multiserver.gateway.webrequest import bodyOf, headOf, splitTarget, viewOf
from twisted_multiserver.gateway.webresponse import WebResponse, answerRequest, refuseRequest
from twisted_multiserver.http1.forwarding import finalAnswer, upstreamHead
from twisted_multiserver.http1.requests import NO_BODY, Refused, Wishes, checkRequest
from twisted_multiserver.http1.trust import TrustedProxies


@implementer(IResource)
class GatewayResource:
    """
    Forwards every request at and below it to a backend.
    """

    isLeaf = True

    def __init__(
        self,
        distribution: Distribution,
        fallback: IResource | None = None,
        maxBody: int | None = None,
        trusted: TrustedProxies | None = None,
    ) -> None:
        """
        @param distribution: the backends.
        @param fallback: renders requests that no backend can take; L{None} for a
            short 503 page.
        @param maxBody: how long a request's body may be, in bytes; L{None} for no limit.
        @param trusted: proxies that are believed; L{None} for none.
        """
        self._maxBody = maxBody
        self._trusted = trusted
        self._distribution = distribution
        self._fallback = fallback

    def render(self, request: Request) -> int:
        """
        Forward a request.

        @param request: rendered by a Site.
        @return: the response comes later.
        """
        try:
            checked = checkRequest(headOf(request))
        except Refused as refused:
            refuseRequest(request, refused.status)
            return NOT_DONE_YET
        prefix, target = splitTarget(request.method, request.uri, len(request.prepath or ()))
        body = bodyOf(request)
        if body is not None and self._maxBody is not None and body.length > self._maxBody:
            refuseRequest(request, 413)
            return NOT_DONE_YET
        # All of it was read, and twisted.web has no way to change the protocol.
        checked.length = NO_BODY if body is None else body.length
        needsTLS = checked.wishes.needsTLS
        checked.wishes = Wishes(False, None, checked.wishes.maxForwards)
        view, distribution = viewOf(request), self._distribution
        if self._trusted is not None:
            view = self._trusted.believedView(view, checked)
        if needsTLS and not view.secure:
            refuseRequest(request, 421)
            return NOT_DONE_YET
        answer = finalAnswer(checked)
        if answer is not None:
            answerRequest(request, *answer)
            return NOT_DONE_YET
        response = WebResponse(request, self._fallback)
        exchange = Exchange(
            distribution,
            checked,
            upstreamHead(checked, view, target, prefix, distribution.hiddenCookie),
            body,
            RequestInfo(
                view.address or "", view.secure, checked.head if distribution.needsHead else None
            ),
            response,
        )
        response.belongTo(exchange)
        exchange.start()
        return NOT_DONE_YET

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        """
        Everything below is this resource too.

        @param name: a path segment.
        @param request: on its way down.
        @return: this resource.
        """
        return self

    def putChild(self, path: bytes, child: IResource) -> None:
        """
        There is no room for children.

        @param path: a path segment.
        @param child: a resource.
        @raise RuntimeError: always.
        """
        raise RuntimeError("every path below a gateway resource is forwarded; it has no children")

"""
Sticky session: the same client, the same backend, for as long as that is there.

Rule: a client without a cookie of ours gets the fallback's choice, and a cookie that
names it; with one, it gets the backend that the cookie names.  A cookie that is forged,
stale (its backend is gone, draining, or failed this request) or doubled is a miss, and
a miss is pinned anew.
Source: HAProxy's "cookie ... insert indirect", with a keyed hash for a name.

The cookie's value is an HMAC (RFC 2104, SHA-256) of the backend's address under a key of
ours, so that it can neither be made up nor tells an address.  Whoever writes the
response's head sends it, and it is not forwarded to the application.  A child that is
respawned has another address: what the cookie promised is lost with the process.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from twisted_multiserver.balancing.affinity import Affinity
from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.base import BasePolicy
from twisted_multiserver.balancing.cookiekey import newCookieKey
from twisted_multiserver.balancing.leastconnections import LeastConnections
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.policy import Policy
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.http1.cookies import cookieValues

AFFINITY_COOKIE = b"multiserver_affinity"

_ATTRIBUTES = b"; Path=/; HttpOnly; SameSite=Lax"

# Bytes of the HMAC that are sent: 128 bits.
_TAG_LENGTH = 16


class _Pin:
    """
    What binds a client to one backend.

    @ivar tag: the cookie's value.
    @ivar plain: the choice, with a cookie for C{http}.
    @ivar secure: the choice, with a cookie for C{https}.
    """

    __slots__ = ("plain", "secure", "tag")

    def __init__(self, backend: Backend, name: bytes, key: bytes) -> None:
        """
        @param backend: which.
        @param name: of the cookie.
        @param key: of the tag.
        """
        address = backend.address.encode("utf-8", "surrogateescape")
        digest = hmac.digest(key, address, "sha256")[:_TAG_LENGTH]
        self.tag = urlsafe_b64encode(digest).rstrip(b"=")
        cookie = name + b"=" + self.tag + _ATTRIBUTES
        self.plain = Affinity(backend, cookie)
        self.secure = Affinity(backend, cookie + b"; Secure")


class StickySession:
    """
    Takes the backend that the client had before.

    @cvar needs: the head, for its cookies.
    @ivar affinityCookie: the cookie's name, which the gateway doesn't forward.
    """

    needs = frozenset({"head"})
    affinityCookie = AFFINITY_COOKIE

    def __init__(self, fallback: Policy | None = None, key: bytes | None = None) -> None:
        """
        @param fallback: chooses for clients that have no backend yet, an
            L{ILoadBalancer<twisted_multiserver.interfaces.ILoadBalancer>} that nobody
            else uses; L{None} for L{LeastConnections}.
        @param key: of the cookies, the same for all masters that share backends;
            L{None} for one of its own.
        """
        self._fallback: Policy = LeastConnections() if fallback is None else fallback
        self._key = newCookieKey() if key is None else key
        self._pins: dict[Backend, _Pin] = {}
        self._backends: Sequence[Backend] | None = None
        self._byTag: dict[bytes, Backend] = {}
        # The fallback hears only of what it chose, if it listens at all.
        self._delegated: dict[tuple[Backend, int], int] = {}
        listening = getattr(type(self._fallback), "exchangeFinished", None)
        self._isListening = listening is not BasePolicy.exchangeFinished

    def choose(self, request: RequestInfo, backends: Sequence[Backend]) -> Any:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.choose}.
        """
        if backends is not self._backends:
            self._backends = backends
            for backend in backends:
                if backend not in self._pins:
                    self._pins[backend] = self._make(backend)
            self._byTag = {self._pins[backend].tag: backend for backend in backends}
        head = request.head
        tags = [] if head is None else cookieValues(head.fields, self.affinityCookie)
        if len(tags) == 1:
            pinned = self._byTag.get(tags[0])
            if pinned is not None:
                return pinned
        choice = self._fallback.choose(request, tuple(backends))
        addCallback = getattr(choice, "addCallback", None)
        if addCallback is not None:
            return addCallback(self._pin, request)
        return self._pin(choice, request)

    def backendAdmitted(self, backend: Backend) -> None:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.backendAdmitted}.
        """
        self._fallback.backendAdmitted(backend)

    def backendRemoved(self, backend: Backend) -> None:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.backendRemoved}.
        """
        self._pins.pop(backend, None)
        self._fallback.backendRemoved(backend)

    def exchangeFinished(self, backend: Backend, request: RequestInfo, outcome: Outcome) -> None:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.exchangeFinished}.
        """
        chosen = (backend, id(request))
        times = self._delegated.get(chosen)
        if times is not None:
            if times > 1:
                self._delegated[chosen] = times - 1
            else:
                del self._delegated[chosen]
            self._fallback.exchangeFinished(backend, request, outcome)

    def _pin(self, choice: object, request: RequestInfo) -> object:
        if isinstance(choice, Affinity):
            # A client has one backend, and one cookie that says so.
            choice = choice.backend
        if not isinstance(choice, Backend):
            # None, or what is no choice at all, is judged by whoever asked.
            return choice
        if self._isListening:
            chosen = (choice, id(request))
            self._delegated[chosen] = self._delegated.get(chosen, 0) + 1
        # One that is gone by the time a late choice falls on it is not kept.
        pin = self._pins.get(choice) or self._make(choice)
        return pin.secure if request.secure else pin.plain

    def _make(self, backend: Backend) -> _Pin:
        return _Pin(backend, self.affinityCookie, self._key)

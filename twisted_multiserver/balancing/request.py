"""
What a policy may know of a request.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_multiserver.http1.heads import RequestHead


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """
    The facts of one request, the same for every face of the gateway.

    @ivar clientAddress: the client's IP address as text, C{""} if it has none.
    @ivar secure: whether the client came by TLS.
    @ivar head: the request's head; L{None} where a policy that doesn't need it is
        asked before it was read.
    """

    clientAddress: str
    secure: bool
    head: RequestHead | None

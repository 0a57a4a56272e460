"""
What a policy may know of a request.
"""

from __future__ import annotations

from twisted_multiserver.http1.heads import RequestHead


class RequestInfo:
    """
    The facts of one request, the same for every face of the gateway.

    @ivar clientAddress: the client's IP address as text, C{""} if it has none.
    @ivar secure: whether the client came by TLS.
    @ivar head: the request's head; L{None} for a policy that says it doesn't need it.
    """

    __slots__ = ("clientAddress", "head", "secure")

    def __init__(self, clientAddress: str, secure: bool, head: RequestHead | None) -> None:
        self.clientAddress = clientAddress
        self.secure = secure
        self.head = head

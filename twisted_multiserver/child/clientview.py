"""
A twisted.web request as its client sees it.

The child's entrance is a UNIX socket, where twisted.web knows no address, no port and no
TLS: WSGIResource, prePathURL and Klein's URLs fail or are wrong there.  What the master
forwards puts that right before the request reaches any resource.

Invariant: only a request that came over a UNIX socket is touched.  That entrance is the
master's alone; on any other, anybody may write the forwarded fields.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.web.server import Request

from twisted_multiserver.child.channelrequest import ChannelRequestMixin
from twisted_multiserver.child.forwarded import ForwardedView, clientAddress, readView

if TYPE_CHECKING:
    _Base = Request
else:
    # Mixed into request classes that derive from Request, perhaps by way of others.
    _Base = object


class ClientViewMixin(_Base):
    """
    Mixed in before a request class.
    """

    _viewPath: list[bytes] | None = None
    _viewPrefix: tuple[bytes, ...] = ()

    @property
    def prepath(self) -> list[bytes] | None:
        """
        The path segments up to the resource, from the client's root on.
        """
        return self._viewPath

    @prepath.setter
    def prepath(self, segments: list[bytes] | None) -> None:
        # The first assignment is the one in process(), which starts the traversal: it
        # starts below the prefix.  What applications assign later is whole.
        prefix, self._viewPrefix = self._viewPrefix, ()
        self._viewPath = segments if segments is None else [*prefix, *segments]

    def getRequestHostname(self) -> bytes:
        """
        Tell the host that the client asked for, an IPv6 address in brackets.

        URLs are made with it (RFC 3986 section 3.2.2), and it is SERVER_NAME (RFC 3875
        section 4.1.14); Request strips the brackets.
        """
        name: bytes = super().getRequestHostname()  # type: ignore[no-untyped-call]
        return b"[%b]" % name if b":" in name else name

    def process(self) -> None:
        """
        Begin with the request, once its body is complete.
        """
        if isinstance(self.client, UNIXAddress):
            self._see()
        super().process()  # type: ignore[no-untyped-call]

    def _see(self) -> None:
        field = self.requestHeaders.getRawHeaders
        absent = (None,)
        self.client = _client((field(b"x-forwarded-for") or absent)[0] or b"")
        view, host, prefix = _place(
            (field(b"x-forwarded-proto") or absent)[0],
            (field(b"x-forwarded-host") or field(b"host") or absent)[0],
            (field(b"x-forwarded-prefix") or absent)[0],
        )
        self.setHost(view.host, view.port, view.secure)  # type: ignore[no-untyped-call]
        # setHost leaves bytes where every other address has a string.
        self.host = host
        self._viewPrefix = prefix


# Requests differ in their clients, hardly in what else is forwarded.
@lru_cache(maxsize=1024)
def _client(value: bytes) -> IPv4Address | IPv6Address:
    return _address(clientAddress(value), 0)


@lru_cache(maxsize=128)
def _place(
    proto: bytes | None, host: bytes | None, prefix: bytes | None
) -> tuple[ForwardedView, IPv4Address | IPv6Address, tuple[bytes, ...]]:
    view = readView(None, proto, host, prefix)
    address = _address(view.host.decode("ascii").strip("[]"), view.port)
    return view, address, tuple(view.prefixSegments)


def _address(host: str, port: int) -> IPv4Address | IPv6Address:
    return (IPv6Address if ":" in host else IPv4Address)("TCP", host, port)


_viewing: dict[type[Request], type[Request]] = {}


def viewing(requestClass: type[Request]) -> type[Request]:
    """
    Give a request class the client's view.

    @param requestClass: the class that a site uses.
    @return: a subclass of it, the same one each time.
    """
    found = _viewing.get(requestClass)
    if found is None:
        bases = (ClientViewMixin, ChannelRequestMixin, requestClass)
        found = type(requestClass.__name__, bases, {})
        _viewing[requestClass] = found
    return found

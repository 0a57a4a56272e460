"""
Request targets and hosts: which are well-formed, and what they name.

Source: RFC 9112 section 3.2 (forms of targets), RFC 3986 section 3.2 (authority; without
user information, RFC 9110 section 4.2.4).
"""

from __future__ import annotations

import re
import socket

_ABSOLUTE = re.compile(rb"https?://([^/?]*)", re.I)
_REG_NAME = r"[A-Za-z0-9\-._~!$&'()*+,;=]*+(?:%[0-9A-Fa-f]{2}[A-Za-z0-9\-._~!$&'()*+,;=]*+)*+"
_PORT = r"(?::[0-9]{0,5}+)?+"
# A name or an IPv4 address; IPv6 addresses are for isHost.
HOST = _REG_NAME + _PORT
_matchName = re.compile(HOST.encode()).fullmatch
_matchLiteral = re.compile(rf"\[([0-9A-Fa-f:.]++)\]{_PORT}".encode()).fullmatch


def isHost(value: bytes) -> bool:
    """
    @param value: of Host, or the authority of a target.
    @return: whether it is well-formed; nothing at all is, too.
    """
    if not value.startswith(b"["):
        return _matchName(value) is not None
    literal = _matchLiteral(value)
    if literal is None:
        return False
    try:
        socket.inet_pton(socket.AF_INET6, literal[1].decode("ascii"))
    except OSError:
        return False
    return True


def authorityOf(target: bytes) -> bytes | None:
    """
    @param target: a request target.
    @return: the host, with its port, that a target in absolute form names; L{None} for
        another form.
    """
    absolute = _ABSOLUTE.match(target)
    return None if absolute is None else absolute[1]


def isForTLS(target: bytes) -> bool:
    """
    @param target: a request target.
    @return: whether it names a resource that may be served by TLS only.
    """
    return target[:8].lower() == b"https://"


def originForm(method: bytes, target: bytes) -> bytes:
    """
    Bring a request target into origin form (RFC 9112 section 3.2.1), or, for an OPTIONS
    of a whole server, into asterisk form (section 3.2.4).

    @param method: of the request.
    @param target: origin form, absolute form, or C{b"*"}.
    @return: the path with its query; or C{b"*"}.
    """
    absolute = None if target.startswith(b"/") else _ABSOLUTE.match(target)
    if absolute is None:
        return target
    path = target[absolute.end() :]
    if not path and method == b"OPTIONS":
        return b"*"
    return path if path.startswith(b"/") else b"/" + path

"""
What a client is answered in place of a response whose session could not be loaded or stored.

It says nothing of the reason: that is for the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from twisted_multiserver.sessions.errors import (
    SessionConflict,
    StoreConfigError,
    StoreUnavailable,
)

# When to come again, in seconds: about as long as a circuit breaker stays open.
_RETRY_AFTER = b"1"


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    A response of ours.

    @ivar status: its status.
    @ivar fields: of its head, names in lower case.
    @ivar body: all of it.
    """

    status: HTTPStatus
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes


def _refusal(status: HTTPStatus, text: bytes, *more: tuple[bytes, bytes]) -> Refusal:
    fields = (
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(text)),
        (b"cache-control", b"no-store"),
        *more,
    )
    return Refusal(status, fields, text)


_CONFLICT = _refusal(
    HTTPStatus.CONFLICT, b"The session was changed by another request meanwhile.\n"
)
_UNAVAILABLE = _refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    b"The session can't be had at the moment.\n",
    (b"retry-after", _RETRY_AFTER),
)
_UNSTORABLE = _refusal(HTTPStatus.INTERNAL_SERVER_ERROR, b"The session can't be kept.\n")
_BROKEN = _refusal(HTTPStatus.INTERNAL_SERVER_ERROR, b"The session can't be read.\n")


def refusalWhenOpening(error: BaseException) -> Refusal:
    """
    @param error: why a session could not be loaded.
    @return: what to answer.
    """
    return refusalFor(error) or _BROKEN


def refusalFor(error: BaseException) -> Refusal | None:
    """
    @param error: why a session could not be stored.
    @return: what to answer; L{None} if it is the application's fault, which is told it.
    """
    if isinstance(error, SessionConflict):
        return _CONFLICT
    if isinstance(error, StoreUnavailable | StoreConfigError):
        return _UNAVAILABLE
    return None


def unstorable() -> Refusal:
    """
    @return: what to answer if the application has put something into its session that can't
        be kept.
    """
    return _UNSTORABLE

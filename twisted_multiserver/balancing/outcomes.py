"""
Outcomes: how one exchange with one backend can end.

There is one enumeration from the choice of a backend to its counters, so that a
policy, a retry rule and a log line never speak of different things.
"""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """
    How an exchange ended, as seen from the backend's side.
    """

    ok = "a whole response was received"
    connectRefused = "nobody listens there"
    connectTimeout = "no connection within the connect budget"
    busy = "its backlog is full"
    resetUnread = "it was reset before a byte of a response"
    resetRead = "it was reset before a response, of which bytes had come"
    eofBeforeHead = "it was closed before a response"
    firstByteTimeout = "no response within the first-byte budget"
    stalled = "it stopped in the middle of a body for longer than the stall budget"
    badResponse = "what it sent is no response"
    cut = "it ended inside of a response"
    gatewayError = "it answered 502, 503 or 504, and another backend was asked"
    clientGone = "the client left first"
    withdrawn = "it left the pool before a byte was sent to it"

    @property
    def isFailure(self) -> bool:
        """
        Whether it speaks against the backend.
        """
        return self not in _NO_FAILURES

    @property
    def nothingSent(self) -> bool:
        """
        Whether no byte of the request can have reached the backend.
        """
        return self in (
            Outcome.connectRefused,
            Outcome.connectTimeout,
            Outcome.busy,
            Outcome.withdrawn,
        )

    @property
    def wasRead(self) -> bool:
        """
        Whether the backend has read the request, and failed while it had it.
        """
        return self in (Outcome.resetRead, Outcome.eofBeforeHead, Outcome.cut)

    @property
    def isTimeout(self) -> bool:
        """
        Whether a budget ended it (answered by 504 instead of 502).
        """
        return self in (Outcome.connectTimeout, Outcome.firstByteTimeout, Outcome.stalled)


_NO_FAILURES = frozenset(
    {Outcome.ok, Outcome.busy, Outcome.clientGone, Outcome.withdrawn, Outcome.gatewayError}
)

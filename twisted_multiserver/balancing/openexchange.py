"""
What a backend knows of the exchanges that are assigned to it, and what is kept of them when it
dies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class OpenExchange(Protocol):
    """
    What a backend knows of an exchange that is assigned to it.

    @ivar description: method and target, for people.
    @ivar fingerprint: what it shares with its like alone; empty if that isn't known.
    @ivar signature: the same of all that is known of it, its head above all.
    @ivar isAlone: whether it is tried while no other such one is.
    @ivar sentAt: when it was given to the backend, in seconds of the clock.
    """

    isAlone: bool
    sentAt: float

    @property
    def description(self) -> str:
        """
        What a log line calls it.
        """

    @property
    def fingerprint(self) -> bytes:
        """
        See L{fingerprintOf<twisted_multiserver.balancing.quarantine.fingerprintOf>}.
        """

    @property
    def signature(self) -> bytes:
        """
        See L{signatureOf<twisted_multiserver.balancing.quarantine.signatureOf>}.
        """


@dataclass(frozen=True, slots=True)
class Lost:
    """
    What was in flight at a backend that has died.

    @ivar description: method and target, for people.
    @ivar fingerprint: see L{OpenExchange}.
    @ivar signature: see there.
    @ivar since: when it was given to the backend, in seconds of the clock.
    @ivar until: when it failed there; L{None} if it hasn't yet.
    @ivar wasRead: whether the backend had read it, so far as is known.
    """

    description: str
    fingerprint: bytes
    signature: bytes
    since: float
    until: float | None = None
    wasRead: bool = False


def lostOf(exchange: OpenExchange, until: float | None = None, wasRead: bool = False) -> Lost:
    """
    @param exchange: was in flight at a backend that has failed it, or has died.
    @param until: see L{Lost}.
    @param wasRead: see L{Lost}.
    @return: what is to be known of it later.
    """
    return Lost(
        exchange.description,
        exchange.fingerprint,
        exchange.signature,
        exchange.sentAt,
        until,
        wasRead,
    )

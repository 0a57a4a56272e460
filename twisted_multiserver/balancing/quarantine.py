"""
Requests that kill whoever answers them.

Rule: when two children have crashed with the same request in flight, and no such request
has succeeded since the first of these crashes, it is refused for a while: otherwise its
repetitions would kill child after child.  One success clears it; so does a minute.

"The same" means its I{fingerprint}: method, target, and the body.  Of whatever else was in
flight at a crash, most succeeds elsewhere a moment later, and is cleared by that.  Several
children may die at once, by the same hand, and each has requests in flight that have their
like at another one: only those count that were read, and a crash counts as a second one only
for a request that was sent after the first.

What kills may also be in a field.  Then innocent requests have the fingerprint of the guilty
one, and could never clear themselves if all were refused.  So one that differs in its head from
those that were in flight at the crashes is let through, while others wait for its outcome; with
so many different ones that have been in flight at crashes it is not the head that kills.

Invariants: an innocent request is never held up that has succeeded since; nothing is looked
up while there is no suspect, so that it costs nothing as long as no child crashes; the
memory it takes is bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

EXPIRY = 60.0
CRASHES = 2
# How many different heads may be tried of a request that kills.
HEADS = 4
_MOST = 1000
_SIZE = 16


@dataclass(slots=True)
class _Suspect:
    crashes: int
    since: float
    last: float
    heads: set[bytes]


def fingerprintOf(method: bytes, target: bytes, body: bytes = b"") -> bytes:
    """
    @param method: of a request.
    @param target: of it.
    @param body: of it, all of it.
    @return: what is the same for requests that are the same; it begins with
        L{kindOf} the request.
    """
    return kindOf(method, target) + blake2b(body, digest_size=_SIZE).digest()


def signatureOf(head: bytes) -> bytes:
    """
    @param head: of a request, all of it.
    @return: what is the same for requests that have the same one.
    """
    return blake2b(head, digest_size=_SIZE).digest()


def kindOf(method: bytes, target: bytes) -> bytes:
    """
    @param method: of a request.
    @param target: of it.
    @return: what is the same for requests that differ by their bodies alone.
    """
    digest = blake2b(len(method).to_bytes(8, "big"), digest_size=_SIZE)
    digest.update(method)
    digest.update(target)
    return digest.digest()


class Quarantine:
    """
    Remembers which requests were in flight at crashes.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        """
        @param seconds: the clock.
        """
        self._seconds = seconds
        self._suspects: dict[bytes, _Suspect] = {}

    @property
    def suspects(self) -> int:
        """
        How many requests are remembered; with none, nothing needs to be asked or told.
        """
        return len(self._suspects)

    def crashed(
        self, fingerprint: bytes, since: float, until: float, signature: bytes = b""
    ) -> None:
        """
        A child has crashed.

        @param fingerprint: of a request that it had read and not answered.
        @param signature: of it.
        @param since: when it was sent there, in seconds of the clock.
        @param until: when it failed.
        """
        self._expire()
        suspect = self._suspects.get(fingerprint)
        if suspect is None:
            if len(self._suspects) < _MOST:
                self._suspects[fingerprint] = _Suspect(1, self._seconds(), until, {signature})
            return
        if len(suspect.heads) < HEADS:
            suspect.heads.add(signature)
        if since >= suspect.last:
            suspect.crashes += 1
            suspect.last = until

    def succeeded(self, fingerprint: bytes) -> None:
        """
        @param fingerprint: of a request that got a whole response.
        """
        self._suspects.pop(fingerprint, None)

    def holds(self, fingerprint: bytes) -> bool:
        """
        @param fingerprint: of a request.
        @return: whether it is to be refused.
        """
        self._expire()
        suspect = self._suspects.get(fingerprint)
        return suspect is not None and suspect.crashes >= CRASHES

    def mayTry(self, fingerprint: bytes, signature: bytes) -> bool:
        """
        @param fingerprint: of a request that is to be refused.
        @param signature: of it.
        @return: whether it differs from those that were in flight at crashes.
        """
        suspect = self._suspects.get(fingerprint)
        if suspect is None:
            return True
        return len(suspect.heads) < HEADS and signature not in suspect.heads

    def concerns(self, kind: bytes) -> bool:
        """
        @param kind: of a request, whose body isn't known yet.
        @return: whether it depends on the body if it is to be refused.
        """
        self._expire()
        return any(
            suspect.crashes >= CRASHES and fingerprint.startswith(kind)
            for fingerprint, suspect in self._suspects.items()
        )

    def _expire(self) -> None:
        # In the order in which they came in.
        over = self._seconds() - EXPIRY
        while self._suspects:
            fingerprint = next(iter(self._suspects))
            if self._suspects[fingerprint].since > over:
                return
            del self._suspects[fingerprint]

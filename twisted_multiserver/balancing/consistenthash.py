"""
Consistent hash: the same key, the same backend, whoever else comes or goes.

Rule: every backend has a score for a key, mixed of a hash of the key and one of the
backend's address; the highest is taken (with weights, the highest of -weight / ln(score)).
If a backend goes, only its own keys move, and they spread over all others; the order in
which backends were added doesn't matter, so that several masters agree.
Source: D. Thaler, C. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates"
(IEEE/ACM ToN 6, 1998): rendezvous or highest random weight hashing; weights as in
J. Mosko, J. Resch, "Weighted distributed hash tables" (SNIA, 2015).

What was found is kept for the set that it was found for, for at most L{_MEMO} keys;
the oldest are forgotten first.  A set that is shown once (a retry leaves out who
failed) is no reason to forget them.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from math import log

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.base import BasePolicy
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.balancing.requestkey import RequestKey, parseRequestKey

_MEMO = 16384
# Bytes; a longer key is remembered by its hash.
_LONG = 32

_BITS = 64
_MASK = (1 << _BITS) - 1
# An odd number without structure, so that a product's upper half depends on each bit.
_MULTIPLIER = 0x9E3779B97F4A7C15


def _hash(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=_BITS // 8).digest(), "big")


def _weighted(score: int, weight: int) -> float:
    # As many bits as a float has, and never 1, whose logarithm is 0.
    return -weight / log(((score >> (_BITS - 52)) + 0.5) / (1 << 52))


class _Rendezvous:
    """
    Finds the backend of a key in one set.

    @ivar backends: the set.
    """

    __slots__ = ("_seeds", "_weights", "backends")

    def __init__(self, backends: Sequence[Backend], seeds: Sequence[int]) -> None:
        """
        @param backends: the set.
        @param seeds: a number for each.
        """
        self.backends = backends
        self._seeds = seeds
        weights = [backend.weight for backend in backends]
        self._weights = weights if len(set(weights)) > 1 else None

    def find(self, key: bytes) -> Backend:
        """
        @param key: of a request.
        @return: where it belongs.
        """
        hashed = _hash(key)
        scores = [(hashed ^ seed) * _MULTIPLIER & _MASK for seed in self._seeds]
        if self._weights is None:
            return self.backends[scores.index(max(scores))]
        pairs = zip(scores, self._weights, strict=True)
        weighted = [_weighted(score, weight) for score, weight in pairs]
        return self.backends[weighted.index(max(weighted))]


class ConsistentHash(BasePolicy):
    """
    Takes the backend that a request's key belongs to.
    """

    def __init__(self, key: str | RequestKey = "address") -> None:
        """
        @param key: C{"address"}, C{"header:NAME"} or C{"cookie:NAME"}.
        @raise ConfigError: if it is none of these.
        """
        self._key = parseRequestKey(key) if isinstance(key, str) else key
        if self._key.needsHead:
            self.needs = frozenset({"head"})
        self._seeds: dict[Backend, int] = {}
        self._memo: dict[bytes, Backend] = {}
        self._rendezvous = _Rendezvous((), [])
        self._shown: Sequence[Backend] | None = None

    def choose(self, request: RequestInfo, backends: Sequence[Backend]) -> Backend:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.choose}.
        """
        key = self._key.of(request)
        if len(key) > _LONG:
            key = blake2b(key, digest_size=_LONG).digest()
        if backends is not self._rendezvous.backends:
            rendezvous = _Rendezvous(backends, [self._seed(backend) for backend in backends])
            if backends is not self._shown:
                self._shown = backends
                return rendezvous.find(key)
            self._rendezvous, self._memo = rendezvous, {}
        found = self._memo.get(key)
        if found is None:
            if len(self._memo) >= _MEMO:
                del self._memo[next(iter(self._memo))]
            found = self._memo[key] = self._rendezvous.find(key)
        return found

    def backendRemoved(self, backend: Backend) -> None:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.backendRemoved}.
        """
        self._seeds.pop(backend, None)

    def _seed(self, backend: Backend) -> int:
        seed = self._seeds.get(backend)
        if seed is None:
            address = backend.address.encode("utf-8", "surrogateescape")
            seed = self._seeds[backend] = _hash(address)
        return seed

"""
Sticky session: who comes back where, and what a cookie must be.
"""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.affinity import Affinity
from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.balancing.roundrobin import RoundRobin
from twisted_multiserver.balancing.stickysession import AFFINITY_COOKIE, StickySession
from twisted_multiserver.testing import makeBackend, makeRequest

KEY = b"k" * 32


def backends(count: int) -> tuple[Backend, ...]:
    return tuple(makeBackend(f"child {number}") for number in range(count))


def returning(*values: bytes, secure: bool = False) -> RequestInfo:
    """
    @return: a request of a client that has these affinity cookies, and others.
    """
    pairs = [b"a=b", *(AFFINITY_COOKIE + b"=" + value for value in values), b"c=d"]
    return makeRequest(secure=secure, fields=[(b"Cookie", b"; ".join(pairs))])


def valueOf(choice: object) -> bytes:
    """
    @return: the value of the cookie that binds the client.
    """
    assert isinstance(choice, Affinity), choice
    name, _, value = choice.cookie.partition(b";")[0].partition(b"=")
    assert name == AFFINITY_COOKIE
    return value


class AffinityTests(SynchronousTestCase):
    """
    The same client, the same backend.
    """

    def setUp(self) -> None:
        self.policy = StickySession(RoundRobin(), KEY)
        self.shown = backends(4)

    def pinned(self, policy: StickySession | None = None) -> tuple[Backend, bytes]:
        """
        @return: where a new client went, and its cookie's value.
        """
        choice = (policy or self.policy).choose(makeRequest(), self.shown)
        assert isinstance(choice, Affinity)
        return choice.backend, valueOf(choice)

    def test_returns(self) -> None:
        """
        With its cookie it comes back, by TLS or not, and gets no other cookie.
        """
        for _ in range(4):
            backend, value = self.pinned()
            for secure in (False, True):
                chosen = self.policy.choose(returning(value, secure=secure), self.shown)
                self.assertIs(chosen, backend)

    def test_untilItIsGone(self) -> None:
        """
        When its backend is gone the client is pinned anew, and comes back there.
        """
        gone, value = self.pinned()
        self.policy.backendRemoved(gone)
        left = tuple(backend for backend in self.shown if backend is not gone)
        again = self.policy.choose(returning(value), left)
        assert isinstance(again, Affinity)
        self.assertIn(again.backend, left)
        self.assertNotEqual(valueOf(again), value)
        self.assertIs(self.policy.choose(returning(valueOf(again)), left), again.backend)

    def test_retryAndBack(self) -> None:
        """
        If its backend has failed one request it is pinned anew; a client whose request
        went well meanwhile stays where it was.
        """
        failed, value = self.pinned()
        left = tuple(backend for backend in self.shown if backend is not failed)
        again = self.policy.choose(returning(value), left)
        self.assertIsInstance(again, Affinity)
        self.assertIs(self.policy.choose(returning(value), self.shown), failed)

    def test_newAddress(self) -> None:
        """
        A backend at another address is another, whatever its name.
        """
        _, value = self.pinned()
        respawned = tuple(
            Backend(f"{backend.address}.2", backend.kind, backend.name) for backend in self.shown
        )
        self.assertIsInstance(self.policy.choose(returning(value), respawned), Affinity)

    @settings(deadline=None)
    @given(st.integers(1, 30), st.randoms(use_true_random=False))
    def test_masters(self, count: int, order: random.Random) -> None:
        """
        Another master with the same key agrees, in whatever order it has the backends;
        one with another key doesn't know the cookie.
        """
        ours, theirs = backends(count), list(backends(count))
        order.shuffle(theirs)
        other, stranger = StickySession(key=KEY), StickySession(key=b"x" * 32)
        choice = StickySession(key=KEY).choose(makeRequest(), ours)
        chosen = other.choose(returning(valueOf(choice)), tuple(theirs))
        self.assertEqual(chosen.address, choice.backend.address)
        missed = stranger.choose(returning(valueOf(choice)), tuple(theirs))
        self.assertNotEqual(valueOf(missed), valueOf(choice))

    def test_ownKey(self) -> None:
        """
        Without a key each has one of its own.
        """
        (only,) = backends(1)
        values = {valueOf(StickySession().choose(makeRequest(), (only,))) for _ in range(5)}
        self.assertEqual(len(values), 5)


class CookieTests(SynchronousTestCase):
    """
    The cookie as it is sent, and as it is believed.
    """

    def setUp(self) -> None:
        self.policy = StickySession(RoundRobin(), KEY)
        self.shown = backends(2)
        self.values = [valueOf(self.policy.choose(makeRequest(), self.shown)) for _ in range(2)]

    def cookie(self, secure: bool) -> bytes:
        choice = StickySession(key=KEY).choose(makeRequest(secure=secure), self.shown[:1])
        assert isinstance(choice, Affinity)
        return choice.cookie

    def test_attributes(self) -> None:
        """
        Scripts can't read it; what was given by TLS is sent by TLS only.
        """
        plain = b"multiserver_affinity=%s; Path=/; HttpOnly; SameSite=Lax" % self.values[0]
        self.assertEqual(self.cookie(False), plain)
        self.assertEqual(self.cookie(True), plain + b"; Secure")

    def test_value(self) -> None:
        """
        It tells no address: 128 bits that need no quoting, others for each backend.
        """
        for value in self.values:
            self.assertRegex(value.decode("ascii"), r"\A[0-9A-Za-z_-]{22}\Z")
        self.assertEqual(len(set(self.values)), 2)

    def test_name(self) -> None:
        """
        The gateway is told which cookie not to forward, and reads the head for it.
        """
        self.assertEqual(self.policy.affinityCookie, b"multiserver_affinity")
        self.assertEqual(self.policy.needs, frozenset({"head"}))

    def assertMiss(self, *values: bytes) -> None:
        """
        Such a client is pinned, in its turn.
        """
        for backend in self.shown:
            choice = self.policy.choose(returning(*values), self.shown)
            assert isinstance(choice, Affinity), values
            self.assertIs(choice.backend, backend)

    def test_forged(self) -> None:
        first = self.values[0]
        for value in (b"", b"child 0", b"unix:/run/child 0", first[:-1], first + b"=", b"A" * 22):
            self.assertMiss(value)
        self.assertMiss(first.swapcase())
        self.assertMiss(b'"' + first + b'"')

    @settings(deadline=None)
    @given(st.binary(max_size=40).filter(lambda value: b";" not in value))
    def test_anything(self, value: bytes) -> None:
        choice = self.policy.choose(returning(value), self.shown)
        self.assertIsInstance(choice, Affinity)

    def test_doubled(self) -> None:
        """
        Two cookies of ours are none, even if they agree: one was put there by somebody.
        """
        self.assertMiss(*self.values)
        self.assertMiss(self.values[1], self.values[1])
        self.assertMiss(self.values[1], b"forged")
        cookie = AFFINITY_COOKIE + b"=" + self.values[1]
        request = makeRequest(fields=[(b"Cookie", cookie), (b"Cookie", cookie)])
        self.assertIsInstance(self.policy.choose(request, self.shown), Affinity)

    def test_withoutHead(self) -> None:
        choice = self.policy.choose(RequestInfo("", True, None), self.shown)
        self.assertIsInstance(choice, Affinity)

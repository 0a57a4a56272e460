"""
For tests of a policy of your own: makers of what a policy is shown, and the
contract that every policy keeps.

A suite for a policy is a class of five lines::

    from twisted.trial.unittest import SynchronousTestCase
    from twisted_multiserver.testing import LoadBalancerContract

    class MyBalancerTests(LoadBalancerContract, SynchronousTestCase):
        def makeBalancer(self):
            return MyBalancer()

The contract is the one of L{ILoadBalancer<twisted_multiserver.interfaces.ILoadBalancer>};
our own policies are held to it by the same class.  It needs no reactor, and works
with C{unittest.TestCase} as well.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from twisted_multiserver.balancing._iloadbalancer import ILoadBalancer
from twisted_multiserver.balancing.affinity import Affinity
from twisted_multiserver.balancing.backend import Backend, BackendKind
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.policy import Policy
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.http1.heads import HTTP_1_1, RequestHead

if TYPE_CHECKING:
    from unittest import TestCase as _TestCase
else:
    _TestCase = object

# Sequences of changes and requests that the contract plays; each seed is another.
_LIVES = 20
_STEPS = 150


class MadeExchange:
    """
    An exchange that is in flight because a test says so.

    @ivar description: what a log line calls it.
    @ivar fingerprint: what it shares with its like alone.
    @ivar signature: the same of all of its head.
    @ivar isAlone: whether it is tried while no other such one is.
    @ivar sentAt: when it was given to its backend, in seconds.
    """

    def __init__(
        self, description: str = "GET /", fingerprint: bytes = b"", sentAt: float = 0.0
    ) -> None:
        """
        @param description: method and target.
        @param fingerprint: what it shares with its like alone.
        @param sentAt: when it was given to its backend, in seconds.
        """
        self.description = description
        self.fingerprint = fingerprint
        self.signature = fingerprint
        self.isAlone = False
        self.sentAt = sentAt


def makeBackend(name: str, inFlight: int = 0, weight: int = 1) -> Backend:
    """
    Make a backend that may be chosen.

    @param name: what people call it; its address is made of it.
    @param inFlight: how many exchanges it has.
    @param weight: its share relative to the others, at least 1.
    @return: an L{IBackend<twisted_multiserver.interfaces.IBackend>}.
    """
    backend = Backend(f"unix:/run/{name}", BackendKind.child, name, weight=weight)
    for _ in range(inFlight):
        backend.begin(MadeExchange())
    return backend


def makeRequest(
    target: bytes = b"/",
    method: bytes = b"GET",
    clientAddress: str = "192.0.2.1",
    secure: bool = False,
    fields: Sequence[tuple[bytes, bytes]] = ((b"Host", b"www.example.com"),),
) -> RequestInfo:
    """
    Make what a policy may know of a request.

    @param target: the request target.
    @param method: such as C{b"GET"}.
    @param clientAddress: the client's IP address.
    @param secure: whether the client came by TLS.
    @param fields: names and values of the head.
    @return: an L{IRequestInfo<twisted_multiserver.interfaces.IRequestInfo>}.
    """
    head = RequestHead(method, target, HTTP_1_1, tuple(fields))
    return RequestInfo(clientAddress, secure, head)


class LoadBalancerContract(_TestCase):
    """
    What every policy keeps; mix it into a test case and say how one is made.
    """

    def makeBalancer(self) -> Policy:
        """
        Make a policy that nobody else uses: to be overridden.
        """
        raise NotImplementedError("say in makeBalancer how your policy is made")

    def test_providesTheInterface(self) -> None:
        """
        It declares L{ILoadBalancer} and has all of its parts.
        """
        self.assertTrue(verifyObject(ILoadBalancer, self.makeBalancer()))

    def test_needsWhatThereIs(self) -> None:
        """
        It needs the head, or nothing.
        """
        needs = self.makeBalancer().needs
        self.assertIsInstance(needs, frozenset)
        self.assertLessEqual(needs, {"head"})

    def test_onlyBackend(self) -> None:
        """
        With one backend it chooses that or none, again and again, and never raises.
        """
        game = _Game(self, self.makeBalancer())
        game.admit(makeBackend("child 0"))
        for number in range(20):
            game.request(makeRequest(b"/%d" % number))

    def test_oneOfThoseShown(self) -> None:
        """
        It chooses one of several.
        """
        game = _Game(self, self.makeBalancer())
        for number in range(5):
            game.admit(makeBackend(f"child {number}", weight=1 + number % 3))
        for number in range(50):
            game.request(makeRequest(b"/%d" % number, clientAddress=f"192.0.2.{number}"))

    def test_requestWithoutHead(self) -> None:
        """
        If it doesn't need the head, it does without.
        """
        balancer = self.makeBalancer()
        if "head" not in balancer.needs:
            game = _Game(self, balancer)
            game.admit(makeBackend("child 0"))
            game.admit(makeBackend("child 1"))
            game.request(RequestInfo("", True, None))

    def test_equalTupleOfAnotherIdentity(self) -> None:
        """
        What it keeps for a tuple doesn't bind it when the tuple is another, of the
        same or of other backends.
        """
        game = _Game(self, self.makeBalancer())
        first, second, third = (makeBackend(f"child {number}") for number in range(3))
        for backend in (first, second, third):
            game.admit(backend)
        for backends in (
            (first, second, third),
            (third, second, first),
            (first, second),
            (second, third),
            (third,),
        ):
            for _ in range(4):
                game.request(makeRequest(), tuple(backends))

    def test_failedOnesLeftOut(self) -> None:
        """
        A retry is shown the backends that are left, and stays among them.
        """
        game = _Game(self, self.makeBalancer())
        backends = tuple(makeBackend(f"child {number}") for number in range(4))
        for backend in backends:
            game.admit(backend)
        for number in range(20):
            request, left = makeRequest(b"/%d" % number), backends
            while left:
                chosen = game.choose(request, left)
                if chosen is None:
                    break
                game.finish(chosen, request, Outcome.resetUnread)
                left = tuple(backend for backend in left if backend is not chosen)

    def test_everyOutcome(self) -> None:
        """
        It is told of every way in which an exchange can end.
        """
        game = _Game(self, self.makeBalancer())
        game.admit(makeBackend("child 0"))
        game.admit(makeBackend("child 1"))
        for outcome in Outcome:
            game.request(makeRequest(), outcome=outcome)

    def test_removedWhileInFlight(self) -> None:
        """
        A backend may leave while it has exchanges, which end later; it isn't chosen
        meanwhile.
        """
        game = _Game(self, self.makeBalancer())
        request = makeRequest()
        leaving, staying = makeBackend("child 0"), makeBackend("child 1")
        game.admit(leaving)
        game.choose(request)
        game.choose(request)
        game.admit(staying)
        game.remove(leaving)
        for _ in range(10):
            game.request(request)
        game.finishAll(Outcome.cut)
        game.remove(staying)
        game.admit(makeBackend("child 0"))
        game.request(request)

    def test_randomLives(self) -> None:
        """
        Whatever comes and goes in whatever order, it chooses among those shown.
        """
        for seed in range(_LIVES):
            game = _Game(self, self.makeBalancer(), seed)
            for _ in range(_STEPS):
                game.step()
            game.finishAll(Outcome.ok)


class _Game:
    """
    A gateway's part, played for one policy: the pool's changes, and for each choice
    exactly one end.
    """

    def __init__(self, test: _TestCase, balancer: Policy, seed: int = 0) -> None:
        """
        @param test: is failed by a choice that breaks the contract.
        @param balancer: the policy.
        @param seed: of the random steps.
        """
        self._test = test
        self._balancer = balancer
        self._random = random.Random(seed)
        self._seed = seed
        self._admitted: tuple[Backend, ...] = ()
        self._open: list[tuple[Backend, RequestInfo, MadeExchange]] = []
        self._made = 0

    def admit(self, backend: Backend) -> None:
        """
        @param backend: is shown from now on.
        """
        self._balancer.backendAdmitted(backend)
        self._admitted = (*self._admitted, backend)

    def remove(self, backend: Backend) -> None:
        """
        @param backend: isn't shown any more.
        """
        self._admitted = tuple(other for other in self._admitted if other is not backend)
        self._balancer.backendRemoved(backend)

    def choose(
        self, request: RequestInfo, backends: tuple[Backend, ...] | None = None
    ) -> Backend | None:
        """
        Ask the policy and hold it to the contract.

        @param request: what it is told.
        @param backends: what it is shown; all that are admitted if L{None}.
        @return: its choice, in flight from now on; L{None} if it chose none yet.
        """
        shown = self._admitted if backends is None else backends
        choice = _now(self._balancer.choose(request, shown))
        if isinstance(choice, Failure):
            choice.raiseException()
        if isinstance(choice, Affinity):
            self._test.assertIsInstance(choice.cookie, bytes)
            choice = choice.backend
        if choice is None:
            return None
        if not isinstance(choice, Backend) or choice not in shown:
            self._test.fail(f"chose {choice!r} of {shown!r} (seed {self._seed})")
        exchange = MadeExchange()
        choice.begin(exchange)
        self._open.append((choice, request, exchange))
        return choice

    def finish(self, backend: Backend, request: RequestInfo, outcome: Outcome) -> None:
        """
        End one exchange.

        @param backend: where.
        @param request: which.
        @param outcome: how.
        """
        for entry in self._open:
            if entry[0] is backend and entry[1] is request:
                self._end(entry, outcome)
                return

    def finishAll(self, outcome: Outcome) -> None:
        """
        End whatever is open.

        @param outcome: how.
        """
        while self._open:
            self._end(self._open[0], outcome)

    def request(
        self,
        request: RequestInfo,
        backends: tuple[Backend, ...] | None = None,
        outcome: Outcome = Outcome.ok,
    ) -> None:
        """
        Play one request from its choice to its end.

        @param request: what the policy is told.
        @param backends: what it is shown; all that are admitted if L{None}.
        @param outcome: how it ends.
        """
        chosen = self.choose(request, backends)
        if chosen is not None:
            self.finish(chosen, request, outcome)

    def step(self) -> None:
        """
        Let something happen.
        """
        kind = self._random.random()
        if not self._admitted or kind < 0.1:
            self._made += 1
            weight = self._random.choice((1, 1, 2, 5))
            self.admit(makeBackend(f"child {self._made}", weight=weight))
        elif kind < 0.18:
            self.remove(self._random.choice(self._admitted))
        elif kind < 0.5 and self._open:
            self._end(self._random.choice(self._open), self._random.choice(list(Outcome)))
        else:
            size = self._random.randint(1, len(self._admitted))
            shown = self._admitted
            if size < len(shown) and kind > 0.8:
                shown = tuple(self._random.sample(shown, size))
            client = f"192.0.2.{self._random.randint(1, 9)}"
            self.choose(makeRequest(b"/%d" % size, clientAddress=client), shown)

    def _end(self, entry: tuple[Backend, RequestInfo, MadeExchange], outcome: Outcome) -> None:
        self._open.remove(entry)
        backend, request, exchange = entry
        backend.finish(exchange, outcome, 0.0)
        self._balancer.exchangeFinished(backend, request, outcome)


def _now(choice: object) -> object:
    """
    Wait for nothing: a choice that isn't there yet is given up, as by a client that
    leaves.
    """
    if not isinstance(choice, Deferred):
        return choice
    results: list[object] = []
    choice.addBoth(results.append)
    if results:
        return results[0]
    choice.cancel()
    return None

"""
Every policy of ours keeps the public contract, and the contract catches those that
don't.
"""

from __future__ import annotations

import unittest

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from twisted_multiserver.balancing._iloadbalancer import ILoadBalancer
from twisted_multiserver.balancing.affinity import Affinity
from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.consistenthash import ConsistentHash
from twisted_multiserver.balancing.leastconnections import LeastConnections
from twisted_multiserver.balancing.leastlag import LeastLag
from twisted_multiserver.balancing.leastlatency import LeastLatency
from twisted_multiserver.balancing.names import BALANCERS, balancerNamed
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.policy import Policy
from twisted_multiserver.balancing.poweroftwochoices import PowerOfTwoChoices
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.balancing.roundrobin import RoundRobin
from twisted_multiserver.balancing.stickysession import StickySession
from twisted_multiserver.balancing.weightedroundrobin import WeightedRoundRobin
from twisted_multiserver.testing import LoadBalancerContract, makeBackend, makeRequest


class RoundRobinContractTests(LoadBalancerContract, SynchronousTestCase):
    def makeBalancer(self) -> Policy:
        return RoundRobin()


class LeastConnectionsContractTests(LoadBalancerContract, SynchronousTestCase):
    def makeBalancer(self) -> Policy:
        return LeastConnections()


class WeightedRoundRobinContractTests(LoadBalancerContract, SynchronousTestCase):
    def makeBalancer(self) -> Policy:
        return WeightedRoundRobin()


class PowerOfTwoChoicesContractTests(LoadBalancerContract, SynchronousTestCase):
    def makeBalancer(self) -> Policy:
        return PowerOfTwoChoices()


class LeastLatencyContractTests(LoadBalancerContract, SynchronousTestCase):
    def makeBalancer(self) -> Policy:
        return LeastLatency()


class LeastLagContractTests(LoadBalancerContract, SynchronousTestCase):
    def makeBalancer(self) -> Policy:
        return LeastLag()


class ConsistentHashContractTests(LoadBalancerContract, SynchronousTestCase):
    def makeBalancer(self) -> Policy:
        return ConsistentHash()


class StickySessionContractTests(LoadBalancerContract, SynchronousTestCase):
    def makeBalancer(self) -> Policy:
        return StickySession()


class ConsistentHashOfCookieContractTests(LoadBalancerContract, SynchronousTestCase):
    def makeBalancer(self) -> Policy:
        return ConsistentHash("cookie:sid")


class StickySessionOverTurnsContractTests(LoadBalancerContract, SynchronousTestCase):
    def makeBalancer(self) -> Policy:
        return StickySession(RoundRobin(), b"k" * 32)


class StandardLibraryContractTests(LoadBalancerContract, unittest.TestCase):
    """
    The contract works without trial.
    """

    def makeBalancer(self) -> Policy:
        return RoundRobin()


@implementer(ILoadBalancer)
class First:
    """
    A policy of five lines, and what the bad ones below are made from.
    """

    needs: frozenset[str] = frozenset()

    def choose(  # type: ignore[override]  # the bad ones below give anything back
        self, request: RequestInfo, backends: tuple[Backend, ...]
    ) -> object:
        return backends[0]

    def backendAdmitted(self, backend: Backend) -> None: ...
    def backendRemoved(self, backend: Backend) -> None: ...
    def exchangeFinished(
        self, backend: Backend, request: RequestInfo, outcome: Outcome
    ) -> None: ...


class Bound(First):
    """
    Binds its clients, and answers later.
    """

    def choose(self, request: RequestInfo, backends: tuple[Backend, ...]) -> object:
        return succeed(Affinity(backends[-1], b"stay=1"))


class Hesitating(First):
    """
    Never answers, or says none.
    """

    def __init__(self) -> None:
        self._asked = 0

    def choose(self, request: RequestInfo, backends: tuple[Backend, ...]) -> object:
        self._asked += 1
        return None if self._asked % 2 else Deferred()


class BoundContractTests(LoadBalancerContract, SynchronousTestCase):
    def makeBalancer(self) -> Policy:
        return Bound()


class HesitatingContractTests(LoadBalancerContract, SynchronousTestCase):
    def makeBalancer(self) -> Policy:
        return Hesitating()


class ClingsToTheFirst(First):
    """
    Chooses what it was shown once.
    """

    _kept: Backend | None = None

    def choose(self, request: RequestInfo, backends: tuple[Backend, ...]) -> object:
        self._kept = self._kept or backends[0]
        return self._kept


class CountsPlaces(First):
    """
    Expects as many backends as ever.
    """

    _turn = 0

    def choose(self, request: RequestInfo, backends: tuple[Backend, ...]) -> object:
        self._turn += 1
        return backends[self._turn % 3]


class ForgetsTooEarly(First):
    """
    Drops what it counted as soon as a backend has left.
    """

    def __init__(self) -> None:
        self._counts: dict[Backend, int] = {}

    def backendAdmitted(self, backend: Backend) -> None:
        self._counts[backend] = 0

    def backendRemoved(self, backend: Backend) -> None:
        del self._counts[backend]

    def exchangeFinished(self, backend: Backend, request: RequestInfo, outcome: Outcome) -> None:
        self._counts[backend] -= 1


class KnowsFewOutcomes(First):
    """
    Has a table of outcomes that isn't whole.
    """

    def exchangeFinished(self, backend: Backend, request: RequestInfo, outcome: Outcome) -> None:
        {Outcome.ok: 1, Outcome.cut: 0, Outcome.resetUnread: 0, Outcome.resetRead: 0}[outcome]


class ReadsTheHead(First):
    """
    Looks at the head and doesn't say so.
    """

    def choose(self, request: RequestInfo, backends: tuple[Backend, ...]) -> object:
        assert request.head is not None
        return backends[0]


class NeedsTooMuch(First):
    """
    Asks for what no face can give.
    """

    needs = frozenset({"body"})


class Undeclared:
    """
    Is no ILoadBalancer.
    """

    needs: frozenset[str] = frozenset()
    choose = First.choose
    backendAdmitted = First.backendAdmitted
    backendRemoved = First.backendRemoved
    exchangeFinished = First.exchangeFinished


class Names(First):
    """
    Gives back a name instead of a backend.
    """

    def choose(self, request: RequestInfo, backends: tuple[Backend, ...]) -> object:
        return backends[0].name


class Fails(First):
    """
    Fails later.
    """

    def choose(self, request: RequestInfo, backends: tuple[Backend, ...]) -> object:
        later: Deferred[object] = Deferred()
        later.errback(LookupError("no such table"))
        return later


def _broken(kind: type) -> set[str]:
    """
    Run the contract on a policy.

    @param kind: makes the policy.
    @return: the names of the tests that it fails.
    """

    class Tests(LoadBalancerContract, SynchronousTestCase):
        def makeBalancer(self) -> Policy:
            policy: Policy = kind()
            return policy

    names = [name for name in dir(Tests) if name.startswith("test_")]
    result = unittest.TestResult()
    unittest.TestSuite([Tests(name) for name in names]).run(result)
    assert result.testsRun == len(names)
    return {test.id().rpartition(".")[2] for test, _ in (*result.failures, *result.errors)}


class ContractTests(SynchronousTestCase):
    """
    The contract finds what is wrong with a policy.
    """

    def test_goodPolicies(self) -> None:
        for kind in (First, Bound, Hesitating, RoundRobin, LeastConnections):
            self.assertEqual(_broken(kind), set(), kind)

    def test_badPolicies(self) -> None:
        """
        Each of these breaks it, in the test that was made for its mistake.
        """
        for kind, finder in (
            (ClingsToTheFirst, "test_removedWhileInFlight"),
            (ClingsToTheFirst, "test_failedOnesLeftOut"),
            (ClingsToTheFirst, "test_equalTupleOfAnotherIdentity"),
            (CountsPlaces, "test_onlyBackend"),
            (ForgetsTooEarly, "test_removedWhileInFlight"),
            (ForgetsTooEarly, "test_randomLives"),
            (KnowsFewOutcomes, "test_everyOutcome"),
            (ReadsTheHead, "test_requestWithoutHead"),
            (NeedsTooMuch, "test_needsWhatThereIs"),
            (Undeclared, "test_providesTheInterface"),
            (Names, "test_oneOfThoseShown"),
            (Fails, "test_oneOfThoseShown"),
        ):
            self.assertIn(finder, _broken(kind), kind)

    def test_everyNamedPolicyIsHeldToIt(self) -> None:
        """
        A policy that C{--balancer} knows by name has a suite above.
        """
        suites = LoadBalancerContract.__subclasses__()
        made = {
            type(suite("test_onlyBackend").makeBalancer())
            for suite in suites
            if suite.__module__ == __name__ and suite.__qualname__.endswith("ContractTests")
        }
        self.assertLessEqual({type(balancerNamed(name)) for name in BALANCERS}, made)


class MakerTests(SynchronousTestCase):
    """
    Makers of what a policy is shown.
    """

    def test_makeBackend(self) -> None:
        backend = makeBackend("child 2", inFlight=3, weight=2)
        self.assertEqual((backend.name, backend.inFlight, backend.weight), ("child 2", 3, 2))
        self.assertEqual(len(backend.openExchanges()), 3)
        self.assertNotEqual(backend.address, makeBackend("child 3").address)

    def test_makeRequest(self) -> None:
        request = makeRequest(b"/a?b", b"POST", "2001:db8::1", True, [(b"Cookie", b"a=b")])
        assert request.head is not None
        self.assertEqual((request.clientAddress, request.secure), ("2001:db8::1", True))
        self.assertEqual((request.head.method, request.head.target), (b"POST", b"/a?b"))
        self.assertEqual(request.head.values(b"cookie"), [b"a=b"])

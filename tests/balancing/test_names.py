"""
Policies by name.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import classImplements, implementer

from twisted_multiserver.balancing._iloadbalancer import ILoadBalancer
from twisted_multiserver.balancing.leastconnections import LeastConnections
from twisted_multiserver.balancing.names import balancerNamed
from twisted_multiserver.balancing.roundrobin import RoundRobin
from twisted_multiserver.errors import ConfigError


@implementer(ILoadBalancer)
class Mine(RoundRobin):
    """
    A policy that can be called, too.
    """

    def __call__(self) -> object:
        raise AssertionError("it is a policy already")


class NeedsAnArgument(Mine):
    def __init__(self, pool: object) -> None:
        super().__init__()


class Half:
    """
    Has not what is declared of it.
    """

    needs: frozenset[str] = frozenset()


declare: Callable[[type, object], None] = classImplements
declare(Half, ILoadBalancer)


class Shelf:
    """
    Something to look into.
    """

    policy = Mine()


def make() -> RoundRobin:
    return RoundRobin()


def fails() -> RoundRobin:
    raise ValueError("no\nluck")


NUMBER = 3


class BalancerNamedTests(SynchronousTestCase):
    def test_ours(self) -> None:
        """
        Each time another one.
        """
        self.assertIsInstance(balancerNamed("round-robin"), RoundRobin)
        self.assertIsInstance(balancerNamed("least-connections"), LeastConnections)
        self.assertIsNot(balancerNamed("round-robin"), balancerNamed("round-robin"))

    def test_dotted(self) -> None:
        """
        A class, a function, or a policy that is there; after a dot or a colon.
        """
        for path, kind in (
            (".Mine", Mine),
            (":Mine", Mine),
            (":make", RoundRobin),
            (":Shelf.policy", Mine),
        ):
            self.assertIs(type(balancerNamed(__name__ + path)), kind, path)
        self.assertIs(balancerNamed(f"{__name__}:Shelf.policy"), Shelf.policy)

    def test_refused(self) -> None:
        """
        One line that says what is wrong.
        """
        for name, said in (
            ("round-robbin", "did you mean round-robin?"),
            ("xyzzy", "round-robin, least-connections"),
            ("", "no balancer ''"),
            (f"{__name__}.Mime", "Mime"),
            (f"{__name__}:Shelf.nothing", "nothing"),
            (f"{__name__}:", "has no attribute"),
            ("no.such.module.Policy", "no.such.module can't be imported"),
            (".relative", "can't be imported"),
            (f"{__name__}.NeedsAnArgument", "can't be made: TypeError"),
            (f"{__name__}.fails", "ValueError: no luck"),
            (f"{__name__}.Half", "doesn't provide ILoadBalancer"),
            (f"{__name__}.NUMBER", "is a int that doesn't provide"),
            (f"{__name__}.Shelf", "doesn't provide ILoadBalancer"),
        ):
            error = self.assertRaises(ConfigError, balancerNamed, name)
            self.assertIn(said, str(error))
            self.assertNotIn("\n", str(error))

"""
The benchmark of policies, and the page that shows its figures.
"""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.balancersim import POLICIES, SITUATIONS, row, simulate, table
from benchmarks.balancersmaster import COMPARED
from tests.docs.pages import DOCS
from twisted_multiserver.balancing.names import BALANCERS

PAGE = DOCS / "howto" / "which-balancer.md"


def tables() -> list[str]:
    """
    @return: the page's tables.
    """
    return re.findall(r"(?:^\|.*\n)+", PAGE.read_text(), re.MULTILINE)


class SimulationTests(SynchronousTestCase):
    def test_sameTableTwice(self) -> None:
        """
        A seed gives the same table each time, and another seed another one.
        """
        first = table((1,), 2.0)
        self.assertEqual(table((1,), 2.0), first)
        self.assertNotEqual(table((2,), 2.0), first)

    def test_everyPolicy(self) -> None:
        """
        What C{--balancer} knows is simulated, all of it and nothing else.
        """
        self.assertEqual(set(POLICIES), set(BALANCERS))
        self.assertLessEqual(set(COMPARED), set(BALANCERS))

    def test_reportsAreHeard(self) -> None:
        """
        A hogged backend costs least-lag less than those that can't see it.
        """
        hogged = next(situation for situation in SITUATIONS if situation.isHogged)
        lag, connections = (
            simulate(name, hogged, (1,), 5.0).p99 for name in ("least-lag", "least-connections")
        )
        self.assertLess(lag, connections)


class PageTests(SynchronousTestCase):
    def test_everyPolicyIsTold(self) -> None:
        """
        The table of options and the one of the simulation have a row for every policy that
        C{--balancer} knows.
        """
        options, simulated = tables()[:2]
        self.assertEqual(set(re.findall(r"`--balancer=([\w-]+)`", options)), set(BALANCERS))
        self.assertEqual(set(re.findall(r"^\| ([a-z-]{3,}) \|", simulated, re.M)), set(BALANCERS))

    def test_figuresAreOurs(self) -> None:
        """
        The simulated figures are those that the benchmark prints.
        """
        self.assertIn(row("least-lag"), PAGE.read_text().splitlines())

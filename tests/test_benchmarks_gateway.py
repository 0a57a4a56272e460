"""
The benchmark of the gateway: what can be told without running it.
"""

from __future__ import annotations

from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.chart import chart
from benchmarks.proxies import PROXIES, configuration
from benchmarks.rounds import Contender, summary


class FiguresTests(SynchronousTestCase):
    """
    What is made of measurements.
    """

    def contenders(self) -> list[Contender]:
        """
        @return: two, after three rounds.
        """
        return [
            Contender("first & best", 1, "", [10.0, 20.0, 30.0], [3.0, 2.0, 1.0]),
            Contender("second", 2, "", [20.0, 30.0, 90.0], [1.0, 1.0, 1.0]),
        ]

    def test_summary(self) -> None:
        """
        Ratios are those within a round.
        """
        first, second = summary(self.contenders())
        self.assertEqual((first.cost, first.ratio, first.rate), (20.0, 1.0, 2.0))
        self.assertEqual((second.cost, second.ratio), (30.0, 2.0))
        self.assertEqual((second.least, second.most), (1.5, 3.0))

    def test_chart(self) -> None:
        """
        Well-formed, with everybody in it.
        """
        drawn = chart({"plain": summary(self.contenders())})
        text = "".join(ElementTree.fromstring(drawn).itertext())
        for expected in ("plain heads", "first & best", "second", "30.0 us, 2.00"):
            self.assertIn(expected, text)


class ConfigurationTests(SynchronousTestCase):
    """
    What peers are configured with.
    """

    def test_filled(self) -> None:
        """
        Nothing in them is left open.
        """
        values = {"port": 7, "folder": "/f", "backend": "/f/b", "server": 8}
        for name, proxy in PROXIES.items():
            if proxy.template is not None:
                text = configuration(proxy.template, values)
                self.assertIn("/f/b", text, name)
                self.assertIn(":7", text, name)
                self.assertNotIn("{{", text, name)

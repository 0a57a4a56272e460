"""
The benchmark of the gateway: what can be told without running it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from pathlib import Path
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.chart import chart
from benchmarks.gateway import SITUATIONS, parser
from benchmarks.growth import residentBytes
from benchmarks.proxies import PROXIES, configuration
from benchmarks.rounds import Contender, cpuSeconds, failures, processes, summary, table
from benchmarks.sidebyside import listOf, write

_FAILING = """
  5 requests in 1.00s, 300.00B read
  Socket errors: connect 1, read 20, write 300, timeout 4000
  Non-2xx or 3xx responses: 50000
Requests/sec:      5.00
"""


def contenders() -> list[Contender]:
    """
    @return: two, after three rounds.
    """
    return [
        Contender("first & best", 1, "", [10.0, 20.0, 30.0], [3.0, 2.0, 1.0]),
        Contender("second", 2, "", [20.0, 30.0, 90.0], [1.0, 1.0, 1.0]),
    ]


def failing() -> list[Contender]:
    """
    @return: two; one fails at times, the other one always.
    """
    return [
        Contender("good", 1, "", [10.0, math.nan, 30.0], [3.0, 0.0, 1.0], 7),
        Contender("bad", 2, "", [math.nan] * 3, [0.0] * 3, 99),
    ]


class FiguresTests(SynchronousTestCase):
    """
    What is made of measurements.
    """

    def test_summary(self) -> None:
        """
        Ratios are those within a round.
        """
        first, second = summary(contenders())
        self.assertEqual((first.cost, first.ratio, first.rate), (20.0, 1.0, 2.0))
        self.assertEqual((second.cost, second.ratio), (30.0, 2.0))
        self.assertEqual((second.least, second.most), (1.5, 3.0))

    def test_roundsWithoutAnswers(self) -> None:
        """
        They don't count; where there is no other, nothing is known.
        """
        good, bad = summary(failing())
        self.assertEqual((good.cost, good.ratio, good.failures), (20.0, 1.0, 7))
        self.assertTrue(math.isnan(bad.cost) and math.isnan(bad.ratio))
        self.assertIn("99", table(failing()))

    def test_failures(self) -> None:
        """
        All that wrk tells of are added up.
        """
        self.assertEqual(failures(_FAILING), 54321)
        self.assertEqual(failures("  5 requests in 1.00s, 300.00B read\n"), 0)

    def test_processes(self) -> None:
        """
        What is asked of a process can be told.
        """
        self.assertEqual(processes(os.getpid())[0], os.getpid())
        self.assertGreater(cpuSeconds(os.getpid()), 0)
        self.assertGreater(residentBytes(os.getpid()), 2**20)


class ChartTests(SynchronousTestCase):
    """
    The drawing.
    """

    def test_everybody(self) -> None:
        """
        Well-formed, with everybody in it.
        """
        drawn = chart({"plain": summary(contenders())})
        text = "".join(ElementTree.fromstring(drawn).itertext())
        for expected in ("plain", "first & best", "second", "30.0 us, 2.00"):
            self.assertIn(expected, text)
        self.assertNotIn(" failed", text)

    def test_failures(self) -> None:
        """
        They are named, and what isn't known does no harm.
        """
        text = "".join(ElementTree.fromstring(chart({"odd": summary(failing())})).itertext())
        self.assertIn("20.0 us, 1.00, 7 failed", text)
        self.assertIn(", 99 failed", text)

    def test_longBars(self) -> None:
        """
        A bar that would dwarf the others has a gap, and stays within the drawing.
        """
        slow = Contender("slow", 3, "", [900.0, 900.0, 900.0], [1.0, 1.0, 1.0])
        root = ElementTree.fromstring(chart({"plain": summary([*contenders(), slow])}))
        bars = root.findall("{http://www.w3.org/2000/svg}rect")
        self.assertEqual(len(bars), 4)
        for bar in bars:
            self.assertLess(float(bar.attrib["x"]) + float(bar.attrib["width"]), 720)
        self.assertGreater(float(bars[0].attrib["width"]), 50)


class OptionsTests(SynchronousTestCase):
    """
    The command line, and what it makes of figures.
    """

    def test_chosen(self) -> None:
        """
        Whatever their case, in the order of the table: the first is what others are compared with.
        """
        options = parser().parse_args(["--only=multiserver,haproxy", "--situations=odd,Plain"])
        self.assertEqual(options.only, ["HAProxy", "multiserver"])
        self.assertEqual(options.situations, ["plain", "odd"])

    def test_unknown(self) -> None:
        """
        It is said what there is.
        """
        error = self.assertRaises(argparse.ArgumentTypeError, listOf(PROXIES), "HAProxy,apache")
        self.assertIn("unknown: apache; there are HAProxy,", str(error))

    def test_written(self) -> None:
        """
        The figures are written even if requests failed, and then the process ends with an error.
        """
        path = Path(self.mktemp())
        options = argparse.Namespace(json=path, svg=None, rounds=3, seconds=1, connections=2)
        ended = self.assertRaises(SystemExit, write, options, [], {"odd": summary(failing())})
        self.assertIn("106 requests failed", str(ended.code))
        found = json.loads(path.read_text())
        self.assertEqual(found["conditions"]["rounds"], 3)
        self.assertEqual([each["cost"] for each in found["figures"]["odd"]], [20.0, None])

    def test_nothingFailed(self) -> None:
        """
        No error then, unless something failed besides.
        """
        options = argparse.Namespace(json=None, svg=None)
        write(options, [], {"plain": summary(contenders())})
        self.assertRaises(SystemExit, write, options, [], {}, failed=1)


class ConfigurationTests(SynchronousTestCase):
    """
    What peers are configured with.
    """

    values = {"port": 7, "folder": "/f", "backend": "/f/b", "server": 8}

    def test_filled(self) -> None:
        """
        Nothing in them is left open.
        """
        for name, proxy in PROXIES.items():
            if proxy.template is not None:
                text = configuration(proxy.template, self.values)
                self.assertIn("/f/b", text, name)
                self.assertIn(":7", text, name)
                self.assertNotIn("{{", text, name)

    def test_backend(self) -> None:
        """
        What is behind them, too.
        """
        text = configuration("backend.conf", self.values)
        for expected in ("listen unix:/f/b ", "listen 127.0.0.1:8 ", 'return 200 "/f"'):
            self.assertIn(expected, text)

    def test_anyHost(self) -> None:
        """
        Caddy forwards requests for every host: it answers those for others by itself.
        """
        self.assertIn("\nhttp://:7 {", configuration("Caddyfile", self.values))

    def test_situations(self) -> None:
        """
        What each needs is there.
        """
        for script in SITUATIONS.values():
            self.assertTrue(script is None or os.path.isfile(script), script)

"""
The public names, and what importing costs.
"""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

import twisted_multiserver
from twisted_multiserver import interfaces


class NameTests(SynchronousTestCase):
    """
    What users may import.
    """

    def test_pinned(self) -> None:
        """
        These, and each of them is there.
        """
        self.assertEqual(
            twisted_multiserver.__all__,
            [
                *("Affinity", "BootFailed", "ConfigError", "Crash", "CrashKind"),
                *("LeastConnections", "MasterConfig", "Multiserver", "MultiserverError"),
                *("Outcome", "RoundRobin"),
            ],
        )
        self.assertEqual(
            interfaces.__all__,
            ["IBackend", "ILifecycleObserver", "ILoadBalancer", "IRequestInfo"],
        )
        for module in (twisted_multiserver, interfaces):
            self.assertEqual(sorted(module._HOMES), module.__all__)
            for name in module.__all__:
                self.assertEqual(getattr(module, name).__name__, name)
            self.assertRaises(AttributeError, getattr, module, "Nothing")
        self.assertLess(set(twisted_multiserver.__all__), set(dir(twisted_multiserver)))

    def test_pureImports(self) -> None:
        """
        Neither the package nor its pure parts import Twisted or zope.
        """
        for module in ("", ".http1.responses", ".contract", ".settings", ".gateway.plan"):
            code = (
                f"import sys, twisted_multiserver{module};"
                "print([m for m in sys.modules if m.partition('.')[0] in ('twisted', 'zope')"
                " and m not in ('twisted', 'twisted.plugins', 'zope')])"
            )
            output = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ).stdout
            self.assertEqual(output, "[]\n", module)

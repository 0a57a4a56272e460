"""
What the launcher decides; what it does to a process is tested on real ones.
"""

from __future__ import annotations

import resource
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.child import launch
from twisted_multiserver.child.bootfailure import BootFailure
from twisted_multiserver.child.launch import applyLimits, execFailure, limitOf
from twisted_multiserver.contract import EXIT_NOT_AN_APPLICATION


class LimitTests(SynchronousTestCase):
    def test_names(self) -> None:
        self.assertEqual(limitOf("NOFILE"), resource.RLIMIT_NOFILE)

    def test_unknown(self) -> None:
        """
        Names that mean nothing, or something else in that module.
        """
        for name in ("NOSUCH", "", "nofile"):
            self.assertRaises(BootFailure, limitOf, name)

    def test_refused(self) -> None:
        """
        A soft limit above the hard one: the reason is one line that names it.
        """
        failure = self.assertRaises(BootFailure, applyLimits, {"NOFILE": (20, 10)})
        self.assertIn("cannot set the limit NOFILE to (20, 10)", str(failure))


class StartTests(SynchronousTestCase):
    """
    The launcher by itself.
    """

    def test_notInstalled(self) -> None:
        """
        Run by path from a checkout that nothing leads to, it finds its own package; and
        without a spec it says what it is.
        """
        done = subprocess.run(
            [sys.executable, "-I", "-S", launch.__file__],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, EXIT_NOT_AN_APPLICATION)
        self.assertEqual(
            done.stderr,
            "twisted_multiserver: TWISTED_MULTISERVER_SPEC is not set: "
            "this is started by a master only\n",
        )


class ExecFailureTests(SynchronousTestCase):
    def test_shellsStatuses(self) -> None:
        """
        127 for what isn't there, 126 for what can't be run.
        """
        for error, status in [
            (FileNotFoundError(2, "No such file"), 127),
            (PermissionError(13, "Permission denied"), 126),
            (OSError(8, "Exec format error"), 126),
            (NotADirectoryError(20, "Not a directory"), 126),
        ]:
            self.assertEqual(execFailure(["x"], error).status, status)

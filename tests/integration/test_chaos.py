"""
C{python -m twisted_multiserver chaos}, as a user runs it.
"""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.twistdharness import PATIENCE, Twistd, cleanEnvironment


def chaos(*arguments: str) -> subprocess.CompletedProcess[str]:
    """
    @param arguments: of the command.
    @return: what it said.
    """
    return subprocess.run(
        [sys.executable, "-m", "twisted_multiserver", *arguments],
        env=cleanEnvironment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class ChaosTests(SynchronousTestCase):
    """
    Real masters, real kills.
    """

    def test_ownMaster(self) -> None:
        """
        It starts a master, and ends it; no request fails.
        """
        done = chaos(
            *("chaos", "--app=twisted_multiserver.demo:site", "--path=/status"),
            *("--kill-every=0.7", "--for=3", "--rate=100", "--clients=20", "--children=3"),
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"failed +0\n")
        self.assertRegex(done.stdout, r"faults +kill -9 x [345]\n")
        self.assertRegex(done.stdout, r"orphans +0\n")

    def test_runningMaster(self) -> None:
        """
        It kills the children of another one, and leaves the master alone.
        """
        twistd = Twistd(self, "--listen=tcp:0:interface=127.0.0.1", "--children=2")
        port = twistd.waitUntilReady()
        done = chaos(
            *("chaos", f"--pid={twistd.process.pid}", f"--url=http://127.0.0.1:{port}/"),
            *("--path=/status", "--kill-every=0.7", "--for=2", "--rate=100", "--clients=10"),
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(twistd.stop(), 0)

    def test_notStarted(self) -> None:
        """
        The master's own line says why.
        """
        done = chaos("chaos", "--app=nothing.there", "--for=1")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("did not start: twistd multiserver: nothing.there:", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_badOptions(self) -> None:
        """
        A line that says what is wrong.
        """
        for arguments, reason in (
            ((), "usage: python -m twisted_multiserver chaos"),
            (("nonsense",), "usage: python -m twisted_multiserver chaos"),
            (("chaos",), "one of the arguments --app --pid is required"),
            (("chaos", "--app=x", "--pid=1"), "not allowed with argument"),
            (("chaos", "--app=x", "--path=y"), "--path: 'y' must begin with /"),
            (("chaos", "--app=x", "--url=http://y/"), "--url goes with --pid"),
            (("chaos", "--app=x", "--for=0"), "invalid"),
            (("chaos", "--app=x", "--rate=-1"), "invalid"),
            (("chaos", "--pid=1"), "--pid needs --url"),
        ):
            done = chaos(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(reason, done.stderr)

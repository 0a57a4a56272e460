"""
The warden itself: its parts, and as a process.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.twistdharness import PATIENCE, until
from tests.processes import isAlive
from twisted_multiserver.supervision import wardenprocess
from twisted_multiserver.supervision.wardenprocess import Warden

VARIABLE = "TWISTED_MULTISERVER_RUN"

# Says that it is deaf once it is.
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(1000)"


class OrderTests(SynchronousTestCase):
    """
    What it is told.
    """

    def test_nonsense(self) -> None:
        """
        It is no reason to end.
        """
        warden = Warden(VARIABLE, "cafe")
        for line in (b"", b"{", b"[]", b'"x"', b"{}", b'{"other": 1}', b'{"watch": 3}', b"\xff"):
            warden.obey(line)
        self.assertFalse(warden.isBusy)

    def test_end(self) -> None:
        """
        Of nobody nothing is left.
        """
        warden = Warden(VARIABLE, uuid.uuid4().hex)
        warden.obey(b'{"watch": [0, 3]}')
        self.assertFalse(warden.isBusy)
        warden.obey(b'{"end": [0, 3]}')
        self.assertTrue(warden.isBusy)
        self.assertEqual(warden.endSome(), [3])
        self.assertFalse(warden.isBusy)


class ProcessTests(SynchronousTestCase):
    """
    As its master runs it.
    """

    def setUp(self) -> None:
        """
        Start one.
        """
        self.run_ = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", wardenprocess.__file__, VARIABLE, self.run_],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={},
        )
        self.addCleanup(self.process.wait, PATIENCE)
        self.addCleanup(self.process.kill)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.addCleanup(self.process.stdout.close)
        self.input, self.output = self.process.stdin, self.process.stdout
        self.addCleanup(self.input.close)

    def start(self, incarnation: int, *argv: str, run: str | None = None) -> int:
        """
        @return: the pid of a process in a session of its own, that has a cookie.
        """
        cookie = f"{run or self.run_}:{incarnation}"
        process = subprocess.Popen(
            argv,
            env={**os.environ, VARIABLE: cookie},
            start_new_session=True,
            stdout=subprocess.PIPE if argv[0] == sys.executable else None,
        )
        if process.stdout is not None:
            process.stdout.readline()
            self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, PATIENCE)
        self.addCleanup(process.kill)
        return process.pid

    def tell(self, **order: object) -> None:
        """
        @param order: for the warden.
        """
        self.input.write(json.dumps(order).encode() + b"\n")
        self.input.flush()

    def test_end(self) -> None:
        """
        What is left of one incarnation goes, wherever it is; that of others stays.
        """
        first = self.start(1, "sleep", "1000")
        strayed = self.start(1, "sleep", "1000")
        other = self.start(12, "sleep", "1000")
        self.tell(watch=[first, 1])
        self.tell(watch=[other, 12])
        self.tell(end=[first, 1])
        self.assertEqual(self.output.readline(), b"gone 1\n")
        self.assertEqual((isAlive(first), isAlive(strayed), isAlive(other)), (False, False, True))

    def test_masterGone(self) -> None:
        """
        All of the run goes, the deaf too, and the folder; another run stays.
        """
        folder = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        Path(folder, "socket").touch()
        ours = [
            self.start(1, "sleep", "1000"),
            self.start(2, sys.executable, "-c", DEAF),
            self.start(3, "sh", "-c", "sleep 1000 & wait"),
        ]
        others = self.start(1, "sleep", "1000", run=self.run_[:-1] + "x")
        self.tell(folder=folder)
        self.tell(watch=[ours[0], 1])
        self.input.close()
        until(lambda: not any(map(isAlive, ours)), "their end")
        self.assertEqual(self.process.wait(PATIENCE), 0)
        self.assertFalse(os.path.exists(folder))
        self.assertTrue(isAlive(others))

    def test_signals(self) -> None:
        """
        What ends its master by a terminal or a service manager doesn't end it.
        """
        self.start(1, "true")
        self.tell(end=[0, 99])
        self.assertEqual(self.output.readline(), b"gone 99\n")
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            self.process.send_signal(number)
        self.tell(end=[0, 100])
        self.assertEqual(self.output.readline(), b"gone 100\n")
        self.assertEqual(os.getsid(self.process.pid), self.process.pid)

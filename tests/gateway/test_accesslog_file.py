"""
The access log's file: opened, opened anew after it was moved, or stdout.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.test_accessline import RECORD
from tests.gateway.test_accesslog import LogCase, short
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.gateway.accesslog import AccessLog, logFileOpener


class ReopenTests(LogCase):
    """
    After logrotate has moved the file away.
    """

    def test_moved(self) -> None:
        """
        What happened before is in the old file, what happens then in the new one.
        """
        self.add(b"before")
        old = self.path.rename(f"{self.path}.1")
        self.log.reopen()
        self.add(b"after")
        self.log.flush()
        self.assertEqual((old.read_bytes(), self.text), (b"before\n", b"after\n"))
        self.assertEqual([file.closed for file in self.files], [True, False])
        self.assertEqual(self.told(), [])

    def test_notMoved(self) -> None:
        """
        Nothing is lost: it is written on.
        """
        self.add(b"before")
        self.log.reopen()
        self.add(b"after")
        self.log.flush()
        self.assertEqual(self.text, b"before\nafter\n")

    def test_cannotBeOpened(self) -> None:
        """
        It is told, and the log goes on where it was.
        """
        old = self.path.rename(f"{self.path}.1")
        self.path.mkdir()
        self.log.reopen()
        self.add(b"after")
        self.log.flush()
        self.assertEqual(old.read_bytes(), b"after\n")
        (told,) = self.told()
        self.assertIn("can't be opened anew: [Errno 21] Is a directory", told)

    def test_movedWithinLine(self) -> None:
        """
        The new file begins with a whole line; the one that was cut is missing.
        """
        self.files[0].room = 3
        self.add(b"before")
        self.log.flush()
        old = self.path.rename(f"{self.path}.1")
        self.log.reopen()
        self.add(b"after")
        self.log.flush()
        self.assertEqual((old.read_bytes(), self.text), (b"bef", b"after\n"))
        self.assertEqual(self.told()[1:], ["the access log is written again; lines missing: 1"])

    def test_notMovedWithinLine(self) -> None:
        """
        The line that was cut is completed.
        """
        self.files[0].room = 3
        self.add(b"before")
        self.log.flush()
        self.log.reopen()
        self.add(b"after")
        self.log.flush()
        self.assertEqual(self.text, b"before\nafter\n")
        self.assertEqual(self.told()[1:], ["the access log is written again; lines missing: 0"])


class OpenTests(SynchronousTestCase):
    """
    L{logFileOpener}.
    """

    def test_file(self) -> None:
        """
        It is made, or appended to, and no child gets it.
        """
        path = self.mktemp()
        for _ in range(2):
            log = AccessLog(Clock(), logFileOpener(path), short)
            log.add(replace(RECORD, target=b"a"))
            log.close()
        self.assertEqual(Path(path).read_bytes(), b"a\na\n")
        file = logFileOpener(path)()
        self.addCleanup(file.close)
        self.assertFalse(os.get_inheritable(file.fileno()))

    def test_cannotBeOpened(self) -> None:
        """
        One line says which and why, whatever its name.
        """
        path = f"{self.mktemp()}/no\nfolder"
        error = self.assertRaises(ConfigError, AccessLog, Clock(), logFileOpener(path), short)
        self.assertEqual(
            str(error),
            f"--access-log: {path!r} can't be opened: No such file or directory;"
            " give a file that can be written to, or - for stdout",
        )
        self.assertEqual(len(str(error).splitlines()), 1)


class StdoutTests(SynchronousTestCase):
    """
    C{-}.
    """

    def setUp(self) -> None:
        """
        Descriptor 1 may be replaced until the test's end.
        """
        saved = os.dup(1)
        self.addCleanup(os.close, saved)
        self.addCleanup(os.dup2, saved, 1)

    def test_stdout(self) -> None:
        """
        It is written to, and stays open when the log is closed or opened anew.
        """
        path = Path(self.mktemp())
        with open(path, "wb") as file:
            os.dup2(file.fileno(), 1)
        log = AccessLog(Clock(), logFileOpener("-"), short)
        log.add(replace(RECORD, target=b"a"))
        log.reopen()
        log.add(replace(RECORD, target=b"b"))
        log.close()
        os.write(1, b"still open\n")
        self.assertEqual(path.read_bytes(), b"a\nb\nstill open\n")

    def test_closed(self) -> None:
        """
        A process without one can't have its log there.
        """
        os.close(1)
        error = self.assertRaises(ConfigError, AccessLog, Clock(), logFileOpener("-"), short)
        self.assertIn("--access-log: stdout can't be opened: Bad file", str(error))

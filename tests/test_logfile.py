"""
A log file that was moved away.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.logfile import MovedLogFile


class MovedLogFileTests(SynchronousTestCase):
    """
    L{MovedLogFile}.
    """

    def setUp(self) -> None:
        """
        A log is open.
        """
        self.path = Path(self.mktemp()).absolute()
        self.writer = self.enterContext(open(self.path, "wb", 0))
        self.writer.write(b"before\n")
        self.follower = MovedLogFile(str(self.path))

    def test_movedAway(self) -> None:
        """
        A new file is made, and the one who writes needs to know nothing.
        """
        old = self.path.rename(f"{self.path}.old")
        self.follower.reopen()
        self.writer.write(b"after\n")
        self.assertEqual((old.read_bytes(), self.path.read_bytes()), (b"before\n", b"after\n"))
        self.assertFalse(os.get_inheritable(self.writer.fileno()))

    def test_movedAgain(self) -> None:
        """
        Each time.
        """
        for number in range(3):
            self.path.rename(f"{self.path}.{number}")
            self.follower.reopen()
            self.writer.write(b"%d" % number)
            self.assertEqual(self.path.read_bytes(), b"%d" % number)

    def test_replaced(self) -> None:
        """
        A file that is there already is written on.
        """
        self.path.rename(f"{self.path}.old")
        self.path.write_bytes(b"made\n")
        self.follower.reopen()
        self.writer.write(b"after\n")
        self.assertEqual(self.path.read_bytes(), b"made\nafter\n")

    def test_stillThere(self) -> None:
        """
        Nothing is done to what is where it was, or was never there.
        """
        self.follower.reopen()
        self.writer.write(b"after\n")
        self.assertEqual(self.path.read_bytes(), b"before\nafter\n")
        MovedLogFile(f"{self.path}.none").reopen()

    def test_folderGone(self) -> None:
        """
        It is told, and the log goes on where it went.
        """
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        with open(folder / "log", "wb", 0) as writer:
            follower = MovedLogFile(str(folder / "log"))
            folder.rename(f"{folder}.old")
            self.assertRaises(FileNotFoundError, follower.reopen)
            writer.write(b"on\n")

"""
The cookie key file: what is read, and what is refused.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.cookiekey import newCookieKey, readCookieKey
from twisted_multiserver.errors import ConfigError

ADVICE = "make one by: head -c 32 /dev/urandom > FILE; chmod 600 FILE"


class CookieKeyTests(SynchronousTestCase):
    def write(self, content: bytes, mode: int = 0o600) -> str:
        """
        @return: the path of a file.
        """
        path: str = self.mktemp()
        Path(path).write_bytes(content)
        os.chmod(path, mode)
        return path

    def refused(self, path: str) -> str:
        """
        @return: why, which is one line.
        """
        message = str(self.assertRaises(ConfigError, readCookieKey, path))
        self.assertEqual(len(message.splitlines()), 1)
        return message

    def test_right(self) -> None:
        for mode in (0o600, 0o400, 0o700):
            self.assertEqual(readCookieKey(self.write(b"k" * 32, mode)), b"k" * 32)

    def test_shortest(self) -> None:
        """
        Sixteen bytes are enough, fifteen are not.
        """
        self.assertEqual(readCookieKey(self.write(b"k" * 16)), b"k" * 16)
        path = self.write(b"k" * 15)
        self.assertEqual(
            self.refused(path),
            f"the cookie key file {path} has 15 bytes, a key has 16 or more; {ADVICE}",
        )

    def test_empty(self) -> None:
        self.assertIn(" has 0 bytes,", self.refused(self.write(b"")))

    def test_lineEnd(self) -> None:
        """
        White space around it is none of the key, so that it may come from an editor, or
        go through one at the other master.
        """
        self.assertEqual(readCookieKey(self.write(b"k" * 20 + b"\n")), b"k" * 20)
        self.assertIn(" has 15 bytes,", self.refused(self.write(b"k" * 15 + b"\r\n")))

    def test_huge(self) -> None:
        """
        A file that is far too large is not read to its end.
        """
        self.assertEqual(readCookieKey(self.write(b"k" * 1_000_000)), b"k" * 4096)

    def test_othersCanRead(self) -> None:
        """
        A key that others can reach is no secret; it is not even read.
        """
        for mode in (0o640, 0o604, 0o660, 0o606, 0o644, 0o610, 0o777):
            path = self.write(b"k" * 32, mode)
            self.assertEqual(
                self.refused(path),
                f"others can read the cookie key file {path} (mode {mode:03o});"
                f" make it yours by: chmod 600 {path}",
            )

    def test_linkToOne(self) -> None:
        """
        It is the file's own mode that matters, not that of a link to it.
        """
        link = self.mktemp()
        os.symlink(os.path.abspath(self.write(b"k" * 32)), link)
        self.assertEqual(readCookieKey(link), b"k" * 32)
        link = self.mktemp()
        os.symlink(os.path.abspath(self.write(b"k" * 32, 0o644)), link)
        self.assertIn("(mode 644)", self.refused(link))

    def test_missing(self) -> None:
        path = self.mktemp()
        self.assertEqual(
            self.refused(path),
            f"the cookie key file {path} can't be read: No such file or directory; {ADVICE}",
        )

    def test_badPath(self) -> None:
        """
        A path that the system doesn't take is refused like one that isn't there.
        """
        for path in ("", "a\0b", "x" * 5000):
            self.assertIn(" can't be read: ", self.refused(path))

    def test_folder(self) -> None:
        path = self.mktemp()
        os.mkdir(path, 0o700)
        self.assertIn(" is no regular file; ", self.refused(path))

    def test_fifo(self) -> None:
        """
        A pipe that nobody writes to is refused, and not waited for.
        """
        path = self.mktemp()
        os.mkfifo(path, 0o600)
        self.assertIn(" is no regular file; ", self.refused(path))

    def test_device(self) -> None:
        """
        Another key each time would be a key for nobody.
        """
        self.assertIn(" is no regular file; ", self.refused("/dev/urandom"))

    def test_nothingStaysOpen(self) -> None:
        paths = [self.write(b"k" * 32), self.write(b""), self.write(b"k" * 32, 0o644)]
        before = sorted(os.listdir("/proc/self/fd"))
        for path in (paths[1], paths[2], "/dev/urandom"):
            self.refused(path)
        readCookieKey(paths[0])
        self.assertEqual(sorted(os.listdir("/proc/self/fd")), before)

    def test_new(self) -> None:
        """
        A key of one's own is long enough, and another each time.
        """
        keys = {newCookieKey() for _ in range(100)}
        self.assertEqual(len(keys), 100)
        self.assertEqual({len(key) for key in keys}, {32})
